"""Evidence for a mailbox's mode: figures of thirty days, and a verdict on each rung of the ladder.

It advises; people decide. Figures come from the counters that decisions, deliveries and feedback update in their own
transactions. Two can only be computed in retrospect: messages decided faster than they can be read, and messages an
agent reworded and sent again after a reviewer had rejected them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, exists, func, or_, select

from core.db import audit_log, gate_queries
from core.db.counters import bucket
from core.db.gate_queries import SenderState
from core.db.tables import LOG_ENTRY, MAILBOX, MESSAGE, RECIPIENT, REVIEW
from core.db.transaction import Transaction
from core.durations import DAY
from core.errors import NotFound
from core.model import Mode, Status
from core.rules import mode_evidence as rules
from core.rules import modes
from core.rules.mode_evidence import Figures
from core.services import context
from core.services.control import guard_rates
from core.services.feedback import anomalies
from core.views.evidence import Evidence

LOG: Final = LOG_ENTRY

WINDOW: Final = rules.WINDOW_DAYS * DAY
LOOKED_AT: Final = 5_000
"""Maximum number of decisions examined one by one, newest first."""
AGAIN: Final = DAY
"""Mail to the same recipient this soon after a rejection counts as the same matter, reworded."""
_REFUSED: Final = (Status.REJECTED.value, Status.RETURNED.value)
_DECIDED: Final = ("released", *_REFUSED)
"""Final decisions on mail: an approval that was undone is no evidence."""


def evidence(tx: Transaction, address: str) -> Evidence:
    """Return the figures and verdicts of a mailbox. Reads only. Raises `NotFound`."""
    mailbox = gate_queries.gate_by_address(tx.conn, address)
    if mailbox is None:
        raise NotFound(f"there is no mailbox {address}", fix="postroom mailbox list shows them all")
    counted, mode = figures(tx, mailbox), Mode(mailbox.mode)
    raised_at = tx.one(select(MAILBOX.c.raised_at).where(MAILBOX.c.id == mailbox.mailbox_id))
    _, policy = context.current_policy(tx)
    return Evidence(
        address=mailbox.address,
        agent=mailbox.agent_name,
        mode=mode,
        mode_since=mailbox.mode_since,
        figures=counted,
        rungs=rules.verdicts(counted, mode),
        advised=rules.advised(counted, mode),
        anomalies=anomalies.of_mailbox(tx, mailbox.mailbox_id, mode),
        raise_from=modes.raise_from(
            raised_at.raised_at if raised_at else None, policy.oversight.minimum_time_on_rung, now=tx.now
        ),
    )


def figures(tx: Transaction, mailbox: SenderState) -> Figures:
    """Figures of a mailbox's last 30 days."""
    since = bucket(tx.now - WINDOW, guard_rates.HOUR_WIDE)

    def total(kind: str) -> int:
        return max(0, tx.counters.total("mailbox", str(mailbox.mailbox_id), kind, since=since))

    approved, rejected, edited = total("approved_1h"), total("rejected_1h"), total("edited_1h")
    return Figures(
        days=min(rules.WINDOW_DAYS, max(0, tx.now - mailbox.mode_since) // DAY),
        reviewed=approved + rejected + edited,
        approved=approved,
        rejected=rejected,
        edited=edited + _edited(tx, mailbox),
        expired=total("expired_1h"),
        hurried=_hurried(tx, mailbox),
        delivered=total(guard_rates.SENT),
        complaints=total(guard_rates.COMPLAINED),
        bounces=total(guard_rates.BOUNCED),
        suspensions=_suspensions(tx, mailbox),
    )


def _hurried(tx: Transaction, mailbox: SenderState) -> int:
    """Count decisions on mail opened for less time than policy asks for, or decided in a batch without being opened.

    A single decision on unopened mail came over HTTP or the command line, where the reading time is unknown.
    """
    _, policy = context.current_policy(tx)
    c = REVIEW.c
    recent = (
        select(c.id, c.dwell_ms, c.batch)
        .where(
            c.mailbox_id == mailbox.mailbox_id,
            c.status.in_(_DECIDED),
            c.message_id.is_not(None),
            c.decided_at > tx.now - WINDOW,
        )
        .order_by(c.id.desc())
        .limit(LOOKED_AT)
        .subquery()
        .c
    )
    seen = recent.dwell_ms < policy.review.seconds_per_message * 1_000
    unseen = and_(recent.batch.is_not(None), recent.dwell_ms.is_(None))
    return int(tx.all(select(func.count()).where(or_(seen, unseen)))[0][0])


def _edited(tx: Transaction, mailbox: SenderState) -> int:
    """Count rejected and returned messages after which the agent wrote to one of the same recipients within a day."""
    c, r = REVIEW.c, RECIPIENT.c
    refused = (
        select(c.message_id, c.decided_at)
        .where(
            c.mailbox_id == mailbox.mailbox_id, c.status.in_(_REFUSED), c.message_id.is_not(None),
            c.decided_at > tx.now - WINDOW,
        )
        .order_by(c.id.desc())
        .limit(LOOKED_AT)
        .subquery()
        .c
    )  # fmt: skip
    before, after = RECIPIENT.alias().c, MESSAGE.alias().c
    again = (
        exists()
        .where(before.message_id == refused.message_id)
        .where(r.address == before.address, r.message_id > refused.message_id)
        .where(after.id == r.message_id, after.mailbox_id == mailbox.mailbox_id)
        .where(after.submitted_at.between(refused.decided_at, refused.decided_at + AGAIN))
    )
    return int(tx.all(select(func.count()).select_from(refused.message_id.table).where(again))[0][0])


def _suspensions(tx: Transaction, mailbox: SenderState) -> int:
    """Count suspensions by a guard only: an operator's reasons are the operator's own."""
    c = LOG.c
    rows = tx.all(
        select(LOG)
        .where(c.agent == mailbox.agent_id, c.message.is_(None), c.type == "agent.suspended", c.at > tx.now - WINDOW)
        .limit(100)
    )
    return sum(audit_log.entry(row).event.data().get("guard") is not None for row in rows)

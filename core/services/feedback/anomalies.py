"""Anomalies in a mailbox's review queue: too many rejections, or too many held messages that expire unread.

A rejection is a person's no; an expiry means that nobody decided. Neither suspends the agent; both suggest a lower
mode. A warning is emitted once when the share crosses its limit, and is shown for as long as it stays above. A periodic
task checks this instead of every decision, because a share that crossed its limit a minute ago needs no action within
the minute.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, select

from core.db.counters import EVER, bucket
from core.db.tables import MAILBOX
from core.db.transaction import Transaction
from core.durations import spell
from core.events import AgentWarned
from core.model import GUARD, Mode
from core.rules import guards
from core.rules.guards import Anomaly, Lines
from core.rules.policy import Policy
from core.services import context
from core.services.control import guard_rates

DECIDED: Final = "decided_1h"
REJECTED: Final = "rejected_1h"
EXPIRED: Final = "expired_1h"
COUNTED: Final = (DECIDED, REJECTED, EXPIRED)
CODES: Final = ("rejections", "expiry")
PAGE: Final = 500
"""Mailboxes whose counters are read in one query."""


def of_mailbox(tx: Transaction, mailbox_id: int, mode: Mode) -> tuple[Anomaly, ...]:
    """Return the mailbox's current anomalies within the policy's window. Read-only."""
    _, policy = context.current_policy(tx)
    counted = _figures(tx, mailbox_id, policy)
    return guards.anomalies(
        mode, decided=counted[DECIDED], rejected=counted[REJECTED], expired=counted[EXPIRED], lines=lines(policy)
    )


def lines(policy: Policy) -> Lines:
    """Convert the policy's limits to the form that the rule takes."""
    drawn = policy.anomalies
    return Lines(rejections=drawn.rejections, expiry=drawn.expiry, minimum=drawn.min_decisions)


def watch(tx: Transaction) -> int:
    """Warn about mailboxes that crossed a limit since the last check; return the number of warnings.

    A mailbox that has fallen back below the limit can be warned about again.
    """
    c = MAILBOX.c
    mailboxes = tx.all(select(c.id, c.agent_id, c.stream_id, c.mode).where(c.status == "active").order_by(c.id))
    return sum(_watch(tx, mailboxes[start : start + PAGE]) for start in range(0, len(mailboxes), PAGE))


def _watch(tx: Transaction, mailboxes: Sequence[Row[Any]]) -> int:
    _, policy = context.current_policy(tx)
    keys = [str(mailbox.id) for mailbox in mailboxes]
    since = bucket(tx.now - policy.anomalies.window, guard_rates.HOUR_WIDE)
    for kind in COUNTED:
        tx.counters.prefetch("mailbox", keys, kind, since=since)
    for code in CODES:
        tx.counters.prefetch("mailbox", keys, _overrun_key(code), since=EVER)
    warned = 0
    for mailbox in mailboxes:
        over = {one.code: one for one in of_mailbox(tx, mailbox.id, Mode(mailbox.mode))}
        for code in CODES:
            already_over = tx.counters.total("mailbox", str(mailbox.id), _overrun_key(code), since=EVER)
            if (code in over) == bool(already_over):
                continue
            tx.bump("mailbox", str(mailbox.id), _overrun_key(code), minute=EVER, n=1 if code in over else -already_over)
            if code in over:
                _tell(
                    tx,
                    over[code],
                    box_id=mailbox.id,
                    agent_id=mailbox.agent_id,
                    stream_id=mailbox.stream_id,
                    policy=policy,
                )
                warned += 1
    return warned


def _figures(tx: Transaction, mailbox_id: int, policy: Policy) -> Mapping[str, int]:
    since = bucket(tx.now - policy.anomalies.window, guard_rates.HOUR_WIDE)
    return {kind: tx.counters.total("mailbox", str(mailbox_id), kind, since=since) for kind in COUNTED}


def _tell(tx: Transaction, one: Anomaly, *, box_id: int, agent_id: int, stream_id: int, policy: Policy) -> None:
    counted = _figures(tx, box_id, policy)
    drawn = dataclasses.asdict(lines(policy))
    tx.emit(
        AgentWarned(
            actor=str(GUARD), mailbox=box_id, agent=agent_id, stream=stream_id, guard=one.code,
            figures={
                "decided": counted[DECIDED], "rejected": counted[REJECTED], "expired": counted[EXPIRED],
                "window": spell(policy.anomalies.window), "limit": drawn[one.code],
                "suggests": one.suggests.value if one.suggests else None,
            },
            reason=one.text,
        )
    )  # fmt: skip


def _overrun_key(code: str) -> str:
    return f"anomaly:{code}"

"""Retirement of an identity, by an operator or by its date: for good, with all its pending mail.

One row closes the gate, in the same commit. Emptying a long queue takes time, so it proceeds in batches of a few
hundred, and later covers what was in flight when the gate closed.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update

from core.db import directory, gate_queries
from core.db.directory import MailboxRecord
from core.db.gate_queries import SenderState
from core.db.tables import MAILBOX, MESSAGE, RECIPIENT, REVIEW
from core.db.transaction import Transaction
from core.durations import DAY
from core.errors import Conflict
from core.events import EmailCancelled, MailboxExpiring, MailboxRetired
from core.model import RECEIVE, SYSTEM, Action, Actor, Status
from core.rules.roles import Verb
from core.services import access
from core.services.context import require_reason
from core.services.identity import mailbox_record, tokens
from core.services.sending import review

WARN_BEFORE: Final = 7 * DAY
RETIRING: Final = "retiring"
"""What a retired mailbox `waits_for` while any of its mail is still to be cancelled."""
BATCH_SIZE: Final = 200

_UNSENT: Final = [Status.PENDING.value, Status.SCHEDULED.value, Status.QUEUED.value, Status.DEFERRED.value]


def retire(tx: Transaction, address: str, *, reason: str, actor: Actor) -> int:
    """End an identity for good and cancel its pending mail; return how many items were cancelled at once.

    Nothing leaves from this commit on; `finish_retiring` empties a long queue. Raises `Forbidden`, `NotFound`,
    `Invalid`, `Conflict`.
    """
    actor = access.require(tx, actor, Verb.MAILBOX_RETIRE)
    record = mailbox_record.found(tx, address)
    why = require_reason(reason)
    if record.status != "active":
        raise Conflict(f"{record.address} is {record.status}", fix="veto an unwanted request")
    return _retire(tx, record, reason=why, actor=actor)


def expire_due(tx: Transaction, *, limit: int = BATCH_SIZE) -> int:
    """Retire identities whose time is over, and warn seven days before; return the number of both."""
    over = directory.mailboxes_ending(tx.conn, by=tx.now, limit=limit)
    for address in over:
        _retire(tx, mailbox_record.found(tx, address), reason="it has expired", actor=SYSTEM)
    soon = directory.mailboxes_ending(tx.conn, by=tx.now + WARN_BEFORE, warned=False, limit=limit)
    for address in soon:
        record = mailbox_record.found(tx, address)
        tx.write(update(MAILBOX).where(MAILBOX.c.id == record.id).values(warned_expiry_at=tx.now))
        tx.emit(MailboxExpiring(**mailbox_record.subjects(record, SYSTEM), expires_at=record.expires_at or tx.now))
    return len(over) + len(soon)


def finish_retiring(tx: Transaction, *, limit: int = BATCH_SIZE) -> int:
    """Cancel more pending mail of retired mailboxes, including what returned from a delivery; return how many."""
    c = MAILBOX.c
    done = 0
    for row in tx.all(select(c.id).where(c.status == "retired", c.waits_for == RETIRING).order_by(c.retired_at)):
        done += _cancel_waiting(tx, gate_queries.gate(tx, row.id), reason="the mailbox is retired", limit=limit - done)
        if done >= limit:
            break
    return done


def _retire(tx: Transaction, record: MailboxRecord, *, reason: str, actor: Actor) -> int:
    tx.write(
        update(MAILBOX)
        .where(MAILBOX.c.id == record.id)
        .values(status="retired", retired_at=tx.now, updated_at=tx.now, waits_for=RETIRING)
    )
    mailbox = gate_queries.gate(tx, record.id)
    cancelled = _cancel_waiting(tx, mailbox, reason=reason, limit=BATCH_SIZE)
    if not gate_queries.agent_mailboxes(tx, mailbox.agent_id):
        # The agent has no identity left: its tokens must open nothing, even if it gets another identity later.
        tokens.end(
            tx, directory.tokens_alive(tx.conn, now=tx.now, agent_id=mailbox.agent_id), actor=actor, reason=reason
        )
    tx.emit(MailboxRetired(**mailbox_record.subjects(record, actor), reason=reason, cancelled=cancelled))
    return cancelled


def _cancel_waiting(tx: Transaction, mailbox: SenderState, *, reason: str, limit: int) -> int:
    """Cancel up to `limit` pending messages; once none is open, the mailbox waits for nothing."""
    done = _cancel_asked(tx, mailbox, reason=reason)
    m, r = MESSAGE.c, RECIPIENT.c
    waiting = select(r.message_id).where(r.message_id == m.id, r.status.in_(_UNSENT)).exists()
    rows = tx.all(
        select(m.id).where(m.mailbox_id == mailbox.mailbox_id, m.open > 0, waiting).order_by(m.id).limit(limit)
    )  # fmt: skip
    for row in rows:
        review.cancel(tx, row.id, actor=SYSTEM, reason=reason)
    if tx.one(select(m.id).where(m.mailbox_id == mailbox.mailbox_id, m.open > 0).limit(1)) is None:
        tx.write(update(MAILBOX).where(MAILBOX.c.id == mailbox.mailbox_id).values(waits_for=None))
    return done + len(rows)


def _cancel_asked(tx: Transaction, mailbox: SenderState, *, reason: str) -> int:
    """Cancel reads and tags that are pending, or were granted and not used; received mail stays withheld."""
    c = REVIEW.c
    kinds = [Action.READ.value, Action.TAG.value, RECEIVE]
    of_mailbox = (
        (c.mailbox_id == mailbox.mailbox_id) & c.status.in_(["pending", "approved", "rejecting"]) & c.kind.in_(kinds)
    )
    items = tx.all(select(c.id, c.kind, c.status, c.message_id).where(of_mailbox))
    if items:
        tx.write(update(REVIEW).where(of_mailbox).values(status="cancelled", due_at=None))
        pending = sum(item.status == "pending" for item in items)
        if pending:
            review.count_pending(tx, mailbox, n=-pending)
        review.end_claims(tx, [item.id for item in items])
    for item in items:
        if item.kind == RECEIVE:
            review.withhold(tx, item.id, "rejected", reason=reason)
        tx.emit(
            EmailCancelled(
                actor=str(SYSTEM), message=item.id if item.kind == RECEIVE else item.message_id,
                mailbox=mailbox.mailbox_id, agent=mailbox.agent_id,
                stream=mailbox.stream_id, kind=item.kind, reason=reason,
            )
        )  # fmt: skip
    return len(items)

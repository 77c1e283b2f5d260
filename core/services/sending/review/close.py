"""End mail that never leaves: cancelled, rejected, expired. Its charges are refunded; mail waiting for it goes on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, exists, or_, select, update

from core.db import gate_queries, queue
from core.db.counters import EVER, bucket
from core.db.due import NOW, spelled
from core.db.gate_queries import SenderState
from core.db.tables import MESSAGE, RECIPIENT, REVIEW
from core.db.transaction import Transaction
from core.errors import Conflict, NotFound
from core.events import EmailCancelled, EmailExpired, ReviewExpiring
from core.ids import spell_id
from core.model import RECEIVE, SYSTEM, Actor, Status
from core.rules.roles import Verb
from core.services import access, context
from core.services.sending import acceptance_limits, first_time_recipients
from core.services.sending.review import items, received, release


def cancel(tx: Transaction, message_id: int, *, actor: Actor, reason: str | None = None) -> Status:
    """Cancel what has not left yet. Raises `Conflict` if nothing of it is waiting any more."""
    if actor.kind == "operator":
        actor = access.require(tx, actor, Verb.MESSAGE_CANCEL)
    message = tx.one(select(MESSAGE).where(MESSAGE.c.id == message_id))
    if message is None:
        raise NotFound("there is no such message")
    mailbox = gate_queries.gate(tx, message.mailbox_id)
    ended = end_unsent(tx, message_id, mailbox, status=Status.CANCELLED, reason=reason)
    if not ended:
        raise Conflict(
            f"{spell_id('m', message_id)} is {message.status}: only mail that is pending or waiting can be cancelled"
        )
    item = tx.one(select(REVIEW).where(REVIEW.c.id == message_id))
    if item is not None and item.status in ("pending", "approved", items.REJECTING):
        tx.write(update(REVIEW).where(REVIEW.c.id == message_id).values(status="cancelled", due_at=None))
        if item.status == "pending":
            items.count_pending(tx, mailbox, n=-1)
            items.end_claims(tx, [message_id])
    tx.emit(
        EmailCancelled(
            actor=str(actor), message=message_id, mailbox=mailbox.mailbox_id, agent=mailbox.agent_id,
            run=message.run_id, stream=mailbox.stream_id, kind=message.kind, reason=reason,
        )
    )  # fmt: skip
    return Status.CANCELLED


REJECT_DUE: Final = exists().where(REVIEW.c.status == spelled(items.REJECTING), REVIEW.c.due_at <= NOW)
EXPIRE_DUE: Final = exists().where(REVIEW.c.status == spelled("pending"), REVIEW.c.due_at <= NOW)


def reject_due(tx: Transaction, *, limit: int = 200) -> int:
    """End items that were rejected in the console and not undone in time. Returns how many."""
    c = REVIEW.c
    due = tx.all(select(REVIEW).where(c.status == items.REJECTING, c.due_at <= tx.now).order_by(c.due_at).limit(limit))
    for item in due:
        reject(tx, item, gate_queries.gate(tx, item.mailbox_id), reason=item.reason)
    return len(due)


def reject(tx: Transaction, item: Row[Any], mailbox: SenderState, *, reason: str | None) -> None:
    """Reject an item for good: from here on its rejection counts, and its agent sees it."""
    items.count_decision(tx, item, mailbox, "rejected")
    tx.write(update(REVIEW).where(REVIEW.c.id == item.id).values(status="rejected", due_at=None))
    if item.kind == RECEIVE:
        received.withhold(tx, item.id, "rejected")
    end_unsent(tx, item.message_id, mailbox, status=Status.REJECTED, reason=reason)


def warn_expiring(tx: Transaction) -> int:
    """Warn that held messages expire, once for each of the policy's lead times: one event for all of them."""
    _, policy = context.current_policy(tx)
    c, warned = REVIEW.c, 0
    for before in sorted(policy.notify.expiry_before):
        # items warned about at two hours are not warned about at a day again
        fresh = or_(c.expiry_warned.is_(None), c.expiry_warned > before)
        due = and_(c.status == "pending", c.due_at > tx.now, c.due_at <= tx.now + before, fresh)
        first = tx.one(select(c.id, c.due_at).where(due).order_by(c.due_at, c.id).limit(1))
        if first is None:
            continue
        count = tx.write(update(REVIEW).where(due).values(expiry_warned=before))
        if count:
            tx.emit(ReviewExpiring(actor=str(SYSTEM), count=count, before=before, first_at=first.due_at, item=first.id))
            warned += 1
    return warned


def expire_due(tx: Transaction, *, limit: int = 200) -> int:
    """Expire items that nobody decided in time. Returns how many."""
    c = REVIEW.c
    due = tx.all(select(REVIEW).where(c.status == "pending", c.due_at <= tx.now).order_by(c.due_at).limit(limit))
    for item in due:
        mailbox = gate_queries.gate(tx, item.mailbox_id)
        tx.write(update(REVIEW).where(c.id == item.id).values(status="expired", due_at=None, decided_at=tx.now))
        tx.emit(EmailExpired(**items.subjects(item, mailbox, SYSTEM), kind=item.kind, item=item.id))
        items.count_pending(tx, mailbox, n=-1)
        items.end_claims(tx, [item.id])
        if item.kind == RECEIVE:  # nothing of the agent's that reviewers left lying
            received.withhold(tx, item.id, "expired", reason=received.why_expired(tx, item.id))
            continue
        tx.bump("mailbox", str(mailbox.mailbox_id), "expired_1h", minute=bucket(tx.now, 60))
        end_unsent(tx, item.message_id, mailbox, status=Status.EXPIRED, reason="nobody decided in time")
    return len(due)


def end_unsent(
    tx: Transaction, message_id: int | None, mailbox: SenderState, *, status: Status, reason: str | None,
    only: Collection[int] | None = None,
) -> int:  # fmt: skip
    """Give every waiting recipient this final state, refund what acceptance charged, and release followers.

    `only`: those with these numbers, if not all.
    """
    if message_id is None:
        return 0
    # Uncertain recipients wait for a person too: nothing else would ever end them.
    unsent = (Status.PENDING, Status.SCHEDULED, Status.QUEUED, Status.DEFERRED, Status.UNCERTAIN)
    stages = [status.value for status in unsent]
    r = RECIPIENT.c
    ended = (r.message_id == message_id, r.status.in_(stages), *(() if only is None else (r.n.in_(only),)))
    rows = tx.all(select(RECIPIENT).where(*ended))
    if not rows:
        return 0
    message = tx.one(select(MESSAGE).where(MESSAGE.c.id == message_id))
    assert message is not None
    queue.withdraw(tx, [(message_id, row.n) for row in rows], lanes={row.lane_id for row in rows if row.lane_id})
    tx.write(update(RECIPIENT).where(*ended).values(status=status.value, reason=reason, next_at=None))
    if message.status == Status.SCHEDULED:
        release.count_scheduled(tx, mailbox, n=-1)
    left = message.open - len(rows)
    values: dict[str, Any] = {"open": left}
    if left == 0:
        values |= {"status": end_of(tx, message_id).value, "final_at": tx.now}
        acceptance_limits.keep_no_more(tx, message.agent_id, size=message.size)
    tx.write(update(MESSAGE).where(MESSAGE.c.id == message_id).values(**values))
    outside = (Status.PENDING, Status.SCHEDULED)  # not in a lane, so not counted as waiting in one
    acceptance_limits.wait(tx, mailbox, n=-sum(row.status not in outside and not row.charged for row in rows))
    _give_back(tx, message, rows)
    release.free_followers(tx, [message_id])
    return len(rows)


def end_of(tx: Transaction, message_id: int) -> Status:
    """Final status of a message whose recipients are all final: `sent` if any of them was."""
    found = {row.status for row in tx.all(select(RECIPIENT.c.status).where(RECIPIENT.c.message_id == message_id))}
    order = (Status.SENT, Status.FAILED, Status.CANCELLED, Status.REJECTED, Status.RETURNED, Status.EXPIRED,
             Status.BLOCKED)  # fmt: skip
    return next(status for status in order if status.value in found)


def _give_back(tx: Transaction, message: Row[Any], rows: Sequence[Row[Any]]) -> None:
    """Refund recipients that never left: they count neither against the run nor as first contacts."""
    unpaid = sum(not row.charged for row in rows)
    if unpaid:
        tx.bump("run", str(message.run_id), "accepted", minute=EVER, n=-unpaid)
    ended = [first_time_recipients.Ended(message.agent_id, message.id, row.address, row.attempts) for row in rows]
    first_time_recipients.release(tx, ended, unattempted=True)

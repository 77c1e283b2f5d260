"""Approved mail enters its lanes at the place of its submission, when it is time and nothing is ahead of it.

If its agent chose a send time, it waits for that first, outside all lanes, as `scheduled`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, exists, select, update

from core.db import gate_queries, queue
from core.db.counters import EVER
from core.db.due import NOW, spelled
from core.db.gate_queries import SenderState
from core.db.queue import Slot
from core.db.tables import MESSAGE, RECIPIENT, REVIEW
from core.db.transaction import Transaction
from core.durations import HOUR
from core.events import EmailQueued, EmailScheduled
from core.model import RECEIVE, SYSTEM, Action, Actor, Status
from core.services.sending import acceptance_limits
from core.services.sending.review import items, received

READ_GRANT: Final = HOUR
"""How long an approved read or tag may be done, once."""
RELEASE_DUE: Final = exists().where(REVIEW.c.status == spelled("approved"), REVIEW.c.due_at <= NOW)


def release_due(tx: Transaction, *, limit: int = 200) -> int:
    """Let approved mail whose release time has come into its lanes. Returns how many."""
    c = REVIEW.c
    due = tx.all(select(REVIEW).where(c.status == "approved", c.due_at <= tx.now).order_by(c.due_at).limit(limit))
    for item in due:
        mailbox = gate_queries.gate(tx, item.mailbox_id)
        if is_mail(item):
            release(tx, item, mailbox)
        else:
            _lapse(tx, item)
    return len(due)


def is_mail(item: Row[Any]) -> bool:
    """Whether approving it releases a message, sent or received, rather than granting a read or a tag."""
    return item.kind == RECEIVE or (item.message_id is not None and item.kind in (Action.SEND, Action.REPLY))


def release(tx: Transaction, item: Row[Any], mailbox: SenderState) -> None:
    """Release approved mail now: from here on its approval counts as evidence."""
    items.count_decision(tx, item, mailbox, "approved")
    tx.write(update(REVIEW).where(REVIEW.c.id == item.id).values(status="released", due_at=None))
    if item.kind == RECEIVE:
        received.deliver(tx, item.id)
    else:
        into_lanes(tx, item.message_id, mailbox)


def _lapse(tx: Transaction, item: Row[Any]) -> None:
    """End a granted read that was not used within its hour."""
    tx.write(update(REVIEW).where(REVIEW.c.id == item.id).values(status="lapsed", due_at=None))


def into_lanes(tx: Transaction, message_id: int, mailbox: SenderState) -> None:
    """Make ready every recipient of a message that nothing holds any more, at the place of its submission.

    Before its send time the message is only scheduled.
    """
    message = tx.one(
        select(MESSAGE.c.submitted_at, MESSAGE.c.dated_at, MESSAGE.c.send_at, MESSAGE.c.status).where(
            MESSAGE.c.id == message_id
        )
    )
    assert message is not None
    held = [Status.PENDING.value, Status.UNCERTAIN.value, Status.SCHEDULED.value]
    if message.send_at is not None and message.send_at > tx.now:
        states = RECIPIENT.c.status.in_(held)
        here = RECIPIENT.c.message_id == message_id
        waiting = tx.write(update(RECIPIENT).where(here, states).values(status=Status.SCHEDULED.value))
        tx.write(update(MESSAGE).where(MESSAGE.c.id == message_id).values(status=Status.SCHEDULED.value))
        schedule(tx, message_id, mailbox, at=message.send_at, recipients=waiting, actor=SYSTEM)
        return
    if message.status == Status.SCHEDULED:
        count_scheduled(tx, mailbox, n=-1)
    due = max(message.submitted_at, message.send_at or 0)
    rows = tx.all(select(RECIPIENT).where(RECIPIENT.c.message_id == message_id, RECIPIENT.c.status.in_(held)))
    waiting_for = {row.waits_for for row in rows if row.waits_for is not None}
    unfinished = _unfinished(tx, waiting_for, {row.address for row in rows})
    free = [row for row in rows if row.waits_for is None or (row.waits_for, row.address) not in unfinished]
    tx.write(
        update(RECIPIENT)
        .where(RECIPIENT.c.message_id == message_id, RECIPIENT.c.status.in_(held))
        .values(status=Status.QUEUED.value)
    )
    tx.write(
        update(MESSAGE)
        .where(MESSAGE.c.id == message_id)
        .values(status=Status.QUEUED.value, released_at=tx.now, dated_at=message.dated_at or tx.now)
    )
    queue.enqueue(
        tx,
        [Slot(message_id, row.n, row.lane_id, due, charged=bool(row.charged)) for row in free],
    )
    acceptance_limits.wait(tx, mailbox, n=sum(not row.charged for row in rows))
    tx.emit(
        EmailQueued(
            actor=str(SYSTEM), message=message_id, mailbox=mailbox.mailbox_id, agent=mailbox.agent_id,
            stream=mailbox.stream_id, recipients=len(rows), due=due,
        )
    )  # fmt: skip


def schedule(tx: Transaction, message_id: int, mailbox: SenderState, *, at: int, recipients: int, actor: Actor) -> None:
    """Log that a message waits for its send time, and count it."""
    count_scheduled(tx, mailbox, n=1)
    tx.emit(
        EmailScheduled(
            actor=str(actor), message=message_id, mailbox=mailbox.mailbox_id, agent=mailbox.agent_id,
            stream=mailbox.stream_id, recipients=recipients, send_at=at,
        )
    )  # fmt: skip


def count_scheduled(tx: Transaction, mailbox: SenderState, *, n: int) -> None:
    """Count messages that wait for their send time, of a mailbox and of the desk: screens show this."""
    tx.bump("mailbox", str(mailbox.mailbox_id), "scheduled", minute=EVER, n=n)
    tx.bump("desk", "", "scheduled", minute=EVER, n=n)


def free_followers(tx: Transaction, message_ids: Sequence[int]) -> None:
    """Release recipients that waited for these messages, one by one, where the earlier one is final."""
    waiting = queue.followers(tx, message_ids)
    if not waiting:
        return
    unfinished = _unfinished(tx, {row.waits_for for row in waiting}, {row.address for row in waiting})
    for row in waiting:
        if (row.waits_for, row.address) in unfinished:
            continue
        # What it waited for may itself have waited (and was cancelled, say): then it waits for that message now.
        earlier = queue.predecessor(
            tx, mailbox_id=row.mailbox_id, conversation=row.conversation, before=row.waits_for, address=row.address
        )
        tx.write(
            update(RECIPIENT)
            .where(RECIPIENT.c.message_id == row.message_id, RECIPIENT.c.n == row.n)
            .values(waits_for=earlier)
        )
        if earlier is None and row.status == Status.QUEUED:
            due = max(row.submitted_at, row.send_at or 0)
            queue.enqueue(tx, [Slot(row.message_id, row.n, row.lane_id, due, charged=bool(row.charged))])


def _unfinished(tx: Transaction, messages: set[int], addresses: set[str]) -> set[tuple[int, str]]:
    if not messages:
        return set()
    r = RECIPIENT.c
    rows = tx.all(select(r.message_id, r.address, r.status).where(r.message_id.in_(messages), r.address.in_(addresses)))
    return {(row.message_id, row.address) for row in rows if not Status(row.status).final}

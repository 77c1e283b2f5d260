"""Messages whose send time has come enter their lanes, and are charged then as other mail is at acceptance.

The time is stored with the message, so a restart changes nothing, and a clock that is set back only makes it wait until
that time comes again. Every gate check is repeated when it leaves, as for all mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, exists, select, update

from core.db import gate_queries, queue
from core.db.due import NOW, spelled
from core.db.gate_queries import SenderState
from core.db.tables import MESSAGE, RECIPIENT
from core.db.transaction import Transaction
from core.model import Status
from core.services.sending import first_time_recipients, gate_facts, review
from core.services.sending.delivery.departure_check import to_review

SCHEDULED_DUE: Final = exists().where(MESSAGE.c.status == spelled(Status.SCHEDULED.value), MESSAGE.c.send_at <= NOW)


def release_scheduled(tx: Transaction, *, limit: int = 200) -> int:
    """Let messages whose send time has come into their lanes, the earliest first. Returns how many."""
    m = MESSAGE.c
    due = tx.all(
        select(m.id, m.mailbox_id, m.conversation)
        .where(m.status == Status.SCHEDULED.value, m.send_at <= tx.now)
        .order_by(m.send_at, m.id)
        .limit(limit)
    )
    for message in due:
        mailbox = gate_queries.gate(tx, message.mailbox_id)
        people = tx.all(
            select(RECIPIENT).where(RECIPIENT.c.message_id == message.id, RECIPIENT.c.status == Status.SCHEDULED.value)
        )
        if not _over_newcomers(tx, message.id, mailbox, people=people):
            _queue_up(tx, message, people)
            review.into_lanes(tx, message.id, mailbox)
    return len(due)


def _over_newcomers(tx: Transaction, message_id: int, mailbox: SenderState, *, people: Sequence[Row[Any]]) -> bool:
    """Reserve today's places for first-time recipients, or send the message to review if too few are left."""
    wanted = {row.address for row in people if not row.attempts}
    fresh = first_time_recipients.strangers(tx, wanted, agent_id=mailbox.agent_id).fresh
    held, _ = gate_facts.newcomers_hold(tx, mailbox, len(fresh))
    if held:
        to_review(tx, message_id, held)
        return True
    first_time_recipients.reserve(tx, fresh, agent_id=mailbox.agent_id, message_id=message_id)
    return False


def _queue_up(tx: Transaction, message: Row[Any], people: Sequence[Row[Any]]) -> None:
    """Make it wait for earlier mail of its conversation, including scheduled mail whose time has come since."""
    for row in people:
        if row.waits_for is None:
            earlier = queue.predecessor(
                tx, mailbox_id=message.mailbox_id, conversation=message.conversation, before=message.id,
                address=row.address,
            )  # fmt: skip
            if earlier is not None:
                here = (RECIPIENT.c.message_id == message.id) & (RECIPIENT.c.n == row.n)
                tx.write(update(RECIPIENT).where(here).values(waits_for=earlier))

"""How long each reviewer has had an item open, and whether approvals come faster than anyone can read.

A person reads one thing at a time: opening the next message closes the one before, so a stack opened in one go has been
read for no longer than it was open. Times add up per reviewer and message; one reviewer's reading says nothing of
another's. The alarm is a log event, once a minute for each reviewer, in the transaction that crossed the limit.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, bindparam, func, select, update

from core.db.tables import READER, READING, REVIEW
from core.db.transaction import Transaction
from core.durations import MINUTE
from core.events import ReviewHurried
from core.model import Actor
from core.rules import review_speed
from core.rules.roles import Verb
from core.services import access, context

# These rows are not cached across transactions, so writing them must not invalidate the gateways' caches.
_LOOK: Final = (
    update(READER).where(READER.c.name == bindparam("who")).values(item=bindparam("to"), since=bindparam("at"))
)
_ADD: Final = (
    update(READING)
    .where(READING.c.item == bindparam("what"), READING.c.operator == bindparam("who"))
    .values(read_us=READING.c.read_us + bindparam("more"))
)
_OPENED: Final = (
    update(READING)
    .where(READING.c.item == bindparam("what"), READING.c.operator == bindparam("who"))
    .values(first_at=func.coalesce(READING.c.first_at, bindparam("at")))
)
_FIRST: Final = (
    update(REVIEW)
    .where(REVIEW.c.id == bindparam("what"), REVIEW.c.opened_at.is_(None))
    .values(opened_at=bindparam("at"), opened_by=bindparam("who"))
)
_APPROVED: Final = (
    update(READING)
    .where(READING.c.item == bindparam("what"), READING.c.operator == bindparam("who"))
    .values(approved_at=bindparam("at"), dwell_ms=bindparam("dwell"))
)
_HURRIED: Final = (
    update(READER).where(READER.c.name == bindparam("who")).values(hurried_at=bindparam("at"), hurry=bindparam("text"))
)


# --- opening ------------------------------------------------------------------------------------------------------


def opened(tx: Transaction, item: int, *, actor: Actor) -> None:
    """Record that this reviewer opened the item, which closes the one before."""
    actor = access.require(tx, actor, Verb.MESSAGE_READ)
    pending = tx.one(select(REVIEW.c.id).where(REVIEW.c.id == item, REVIEW.c.status == "pending"))
    reader = _reader(tx, actor)
    if reader.item == item:
        return
    _settle(tx, reader)
    tx.write_keeping_caches(_LOOK, [{"who": actor.name, "to": item if pending else None, "at": tx.now}])
    if pending is None:
        return
    _begun(tx, item, actor)
    for statement in (_OPENED, _FIRST):
        tx.write_keeping_caches(statement, [{"what": item, "who": actor.name, "at": tx.now}])


def closed(tx: Transaction, *, actor: Actor) -> None:
    """Record that this reviewer closed whatever they had open."""
    actor = access.require(tx, actor, Verb.MESSAGE_READ)
    reader = _reader(tx, actor)
    if reader.item is not None:
        _settle(tx, reader)
        tx.write_keeping_caches(_LOOK, [{"who": actor.name, "to": None, "at": tx.now}])


def dwell(tx: Transaction, item: int, *, actor: Actor) -> int | None:
    """Milliseconds the deciding person had it open; None if they never opened it."""
    reading = _reading(tx, item, actor)
    if reading is None or reading.first_at is None:
        return None
    reader = _reader(tx, actor)
    still = max(0, tx.now - int(reader.since)) if reader.item == item else 0
    return (int(reading.read_us) + still) // 1_000


def forget(tx: Transaction, item: int) -> None:
    """Discard the reading of an item that is returned to review: it counts for nothing."""
    tx.write(update(READING).where(READING.c.item == item).values(read_us=0, first_at=None, dwell_ms=None))
    tx.write(update(READER).where(READER.c.item == item).values(item=None))


# --- pace ---------------------------------------------------------------------------------------------------------


def note_approval(tx: Transaction, item: int, *, actor: Actor, dwell_ms: int | None) -> str | None:
    """Count an approval, and return the alarm while the approvals of the last minute are too fast to have been read.

    `dwell_ms`: how long the item was read; None if that cannot be known.
    """
    _begun(tx, item, actor)
    tx.write_keeping_caches(_APPROVED, [{"what": item, "who": actor.name, "at": tx.now, "dwell": dwell_ms}])
    reader = _reader(tx, actor)
    if reader.hurried_at is not None and reader.hurried_at > tx.now - MINUTE:
        return str(reader.hurry)
    _, policy = context.current_policy(tx)
    rows = tx.all(
        select(READING.c.dwell_ms).where(READING.c.operator == actor.name, READING.c.approved_at > tx.now - MINUTE)
    )
    per_message, per_minute = policy.review.seconds_per_message, policy.review.messages_per_minute
    found = review_speed.hurry(
        [row.dwell_ms for row in rows], seconds_per_message=per_message, messages_per_minute=per_minute
    )
    if found is None:
        return None
    text = found.text(who=actor.name, per_message=per_message)
    tx.write_keeping_caches(_HURRIED, [{"who": actor.name, "at": tx.now, "text": text}])
    tx.emit(
        ReviewHurried(
            actor=str(actor), approved=found.approved, unread=found.unread, seconds=found.seconds,
            seconds_per_message=per_message, messages_per_minute=per_minute,
        )
    )  # fmt: skip
    return text


# --- helpers ------------------------------------------------------------------------------------------------------


def _begun(tx: Transaction, item: int, actor: Actor) -> None:
    """Create the row that adds up this reviewer's time on this item, if it is missing."""
    if _reading(tx, item, actor) is None:
        fresh = dict.fromkeys(("first_at", "approved_at", "dwell_ms"))
        tx.add(READING, {"item": item, "operator": actor.name, "read_us": 0} | fresh)


def _reading(tx: Transaction, item: int, actor: Actor) -> Row[Any] | None:
    return tx.one(select(READING).where(READING.c.item == item, READING.c.operator == actor.name))


def _reader(tx: Transaction, actor: Actor) -> Row[Any]:
    """The reviewer's row: what they have open, and since when."""
    query = select(READER).where(READER.c.name == actor.name)
    found = tx.one(query)
    if found is None:
        tx.add(READER, {"name": actor.name, "item": None, "since": tx.now, "hurried_at": None, "hurry": None})
        found = tx.one(query)
        assert found is not None
    return found


def _settle(tx: Transaction, reader: Row[Any]) -> None:
    """Add the time that the open item has been open to its total."""
    if reader.item is not None:
        more = max(0, tx.now - int(reader.since))
        tx.write_keeping_caches(_ADD, [{"what": reader.item, "who": reader.name, "more": more}])

"""Queries for feedback: which recipient it is about, and whether it was already processed.

Every read is by a key that the report or the provider proved; nothing is looked up by text that anybody can forge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, select, update

from core.db.tables import FEEDBACK_SEEN, LANE, MESSAGE, RECIPIENT
from core.db.transaction import Transaction
from core.model import Feedback


@dataclass(frozen=True, slots=True)
class Subject:
    """A recipient that mail was sent to, with the identity its feedback counts against."""

    message_id: int
    n: int
    address: str
    mailbox_id: int
    agent_id: int
    stream_id: int
    run_id: int
    content_class: str
    test: bool
    recipients: int
    attempts: int
    sent_at: int | None
    feedback: str | None


def subject(tx: Transaction, message_id: int, n: int) -> Subject | None:
    """Return the recipient number `n` of a message."""
    row = tx.one(_SUBJECTS.where(RECIPIENT.c.message_id == message_id, RECIPIENT.c.n == n))
    return _subject(row) if row else None


def of_message(tx: Transaction, message_id: int) -> Sequence[Subject]:
    """Return every recipient of a message."""
    return [_subject(row) for row in tx.all(_SUBJECTS.where(RECIPIENT.c.message_id == message_id))]


def of_provider_id(tx: Transaction, provider_id: str, *, limit: int) -> Sequence[Subject]:
    """Return recipients whose transaction the relay answered with this id; one, if relays do not reuse ids."""
    return [_subject(row) for row in tx.all(_SUBJECTS.where(RECIPIENT.c.provider_id == provider_id).limit(limit))]


def message_by_rfc_id(tx: Transaction, rfc_message_id: str) -> int | None:
    """Return the message with this Message-ID, angle brackets included."""
    row = tx.one(select(MESSAGE.c.id).where(MESSAGE.c.rfc_message_id == rfc_message_id))
    return int(row.id) if row else None


def latest_words(tx: Transaction, address: str, *, limit: int) -> Sequence[Row[Any]]:
    """Return the last mail to an address, newest first: its feedback, the time of that, and the time of sending."""
    r = RECIPIENT.c
    return tx.all(
        select(r.message_id, r.n, r.feedback, r.feedback_at, r.sent_at)
        .join(MESSAGE, MESSAGE.c.id == r.message_id)
        .where(r.address == address, r.attempts > 0, MESSAGE.c.test.is_(False))
        .order_by(r.message_id.desc())
        .limit(limit)
    )


def note(tx: Transaction, one: Subject, feedback: Feedback) -> None:
    """Record feedback next to the recipient's status, which does not change."""
    tx.write_keeping_caches(
        _NOTE, [{"b_message": one.message_id, "b_n": one.n, "b_feedback": feedback.value, "b_at": tx.now}]
    )


def first_time(tx: Transaction, key: str) -> bool:
    """Record the key; returns whether it is new."""
    if tx.one(select(FEEDBACK_SEEN.c.at).where(FEEDBACK_SEEN.c.key == key)) is not None:
        return False
    tx.add(FEEDBACK_SEEN, {"key": key, "at": tx.now})
    return True


def seen(tx: Transaction, keys: Sequence[str]) -> Sequence[int]:
    """Return when each of these keys was recorded, for those that were."""
    return [int(row.at) for row in tx.all(select(FEEDBACK_SEEN.c.at).where(FEEDBACK_SEEN.c.key.in_(keys)))]


def _subject(row: Row[Any]) -> Subject:
    return Subject(**row._asdict())


_SUBJECTS: Final[Select[Any]] = select(
    RECIPIENT.c.message_id, RECIPIENT.c.n, RECIPIENT.c.address, MESSAGE.c.mailbox_id, MESSAGE.c.agent_id,
    MESSAGE.c.stream_id, MESSAGE.c.run_id, MESSAGE.c.content_class, MESSAGE.c.test, MESSAGE.c.recipients,
    RECIPIENT.c.attempts, RECIPIENT.c.sent_at, RECIPIENT.c.feedback,
).join(MESSAGE, MESSAGE.c.id == RECIPIENT.c.message_id)  # fmt: skip
_NOTE: Final = (
    update(RECIPIENT)
    .where(RECIPIENT.c.message_id == bindparam("b_message"), RECIPIENT.c.n == bindparam("b_n"))
    .values(feedback=bindparam("b_feedback"), feedback_at=bindparam("b_at"))
)


def site_of(tx: Transaction, one: Subject) -> str:
    """The site that a recipient's mail went to; its domain where no lane is left."""
    domain = one.address.rpartition("@")[2]
    lane = tx.one(select(LANE.c.site).where(LANE.c.mailbox_id == one.mailbox_id, LANE.c.domain == domain))
    return domain if lane is None else str(lane.site)

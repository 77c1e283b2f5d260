"""In-flight recipients: their lease holder, whether they were attempted, how they are removed or returned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import and_, bindparam, delete, select, tuple_, update

from core.db.queue.ready import Slot, enqueue
from core.db.queue.schedule import LANE_WINDOW
from core.db.tables import IN_FLIGHT, LANE, MESSAGE, RECIPIENT
from core.db.transaction import Transaction
from core.model import Status


@dataclass(frozen=True, slots=True)
class Claimed:
    """A recipient this worker holds a lease on, with the columns that delivery and settlement need."""

    message_id: int
    n: int
    lane_id: int
    due: int
    mailbox_id: int
    agent_id: int
    stream_id: int
    run_id: int
    domain: str
    site: str
    address: str
    path: str
    attempts: int
    submitted_at: int
    dated_at: int
    policy_version: int
    content_class: str
    recipients: int
    smtputf8: bool
    test: bool
    size: int
    digest: str
    """Digest of the bytes that this claim would deliver: as of the claim, until its worker has loaded them."""

    @property
    def key(self) -> tuple[int, int]:
        return self.message_id, self.n


def describe(tx: Transaction, slots: Sequence[Slot]) -> list[Claimed]:
    """Return what delivery needs of the claimed recipients, in the order claimed."""
    if not slots:
        return []
    rows = tx.fetch(_DESCRIBE, {"b_ids": [s.message_id for s in slots]})
    known = {(row.message_id, row.n): row for row in rows}
    claimed = []
    for slot in slots:
        row = known.get((slot.message_id, slot.n))
        if row is not None:
            claimed.append(Claimed(**row._asdict(), lane_id=slot.lane_id, due=slot.due))
    return claimed


def held_leases(tx: Transaction, keys: Collection[tuple[int, int]], *, worker: int) -> dict[tuple[int, int], Any]:
    """Return the in-flight rows among `keys` that this worker still holds, with `lane_paused_at`.

    The caller may end them: then a lane that is full has room for what waits in it.
    """
    rows = tx.fetch(_HELD, {"b_ids": [key[0] for key in keys], "b_worker": worker})
    tx.made_due |= any(row.lane_in_flight >= LANE_WINDOW for row in rows)
    return {(row.message_id, row.n): row for row in rows if (row.message_id, row.n) in keys}


def mark_attempted(tx: Transaction, claimed: Sequence[Claimed]) -> None:
    """Record that these deliveries start now; committed before a byte is sent."""
    if not claimed:
        return
    now = tx.now
    tx.write_keeping_caches(
        _ATTEMPT, [{"b_message": c.message_id, "b_n": c.n, "b_attempt": c.attempts + 1, "b_at": now} for c in claimed]
    )
    tx.write_keeping_caches(
        _SENDING, [{"b_message": c.message_id, "b_n": c.n, "b_attempt": c.attempts + 1} for c in claimed]
    )


def land(tx: Transaction, rows: Iterable[Any]) -> None:
    """Remove in-flight rows (anything with message_id, n, lane_id); the caller settles their recipients."""
    gone = list(rows)
    if not gone:
        return
    tx.write_keeping_caches(_LAND, [{"b_keys": [(row.message_id, row.n) for row in gone]}])
    for row in gone:
        tx.lane(row.lane_id).in_flight -= 1


def put_back(tx: Transaction, claimed: Sequence[Claimed], *, dues: Sequence[int]) -> None:
    """Return unattempted or deferred recipients to their lanes, already charged."""
    land(tx, claimed)
    enqueue(tx, (Slot(c.message_id, c.n, c.lane_id, due, charged=True) for c, due in zip(claimed, dues, strict=True)))


def lapsed(tx: Transaction, *, limit: int) -> Sequence[Any]:
    """Return in-flight rows whose lease has expired: their worker's heartbeat stopped."""
    c = IN_FLIGHT.c
    return tx.all(select(IN_FLIGHT).where(c.lease_until <= tx.now).order_by(c.lease_until).limit(limit))


_DESCRIBE: Final = (
    select(
        MESSAGE.c.id.label("message_id"), RECIPIENT.c.n, MESSAGE.c.mailbox_id, MESSAGE.c.agent_id,
        MESSAGE.c.stream_id, MESSAGE.c.run_id, LANE.c.domain, LANE.c.site, RECIPIENT.c.address, RECIPIENT.c.path,
        RECIPIENT.c.attempts, MESSAGE.c.submitted_at, MESSAGE.c.dated_at, MESSAGE.c.policy_version,
        MESSAGE.c.content_class, MESSAGE.c.recipients, MESSAGE.c.smtputf8, MESSAGE.c.test,
        MESSAGE.c.size, MESSAGE.c.digest,
    )
    .select_from(
        RECIPIENT.join(MESSAGE, MESSAGE.c.id == RECIPIENT.c.message_id).join(LANE, LANE.c.id == RECIPIENT.c.lane_id)
    )
    .where(RECIPIENT.c.message_id.in_(bindparam("b_ids", expanding=True)))
)  # fmt: skip
_HELD: Final = (
    select(IN_FLIGHT, LANE.c.paused_at.label("lane_paused_at"), LANE.c.in_flight.label("lane_in_flight"))
    .join(LANE, LANE.c.id == IN_FLIGHT.c.lane_id)
    .where(IN_FLIGHT.c.message_id.in_(bindparam("b_ids", expanding=True)), IN_FLIGHT.c.worker == bindparam("b_worker"))
)
_THIS: Final = and_(IN_FLIGHT.c.message_id == bindparam("b_message"), IN_FLIGHT.c.n == bindparam("b_n"))
_ATTEMPT: Final = update(IN_FLIGHT).where(_THIS).values(attempt=bindparam("b_attempt"), attempted_at=bindparam("b_at"))
_LAND: Final = delete(IN_FLIGHT).where(
    tuple_(IN_FLIGHT.c.message_id, IN_FLIGHT.c.n).in_(bindparam("b_keys", expanding=True))
)
_SENDING: Final = (
    update(RECIPIENT)
    .where(RECIPIENT.c.message_id == bindparam("b_message"), RECIPIENT.c.n == bindparam("b_n"))
    .values(status=Status.SENDING.value, attempts=bindparam("b_attempt"))
)

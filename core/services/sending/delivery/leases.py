"""Worker heartbeats and leases: when a worker stops beating, its lapsed leases show what it held."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import bindparam, exists, select, update

from core.db import queue
from core.db.due import NOW
from core.db.queue import Claimed
from core.db.tables import IN_FLIGHT, MAILBOX, WORKER
from core.db.transaction import Transaction
from core.durations import BEAT, DAY
from core.services import context
from core.services.sending.delivery import finish

LEASE: Final = 6 * BEAT
"""How long a claim outlives its worker's last heartbeat."""
LEASES_LAPSED: Final = exists().where(IN_FLIGHT.c.lease_until <= NOW)


def heartbeat(tx: Transaction, *, worker: int, claimed_at: int | None = None, trouble: str | None = None) -> None:
    """Record that the worker is alive, and extend its leases, except those that lapsed or were released.

    `claimed_at`: when it could last claim; `trouble`: why it cannot now.
    """
    tx.write_keeping_caches(
        _BEAT, [{"b_id": worker, "b_at": tx.now, "b_claimed": claimed_at, "b_trouble": trouble and trouble[:500]}]
    )
    tx.write_keeping_caches(_EXTEND, [{"b_worker": worker, "b_at": tx.now, "b_until": tx.now + LEASE}])


def register_worker(tx: Transaction, *, worker: int, pid: int) -> None:
    """Register a new worker. Again is no harm: the commit of the first time may not have been answered."""
    if tx.one(select(WORKER.c.id).where(WORKER.c.id == worker)) is None:
        tx.add(WORKER, {"id": worker, "started_at": tx.now, "beat_at": tx.now, "pid": pid})


def unregister_worker(tx: Transaction, *, worker: int) -> None:
    """Remove a worker that stops in order; leases it still holds lapse at once."""
    tx.write(update(IN_FLIGHT).where(IN_FLIGHT.c.worker == worker).values(lease_until=tx.now))
    tx.write(WORKER.delete().where(WORKER.c.id == worker))


def release_claims(tx: Transaction, claimed: Sequence[Claimed], *, worker: int, unattempted: bool = False) -> None:
    """End leases that the heartbeats of a live worker would extend forever; `reclaim` handles their recipients.

    `unattempted`: leave those with an attempt.
    """
    tx.write_keeping_caches(
        _LET_GO_UNATTEMPTED if unattempted else _LET_GO,
        [{"b_message": c.message_id, "b_n": c.n, "b_worker": worker, "b_until": tx.now} for c in claimed],
    )


def release_forgotten(tx: Transaction, *, worker: int, known: Collection[tuple[int, int]]) -> int:
    """End leases of a claim that was committed without its worker learning of it. Returns how many.

    Its heartbeats would extend them forever. `known`: the recipients that it works on.
    """
    held = IN_FLIGHT.c.worker == worker, IN_FLIGHT.c.attempted_at.is_(None), IN_FLIGHT.c.lease_until > tx.now
    rows = tx.all(select(IN_FLIGHT.c.message_id, IN_FLIGHT.c.n).where(*held))
    forgotten = [(row.message_id, row.n) for row in rows if (row.message_id, row.n) not in known]
    tx.write_keeping_caches(
        _LET_GO_UNATTEMPTED,
        [{"b_message": message, "b_n": n, "b_worker": worker, "b_until": tx.now} for message, n in forgotten],
    )
    return len(forgotten)


def reclaim(tx: Transaction, *, limit: int = 500, jitter: float = 0.0) -> int:
    """Recover the work of dead workers: unattempted recipients go back to their lanes, attempted ones are uncertain.

    What goes back is paid for: a mailbox that rests because a cap is spent is woken for it.
    """
    rows = queue.lapsed(tx, limit=limit)
    if not rows:
        return 0
    _, policy = context.current_policy(tx)
    slots = [queue.Slot(row.message_id, row.n, row.lane_id, row.due, charged=True) for row in rows]
    attempted = {(row.message_id, row.n): row.attempt for row in rows if row.attempted_at is not None}
    paid = set()
    for one in queue.describe(tx, slots):
        if one.key in attempted:
            finish.uncertain(tx, one, attempt=attempted[one.key], policy=policy, jitter=jitter)
        else:
            queue.put_back(tx, [one], dues=[one.due])
            paid.add(one.mailbox_id)
    if paid:
        queue.wake(tx, MAILBOX.c.id.in_(paid))
    tx.write(WORKER.delete().where(WORKER.c.beat_at < tx.now - DAY))
    return len(rows)


_BEAT: Final = (
    update(WORKER)
    .where(WORKER.c.id == bindparam("b_id"))
    .values(beat_at=bindparam("b_at"), claimed_at=bindparam("b_claimed"), trouble=bindparam("b_trouble"))
)
_LET_GO: Final = (
    update(IN_FLIGHT)
    .where(
        IN_FLIGHT.c.message_id == bindparam("b_message"), IN_FLIGHT.c.n == bindparam("b_n"),
        IN_FLIGHT.c.worker == bindparam("b_worker"),
    )
    .values(lease_until=bindparam("b_until"))
)  # fmt: skip
_LET_GO_UNATTEMPTED: Final = _LET_GO.where(IN_FLIGHT.c.attempted_at.is_(None))
_EXTEND: Final = (
    update(IN_FLIGHT)
    .where(IN_FLIGHT.c.worker == bindparam("b_worker"), IN_FLIGHT.c.lease_until > bindparam("b_at"))
    .values(lease_until=bindparam("b_until"))
)

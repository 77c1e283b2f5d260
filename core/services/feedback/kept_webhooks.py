"""Webhooks that cannot be verified yet: stored durably and retried, with limits on number, size and time.

Verifying an SNS notification needs a certificate from Amazon. A desk that cannot fetch it must neither trust the
notification nor lose the complaint in it. Answering 503 would tell a forger that the request had no fault so far.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, select, update

from core.db.tables import KEPT_WEBHOOK
from core.db.transaction import Transaction
from core.durations import DAY, MINUTE
from core.errors import Unavailable

KEPT_FOR: Final = 3 * DAY
"""The same as for outgoing webhooks: longer than a network outage lasts while somebody is on call."""
MOST: Final = 2_000
MOST_OCTETS: Final = 64 * 1024 * 1024
LARGEST: Final = 320 * 1024
"""Limit of one body. SNS sends at most 256 KiB."""
FIRST_WAIT: Final = MINUTE
LONGEST_WAIT: Final = 15 * MINUTE


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored webhook. `until` is when it is discarded."""

    id: int
    source: str
    body: bytes
    received_at: int
    tries: int

    @property
    def until(self) -> int:
        return self.received_at + KEPT_FOR


@dataclass(frozen=True, slots=True)
class Waiting:
    """The number of stored webhooks, and when the oldest arrived."""

    count: int
    since: int


def keep(tx: Transaction, *, source: str, body: bytes) -> int:
    """Store a webhook; return when it will be discarded. Raises `Unavailable` if there is no room.

    A repeated webhook is stored once.
    """
    digest = hashlib.sha256(body).hexdigest()
    existing = tx.one(select(KEPT_WEBHOOK.c.received_at).where(KEPT_WEBHOOK.c.digest == digest))
    if existing is not None:
        return int(existing.received_at) + KEPT_FOR
    size = func.coalesce(func.sum(func.length(KEPT_WEBHOOK.c.body)), 0)
    held = tx.one(select(func.count().label("rows"), size.label("octets")))
    assert held is not None
    if len(body) > LARGEST or held.rows >= MOST or held.octets + len(body) > MOST_OCTETS:
        raise Unavailable("too many webhooks wait to be verified", retry_after=300)
    tx.create(
        KEPT_WEBHOOK,
        {
            "source": source, "digest": digest, "body": body, "received_at": tx.now, "tries": 0,
            "next_at": tx.now + FIRST_WAIT,
        },
    )  # fmt: skip
    return tx.now + KEPT_FOR


def due(conn: Connection, *, now: int, limit: int) -> Sequence[Kept]:
    """List the webhooks due for verification, longest overdue first."""
    rows = conn.execute(
        select(KEPT_WEBHOOK)
        .where(KEPT_WEBHOOK.c.next_at <= now)
        .order_by(KEPT_WEBHOOK.c.next_at, KEPT_WEBHOOK.c.id)
        .limit(limit)
    )
    return [Kept(row.id, row.source, bytes(row.body), row.received_at, row.tries) for row in rows]


def postpone(tx: Transaction, kept: Kept) -> None:
    """Postpone a webhook that still cannot be verified, for twice as long as before."""
    wait = min(FIRST_WAIT << min(kept.tries + 1, 10), LONGEST_WAIT)
    tx.write(
        update(KEPT_WEBHOOK).where(KEPT_WEBHOOK.c.id == kept.id).values(tries=kept.tries + 1, next_at=tx.now + wait)
    )


def forget(tx: Transaction, kept: Kept) -> None:
    """Delete a webhook that was verified, refused or given up."""
    tx.write(delete(KEPT_WEBHOOK).where(KEPT_WEBHOOK.c.id == kept.id))


def waiting(conn: Connection) -> Waiting | None:
    """Return what waits for verification, None if nothing does."""
    row = conn.execute(select(func.count(), func.min(KEPT_WEBHOOK.c.received_at))).one()
    return Waiting(row[0], row[1]) if row[0] else None

"""Recipients waiting in lanes: enqueue them, order them within a conversation, withdraw them."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, delete, or_, select

from core.db.tables import LANE, MESSAGE, READY, RECIPIENT
from core.db.transaction import Transaction
from core.durations import FAR_FUTURE
from core.model import Status


@dataclass(frozen=True, slots=True)
class Slot:
    """A recipient's place in the queue."""

    message_id: int
    n: int
    lane_id: int
    due: int
    charged: bool


@dataclass(frozen=True, slots=True)
class LaneFacts:
    """A lane as this batch first read it."""

    id: int
    depth: int
    not_before: int


def lane_for(tx: Transaction, *, mailbox_id: int, domain: str, site: str) -> LaneFacts:
    """Return the lane of a mailbox towards a domain; created on first use."""

    def find() -> LaneFacts:
        rows = tx.fetch_unflushed(_LANE_OF, {"b_mailbox": mailbox_id, "b_domain": domain})
        if rows:
            return LaneFacts(rows[0].id, rows[0].depth, rows[0].not_before)
        made = tx.create(LANE, {"mailbox_id": mailbox_id, "domain": domain, "site": site, "next_at": FAR_FUTURE})
        return LaneFacts(made, depth=0, not_before=0)

    return tx.batch_cache.get(("lane", mailbox_id, domain), find)


def prefetch(tx: Transaction, mailbox_ids: Collection[int], domains: Collection[str]) -> None:
    """Prefetch for a whole batch the lanes that `lane_for` will look up one by one."""
    for row in tx.fetch_unflushed(_LANES_OF, {"b_mailboxes": list(mailbox_ids), "b_domains": list(domains)}):
        tx.batch_cache.get(
            ("lane", row.mailbox_id, row.domain), functools.partial(LaneFacts, row.id, row.depth, row.not_before)
        )


def enqueue(tx: Transaction, slots: Iterable[Slot]) -> None:
    """Make recipients ready to leave from their due time on."""
    for slot in slots:
        tx.made_due = True
        tx.add(
            READY,
            {
                "lane_id": slot.lane_id,
                "due": slot.due,
                "message_id": slot.message_id,
                "n": slot.n,
                "charged": slot.charged,
            },
        )
        change = tx.lane(slot.lane_id)
        change.depth += 1
        change.due = min(change.due, slot.due)


def withdraw(tx: Transaction, keys: Collection[tuple[int, int]], *, lanes: Collection[int]) -> int:
    """Remove recipients from their lanes (cancelled, retired, sent back to review); returns how many were ready."""
    gone = 0
    for lane_id in lanes:
        for message_id, n in keys:
            c = READY.c
            removed = tx.write(delete(READY).where(c.lane_id == lane_id, c.message_id == message_id, c.n == n))
            if removed:
                tx.lane(lane_id).depth -= removed
                gone += removed
    return gone


def followers(tx: Transaction, message_ids: Collection[int]) -> Sequence[Any]:
    """Return recipients that wait for one of these messages to become final (order within a conversation)."""
    return tx.fetch(_FOLLOWERS, {"b_ids": list(message_ids)}) if message_ids else ()


def predecessor(tx: Transaction, *, mailbox_id: int, conversation: int, before: int, address: str) -> int | None:
    """Return the latest earlier message of a conversation that is not final for this recipient, or None."""
    m, r = MESSAGE.c, RECIPIENT.c
    row = tx.one(
        select(m.id)
        .join(RECIPIENT, r.message_id == m.id)
        .where(
            m.mailbox_id == mailbox_id,
            m.conversation == conversation,
            m.id < before,
            r.address == address,
            r.status.in_([s.value for s in Status if not s.final]),
            # A message scheduled for next week must not hold back today's replies.
            or_(m.send_at.is_(None), m.send_at <= tx.now),
        )
        .order_by(m.id.desc())
        .limit(1)
    )
    return int(row.id) if row else None


_LANE_OF: Final = select(LANE.c.id, LANE.c.depth, LANE.c.not_before).where(
    LANE.c.mailbox_id == bindparam("b_mailbox"), LANE.c.domain == bindparam("b_domain")
)
_LANES_OF: Final = select(LANE.c.mailbox_id, LANE.c.domain, LANE.c.id, LANE.c.depth, LANE.c.not_before).where(
    LANE.c.mailbox_id.in_(bindparam("b_mailboxes", expanding=True)),
    LANE.c.domain.in_(bindparam("b_domains", expanding=True)),
)
_FOLLOWERS: Final = (
    select(
        RECIPIENT.c.message_id, RECIPIENT.c.n, RECIPIENT.c.address, RECIPIENT.c.lane_id, RECIPIENT.c.status,
        RECIPIENT.c.waits_for, RECIPIENT.c.charged, MESSAGE.c.submitted_at, MESSAGE.c.send_at,
        MESSAGE.c.mailbox_id, MESSAGE.c.conversation,
    )
    .join(MESSAGE, MESSAGE.c.id == RECIPIENT.c.message_id)
    .where(RECIPIENT.c.waits_for.in_(bindparam("b_ids", expanding=True)))
)  # fmt: skip

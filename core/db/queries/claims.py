"""Who is on a held item: the reviewer who claimed it, and those who have it open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from core.db.tables import CLAIM, READER
from core.durations import stamp
from core.views.queue import ClaimView, Presence


def readers(conn: Connection, ids: Sequence[int]) -> dict[int, tuple[Presence, ...]]:
    """Who has each of these items open."""
    found: dict[int, tuple[Presence, ...]] = {}
    for row in conn.execute(_READERS, {"ids": ids}):
        found[row.item] = (*found.get(row.item, ()), Presence(row.name, row.since))
    return found


def claims(conn: Connection, ids: Sequence[int]) -> dict[int, ClaimView]:
    """The claim on each of these items that has one."""
    return {row.item: ClaimView(row.operator, row.until) for row in conn.execute(_CLAIMS, {"ids": ids})}


def claimed_by_others(conn: Connection, viewer: str | None, *, now: int) -> list[int]:
    """Items that somebody other than the viewer has claimed now; few, for a claim ends after ten minutes."""
    query = select(CLAIM.c.item).where(CLAIM.c.until > now)
    if viewer is not None:
        query = query.where(CLAIM.c.operator != viewer)
    return list(conn.execute(query.order_by(CLAIM.c.item)).scalars())


def who(claim: ClaimView | None, present: Sequence[Presence], *, now: int) -> dict[str, Any]:
    """The same as members of an item: null and [] for nobody."""
    held = claim is not None and claim.holds(now)
    return {
        "claimed_by": claim.operator if claim is not None and held else None,
        "claimed_until": stamp(claim.until) if claim is not None and held else None,
        "read_by": [one.operator for one in present if one.reads(now)],
    }


_READERS: Final = (
    select(READER.c.item, READER.c.name, READER.c.since)
    .where(READER.c.item.in_(bindparam("ids", expanding=True)))
    .order_by(READER.c.name)
)
_CLAIMS: Final = select(CLAIM.c.item, CLAIM.c.operator, CLAIM.c.until).where(
    CLAIM.c.item.in_(bindparam("ids", expanding=True))
)

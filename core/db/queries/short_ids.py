"""Messages and held items by a part of their id."""

from __future__ import annotations

from sqlalchemy import Connection, select

from core.db.tables import MESSAGE, REVIEW


def between(conn: Connection, low: int, high: int, *, most: int) -> set[int]:
    """At most so many of the messages and items with an id in this range, in each table."""
    found = set[int]()
    for table in (MESSAGE, REVIEW):
        rows = select(table.c.id).where(table.c.id >= low, table.c.id <= high).order_by(table.c.id).limit(most)
        found.update(row.id for row in conn.execute(rows))
    return found


def held_ending(conn: Connection, end: int, *, bits: int, most: int) -> set[int]:
    """At most so many of the pending items whose ids have these last bits.

    Of pending items alone: all mail ever sent cannot be searched so.
    """
    rows = select(REVIEW.c.id).where(
        REVIEW.c.status == "pending", REVIEW.c.id.bitwise_and((1 << bits) - 1) == end
    )  # fmt: skip
    return {row.id for row in conn.execute(rows.limit(most))}

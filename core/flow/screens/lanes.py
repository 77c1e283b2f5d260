"""Lanes with the pace and the ceiling that bind them, from the rows and counters the gate asks."""

from __future__ import annotations

from dataclasses import dataclass

from core.flow import allowances
from core.ledger import facts
from core.ledger.transaction import Transaction
from core.ledger.views import lanes
from core.ledger.views.lanes import LaneRow, SiteRow
from core.words import Limit


@dataclass(frozen=True, slots=True)
class PacedLane:
    """A lane, its pace (messages a minute towards its site) and its ceiling (attempts an hour there)."""

    row: LaneRow
    per_minute: int
    ceiling: Limit


@dataclass(frozen=True, slots=True)
class LanesView:
    """Sites by age, and a page of lanes; the next begins `below` (depth, id), None on the last."""

    shape: tuple[SiteRow, ...]
    lanes: tuple[PacedLane, ...]
    below: tuple[int, int] | None


def view(tx: Transaction, *, below: tuple[int, int] | None = None, limit: int = lanes.PAGE) -> LanesView:
    """The deepest first; the shape is read with the first page only."""
    rows = lanes.lanes(tx.conn, now=tx.now, below=below, limit=limit + 1)
    shown = rows[:limit]
    following = (shown[-1].depth, shown[-1].id) if len(rows) > limit else None
    shape = tuple(lanes.shape(tx.conn, now=tx.now)) if below is None else ()
    return LanesView(shape, tuple(_paced(tx, row) for row in shown), following)


def _paced(tx: Transaction, row: LaneRow) -> PacedLane:
    box = facts.gate(tx, row.mailbox_id)
    ceiling = allowances.site_cap(tx, box, row.site).room(tx).limit("site_hour")
    return PacedLane(row, allowances.site_pace(tx, box, row.site), ceiling)

"""Staged writes of one verb, or of the batch so far: rows to insert, events for the log, changes of lanes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table

from core.db import hot_statements, queue_changes
from core.db.queue_changes import LaneChange
from core.events import Event


@dataclass(slots=True)
class Staged:
    """Writes not yet in the database. `write` sends all but the events, which go last of all."""

    rows: dict[Table, list[dict[str, Any]]] = field(default_factory=dict)
    keys: set[Hashable] = field(default_factory=set)
    """Keys claimed for what must be staged only once."""
    events: list[Event] = field(default_factory=list)
    lanes: dict[int, LaneChange] = field(default_factory=dict)
    vouched: set[str] = field(default_factory=set)
    """Operators whose token and roles this verb has looked up."""

    def add(self, table: Table, rows: Iterable[dict[str, Any]]) -> None:
        self.rows.setdefault(table, []).extend(rows)

    def lane(self, lane_id: int) -> LaneChange:
        return self.lanes.setdefault(lane_id, LaneChange())

    def join(self, other: Staged) -> None:
        """Merge the staged writes of a verb that succeeded."""
        for table, rows in other.rows.items():
            if table in self.rows:
                self.rows[table] += rows
            else:
                self.rows[table] = rows
        self.keys |= other.keys
        self.events.extend(other.events)
        for lane, change in other.lanes.items():
            self.lane(lane).join(change)

    def write(self, conn: Connection) -> None:
        """Insert the rows and change the lanes."""
        for table, rows in self.rows.items():
            if rows:
                hot_statements.insert_all(conn, table, rows)
        self.rows.clear()
        if self.lanes:
            queue_changes.apply(conn, self.lanes)
            self.lanes.clear()

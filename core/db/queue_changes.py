"""A batch's changes to lanes, summed, so that fifty messages to one lane cost it one write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, update

from core.db import hot_statements
from core.db.tables import LANE
from core.durations import FAR_FUTURE


@dataclass(slots=True)
class LaneChange:
    """`depth` and `in_flight` are differences; `due` is the earliest due time among the added."""

    depth: int = 0
    in_flight: int = 0
    due: int = FAR_FUTURE

    def join(self, other: LaneChange) -> None:
        self.depth += other.depth
        self.in_flight += other.in_flight
        self.due = min(self.due, other.due)


def apply(conn: Connection, changes: Mapping[int, LaneChange]) -> None:
    """Write the changes. New recipients do not wake a lane that is held back (`not_before`)."""
    rows: list[dict[str, Any]] = [
        {"b_id": lane, "b_depth": change.depth, "b_in_flight": change.in_flight, "b_due": change.due}
        for lane, change in sorted(changes.items())
    ]
    hot_statements.run(conn, _APPLY, rows)


_C: Final = LANE.c
_DUE: Final = bindparam("b_due", type_=_C.next_at.type)
_EARLIEST: Final = case((_C.not_before > _DUE, _C.not_before), else_=_DUE)
_APPLY: Final = (
    update(LANE)
    .where(_C.id == bindparam("b_id"))
    .values(
        depth=_C.depth + bindparam("b_depth"),
        in_flight=_C.in_flight + bindparam("b_in_flight"),
        next_at=case((_C.next_at > _EARLIEST, _EARLIEST), else_=_C.next_at),
    )
)

"""Decisions on held mail that are not final yet, whoever made them: those of one batch together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from core.db.tables import AGENT, REVIEW
from core.durations import stamp
from core.ids import spell_id
from core.model import RECEIVE

MOST: Final = 10_000
"""Items of one answer."""
OPEN: Final = ("approved", "rejecting")


@dataclass(frozen=True, slots=True)
class UndoableDecision:
    """One decision, or the batch that it belongs to. `release_at` is when the first of its items becomes final."""

    verb: str
    by: str
    agent: str
    batch: str | None
    decided_at: int
    release_at: int
    items: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "verb": self.verb, "by": self.by, "agent": self.agent, "batch": self.batch,
            "decided_at": stamp(self.decided_at), "release_at": stamp(self.release_at), "ids": list(self.items),
        }  # fmt: skip


def decisions(conn: Connection, *, now: int) -> tuple[list[UndoableDecision], bool]:
    """Return them, the latest first, and whether there are others. `agent` is that of the first item."""
    c = REVIEW.c
    rows = conn.execute(
        select(
            c.id, c.kind, c.message_id, c.status, c.batch, c.decided_by, c.decided_at, c.release_at,
            AGENT.c.name.label("agent"),
        )
        .join(AGENT, AGENT.c.id == c.agent_id)
        .where(c.status.in_(OPEN), c.release_at > now)
        .order_by(c.decided_at.desc(), c.id)
        .limit(MOST + 1)
    ).all()  # fmt: skip
    groups: dict[object, list[Any]] = {}
    for row in rows[:MOST]:
        groups.setdefault((row.batch, row.status) if row.batch else row.id, []).append(row)
    return [_decision(group) for group in groups.values()], len(rows) > MOST


def _decision(group: list[Any]) -> UndoableDecision:
    first = group[0]
    return UndoableDecision(
        "approve" if first.status == "approved" else "reject", first.decided_by or "", first.agent, first.batch,
        first.decided_at, min(row.release_at for row in group),
        tuple(spell_id("m" if row.kind == RECEIVE or row.message_id is not None else "a", row.id) for row in group),
    )  # fmt: skip

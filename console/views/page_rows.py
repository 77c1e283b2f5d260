"""Dead webhooks and waiting changes of the policy as table rows. Pure; foreign text is made safe here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from console.themes import Tone
from console.views.rows import row, safe_cell
from console.widgets.columns import Cell, Column, Row
from core.durations import read_stamp
from core.views.format import ABSENT, day_and_clock

DEAD: Final = (
    Column("number", "NUMBER", 7, align="right"),
    Column("at", "GIVEN UP", 12),
    Column("mailbox", "MAILBOX", 18, grow=1),
    Column("event", "EVENT", 17),
    Column("message", "MESSAGE", 14, drop=1),
    Column("why", "WHY", 16, grow=2),
)
CHANGES: Final = (
    Column("path", "KEY", 24, grow=1),
    Column("old", "IN FORCE", 14, grow=1),
    Column("new", "WAITING", 14, grow=1),
    Column("direction", "", 10),
)


def dead_row(one: Mapping[str, Any]) -> Row:
    """One event that was given up, or is being sent again."""
    again = one["replayed_at"] is not None
    return row(
        one["id"],
        (
            Cell(str(one["id"]), Tone.MUTED),
            Cell(day_and_clock(read_stamp(one["at"])), Tone.MUTED),
            safe_cell(one["mailbox"], Tone.STRONG),
            Cell(one["event"], Tone.PLAIN),
            safe_cell(one["message_id"] or ABSENT, Tone.INFO),
            Cell("is being sent again", Tone.GOOD) if again else safe_cell(one["error"], Tone.WARN),
        ),
    )


def change_row(number: int, one: Mapping[str, Any]) -> Row:
    """One key of the policy."""
    tone = {"loosens": Tone.WARN, "tightens": Tone.GOOD}.get(one["direction"], Tone.MUTED)
    return row(
        number,
        (
            safe_cell(one["path"], Tone.STRONG),
            safe_cell(_value(one["old"])),
            safe_cell(_value(one["new"]), tone),
            Cell(one["direction"], tone),
        ),
    )


def _value(value: object) -> str:
    if value is None:
        return ABSENT
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()

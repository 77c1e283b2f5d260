"""All desks as table rows, one line each. Pure; what a file or a desk says is made safe here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from console.desk_watch import State
from console.themes import Tone
from console.views.rows import row, safe_cell
from console.widgets.columns import Cell, Column, Row
from core.views.format import ABSENT, age, clock, count_short

if TYPE_CHECKING:
    from console.desk_watch import DeskLine

ALL_DESKS: Final = (
    Column("desk", "DESK", 12, grow=1),
    Column("held", "HELD", 5, align="right"),
    Column("oldest", "OLDEST", 6, align="right"),
    Column("faults", "CRIT", 4, align="right"),
    Column("sent", "SENT/15m", 8, align="right"),
    Column("complaints", "COMPL", 5, align="right"),
    Column("state", "CONNECTION", 30, grow=2),
)


def desk_row(index: int, line: DeskLine, *, now: int, here: bool) -> Row:
    """One desk. `here`: it is the one that the console has open. Figures of a desk that is lost are dimmed."""
    stale = line.state is not State.LIVE
    name = safe_cell(f"{'▸ ' if here else ''}{line.place.shown}{' ■ STOPPED' * line.stopped}", Tone.STRONG)
    if line.held is None:
        return row(index, (name, *(Cell(ABSENT, Tone.MUTED) for _ in range(5)), _state(line)))
    oldest = age(max(0, now - line.oldest)) if line.oldest is not None else ABSENT
    return row(
        index,
        (
            name,
            Cell(count_short(line.held), _tone(Tone.PLAIN, stale=stale)),
            Cell(oldest, _tone(Tone.PLAIN, stale=stale)),
            Cell(f"✖{line.faults}" if line.faults else ABSENT, _tone(Tone.FAULT, stale=stale or not line.faults)),
            Cell(count_short(line.sent), _tone(Tone.PLAIN, stale=stale)),
            Cell(count_short(line.complaints), _tone(Tone.WARN, stale=stale or not line.complaints)),
            _state(line),
        ),
    )


def _tone(tone: Tone, *, stale: bool) -> Tone:
    return Tone.MUTED if stale else tone


def _state(line: DeskLine) -> Cell:
    match line.state:
        case State.ASKED:
            return Cell("○ asking ...", Tone.MUTED)
        case State.LIVE:
            return Cell("● live", Tone.GOOD)
        case State.LOST:
            return safe_cell(f"✖ unreachable since {clock(line.since)}: {line.reason}", Tone.FAULT)
        case State.SIGN_IN:
            said = line.reason.removeprefix("sign-in needed: ")
            return safe_cell(f"▲ sign-in needed: {said}", Tone.WARN)
        case State.REFUSED:
            return safe_cell(f"▲ {line.reason}", Tone.WARN)

"""Columns, cells and rows of a table: how they share the width, and what one line says.

Pure: widths in, pieces of text with tones out. The table (`console.widgets.table`) paints them.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from console.safe_text import MARKER, cells, clip, clip_address, fit
from console.themes import Tone
from core.views.format import age

GAP: Final = 1
_NO_NAMES: Final[Mapping[int, int]] = {}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `width` in cells is also the least a flexible one (`grow` > 0) shrinks to.

    `drop`: 0 is never dropped; of the others the highest is dropped first when the width does not suffice. Below
    `narrow_below` cells of table width, a column with `narrow` takes that width and its `short` title, and its cells
    their `short` text and no gap before their `tail`.

    `names`: it holds what a row is recognized by. It grows to the longest name seen, up to this many cells, before any
    other column grows; for it, gauges take their narrow form and other columns are dropped.
    """

    key: str
    title: str
    width: int
    grow: int = 0
    align: Literal["left", "right"] = "left"
    drop: int = 0
    narrow: int | None = None
    narrow_below: int = 100
    short: str | None = None
    names: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """Safe text with its meaning. `tail` is kept when `text` is clipped; `since` draws a running age instead.

    An `address` that is clipped keeps its domain.
    """

    text: str = ""
    tone: Tone = Tone.PLAIN
    tail: str = ""
    tail_tone: Tone = Tone.WARN
    short: str | None = None
    since: int | None = None
    address: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What a source knows about one id. A changed row has a new `version`; actions are bound to `digest`."""

    id: int
    version: int
    cells: tuple[Cell, ...]
    digest: str | None = None

    def ages(self, now: int) -> tuple[str, ...]:
        """Its running ages as they are drawn now."""
        return tuple(age(now - cell.since) for cell in self.cells if cell.since is not None)


_NOTHING: Final = Cell()


class Placed(NamedTuple):
    """A column with its position: which cell it draws and how wide."""

    cell: int
    column: Column
    width: int
    narrow: bool


class Piece(NamedTuple):
    text: str
    tone: Tone


def lay_out(
    columns: Sequence[Column], width: int, *, longest: Mapping[int, int] = _NO_NAMES, hidden: Container[str] = ()
) -> tuple[Placed, ...]:
    """Which columns fit into `width` cells, and how wide each is. Columns are separated by one cell.

    `longest`: by position of a column with `names`, how many cells its longest name takes. Columns in `hidden`, by
    key, are left out.
    """
    chosen: list[Placed] = []
    for index, column in enumerate(columns):
        if column.key in hidden:
            continue
        if column.narrow is None or width >= column.narrow_below:
            wanted = max(column.width, min(longest.get(index, 0), column.names))
            chosen.append(Placed(index, column, wanted, narrow=False))
        else:
            chosen.append(Placed(index, column, column.narrow, narrow=True))
    if any(placed.width > placed.column.width for placed in chosen):
        chosen = [_narrowed(placed) if _needed(chosen) > width else placed for placed in chosen]
    while chosen and _needed(chosen) > width and any(placed.column.drop for placed in chosen):
        chosen.remove(max(chosen, key=lambda placed: placed.column.drop))
    spare = width - _needed(chosen)
    growing = sum(placed.column.grow for placed in chosen)
    if spare > 0 and growing:
        shares = {placed.cell: spare * placed.column.grow // growing for placed in chosen if placed.column.grow}
        shares[max(shares)] += spare - sum(shares.values())
        return tuple(placed._replace(width=placed.width + shares.get(placed.cell, 0)) for placed in chosen)
    return tuple(_squeeze(chosen, width))


def name_width(cell: Cell) -> int:
    """How many cells it takes to draw this uncut."""
    return cells(cell.text) + cells(cell.tail)


def _narrowed(placed: Placed) -> Placed:
    column = placed.column
    return placed if column.narrow is None else placed._replace(width=column.narrow, narrow=True)


def _needed(chosen: Sequence[Placed]) -> int:
    return sum(placed.width for placed in chosen) + GAP * max(0, len(chosen) - 1)


def _squeeze(chosen: list[Placed], width: int) -> list[Placed]:
    """Take cells from the widest flexible column until the columns that are never dropped fit as well as they can."""
    while _needed(chosen) > width:
        flexible = [placed for placed in chosen if (placed.column.grow or placed.column.names) and placed.width > 1]
        if not flexible:
            break
        widest = max(flexible, key=lambda placed: placed.width)
        chosen[chosen.index(widest)] = widest._replace(width=widest.width - 1)
    return chosen


def head(placed: Sequence[Placed]) -> str:
    """The titles, aligned as their columns are."""
    return (" " * GAP).join(
        fit(column.short if narrow and column.short else column.title, width, right=column.align == "right")
        for _, column, width, narrow in placed
    )


def pieces(row: Row, placed: Sequence[Placed], *, now: int) -> list[Piece]:
    """One row's text in order, each piece with its tone; as wide as the columns and their gaps."""
    drawn: list[Piece] = []
    for position, (index, column, width, narrow) in enumerate(placed):
        if position:
            _append(drawn, " " * GAP, None)
        cell = row.cells[index] if index < len(row.cells) else _NOTHING
        text = age(now - cell.since) if cell.since is not None else cell.text
        if narrow and cell.short is not None:
            text = cell.short
        tail = cell.tail.lstrip() if narrow else cell.tail
        tail_width = min(width, cells(tail))
        text = (clip_address if cell.address else clip)(text, width - tail_width)
        pad = " " * (width - tail_width - cells(text))
        if column.align == "right":
            _append(drawn, pad, None)
        for part, tone in _marked_up(text, cell.tone) if "⟨" in text else ((text, cell.tone),):
            _append(drawn, part, tone)
        if tail_width:
            _append(drawn, clip(tail, tail_width), cell.tail_tone)
        if column.align == "left":
            _append(drawn, pad, None)
    return drawn


def _append(drawn: list[Piece], text: str, tone: Tone | None) -> None:
    """Add a piece, or extend the last: every piece costs in every frame. Blank (None) joins whatever precedes it."""
    if not text:
        return
    last = drawn[-1] if drawn else None
    if last is not None and (tone is last.tone or (tone is None and last.tone is not Tone.HIDDEN)):
        drawn[-1] = Piece(last.text + text, last.tone)
    else:
        drawn.append(Piece(text, tone or Tone.PLAIN))


def _marked_up(text: str, tone: Tone) -> list[Piece]:
    """The text with its markers of hidden characters highlighted."""
    drawn: list[Piece] = []
    at = 0
    for found in MARKER.finditer(text):
        drawn += [Piece(text[at : found.start()], tone), Piece(found[0], Tone.HIDDEN)]
        at = found.end()
    return [*drawn, Piece(text[at:], tone)]

"""Spreadsheets that come in and go out as CSV: row by row, in bounded memory, and harmless to open.

A list of a million addresses always holds some bad rows. They are reported with their lines and the rest is kept; and
a list is imported in batches, each a transaction of its own, so that the desk goes on sending meanwhile.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from core.errors import Invalid

T = TypeVar("T")

BATCH_SIZE: Final = 500
Cells = Mapping[str, str]
"""Column -> what stands in it, trimmed; empty cells are left out."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not kept, and why. The problem names no address: it may end up in a log."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True)
class RowBatch(Generic[T]):
    """Rows for one transaction, with their line numbers, and the bad ones met on the way."""

    rows: tuple[tuple[int, T], ...]
    bad: tuple[BadRow, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a batch: rows added, rows that were there already, rows that were not kept."""

    added: int
    known: int
    bad: tuple[BadRow, ...]


def batches(
    lines: Iterable[str], *, columns: Sequence[str], read: Callable[[Cells], T], size: int = BATCH_SIZE
) -> Iterator[RowBatch[T]]:
    """Read CSV into batches of at most `size` rows. The first line may name the columns; else they stand in order."""
    rows: list[tuple[int, T]] = []
    bad: list[BadRow] = []
    for line, cells in _cells(lines, columns):
        try:
            if isinstance(cells, BadRow):
                bad.append(cells)
            else:
                rows.append((line, read(cells)))
        except Invalid as wrong:
            bad.append(BadRow(line, wrong.reason))
        if len(rows) + len(bad) >= size:
            yield RowBatch(tuple(rows), tuple(bad))
            rows, bad = [], []
    if rows or bad:
        yield RowBatch(tuple(rows), tuple(bad))


def written(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """CSV lines, the columns' names first. Text that a spreadsheet would run as a formula is quoted; see `harmless`."""
    yield _line(columns)
    for cells in rows:
        yield _line(["" if cell is None else harmless(cell) if isinstance(cell, str) else str(cell) for cell in cells])


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What starts a formula (OWASP, CSV injection); the last four are full-width, which some spreadsheets take as well."""
_QUOTED: Final = (*_FORMULA, "'")


def harmless(text: str) -> str:
    """Text with an apostrophe in front where a spreadsheet would take it for a formula.

    An agent's purpose, a reason or the local part of an address may begin with `=`: whoever opens the export would run
    it. `plain_text` takes the apostrophe away again, so what is exported imports as it was.
    """
    first = text.lstrip(" ")
    return f"'{text}" if first.startswith(_FORMULA) or text.startswith("'") else text


def plain_text(cell: str) -> str:
    """What `harmless` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].lstrip(" ").startswith(_QUOTED) else cell


def _cells(lines: Iterable[str], columns: Sequence[str]) -> Iterator[tuple[int, Cells | BadRow]]:
    reader = csv.reader(lines)
    names: Sequence[str] | None = None
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield reader.line_num, BadRow(reader.line_num, f"the row cannot be read: {error}")
            continue
        if row is None:
            return
        trimmed = [plain_text(cell.strip().removeprefix("\ufeff")) for cell in row]
        if not any(trimmed):
            continue
        if names is None:
            header = [cell.lower().replace(" ", "_") for cell in trimmed]
            if columns[0] in header:
                names = header
                continue
            names = columns
        yield reader.line_num, {name: cell for name, cell in zip(names, trimmed, strict=False) if cell}


def _line(cells: Sequence[object]) -> str:
    out = io.StringIO(newline="")
    # The module quotes the characters of its line end. With "\n" alone a carriage return in a cell would stand bare,
    # and readers that take it for the end of a row would begin the next one with whatever follows it.
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n") + "\n"

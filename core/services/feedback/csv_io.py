"""CSV import and export: row by row, in bounded memory, and safe to open in a spreadsheet.

A list of a million addresses always contains some bad rows. They are reported with their line numbers and the rest is
imported. A list is imported in batches, one transaction each, so that the desk keeps sending in the meantime.
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
SUPPRESSIONS: Final = ("address", "stream", "cause", "source", "added_at", "expires_at", "reason", "classes")
CONSENTS: Final = (
    "subject", "basis", "source", "scope", "region", "stream", "given_at", "expires_at", "withdrawn_at",
)  # fmt: skip
"""The columns of an exported list, each a member of the resource; an import takes the same."""
Cells = Mapping[str, str]
"""Column name -> cell text, trimmed; empty cells are left out."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was skipped, and why. The problem contains no address, because it may end up in a log."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True)
class RowBatch(Generic[T]):
    """Rows for one transaction, with their line numbers, and the bad rows among them."""

    rows: tuple[tuple[int, T], ...]
    bad: tuple[BadRow, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """Result of a batch: the rows added, the rows already known and the rows skipped."""

    added: int
    known: int
    bad: tuple[BadRow, ...]


def batches(
    lines: Iterable[str], *, columns: Sequence[str], read: Callable[[Cells], T], size: int = BATCH_SIZE
) -> Iterator[RowBatch[T]]:
    """Read CSV into batches of at most `size` rows.

    The first line may be a header; without one, the cells follow the order of `columns`.
    """
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


def batch(rows: Iterable[tuple[int, Cells]], *, read: Callable[[Cells], T]) -> RowBatch[T]:
    """Read lines that are split into cells already, as one batch."""
    good: list[tuple[int, T]] = []
    bad: list[BadRow] = []
    for line, cells in rows:
        try:
            good.append((line, read(cells)))
        except Invalid as wrong:
            bad.append(BadRow(line, wrong.reason))
    return RowBatch(tuple(good), tuple(bad))


def written(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield CSV lines, header first. `harmless` escapes text that a spreadsheet would run as a formula."""
    yield _line(columns)
    for cells in rows:
        yield _line(["" if cell is None else harmless(cell) if isinstance(cell, str) else str(cell) for cell in cells])


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Characters that start a formula (OWASP, CSV injection); the last four, full-width, work in some spreadsheets."""
_QUOTED: Final = (*_FORMULA, "'")


def harmless(text: str) -> str:
    """Prefix an apostrophe to text that a spreadsheet would take for a formula.

    An agent's purpose, a reason or the local part of an address may begin with `=`, and a spreadsheet would run it when
    somebody opens the export. `plain_text` removes the apostrophe again, so an export can be imported unchanged.
    """
    first = text.lstrip(" ")
    return f"'{text}" if first.startswith(_FORMULA) or text.startswith("'") else text


def plain_text(cell: str) -> str:
    """Undo `harmless`."""
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
    # The csv module quotes the characters of its line terminator. With "\n" alone, a carriage return in a cell would
    # be unquoted, and readers that treat it as the end of the row would start a new row with the text after it.
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n") + "\n"

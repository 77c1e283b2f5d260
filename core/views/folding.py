"""Repeats of one event as one line: `x2,341 in 4 min`, so that a busy quarter of an hour leaves the rest readable.

Pure, so that a screen folds what it has and a command what it was answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from core.durations import MINUTE
from core.views.events import EventRow, Severity

GAP: Final = 5 * MINUTE
"""Two equal events farther apart than this are two lines: something happened again."""
FEW: Final = 3
"""Fewer repeats than this are shown one by one."""
_Key = tuple[str, str, int | None, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Folded:
    """One line of events: the newest of them, how many, and since when. `seqs` are theirs, the newest first."""

    row: EventRow
    since: int
    seqs: tuple[int, ...]

    @property
    def id(self) -> int:
        """The oldest of them, which stays the same while the line grows."""
        return self.seqs[-1]

    @property
    def count(self) -> int:
        return len(self.seqs)


def fold(rows: Iterable[EventRow], *, opened: frozenset[int] = frozenset()) -> list[Folded]:
    """Fold events of one type, actor and mailbox (or agent, or stream); the newest line first.

    Others may lie between them. Errors are folded too, but only with each other: a type has one severity. Lines that
    have an event in `opened` are spread out again.
    """
    lines: list[list[EventRow]] = []
    latest: dict[_Key, list[EventRow]] = {}
    for row in sorted(rows, key=lambda one: -one.seq):
        key = (row.type, row.actor, row.mailbox, row.agent, row.stream)
        line = latest.get(key)
        if line is None or line[-1].at - row.at > GAP:
            line = latest[key] = []
            lines.append(line)
        line.append(row)
    found: list[Folded] = []
    for line in lines:
        if len(line) < FEW or any(row.seq in opened for row in line) or not _may_fold(line[0]):
            found += [Folded(row, row.at, (row.seq,)) for row in line]
        else:
            found.append(Folded(line[0], line[-1].at, tuple(row.seq for row in line)))
    return sorted(found, key=lambda one: -one.row.seq)


def _may_fold(row: EventRow) -> bool:
    """Whether many of a kind say no more than one with their number. Warnings about the desk itself stand alone."""
    return row.type.startswith(("email.", "token.", "feedback.", "webhook.", "lane.")) or row.severity is Severity.INFO


def repeated(line: Folded) -> str:
    """`x2,341 in 4 min`; nothing for a single event."""
    if line.count == 1:
        return ""
    span = line.row.at - line.since
    minutes = round(span / MINUTE)
    seconds = span // 1_000_000
    within = f"in {minutes} min" if minutes else f"in {seconds} s" if seconds else "at once"
    return f"x{line.count:,} {within}"

"""Which rows a table shows, in what order, and which of them the operator has pointed at. No screen, no I/O.

Everything is keyed by id. An index is only a place on the screen at this moment: between looking at a row and pressing
a key, rows come and go, and the key must still mean the row that was looked at. So the order freezes while anything is
marked, new arrivals wait to be loaded, and a row that disappears under the cursor or from a frozen order stays as a
`gone` row that no action accepts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_FEW: Final = 8


class RowSelection:
    """Ids in order, a cursor, marks, an optional range anchor. At 1,000,000 ids: 8 MB, and moves take microseconds."""

    def __init__(self) -> None:
        self.ids: array[int] = array("q")
        self.cursor: int | None = None
        self.anchor: int | None = None
        self.marks: dict[int, str | None] = {}
        """Marked ids and the digest that was on the screen when they were marked (None: not read yet)."""
        self.gone: set[int] = set()
        """Ids that are still drawn but no longer exist; actions must skip them."""
        self.fresh = 0
        """How many ids wait to be loaded."""
        self.hidden_marks: set[int] = set()
        """Marks that the present order does not show."""
        self._offered: array[int] | None = None
        # where cursor and anchor were last seen: checked before searching
        self._at = self._anchored = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def frozen(self) -> bool:
        """Whether the order must not change: something is marked, or a range is being selected."""
        return bool(self.marks) or self.anchor is not None

    @property
    def cursor_index(self) -> int:
        """Where the cursor is now; 0 if there are no rows."""
        if self.cursor is None:
            return 0
        if not (self._at < len(self.ids) and self.ids[self._at] == self.cursor):
            self._at = self.index_of(self.cursor) or 0
        return self._at

    def index_of(self, row: int) -> int | None:
        try:
            return self.ids.index(row)
        except ValueError:
            return None

    def load(self, ids: Iterable[int]) -> None:
        """Show this order now, because the operator asked (opened, filtered, sorted, pressed `.`).

        The cursor stays on its id, or goes to the first row. Marks stay, even those no longer shown.
        """
        self.ids = ids if isinstance(ids, array) else array("q", ids)
        self.gone.clear()
        self._offered, self.fresh, self.anchor = None, 0, None
        if self.cursor is None or self.index_of(self.cursor) is None:
            self.cursor, self._at = (self.ids[0] if self.ids else None), 0
        self._find_hidden()

    def offer(self, ids: Iterable[int]) -> bool:
        """A newer order is known. Shown at once unless frozen (False: it waits, and `fresh` says how many are new)."""
        offered = ids if isinstance(ids, array) else array("q", ids)
        if self.frozen:
            present = set(self.ids)
            self._offered = offered
            self.fresh = sum(1 for row in offered if row not in present)
            return False
        at = self.cursor_index
        cursor = self.cursor
        self.ids = offered
        self._offered, self.fresh = None, 0
        self.gone.clear()
        if cursor is None:
            self.cursor = offered[0] if offered else None
        elif self.index_of(cursor) is None:
            # never let another row slip under the cursor: the next key was meant for the one that left
            self._at = min(at, len(offered))
            self.ids.insert(self._at, cursor)
            self.gone.add(cursor)
        return True

    def load_offered(self) -> bool:
        """Load what is waiting (`.`). Marks stay."""
        if self._offered is None:
            return False
        self.load(self._offered)
        return True

    def remove(self, ids: Iterable[int]) -> list[int]:
        """These left the set (decided, expired, no longer matching). Returns the marks that went with them."""
        leaving = set(ids)
        was_frozen = self.frozen
        lost = [row for row in leaving if self.marks.pop(row, _ABSENT) is not _ABSENT]
        if self._offered is not None:
            self._offered = array("q", (row for row in self._offered if row not in leaving))
            self.fresh = len(set(self._offered).difference(self.ids))
        if was_frozen:
            self.gone |= leaving.intersection(self.ids)
        else:
            if self.cursor in leaving:
                self.gone.add(self.cursor)
            self._drop(leaving - self.gone)
        self._find_hidden()
        if was_frozen:
            self._thaw()
        return lost

    def _drop(self, leaving: set[int]) -> None:
        if len(leaving) > _FEW:
            self.ids = array("q", (row for row in self.ids if row not in leaving))
            return
        for row in leaving:
            if (at := self.index_of(row)) is not None:
                del self.ids[at]

    def _thaw(self) -> None:
        """Drop rows that only the frozen order kept; the cursor's own row stays."""
        if not self.frozen and self.gone:
            staying = {row for row in self.gone if row == self.cursor}
            self._drop(self.gone - staying)
            self.gone = staying

    def move_to(self, index: int) -> bool:
        """Put the cursor on the row at `index` (clamped). False if it was there already."""
        if not self.ids:
            return False
        index = max(0, min(len(self.ids) - 1, index))
        target = self.ids[index]
        if target == self.cursor:
            self._at = index
            return False
        self.cursor, self._at = target, index
        self._thaw()
        return True

    def seek(self, row: int) -> bool:
        """Put the cursor on an id, if it is shown."""
        index = self.index_of(row)
        if index is None:
            return False
        self.move_to(index)
        return True

    def toggle(self, row: int, digest: str | None) -> bool:
        """Toggle a mark; a gone row cannot be marked. Returns whether it is marked now."""
        if row in self.marks:
            del self.marks[row]
            self.hidden_marks.discard(row)
            self._thaw()
            return False
        if row in self.gone:
            return False
        self.marks[row] = digest
        return True

    def mark(self, rows: Mapping[int, str | None]) -> None:
        """Mark many of the visible rows; a digest that is already known stays as it was seen."""
        for row, digest in rows.items():
            if row not in self.gone and self.marks.get(row) is None:
                self.marks[row] = digest

    def clear_marks(self) -> None:
        self.marks.clear()
        self.anchor = None
        self.hidden_marks = set()
        self._thaw()

    def span(self) -> Sequence[int]:
        """The ids between the anchor and the cursor, both included; empty without an anchor."""
        if self.anchor is None or self.cursor is None or (start := self.index_of(self.anchor)) is None:
            return ()
        low, high = sorted((start, self.cursor_index))
        return self.ids[low : high + 1]

    def is_marked(self, index: int) -> bool:
        """Whether that row is marked, or lies in the range being selected."""
        if self.ids[index] in self.marks:
            return True
        if self.anchor is None:
            return False
        if not (self._anchored < len(self.ids) and self.ids[self._anchored] == self.anchor):
            self._anchored = self.index_of(self.anchor) or 0
        low, high = sorted((self._anchored, self.cursor_index))
        return low <= index <= high

    def _find_hidden(self) -> None:
        self.hidden_marks = set(self.marks).difference(self.ids) if self.marks else set()


_ABSENT: Final = object()

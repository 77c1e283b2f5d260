"""What a table knows about its rows: the few thousand it has read, and which of them are stale. No screen, no I/O."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol

from console.widgets.columns import Row

ROWS_KEPT: Final = 2_000
DIGESTS_A_TURN: Final = 500


class RowSource(Protocol):
    """Where rows come from. May answer at once (a local database) or later (a thread, a remote desk)."""

    def fetch(self, ids: Sequence[int], /) -> Mapping[int, Row] | Awaitable[Mapping[int, Row]]:
        """The rows with these ids; an id that is left out no longer exists."""


class RowCache:
    """Rows by id. Events only mark ids dirty; a dirty row is read again only if someone can see it."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._dirty: set[int] = set()

    def get(self, row: int) -> Row | None:
        return self._rows.get(row)

    def digest(self, row: int) -> str | None:
        """The digest of the row as last drawn, or None if it never was."""
        return cached.digest if (cached := self._rows.get(row)) else None

    def touch(self, ids: Iterable[int]) -> None:
        """These have changed."""
        self._dirty.update(ids)

    def touch_all(self) -> None:
        self._dirty.update(self._rows)

    def drop(self, ids: Iterable[int]) -> None:
        for row in ids:
            self._rows.pop(row, None)

    @property
    def has_dirty(self) -> bool:
        return bool(self._dirty)

    def settle(self, visible: Collection[int]) -> None:
        """Forget dirty rows that are out of view; they are read when they come into view."""
        if not self._dirty:
            return
        unseen = self._dirty.difference(visible)
        self.drop(self._rows.keys() & unseen)
        self._dirty -= unseen

    def wanted(self, visible: Iterable[int], *, gone: Collection[int]) -> list[int]:
        """Which of the visible rows must be fetched."""
        return [row for row in visible if (row not in self._rows or row in self._dirty) and row not in gone]

    def asked(self, ids: Iterable[int]) -> None:
        """These are being read: any change from now on makes them dirty again."""
        self._dirty.difference_update(ids)

    def accept(self, rows: Mapping[int, Row], *, visible: Iterable[int]) -> set[int]:
        """Keep what was read; returns the ids whose content is new."""
        changed = {row for row, read in rows.items() if self._rows.get(row) != read}
        if len(self._rows) + len(rows) > ROWS_KEPT:
            self._rows = {row: self._rows[row] for row in visible if row in self._rows}
        self._rows.update(rows)
        return changed

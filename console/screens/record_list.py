"""What the record screens share: one table whose rows are all known, read again when something has happened."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult

from console.screens.table_screen import TableScreen
from console.state import DeskUpdate, Link
from console.views.rows import Shelf
from console.widgets.columns import Column, Row
from console.widgets.line_painter import Texts
from console.widgets.table import VirtualTable

READ_AFTER: Final = 1.0
"""Seconds from an event to reading a list again: a thousand events a second cost one read."""


class ListScreen(TableScreen):
    """A screen that is one table. Subclasses name its columns, and read and draw in `load`."""

    columns: ClassVar[tuple[Column, ...]]
    texts: ClassVar[Texts] = Texts()
    event_prefixes: ClassVar[Collection[str]] = ()
    """Prefixes of event names that change what is shown; empty: any."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self._rows_pending = False

    def compose_body(self) -> ComposeResult:
        yield VirtualTable(
            self.columns, self.shelf, now=lambda: self.console.now, markable=False, id="list", texts=self.texts
        )

    def shown_of(self) -> str:
        return f"{len(self.table.roster.ids):,}"

    @property
    def rows_pending(self) -> bool:
        return self._rows_pending

    def filtered(self) -> None:
        self._rows_pending = True
        super().filtered()

    def show_rows(self, rows: Sequence[Row], *, cursor: int | None = None) -> None:
        """Draw these rows; repaint at once what changed in them. `cursor`: as in `VirtualTable.show_rows`."""
        self._rows_pending = False
        ids, changed = self.shelf.fill(rows)
        self.table.show_rows(ids, filtered=bool(self.wants), cursor=cursor)
        self.table.touch_rows(changed)
        self.table.tick()
        self.check_frame()

    def apply_update(self, update: DeskUpdate) -> None:
        if update.live.link is Link.LOST:
            self.table.say_failed(update.live.lost_reason)
        elif update.everything:
            self.reload()
        elif self._concerns(update):
            self.reload_soon(READ_AFTER)

    def _concerns(self, update: DeskUpdate) -> bool:
        if not update.count:
            return False
        return not self.event_prefixes or any(kind.startswith(tuple(self.event_prefixes)) for kind in update.kinds)

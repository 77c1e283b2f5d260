"""A screen whose main part is one table."""

from __future__ import annotations

from typing import ClassVar

from textual import on

from console.screens.desk_screen import DeskScreen
from console.table_messages import FetchFailed
from console.widgets.table import VirtualTable


class TableScreen(DeskScreen):
    """Keys go to its table, which keeps its rows when a read fails and says that they are stale."""

    table_id: ClassVar[str] = "list"

    @property
    def table(self) -> VirtualTable:
        return self.query_one(f"#{self.table_id}", VirtualTable)

    def on_mount(self) -> None:
        self.table.focus()

    def focus_body(self) -> None:
        self.table.focus()

    def failed(self, reason: str) -> None:
        super().failed(reason)
        self.table.say_failed(reason)

    @on(FetchFailed)
    def _not_read(self, event: FetchFailed) -> None:
        self.table.say_failed(str(event.error))

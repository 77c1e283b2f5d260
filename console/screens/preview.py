"""A list of held mail with the message under its cursor beside it, where the screen is wide enough for both."""

from __future__ import annotations

import asyncio
from typing import Final

from textual import events, on, work
from textual.timer import Timer

from console.dialogs import Dialog
from console.screens.held_actions import HeldScreen
from console.screens.message import MessageScreen
from console.screens.table_screen import TableScreen
from console.table_messages import Highlighted
from console.views.item_lines import body_lines, check_lines, fact_lines
from console.views.message_lines import message_of
from console.widgets.pane import TextPane
from core.desk_client import reads
from core.errors import PostroomError

PREVIEW_AFTER: Final = 0.1
PREVIEW_AGAIN: Final = 5.0
"""Seconds before the preview of a row that keeps changing is read again."""
READ_AFTER: Final = 0.5
"""Seconds a preview must stay before it counts as being read; leafing past reads nothing."""


class PreviewScreen(HeldScreen, TableScreen):
    """Subclasses compose and style a pane called `preview` beside the table."""

    def __init__(self) -> None:
        super().__init__()
        self.add_class("-previews")
        self._peek: Timer | None = None
        self._looked_at: int | None = None
        self._previewed: int | None = None
        self._reading: Timer | None = None

    @on(Highlighted)
    def _point(self) -> None:
        if self.table.cursor_id != self._looked_at:
            self._look()
        elif self._peek is None:
            # its row changes with every event; the preview beside it is read at a reader's pace
            self._peek = self.set_timer(PREVIEW_AGAIN, self._preview_now)

    def _look(self) -> None:
        for timer in (self._peek, self._reading):
            if timer is not None:
                timer.stop()
        self._looked_at = self.table.cursor_id
        self._peek = self.set_timer(PREVIEW_AFTER, self._preview_now)
        self._reading = self.set_timer(READ_AFTER, self._note_reading)
        self.check_frame()

    def _preview_now(self) -> None:
        self._peek = None
        self._preview()

    def _note_reading(self) -> None:
        """The preview shows the body: while it stays, it is being read."""
        if self.app.screen is self:
            self.reads(self.table.cursor_id if self.query_one("#preview").display else None)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        super().on_screen_resume(event)
        self._look()

    def on_screen_suspend(self) -> None:
        # a dialog over the queue, or the message's own page, leaves it where it is
        if self.app.screen is not self and not isinstance(self.app.screen, Dialog | MessageScreen):
            self.reads(None)

    @work(group="peek", exclusive=True, exit_on_error=False)
    async def _preview(self) -> None:
        pane, item = self.query_one("#preview", TextPane), self.table.cursor_id
        if not pane.display:
            return
        if item is None:
            pane.show_lines([])
            self._previewed = None
            return
        try:
            message = await asyncio.to_thread(message_of, await self.desk.read(reads.ITEM, id=item))
        except PostroomError:
            return  # the header and the table say it already
        now = self.console.now
        lines = [*fact_lines(message, now=now), [], *check_lines(message), [], *body_lines(message)]
        pane.show_lines(lines, top=item != self._previewed)
        self._previewed = item

    def on_resize(self) -> None:
        self._look()

    def do_preview(self) -> None:
        self.toggle_class("-previews")
        if not self.has_class("-wide"):
            self.console.perform("open")
        self._look()

"""9 Inbox: mail that the desk's mailboxes received, newest first. Held mail can be released or rejected here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from console.copying import Source
from console.keymap import Scope, key_of
from console.safe_text import fill, make_safe
from console.screens.desk_screen import bindings
from console.screens.held_actions import HeldScreen, short
from console.screens.table_screen import TableScreen
from console.state import DeskUpdate, Link
from console.table_messages import Highlighted
from console.views.received_rows import RECEIVED, received_row
from console.widgets.columns import Row
from console.widgets.line_painter import Texts
from console.widgets.table import VirtualTable
from core.desk_client import reads
from core.errors import PostroomError
from core.filter_fields import Listing, fields
from core.views.format import count
from core.views.received import ReceivedRow

READ_AFTER: Final = 1.0
"""Seconds from an event to reading the order again: a hundred arrivals a second cost one read."""
NEAR: Final = 50
"""Rows from the end of what is loaded at which the next page is read."""
PAGE: Final = 500
"""Ids read at a time."""
CONCERNS: Final = ("email.", "recipient.")


class InboxScreen(HeldScreen, TableScreen):
    """Received mail, page by page: ids by their index, lines only where they are in view."""

    scope = Scope.INBOX
    tab = 9
    title_word = "Inbox"
    listing = Listing.INBOX
    filter_fields = fields(Listing.INBOX)
    fault_filter = "state:held"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.INBOX)

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, ReceivedRow] = {}
        self._wanted = PAGE
        self._more = False
        self._asked = False

    def compose_body(self) -> ComposeResult:
        texts = Texts(loading="Loading received mail ...", empty="Nothing has been received yet.")
        yield VirtualTable(RECEIVED, self, now=lambda: self.console.now, markable=False, id="list", texts=texts)

    def on_mount(self) -> None:
        self.table.sending = self.console.session.sending

    def position(self) -> str:
        return super().position() + ("+" if self._more else "")

    def tally(self) -> str:
        return f"{count(len(self.table.roster))}{'+' if self._more else ''} shown"

    # -- rows ---------------------------------------------------------------------------------------------------------

    async def fetch(self, ids: Sequence[int], /) -> Mapping[int, Row]:
        """The lines of these ids: what the table asks for when they come into view."""
        items = list(ids)
        found = {row.id: row for row in (await self.desk.read(reads.INBOX_ROWS, ids=items)).rows}
        visible = set(self.table.roster.ids) if len(self._known) > 4 * PAGE else None
        if visible is not None:
            self._known = {item: row for item, row in self._known.items() if item in visible}
        self._known |= found
        self.check_frame_with_rows()
        return {item: received_row(row) for item, row in found.items()}

    async def load(self) -> None:
        wants, wanted, fresh = self.wants, self._wanted, not self._asked
        ids = (await self.desk.read(reads.INBOX, filter=self.filter_text, limit=wanted + 1)).ids
        self._more = len(ids) > wanted
        self._asked = True
        if fresh:
            self.table.show_rows(ids[:wanted], filtered=bool(wants))
        else:
            self.table.offer_rows(ids[:wanted])
        self.check_frame()

    @property
    def rows_pending(self) -> bool:
        return not self._asked

    def apply_update(self, update: DeskUpdate) -> None:
        if update.live.link is Link.LOST:
            self.table.say_failed(update.live.lost_reason)
            return
        if update.everything:
            self.table.say_current()
            self.table.forget()  # a line here changes after its message was decided, without an event
            self.reload()
            return
        self.table.touch_rows(update.messages)
        if any(kind.startswith(CONCERNS) for kind in update.kinds):
            self.reload_soon(READ_AFTER)

    def filtered(self) -> None:
        self._asked, self._wanted = False, PAGE
        self.reload()
        self.check_frame()

    @on(Highlighted)
    def _near_the_end(self) -> None:
        self.check_frame()
        if self._more and self._asked and self.table.roster.cursor_index >= len(self.table.roster) - NEAR:
            self._load_older()

    @work(group="older", exclusive=True, exit_on_error=False)
    async def _load_older(self) -> None:
        """The next page, below what is loaded."""
        order = self.table.roster.ids
        if not len(order):
            return
        wants = self.wants
        try:
            found = await self.desk.read(reads.INBOX, filter=self.filter_text, before=order[-1], limit=PAGE + 1)
        except PostroomError as error:
            self.failed(str(error))
            return
        older = found.ids
        if wants != self.wants or order is not self.table.roster.ids:
            return  # a filter was set, or the order was read again meanwhile
        self._more = len(older) > PAGE
        self.table.offer_rows(order + older[:PAGE])
        self._wanted = len(self.table.roster)
        self.check_frame()

    # -- doing --------------------------------------------------------------------------------------------------------

    def _row(self) -> ReceivedRow | None:
        cursor = self.table.cursor_id
        return None if cursor is None or self.table.is_gone(cursor) else self._known.get(cursor)

    def chosen(self) -> tuple[int, str | None, str] | None:
        row = self._row()
        return None if row is None or row.status != "held" else (row.id, row.digest, row.spelled)

    def about(self) -> Content:
        row = self._row()
        if row is None:
            return Content("")
        return fill("$sender → $agent · $subject", sender=row.sender, agent=row.agent, subject=row.subject)

    def findings(self) -> tuple[str, ...]:
        row = self._row()
        return row.findings if row is not None else ()

    def tells_agent(self) -> bool:
        return False

    def decided(self, items: Sequence[int]) -> None:
        self.table.touch_rows(items)
        self.check_frame()

    def why_not(self, name: str) -> str | None:
        if name not in {"approve", "reject", "open", "copy"}:
            return super().why_not(name)
        row = self._row()
        if row is None:
            return "nothing is under the cursor" if self.table.cursor_id is None else "it is still loading"
        if name in {"approve", "reject"}:
            if (undecided := self.filter_undecided) is not None:
                return undecided
            if row.status != "held":
                return f"{short(row.spelled)} is not held: it is {make_safe(row.status).text}"
            if name == "approve" and not self.console.session.has_seen(row.id, row.digest):
                return f"it is held for a reason: open it first ({key_of('open')})"
        return super().why_not(name)

    def do_open(self) -> None:
        cursor = self.table.cursor_id
        if cursor is not None:
            self.console.open_message(cursor, self.table.roster.ids)

    def copied(self) -> Source | None:
        row = self._row()
        return Source(row.spelled, row.sender) if row is not None else None

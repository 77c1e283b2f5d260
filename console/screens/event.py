"""One event in full: all its data, and of a suspension the complaints or bounces that led to it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from console import record_operations as operations
from console.copying import Source
from console.keymap import Scope
from console.screens.desk_screen import DeskScreen, bindings
from console.state import DeskUpdate
from console.views.event_lines import event_of, whole_event_lines
from console.views.record_rows import EVENTS, event_row
from console.views.rows import Shelf
from console.widgets.line_painter import Texts
from console.widgets.pane import TextPane
from console.widgets.table import VirtualTable
from core.views.events import EventRow
from core.views.format import plural


class WholeEventPage(DeskScreen):
    """Pushed over the events; enter opens what it is about, or the message of a cause; esc goes back."""

    scope = Scope.EVENT
    tab = 5
    title_word = "Event"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.EVENT)
    DEFAULT_CSS = """
    WholeEventPage TextPane { height: 1fr; padding: 0 1; }
    WholeEventPage VirtualTable { height: 1fr; border-top: hkey $border; display: none; }
    WholeEventPage.-caused VirtualTable { display: block; }
    """

    def __init__(self, event: EventRow) -> None:
        super().__init__()
        self._event = event
        self._causes: dict[int, EventRow] = {}
        self._shelf = Shelf()

    def compose_body(self) -> ComposeResult:
        yield TextPane(id="event")
        yield VirtualTable(
            EVENTS, self._shelf, now=lambda: self.console.now, markable=False, id="causes", texts=Texts()
        )

    def on_mount(self) -> None:
        self.query_one("#event", TextPane).show_lines(whole_event_lines(self._event))
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one("#causes" if self._causes else "#event").focus()

    def place(self) -> str:
        return f"Events · {self._event.type} · entry {self._event.seq:,}"

    def note(self) -> str:
        return f"caused by {plural(len(self._causes), 'event')}, newest first" if self._causes else ""

    def apply_update(self, update: DeskUpdate) -> None:
        """An entry of the log never changes; only a desk that was away is asked again."""
        if update.everything:
            self.reload_in_turn()

    async def load(self) -> None:
        found = await self.desk.ask(operations.event(self._event.seq))
        first = not self._causes
        self._causes = {row.seq: row for row in (event_of(one) for one in found["causes"])}
        self.set_class(bool(self._causes), "-caused")
        table = self.query_one("#causes", VirtualTable)
        ids, changed = self._shelf.fill([event_row(row, row.seq) for row in self._causes.values()])
        table.show_rows(ids)
        table.touch_rows(changed)
        table.tick()
        if self._causes and first:
            self.focus_body()
        self.check_frame()

    def failed(self, reason: str) -> None:
        self.console.say(f"could not load what led to it: {reason}", "error")

    # -- doing --------------------------------------------------------------------------------------------------------

    def _chosen(self) -> EventRow:
        """The cause under the cursor, or the event itself."""
        table = self.query_one("#causes", VirtualTable)
        cursor = table.cursor_id if table.has_focus else None
        return self._causes.get(cursor, self._event) if cursor is not None else self._event

    def _agent(self) -> str | None:
        """The agent that the event is about, by its name or by its mailbox."""
        target = self._event.target
        for line in self.console.live.agents:
            if target == line.name or any(target == mailbox.address for mailbox in line.mailboxes):
                return line.name
        return None

    def why_not(self, name: str) -> str | None:
        if name == "open" and self._chosen().message is None and self._agent() is None:
            return "it is about no message and no agent"
        return super().why_not(name)

    def do_open(self) -> None:
        message, agent = self._chosen().message, self._agent()
        if message is not None:
            self.console.open_message(message, [row.message for row in self._causes.values() if row.message])
        elif agent is not None:
            self.console.open_agent(agent)

    def copied(self) -> Source | None:
        return Source(self._chosen().target)

"""One agent's page: whether it runs, its rung on the ladder, budgets as gauges, rates against their thresholds."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from console.keymap import Scope
from console.safe_text import make_safe
from console.screens.agent_records import AgentRecordsScreen
from console.screens.desk_screen import bindings
from console.state import DeskUpdate
from console.views import agent_lines
from console.widgets.frame import NARROW
from core.desk_client import reads
from core.views.agent_page import AgentPage as AgentFacts
from core.views.live import AgentLine

READ_AFTER: Final = 1.0
"""Seconds from an event to reading the page again: an agent that sends a hundred a second costs one read."""
MARGIN: Final = 4
LEFT: Final = 62


class AgentPage(AgentRecordsScreen):
    """Pushed over the screen it was opened from; esc goes back."""

    scope = Scope.AGENT
    tab = 3
    title_word = "Agent"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.AGENT)
    DEFAULT_CSS = """
    AgentPage VerticalScroll { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    AgentPage #columns { height: auto; }
    AgentPage #columns Static {
        width: 1fr; height: auto; padding: 0 1 1 0; text-wrap: nowrap; text-overflow: ellipsis;
    }
    AgentPage #columns #mailboxes { width: 62; }
    AgentPage.-narrow #columns Static, AgentPage.-narrow #columns #mailboxes { width: 1fr; }
    AgentPage.-narrow #columns { layout: vertical; }
    AgentPage Static { height: auto; }
    AgentPage #status { padding: 0 0 1 0; }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._of = name
        self._facts: AgentFacts | None = None

    def compose_body(self) -> ComposeResult:
        with VerticalScroll():
            yield Static("Loading ...", id="status", markup=False)
            with Horizontal(id="columns"):
                yield Static(id="mailboxes", markup=False)
                yield Static(id="rates", markup=False)
            yield Static(id="events", markup=False)

    def on_mount(self) -> None:
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one(VerticalScroll).focus()

    def place(self) -> str:
        return f"Agents · {make_safe(self._of).text}"

    def chosen_agent(self) -> AgentLine | None:
        return next((line for line in self.console.live.agents if line.name == self._of), None)

    def apply_update(self, update: DeskUpdate) -> None:
        agent_id = self._facts.agent.id if self._facts else None
        if update.everything:
            self.reload_in_turn()
        elif agent_id in update.agents:
            self.reload_soon(READ_AFTER)

    async def load(self) -> None:
        name = self._of
        self._facts = await self.desk.read(reads.AGENT, agent=name)
        self._draw()

    def failed(self, reason: str) -> None:
        if self._facts is not None:
            super().failed(reason)
        else:
            self.query_one("#status", Static).update(Content(f"✖ {make_safe(reason).text}"))

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        facts, now, wide = self._facts, self.console.now, self.app.size.width
        if facts is None:
            return
        left = wide - MARGIN if wide < NARROW else LEFT - 1
        column = wide - MARGIN if wide < NARROW else wide - MARGIN - LEFT
        mailboxes = [
            line
            for mailbox in facts.mailboxes
            for line in (*agent_lines.mailbox_lines(mailbox, now=now, width=left), Content(""))
        ]
        rates = [line for one in facts.courses for line in (*agent_lines.course_lines(one, width=column), Content(""))]
        rates += agent_lines.run_lines(facts, now=now, width=column)
        self.query_one("#status", Static).update(agent_lines.status(facts.agent, now=now))
        self.query_one("#mailboxes", Static).update(_joined(mailboxes or [Content("It has no active mailbox.")]))
        self.query_one("#rates", Static).update(_joined(rates))
        self.query_one("#events", Static).update(_joined(agent_lines.event_lines(facts.events, width=wide - MARGIN)))


def _joined(lines: list[Content]) -> Content:
    return Content("\n").join(lines)

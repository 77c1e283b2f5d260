"""3 Agents: one line per agent, worst first, filtered and sorted; and the table that the first screen shares."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType

from console.keymap import Scope
from console.screens.agent_records import AgentRecordsScreen
from console.screens.desk_screen import bindings
from console.screens.table_screen import TableScreen
from console.state import DeskUpdate, Link, Live
from console.views.rows import AGENT_FIELDS, AGENTS, Shelf, agent_fields, agent_row
from console.widgets.line_painter import Texts
from console.widgets.table import VirtualTable
from core.filter_fields import Listing
from core.filters import matches
from core.views.format import plural
from core.views.live import AgentLine

SORTS: Final = ("worst", "name", "held", "sent")


class AgentsScreen(AgentRecordsScreen, TableScreen):
    """All agents."""

    scope = Scope.AGENTS
    tab = 3
    title_word = "Agents"
    table_id = "agents"
    listing = Listing.AGENTS
    filter_fields = AGENT_FIELDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.AGENTS)
    DEFAULT_CSS = """
    AgentsScreen #agents { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shelf = Shelf()
        self._lines: dict[int, AgentLine] = {}
        self._drawn: Live | None = None

    def compose_body(self) -> ComposeResult:
        yield VirtualTable(
            AGENTS,
            self._shelf,
            now=lambda: self.console.now,
            markable=False,
            id="agents",
            texts=Texts(loading="Loading agents ...", empty="No agents yet."),
        )

    @property
    def _sort(self) -> str:
        wanted = self.console.preferences.sort.get(self.title_word.lower(), "")
        return wanted if wanted in SORTS else SORTS[0]

    def note(self) -> str:
        return "" if self._sort == SORTS[0] else f"by {self._sort}"

    def tally(self) -> str:
        shown, total = len(self._lines), len(self.console.live.agents)
        return plural(total, "agent") if shown == total else f"{shown} of {plural(total, 'agent')}"

    def shown_of(self) -> str:
        return f"{len(self._lines):,}/{len(self.console.live.agents):,}"

    # -- showing ------------------------------------------------------------------------------------------------------

    def apply_update(self, update: DeskUpdate) -> None:
        if update.live is not self._drawn:
            self.show(update.live)

    async def load(self) -> None:
        self.show(self.console.live)

    def filtered(self) -> None:
        self.show(self.console.live)

    def show(self, live: Live) -> None:
        """Draw this reading of the desk."""
        if live.link is Link.OPENING:
            return
        self._drawn = live
        if live.link is Link.LOST:
            self.table.say_failed(live.lost_reason)
            return
        chosen = [line for line in live.agents if matches(agent_fields(line), self.wants)]
        match self._sort:
            case "name":
                chosen.sort(key=lambda line: line.name)
            case "held":
                chosen.sort(key=lambda line: -line.held)
            case "sent":
                chosen.sort(key=lambda line: -line.sent_hour)
        self._lines = {line.id: line for line in chosen}
        put(self.table, self._shelf.fill(agent_row(line) for line in chosen), filtered=bool(self.wants))

    # -- doing --------------------------------------------------------------------------------------------------------

    def chosen_agent(self) -> AgentLine | None:
        cursor = self.table.cursor_id
        return self._lines.get(cursor) if cursor is not None else None

    def why_not(self, name: str) -> str | None:
        if name == "open":
            return None if self.chosen_agent() else "no agent is under the cursor"
        return super().why_not(name)

    def do_open(self) -> None:
        if (line := self.chosen_agent()) is not None:
            self.console.open_agent(line.name)

    def do_sort(self) -> None:
        following = SORTS[(SORTS.index(self._sort) + 1) % len(SORTS)]
        self.console.remember(self.console.preferences.sorted_by(self.title_word.lower(), following))
        self.show(self.console.live)


def put(
    table: VirtualTable, filled: tuple[list[int], set[int]], *, filtered: bool = False, cursor: int | None = None
) -> None:
    """Show these rows: reorder only if the order changed, and repaint at once what changed in them."""
    ids, changed = filled
    table.show_rows(ids, filtered=filtered, cursor=cursor)
    table.touch_rows(changed)
    table.tick()

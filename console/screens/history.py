"""Complaints, bounces, held, blocked and review time over a day, a week or a month, with axes and thresholds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from console import record_operations as operations
from console.dialogs import Choice, ChoiceDialog
from console.keymap import Scope
from console.safe_text import content, make_safe
from console.screens.desk_screen import DeskScreen, bindings
from console.state import DeskUpdate
from console.themes import Tone
from console.views.history_lines import history_lines
from console.widgets.columns import Piece
from console.widgets.frame import NARROW
from console.widgets.pane import TextPane
from core.desk_client import reads
from core.desk_client.interface import Json
from core.views.history import Of, Span

MARGIN: Final = 4
LISTED: Final = 200
"""Names offered to choose from."""


class HistoryPage(DeskScreen):
    """Pushed over any screen, for what is under its cursor; esc goes back."""

    scope = Scope.HISTORY
    tab = 0
    title_word = "History"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.HISTORY)
    DEFAULT_CSS = """
    HistoryPage TextPane { height: 1fr; padding: 0 1; }
    """

    def __init__(self, of: Of = Of.DESK, name: str = "", span: Span = Span.WEEK) -> None:
        super().__init__()
        self._of, self._named, self._span = of, name, span
        self._found: Json | None = None

    def compose_body(self) -> ComposeResult:
        yield TextPane(id="charts")

    def on_mount(self) -> None:
        self._say("Loading ...", Tone.MUTED)
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one("#charts").focus()

    def place(self) -> str:
        what = "the desk" if self._of is Of.DESK else f"{self._of.value} {make_safe(self._named).text}"
        return f"History of {what}, {self._span.value}"

    def note(self) -> str:
        return "▲ warns ✖ suspends · UTC"

    def _say(self, text: str, tone: Tone) -> None:
        self.query_one("#charts", TextPane).show_lines([[Piece(text, tone)]])

    async def load(self) -> None:
        asked = (self._of, self._named, self._span)
        found = await self.desk.ask(operations.history(*asked))
        if asked == (self._of, self._named, self._span):
            fresh, self._found = self._found is None, found
            self._draw(top=fresh)

    def failed(self, reason: str) -> None:
        if self._found is not None:
            super().failed(reason)
        else:
            self._say(f"✖ {make_safe(reason).text}", Tone.FAULT)

    def apply_update(self, update: DeskUpdate) -> None:
        """Figures are by the hour: they are read again only once the desk is back; ctrl+r asks for them."""
        if update.everything:
            self.reload_in_turn()

    def on_resize(self) -> None:
        self._draw(top=False)

    def _draw(self, *, top: bool) -> None:
        if self._found is not None:
            width = self.app.size.width
            lines = history_lines(self._found, width=width - MARGIN)
            if width < NARROW:  # the header has no room for what it is of
                lines = [[Piece(self.place(), Tone.STRONG)], *lines]
            self.query_one("#charts", TextPane).show_lines(lines, top=top)
            self.check_frame()

    # -- doing --------------------------------------------------------------------------------------------------------

    def _show(self, of: Of, name: str, span: Span) -> None:
        self._of, self._named, self._span, self._found = of, name, span, None
        self.reload()
        self.check_frame()

    def do_day(self) -> None:
        self._show(self._of, self._named, Span.DAY)

    def do_week(self) -> None:
        self._show(self._of, self._named, Span.WEEK)

    def do_month(self) -> None:
        self._show(self._of, self._named, Span.MONTH)

    def do_history_of(self) -> None:
        """Choose what the figures are of: first the kind, then its name."""
        choices = [
            Choice(Of.DESK.value, Content("the whole desk")), Choice(Of.AGENT.value, Content("an agent")),
            Choice(Of.STREAM.value, Content("a stream (sending domain)")),
            Choice(Of.SITE.value, Content("a site (where mail goes)")),
        ]  # fmt: skip
        self.ask(ChoiceDialog("History of", choices=choices, clock=self.console.monotonic), self._choose_kind)

    def _choose_kind(self, kind: str) -> None:
        of = Of(kind)
        agents = self.console.live.agents
        if of is Of.DESK:
            self._show(of, "", self._span)
        elif of is Of.AGENT:
            self._choose(of, sorted(line.name for line in agents))
        elif of is Of.STREAM:
            addresses = (mailbox.address for line in agents for mailbox in line.mailboxes)
            self._choose(of, sorted({address.partition("@")[2] for address in addresses}))
        else:
            self._choose_site()

    @work(group="sites", exclusive=True, exit_on_error=False)
    async def _choose_site(self) -> None:
        sites = (await self.desk.read(reads.SITES)).sites
        self._choose(Of.SITE, [site.site for site in sites])

    def _choose(self, of: Of, names: list[str]) -> None:
        if not names:
            self.console.say(f"there is no {of.value} to choose yet", "warning")
            return
        choices = [Choice(name, content(make_safe(name))) for name in names[:LISTED]]
        chosen: Callable[[str], Any] = lambda name: self._show(of, name, self._span)  # noqa: E731 - one line for a callback
        self.ask(ChoiceDialog(f"Which {of.value}?", choices=choices, clock=self.console.monotonic), chosen)

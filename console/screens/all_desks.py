"""All desks: one line for each that is saved on this machine, read independently; enter opens one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from console.desk_watch import DeskLine, DeskWatch, State
from console.keymap import Scope, footer, key_of, refusal, with_keys
from console.safe_text import fill, fit, make_safe
from console.screens.desk_screen import bindings
from console.table_messages import Highlighted
from console.themes import Tone
from console.views.desk_rows import ALL_DESKS, desk_row
from console.views.rows import Shelf
from console.widgets.frame import NARROW, FootLine, Key, TopLine, foot_line
from console.widgets.line_cache import LineCache
from console.widgets.line_painter import Texts
from console.widgets.table import VirtualTable
from core.errors import Invalid
from core.views.format import clock, plural

if TYPE_CHECKING:
    from console.ports import ConsoleApp, SavedDesks
    from console.state import DeskUpdate
    from core.cli.known_desks import Place

TICK: Final = 1.0
"""Seconds between two drawings: ages grow without any answer."""
OWN: Final = frozenset({"open", "back", "quit", "help", "palette", "themes", "refresh", "last", "all_desks"})
"""What works here; everything else is done at one desk."""
NONE_YET: Final = "No desks are saved yet: postroom desk add NAME URL"


class AllDesksScreen(LineCache, Screen[None]):
    """The desks in the order of their file."""

    scope = Scope.ALL_DESKS
    rows_pending = False
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.ALL_DESKS)

    DEFAULT_CSS = """
    AllDesksScreen VirtualTable { height: 1fr; }
    AllDesksScreen #why { height: auto; max-height: 4; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, DeskLine] = {}
        self._watches: list[DeskWatch] = []
        self._shelf = Shelf()

    def compose(self) -> ComposeResult:
        yield TopLine(self.header)
        texts = Texts(loading="Reading the desks ...", empty=NONE_YET)
        yield VirtualTable(
            ALL_DESKS, self._shelf, now=lambda: self.console.now, markable=False, id="desks", texts=texts
        )
        yield Static(id="why", markup=False)
        yield FootLine(self._foot)

    @property
    def console(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    @property
    def table(self) -> VirtualTable:
        return self.query_one("#desks", VirtualTable)

    # -- watching -----------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.table.focus()
        self.set_interval(TICK, self._draw)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        del event
        self._stop()
        saved = self.console.saved_desks
        try:
            places = saved.places() if saved is not None else ()
        except Invalid as error:
            self.console.say(f"{error.reason}; {error.fix}", "error")
            places = ()
        self._lines = {place.name or "": self._lines.get(place.name or "", DeskLine(place)) for place in places}
        if saved is not None:
            self._watches = [self._watch(place, saved) for place in places]
        for watch in self._watches:
            watch.start()
        self._draw()

    def _watch(self, place: Place, saved: SavedDesks) -> DeskWatch:
        app = self.console  # the thread may outlive this screen, which then knows no app any more

        def hear(line: DeskLine) -> None:
            with contextlib.suppress(RuntimeError):  # the console has ended
                app.call_later(self._take, line)

        return DeskWatch(place, saved.connect, hear, now=lambda: app.now)

    def on_screen_suspend(self, event: events.ScreenSuspend) -> None:
        del event
        self._stop()

    def on_unmount(self) -> None:
        self._stop()

    def _stop(self) -> None:
        for watch in self._watches:
            watch.stop()
        self._watches = []

    def _take(self, line: DeskLine) -> None:
        if (name := line.place.name or "") in self._lines:
            self._lines[name] = line
            self._draw()

    def _draw(self) -> None:
        if not self.is_mounted or self.app.screen is not self:
            return
        here = self.console.saved_as
        rows = [
            desk_row(n, line, now=self.console.now, here=name == here)
            for n, (name, line) in enumerate(self._lines.items(), 1)
        ]
        ids, changed = self._shelf.fill(rows)
        self.table.show_rows(ids)
        self.table.touch_rows(changed)
        self.table.tick()
        self._say_why()
        self.check_frame()

    @on(Highlighted)
    def _say_why(self) -> None:
        """What keeps the desk under the cursor away, in full: its column may be too narrow for it."""
        line = self._chosen()
        away = line is not None and line.state is not State.LIVE and line.reason
        said = fill("$name: $why", name=line.place.shown, why=line.reason) if line is not None and away else ""
        self.query_one("#why", Static).update(said)

    # -- the frame ----------------------------------------------------------------------------------------------------

    def header(self, width: int) -> Content:
        lines = self._lines.values()
        live, faults = sum(line.state is State.LIVE for line in lines), sum(line.faults for line in lines)
        end = f" {clock(self.console.now)}"
        text = f"All desks │ {live} of {plural(len(lines), 'desk')} live"
        problems = (f" │ ✖{faults}", Tone.FAULT) if faults else (" │ ✔ no CRIT", Tone.GOOD)
        room = max(0, width - len(end) - len(problems[0]))
        return Content.assemble(
            (text[:room], Tone.STRONG), problems, (fit("", room - len(text)), ""), (end, Tone.MUTED)
        )

    def _foot(self, width: int) -> Content:
        app = self.console
        keys = [
            Key(action, refusal(action, actor=app.actor, scope=self.scope, state=self.why_not(action.name)))
            for action in footer(self.scope)
            if action.name in OWN
        ]
        leave = with_keys("{back} back" if len(self.app.screen_stack) > 1 else "{quit} quit")
        return foot_line(
            keys,
            note=with_keys(f"{leave}  {{palette}} command{'  {help} help' * (width >= NARROW)}"),
            undo="",
            width=width,
        )

    def check_frame(self) -> None:
        for line in (*self.query(TopLine), *self.query(FootLine)):
            line.check()

    def apply_update(self, update: DeskUpdate) -> None:
        """What happens at the desk below is read with the others."""

    # -- doing --------------------------------------------------------------------------------------------------------

    def _chosen(self) -> DeskLine | None:
        cursor, lines = self.table.cursor_id, list(self._lines.values())
        return lines[cursor - 1] if cursor is not None and cursor <= len(lines) else None

    def why_not(self, name: str) -> str | None:
        if name == "open" and self._chosen() is None:
            return "no desk is under the cursor"
        if name in OWN or (name.startswith("go_") and self.console.is_open):
            return None
        return f"open a desk first: {key_of('open')} opens the one under the cursor"

    def do_open(self) -> None:
        if (line := self._chosen()) is not None and line.place.name:
            self.console.switch_desk(make_safe(line.place.name).text)

    def do_refresh(self) -> None:
        for watch in self._watches:
            watch.look()

    def do_last(self) -> None:
        self.do_back()

    def do_all_desks(self) -> None:
        self.do_back()

    def do_back(self) -> None:
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def go_back(self) -> bool:
        return False

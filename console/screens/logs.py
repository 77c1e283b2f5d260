"""The gateway's own log lines as they are written, newest at the bottom; scrolled up, it waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message

from console import record_operations as operations
from console.keymap import Scope, with_keys
from console.safe_text import make_safe
from console.screens.desk_screen import DeskScreen, bindings
from console.state import DeskUpdate
from console.themes import Tone
from console.views.log_lines import log_lines
from console.widgets.columns import Piece
from console.widgets.frame import NARROW
from console.widgets.pane import TextPane
from core.desk_client.interface import Json
from core.filter_fields import GATEWAY_LOG
from core.filters import Want, spelled
from core.model import LogLevel
from core.views.format import count, plural

EVERY: Final = 1.0
"""Seconds between two looks for new lines."""
PAGE: Final = 1_000
KEPT: Final = 2_000
"""Lines held in memory."""
LEVELS: Final = tuple(LogLevel)


class LogPane(TextPane):
    """A pane that says when it was scrolled."""

    class Moved(Message):
        """It shows another part of its text."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved())


class LogsPage(DeskScreen):
    """Pushed over any screen; esc goes back."""

    scope = Scope.LOGS
    tab = 0
    title_word = "Logs"
    filter_fields = GATEWAY_LOG
    fault_filter = "sev>=warn"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.LOGS)
    DEFAULT_CSS = """
    LogsPage LogPane { height: 1fr; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[Json] = []
        self._unseen: list[Json] = []
        self._next: str | None = None
        self._host = ""
        self._level = LEVELS[0]
        self._follows = True
        self._scrolled = False
        self._lost = False

    def compose_body(self) -> ComposeResult:
        yield LogPane(id="logs")

    def on_mount(self) -> None:
        self._say("Loading ...", Tone.MUTED)
        self.set_interval(EVERY, self._look)
        self.focus_body()

    @property
    def _pane(self) -> LogPane:
        return self.query_one("#logs", LogPane)

    def focus_body(self) -> None:
        self._pane.focus()

    # -- frame --------------------------------------------------------------------------------------------------------

    def place(self) -> str:
        wanted = make_safe(self.filter_text).text
        return " ".join(part for part in (f"Logs of {make_safe(self._whose()).text}", self._least(), wanted) if part)

    def brief(self) -> str:
        return super().brief() if self.wants else " ".join(part for part in ("Logs", self._least()) if part)

    def shown_of(self) -> str:
        return count(len(self._lines))

    def _whose(self) -> str:
        """The host whose file this is, as its lines say."""
        return str(self._lines[-1]["gateway"]).partition(" ")[0] if self._lines else self._host

    def _least(self) -> str:
        return "" if self._level == LEVELS[0] else f"{self._level}+"

    def note(self) -> str:
        if not self._follows:
            return with_keys("not following: {follow_logs}")
        if self._lost:
            return "no answer"
        return f"waits, {count(len(self._unseen))} new: G" if self._scrolled else "following"

    def tally(self) -> str:
        return plural(len(self._lines), "line")

    # -- reading ------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if self._follows and self.is_current and self.console.paused_at is None:
            self.reload_in_turn()

    def apply_update(self, update: DeskUpdate) -> None:
        """Lines are no events of the desk: they are looked for by the clock."""
        if update.everything:
            self.reload_in_turn()

    async def load(self) -> None:
        asked = (self.filter_text, self._level, self._next)
        page = await self.desk.ask(
            operations.gateway_logs(after=self._next, level=self._level, filtered=self.filter_text, limit=PAGE)
        )
        if asked != (self.filter_text, self._level, self._next):
            return  # another filter was set meanwhile, and is being read
        self._lost = False
        fresh, self._next = self._next is None, page["next"]
        self._again = self._again or (page["more"] and not fresh)
        self._take(page, fresh=fresh)

    def _take(self, page: Mapping[str, Any], *, fresh: bool) -> None:
        elsewhere, self._host = self._host not in {"", page["host"]}, page["host"]
        if page["gap"] and not fresh:
            self.console.say(
                f"{page['host']} answers now: these are its lines" if elsewhere
                else "lines are missing: more were written than are kept", "warning",
            )  # fmt: skip
        if fresh:
            self._lines, self._unseen = [], []
        self._unseen += page["lines"]
        if fresh or (self._unseen and not self._scrolled):
            self._draw()
        else:
            del self._unseen[:-KEPT]
            self.check_frame()

    def _draw(self) -> None:
        """Show all lines, those that waited too, from the end."""
        self._lines = [*self._lines, *self._unseen][-KEPT:]
        self._unseen = []
        self._scrolled = False
        if not self._lines:
            self._say("No line matches." if self.wants or self._least() else _NONE, Tone.MUTED)
        else:
            self._show()
        self.check_frame()

    def _show(self) -> None:
        lines = log_lines(self._lines, wide=self.app.size.width >= NARROW)
        self._pane.show_lines(lines, top=False)
        if not self._scrolled:
            self._pane.scroll_end(animate=False)

    def _say(self, text: str, tone: Tone) -> None:
        self._pane.show_lines([[Piece(text, tone)]])

    def failed(self, reason: str) -> None:
        """What was read stays: the last lines before a gateway went away are those that matter."""
        if not self._lines:
            self._say(f"✖ {make_safe(reason).text}", Tone.FAULT)
        elif not self._lost:  # once: it is asked again every second
            self.console.say(f"no new lines: {reason}", "error")
        self._lost = True
        self.check_frame()

    def on_resize(self) -> None:
        if self._lines:
            self._show()

    @on(LogPane.Moved)
    def _scrolled_by_hand(self) -> None:
        pane = self._pane
        self._scrolled = bool(self._lines) and round(pane.scroll_offset.y) < pane.max_scroll_y
        if not self._scrolled and self._unseen:
            self._draw()
        self.check_frame()

    # -- doing --------------------------------------------------------------------------------------------------------

    def filtered(self) -> None:
        self._next = None
        super().filtered()

    async def count_matches(self, wants: Sequence[Want]) -> str:
        page = await self.desk.ask(
            operations.gateway_logs(after=None, level=self._level, filtered=spelled(wants), limit=PAGE)
        )
        return f"{count(len(page['lines']))}{'+' if page['more'] else ''} match"

    def do_follow_logs(self) -> None:
        self._follows = not self._follows
        if self._follows:
            self._scrolled = False
            self._draw()
            self.reload()
        self.check_frame()

    def do_log_level(self) -> None:
        self._level = LEVELS[(LEVELS.index(self._level) + 1) % len(LEVELS)]
        self._next = None
        self.reload()
        self.check_frame()

    def do_wrap_logs(self) -> None:
        self._pane.wraps = not self._pane.wraps
        if self._lines:
            self._show()


_NONE: Final = "No lines are kept here: postroom serve writes them into gateway.log in the desk's folder."

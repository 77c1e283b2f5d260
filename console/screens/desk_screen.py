"""What every screen of the desk has: the frame, the filter (`filtering`), and how it learns that something changed.

A screen draws and asks. Data comes down (`load` after a change, `apply_update` with what changed); what the operator
wants goes up to `PostroomConsole.perform`, which calls back a `do_...` method only if role, place and state allow it.
A screen that is not visible does nothing; it reads again when it becomes visible.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final, TypeVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.css.query import NoMatches
from textual.timer import Timer
from textual.worker import Worker, WorkerState

from console import operations, operator_access, undo
from console.copying import Source, offers
from console.dialogs import Answer, Choice, ChoiceDialog, Confirmed, Dialog, ReasonDialog, TypedDialog
from console.keymap import TABS, Scope, footer, key_of, of_scope, refusal
from console.safe_text import clip, fill, make_safe
from console.screens.column_choice import choose_columns, hide_columns
from console.screens.filtering import Filtering
from console.session import Approval
from console.state import DeskUpdate, Link
from console.table_messages import Highlighted
from console.themes import Tone
from console.widgets.frame import (
    NARROW,
    FootLine,
    Head,
    HintLine,
    Key,
    Line,
    StaleLine,
    TabLine,
    TopLine,
    foot_line,
    head_line,
    hint_line,
    tab_line,
    undo_text,
)
from console.widgets.line_cache import LineCache
from console.widgets.table import VirtualTable
from core.desk_client.interface import Json
from core.errors import PostroomError
from core.views.format import count, plural
from core.views.history import Of

T = TypeVar("T")
BRIEF: Final = 26
"""Cells of a narrow header for the filter and its count."""
FRAME_WITH_ROWS: Final = 0.45
"""Seconds between two checks of the frame while rows are drawn: every second tick of a table."""


def bindings(scope: Scope) -> list[BindingType]:
    """The keys of a place, from the registry; each asks the console first."""
    return [Binding(one.key, f"app.perform('{one.name}')", show=False) for one in of_scope(scope) if one.key]


class DeskScreen(LineCache, Filtering):
    """A screen of the desk. Subclasses name `scope`, `tab` and `title_word`, compose a body, and load it."""

    scope: ClassVar[Scope]
    tab: ClassVar[int]
    title_word: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._framed_at = 0.0
        self._frame: tuple[Line, ...] = ()
        self._ageing: tuple[VirtualTable, ...] = ()
        self._stale = ""
        """Why what is shown is not current; empty: it is."""
        self._loading: object | None = None
        self._again = False
        self._soon: Timer | None = None

    # -- layout -------------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield TopLine(self.header)
        yield TabLine(lambda width: tab_line(self.tab_shown, width))
        if self.console.hint:
            yield HintLine(lambda width: hint_line(self.console.hint, width))
        yield from self.compose_body()
        yield StaleLine(self._why_stale)
        yield from self.compose_filter()
        yield FootLine(self._foot)

    def compose_body(self) -> ComposeResult:
        """What lies between the tabs and the footer."""
        yield from ()

    def place(self) -> str:
        """The screen's own part of the header, safe: its title, and the filter in force."""
        wanted = make_safe(self.filter_text).text
        return f"{self.title_word} {wanted}" if wanted else self.title_word

    def brief(self) -> str:
        """The same for a narrow header: the filter in force and how many rows it shows, else the title."""
        if not self.wants:
            return self.title_word
        shown = self.shown_of()
        return f"{clip(make_safe(self.filter_text).text, BRIEF - len(shown))} {shown}".rstrip()

    def shown_of(self) -> str:
        """How many rows are shown, of how many: `50/52`."""
        return ""

    def note(self) -> str:
        """What the footer says at its right."""
        return ""

    def tally(self) -> str:
        """How many rows there are; on a narrow screen the position says it."""
        return ""

    def position(self) -> str:
        """Where the cursor stands, of how many: `3/44`."""
        tables = [table for table in self.query(VirtualTable) if table.display and table.roster.ids]
        table = next((table for table in tables if table.has_focus), next(iter(tables), None))
        return f"{count(table.roster.cursor_index + 1)}/{count(len(table.roster))}" if table else ""

    @on(Highlighted)
    def _show_position(self, event: Highlighted) -> None:
        if not event.again:  # what a row that changes permits is looked at with the frame
            for line in self.query(FootLine):
                line.check()

    @property
    def tab_shown(self) -> int:
        """The tab that esc leads to: a page lies over the screen that it was opened from, whatever it shows."""
        mode = self.console.current_mode
        return TABS.index(mode) + 1 if self.tab and mode in TABS else self.tab

    def header(self, width: int) -> Content:
        """The first line, as it stands now."""
        app = self.console
        place, title = self.place(), self.title_word
        if width < NARROW:
            title = f"{key_of(f'go_{TABS[tab - 1]}')} {self.brief()}" if (tab := self.tab_shown) else self.brief()
        head = Head(
            app.live, app.now, app.desk_name, app.actor, place, title, app.paused_at, app.waiting, local=app.local,
            colour=app.desk_colour,
        )  # fmt: skip
        return head_line(head, width)

    def _foot(self, width: int) -> Content:
        app = self.console
        # what works here, whatever dialog covers it: keys must not flicker grey and bright behind one
        keys = [
            Key(action, refusal(action, actor=app.actor, scope=self.scope, state=self.why_not(action.name)))
            for action in footer(self.scope, stopped=app.live.stopped)
        ]
        approval = app.session.undoable(app.now)
        undo = undo_text(approval.label, approval.release_at, app.now) if approval else ""
        note = self.note() if width < NARROW else " · ".join(part for part in (self.note(), self.tally()) if part)
        return foot_line(keys, note=note, undo=undo, width=width, position=self.position())

    def _why_stale(self) -> str:
        live = self.console.live
        return live.lost_reason if live.link is Link.LOST else self._stale

    def check_frame(self) -> None:
        """Redraw the lines of the frame that have changed, and with them the ages of rows."""
        for line in self._frame:
            line.check()
        for table in self._ageing:
            table.draw_ages()

    def check_frame_with_rows(self) -> None:
        """Rows are about to be drawn: draw the frame with them if it is due, because each drawing has its own cost."""
        self.console.frame_timer.reset()
        if (moment := self.console.monotonic()) - self._framed_at >= FRAME_WITH_ROWS:
            self._framed_at = moment
            self.check_frame()

    # -- the desk -----------------------------------------------------------------------------------------------------

    def apply_update(self, update: DeskUpdate) -> None:
        """Something happened at the desk while this screen was visible."""
        if not update.quiet:
            self.reload_in_turn()

    @property
    def rows_pending(self) -> bool:
        """Whether what is shown is not yet what was asked for: a filter was typed, or the next page is being read.

        Keys typed ahead would act on what stood there before.
        """
        return False

    async def load(self) -> None:
        """Read and show. Raises `PostroomError`: `failed` reports it."""

    def failed(self, reason: str) -> None:
        """The read failed: what is shown stays, marked as stale."""
        self._stale = reason

    def read_again(self) -> None:
        """Read everything, the lines that a table keeps included: what changed without an event shows now."""
        for table in self.query(VirtualTable):
            table.forget()
        self.reload()

    def reload_in_turn(self) -> None:
        """Read again because of an event: after a read that is under way, which events would otherwise never let end.

        What the operator asks for (`reload`) replaces it.
        """
        if self._loading is None:
            self.reload()
        else:
            self._again = True

    def reload_soon(self, after: float) -> None:
        """Read again in `after` seconds, once for all events until then."""
        if self._soon is None:
            self._soon = self.set_timer(after, self._reload_now)

    def _reload_now(self) -> None:
        self._soon = None
        self.reload_in_turn()

    @work(group="load", exclusive=True, exit_on_error=False)
    async def reload(self) -> None:
        """Read what this screen shows, in the background."""
        self._again, self._loading = False, (mine := object())
        try:
            await self.load()
            self._stale = ""
        except Exception as error:
            expected = isinstance(error, PostroomError)
            closed = not self.display or not self.children
            if closed and (expected or isinstance(error, NoMatches)):
                return  # it was closed during the read, and has no widgets left to show anything in
            # a mistake of ours must not look like a current screen either
            self.failed(str(error) if expected else f"internal error: {error!r}")
            if not expected:
                raise
        finally:
            if self._loading is mine:
                self._loading = None
                self.check_frame()
        if self._again:
            self.reload()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:  # Textual tells only the screen whose worker it is
            self.console.report(event.worker.error)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        del event
        for table in self._ageing:
            table.wake()
        self.reload()
        self.check_frame()

    def on_mount(self) -> None:
        # found once: to look for them in every check takes longer than to check them
        self._frame, self._ageing = tuple(self.query(Line)), tuple(self.query(VirtualTable))
        for table in self._ageing:
            hide_columns(self, table)

    # -- doing --------------------------------------------------------------------------------------------------------

    def why_not(self, name: str) -> str | None:
        """What on this screen prevents an action now, or None."""
        del name
        return None

    def ask(self, dialog: Dialog[Answer], then: Callable[[Answer], None]) -> None:
        """Open a dialog; `then` runs with its answer unless it was cancelled."""
        dialog.when_answered(then)
        self.app.push_screen(dialog)

    def ask_reason(
        self, title: Content, body: Content | None, does: str, then: Callable[[str], None], *, asks: str = "reason"
    ) -> None:
        """Tightening: one key and a reason."""
        self.ask(ReasonDialog(title, body, does=does, asks=asks, clock=self.console.monotonic), then)

    def ask_typed(
        self,
        title: Content,
        body: Content | None,
        *,
        expected: str,
        does: str,
        then: Callable[[Confirmed], None],
        reason: bool = True,
    ) -> None:
        """Loosening: type the name or the count."""
        clock = self.console.monotonic
        self.ask(TypedDialog(title, body, expected=expected, does=does, reason=reason, clock=clock), then)

    def copied(self) -> Source | None:
        """What is under the cursor, for `y` and a person's own commands; None: nothing."""
        return None

    def do_copy(self) -> None:
        source = self.copied()
        if source is None:
            self.console.say("nothing is under the cursor", "warning")
            return
        ways = dict(offers(source))
        choices = [Choice(name, Content.assemble(f"{name:<9}", (text, Tone.MUTED))) for name, text in ways.items()]
        dialog = ChoiceDialog("Copy", choices=choices, clock=self.console.monotonic)
        self.ask(dialog, lambda name: self.console.copy(ways[name]))

    def do_columns(self) -> None:
        choose_columns(self)

    def do_undo(self) -> None:
        undo.undo(self)

    def do_disable_operator(self) -> None:
        operator_access.disable(self)

    def undoable_here(self) -> Approval | None:
        """The decision on what this screen shows, whoever made it, if it can still be undone."""
        return None

    def history_subject(self) -> tuple[Of, str]:
        """What a history opened from here is of."""
        return Of.DESK, ""

    def do_all_stop(self) -> None:
        app = self.console
        if app.live.stopped:
            app.say(f"the desk is already stopped; {key_of('all_start')} ends the stop", "warning")
            return
        self.ask_reason(
            Content("Stop the whole desk?"),
            Content("No delivery starts until governance, or two on-call operators, end the stop."),
            "stops everything",
            lambda reason: app.run_operation(
                operations.stop(reason),
                lambda stopped: app.say(
                    f"all-stop: {plural(stopped['in_flight'], 'delivery', 'deliveries')} had already started. "
                    f"{key_of('all_start')} ends it."
                ),
            ),
        )

    def do_all_start(self) -> None:
        app = self.console
        if not app.live.stopped:
            app.say("the desk is not stopped", "warning")
            return

        def started(answer: Json) -> None:
            if answer["running"]:
                app.say("the desk is delivering again")
            else:
                app.say(
                    f"{', '.join(answer['by'])} voted to end the stop. "
                    "It takes one more on-call operator, or governance.",
                    "warning",
                )

        self.ask_typed(
            Content("End the all-stop?"),
            fill("Stopped by $by: $why", by=app.live.stopped_by or "", why=app.live.stop_reason or ""),
            expected="start",
            does="start the desk",
            then=lambda answer: app.run_operation(operations.start(answer.reason), started),
        )

"""The console: a Textual app over one desk, written for an engineer who has just been woken by it.

The first frame is drawn before the database is opened and before the ORM is imported, because both take longer than
anyone should stare at a blank screen. After that, one worker follows the log and tells the visible screen what has
changed. `perform` is the only way to do anything: keys, footer and palette all end there, and it checks role, place and
state.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.content import Content
from textual.screen import Screen

from console.desk_guard import DeskGuard
from console.dialogs import Dialog, RefusalDialog
from console.keymap import ACTIONS, TABS, Action, Asks, Scope, help_of, key_of, of_scope, on_cursor, refusal, works_in
from console.safe_text import fill, make_safe
from console.screens.opening import OpeningScreen
from console.screens.signed_out import EndedScreen
from console.session import Session
from console.several_desks import SeveralDesks
from console.start import Start
from console.state import DeskUpdate, Link, Live
from console.widgets.frame import Head, Line, head_line
from core.clock import SystemClock
from core.errors import AccessEnded, Refused, Unavailable
from core.model import Clock

if TYPE_CHECKING:
    from console.desk_client import Desk
    from console.ports import Parts, SavedDesks, Waiting

Opener = Callable[[], "Parts"]

FRAME_EVERY: Final = 0.5
TRY_AGAIN: Final = 1.0


def _word_commands() -> type[Provider]:
    from console.commands import WordCommands  # noqa: PLC0415 - the first frame does not wait for the palette

    return WordCommands


class PostroomConsole(SeveralDesks):
    """One operator at one desk at a time, the first opened by `opener` in the background; None: all desks are shown."""

    CSS = """
    .-narrow TabLine { display: none; }
    Toast { max-width: 70; padding: 0 1; }
    """
    TITLE = "Postroom"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (120, "-wide")]  # noqa: RUF012 - as Textual types it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-high")]  # noqa: RUF012 - the same
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    COMMANDS = SeveralDesks.COMMANDS | {_word_commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(action.key, f"perform('{action.name}')", show=False)
        for action in of_scope(Scope.EVERYWHERE)
        if action.key
    ]

    def __init__(
        self,
        opener: Opener | None,
        *,
        desks: SavedDesks | None = None,
        start: Start | None = None,
        name: str = "",
        hint: str = "",
        saying: str = "Opening the desk ...",
        waiting: Waiting | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.desk_name = make_safe(name or self.TITLE or "").text
        self.saved_desks = desks
        self._start = start
        self._guard = DeskGuard(self)
        self.hint = make_safe(hint).text
        self.guide: Callable[[Live], str] = lambda _: ""
        """What the hint says instead, once there is something to say."""
        self.monotonic = monotonic
        self.live = Live()
        self.session = Session()
        self._clock: Clock = SystemClock()
        self.saying = saying
        self._waiting = waiting
        self.refused: Refused | None = None
        """Why there is no desk to look at, if the console ended for that."""
        self._opener = opener

    # -- opening ------------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[None]:
        if self._opener is None:
            from console.screens.all_desks import AllDesksScreen  # noqa: PLC0415 - not for a console of one desk

            return AllDesksScreen()
        return OpeningScreen(self.opening_line, self.saying, self._waiting)

    def opening_line(self, width: int) -> Content:
        return head_line(Head(self.live, self.now, self.desk_name, self.actor, "", "opening"), width)

    def on_mount(self) -> None:
        self.frame_timer = self.set_interval(FRAME_EVERY, self._check_frame)
        # after the first frame: importing holds the interpreter, and a black screen tells nobody anything
        if self._opener is not None:
            self.call_after_refresh(self._open, self._opener)

    @work(group="desk", exit_on_error=False)
    async def _open(self, opener: Opener) -> None:
        while True:
            try:
                parts = await asyncio.to_thread(opener)
                break
            except Refused as error:
                self.refused = error
                self.exit(1, return_code=1)
                return
            except Unavailable as error:
                if isinstance(self.screen, OpeningScreen):
                    self.screen.say(error.reason)
                await asyncio.sleep(TRY_AGAIN)
        await self.show_desk(parts)

    async def show_desk(self, parts: Parts) -> None:
        self._parts = parts
        self.actor, self.local, self._clock = parts.desk.actor, parts.desk.local, parts.desk.clock
        parts.desk.ended = self._access_ended
        self.desk_name = make_safe(parts.name).text if parts.name else self.desk_name
        self.desk_colour, self.saved_as = parts.colour, parts.saved_as
        for name, screen in parts.modes.items():
            self.add_mode(name, screen)
        await self.switch_mode("desk")
        self.end_leaving()
        if self._start is not None:
            start, self._start = self._start, None
            self.run_worker(self.go_to(start), group="view", exit_on_error=False)
        await parts.desk.follow(self._receive_update)

    @property
    def desk(self) -> Desk:
        """The desk, once it is open; no screen that needs it exists before that."""
        assert self._parts is not None, "the desk is not open yet"
        return self._parts.desk

    @property
    def now(self) -> int:
        return self._clock.now()

    @property
    def release_delay(self) -> int:
        """How long an approval given here can be taken back."""
        return self.live.release_delay

    def _access_ended(self, error: AccessEnded) -> None:
        """The operator was disabled or their token revoked: clear everything of the desk from the screen."""
        if self.refused is not None:
            return
        self.refused = error
        self.push_screen(EndedScreen(error.reason, error.fix or ""))

    # -- hearing ------------------------------------------------------------------------------------------------------

    def _receive_update(self, update: DeskUpdate) -> None:
        """Handle what the follower reports; runs on Textual's own thread."""
        was = self.live
        self.live = update.live
        self.alert(update.live, self.desk_name)
        self.hint = make_safe(self.guide(update.live)).text or self.hint
        if (now_is := self.desk.actor).roles != self.actor.roles:
            self.actor = now_is
            self._check_frame()
        if was.link is Link.LOST and update.live.link is Link.LIVE:
            self.say("reconnected, reloaded")
            update = replace(update, everything=True)
        if self.paused_at is not None:
            self._held_back = update if self._held_back is None else self._held_back.joined(update)
            return
        if update.live is not was or not update.quiet:
            self._forward_update(update)
        if (update.live.link, update.live.stopped_at, update.live.needs) != (was.link, was.stopped_at, was.needs):
            self._check_frame()  # a problem does not wait for the next tick

    def _forward_update(self, update: DeskUpdate) -> None:
        screen = self.desk_screen
        if screen is None or not screen.is_mounted:
            return  # there is nothing to show the news on yet; the screen reads everything once it exists
        try:
            screen.apply_update(update)
        except Exception as error:  # noqa: BLE001 - one screen's mistake must not end the following: the rest would look live
            self.report(error)

    @property
    def waiting(self) -> int:
        """Events held back while the console is paused."""
        return self._held_back.count if self._held_back else 0

    def _check_frame(self) -> None:
        if not self._screen_stack:  # during shutdown a last tick may arrive after the last screen is gone
            return
        for screen in {self.screen, self.desk_screen or self.screen}:  # a dialog and the screen beneath it
            if (check := getattr(screen, "check_frame", None)) is not None:
                check()
            else:
                for line in screen.query(Line):
                    line.check()

    def header(self, width: int) -> Content:
        """The first line of whatever screen is visible, for the dialogs that cover it."""
        screen = self.desk_screen
        return screen.header(width) if screen is not None else self.opening_line(width)

    # -- doing --------------------------------------------------------------------------------------------------------

    @property
    def scope(self) -> Scope | None:
        """Where keys work now; None while a dialog is open or the desk is still opening."""
        return getattr(self.screen, "scope", None)

    def why_not(self, action: Action) -> str | None:
        """Why an action is not possible now, or None."""
        screen = self.desk_screen
        state = screen.why_not(action.name) if screen is not None else "the desk is still opening"
        if state is None and screen is not None and screen.rows_pending and on_cursor(action):
            state = "what you asked for is still loading"
        return refusal(action, actor=self.actor, scope=self.scope, state=state)

    def under_cursor(self) -> str:
        source = self.desk_screen.copied() if self.desk_screen is not None else None
        return source.id if source is not None else ""

    def action_perform(self, name: str) -> None:
        self.perform(name)

    def perform(self, name: str) -> None:
        """Perform the action if role, place and state allow it; otherwise say why not. The service checks again."""
        action = ACTIONS[name]
        if self.refused is not None:
            return
        if name == "quit" and self.desk_screen is None:
            self.exit(0)
            return
        if (why := self.why_not(action)) is not None:
            self._refuse(action, why)
            return
        number = name.removeprefix("go_")
        if number in TABS:
            self.go(number)
            return
        if self._parts is not None and name in self._parts.pages:
            self.open_page(name)
            return
        doer = getattr(self.screen, f"do_{name}", None) or getattr(self, f"do_{name}")
        doer()

    def _refuse(self, action: Action, why: str) -> None:
        """Say why not. Where a reason or a name would be typed next, those keys must not run as actions."""
        if action.asks in {Asks.REASON, Asks.TYPED} and not isinstance(self.screen, Dialog):
            text = fill("$why", why=why)
            self.push_screen(RefusalDialog(f"You cannot {action.label}", text, clock=self.monotonic))
        else:
            self.say(f"{action.label}: {why}", "warning")

    # -- moving -------------------------------------------------------------------------------------------------------

    def go(self, name: str) -> None:
        """Switch to one of the screens with a number."""
        if name == self.current_mode:
            while len(self.screen_stack) > 1:
                self.pop_screen()
            return
        self._last_mode = self.current_mode
        self.switch_mode(name)

    def open_page(self, name: str) -> None:
        """Open a page that belongs to no screen, once: where it is open already, nothing happens."""
        screen = self.desk_screen
        if self._parts is None or screen is None:
            return
        page = self._parts.pages[name](screen)
        if type(page) is not type(screen):
            self.push_screen(page)

    def do_last(self) -> None:
        self.go(self._last_mode if self._last_mode in TABS else "desk")

    def do_back(self) -> None:
        screen = self.desk_screen
        if screen is not None and screen.go_back():
            return
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def do_quit(self) -> None:
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self._under_way:  # decisions made a moment ago are written before the console ends
            self._leaving = True
            self.say("finishing your last decisions ...")
        else:
            self.exit(0)

    def do_pause(self) -> None:
        """`Z`: freeze what is drawn, and say so."""
        if self.paused_at is None:
            self.paused_at = self.now
        else:
            self.paused_at, update = None, self._held_back
            self._held_back = None
            if update is not None:
                self._forward_update(update)
        self._check_frame()

    def do_refresh(self) -> None:
        self.desk.refresh()
        if (screen := self.desk_screen) is not None:
            screen.read_again()

    def do_palette(self) -> None:
        self.action_command_palette()

    def do_help(self) -> None:
        from console.screens.help import HelpScreen  # noqa: PLC0415 - the first frame does not wait for a page of help

        self.push_screen(HelpScreen(self.scope, self.actor, clock=self.monotonic))

    # -- the palette --------------------------------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[object]) -> Iterator[SystemCommand]:
        """What the palette offers: everything that navigates or opens a dialog, nothing that decides immediately."""
        scope = getattr(screen, "scope", None)
        for action in ACTIONS.values():
            if action.asks is not Asks.NOTHING and works_in(action, scope) and action.name != "palette":
                yield SystemCommand(
                    f"{action.label} ({key_of(action.name)})",
                    help_of(action),
                    lambda name=action.name: self.perform(name),
                )
        for line in self.live.agents:
            name = make_safe(line.name).text
            yield SystemCommand(name, "Open this agent's page.", partial(self.open_agent, line.name), discover=False)

    async def action_quit(self) -> None:
        self.exit(0)

    async def on_unmount(self) -> None:
        if self._waiting is not None:
            self._waiting.left.set()  # wait for the opener's thread before leaving
        if self._parts is not None:
            self._parts.desk.close()

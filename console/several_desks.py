"""The console's way from one desk to another, and to a place in one: `:desk NAME`, all desks, deep links, views.

The next desk is opened before the one on the screen is left: what goes wrong is said there, and nothing is lost. Then
every screen of the old desk is removed and its stream closed, so that nothing of it is taken for the new one's.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from console import saved_views
from console.keymap import TABS, key_of, with_keys
from console.operation_app import OperationApp
from console.safe_text import make_safe
from console.saved_views import View
from console.screens.opening import OpeningScreen
from console.session import Session
from console.start import Start
from console.state import Live
from core.desk_client import short_ids
from core.errors import Invalid, PostroomError
from core.ids import read_id
from core.model import Actor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.content import Content

    from console.ports import Parts, SavedDesks
    from console.screens.desk_screen import DeskScreen
    from console.screens.message import MessageScreen
    from console.state import DeskUpdate

LEAVING: Final = "leaving"
"""The mode of the moment between two desks: a mode cannot be removed while it is shown."""
POLL: Final = 0.05
NOBODY: Final = Actor("operator", "...")


class SeveralDesks(OperationApp):
    """An app that shows one desk at a time."""

    saved_desks: SavedDesks | None = None
    """The desks that `:desk NAME` may go to; None: a console that knows none, as that of the demo."""
    saved_as = ""
    desk_name: str
    desk_colour: str | None = None
    actor: Actor = NOBODY
    local = False
    live: Live
    session: Session
    paused_at: int | None = None
    _parts: Parts | None = None
    _held_back: DeskUpdate | None = None
    _last_mode = ""
    _switching = ""

    @property
    def is_open(self) -> bool:
        """Whether a desk is open, on the screen or below it."""
        return self._parts is not None

    def opening_line(self, width: int) -> Content:
        """The header while no desk is open."""
        raise NotImplementedError

    async def show_desk(self, parts: Parts) -> None:
        """Show this desk, and follow it until it is left or the operator's access ends."""
        raise NotImplementedError

    # -- another desk -------------------------------------------------------------------------------------------------

    def switch_desk(self, name: str) -> None:
        """`:desk NAME`: leave this desk for another. If that cannot be opened, this one stays."""
        if self._switching:
            self.say(f"{self._switching} is still being opened", "warning")
        elif self.saved_desks is None:
            self.say("no other desk can be opened from here", "warning")
        elif name == self.saved_as and self.is_open:
            self._to_the_desk()
        else:
            self._switching = name
            self.say(f"opening {name} ...")
            self.run_worker(self._switch(name, self.saved_desks), group="switch", exit_on_error=False)

    def _to_the_desk(self) -> None:
        """It is below what is on the screen."""
        while len(self.screen_stack) > 1:
            self.pop_screen()

    async def _switch(self, name: str, desks: SavedDesks) -> None:
        try:
            parts = await asyncio.to_thread(desks.open_named, name)
            while self._under_way:  # noqa: ASYNC110 - decisions made a moment ago are written before the desk is left
                await asyncio.sleep(POLL)
            await self._leave()
            self.run_worker(self.show_desk(parts), group="desk", exclusive=True, exit_on_error=False)
        except PostroomError as error:
            fix = getattr(error, "fix", None)
            self.say(f"{name} was not opened: {error}{f'; {fix}' if fix else ''}", "error")
        finally:
            self._switching = ""

    async def _leave(self) -> None:
        """Remove the old desk's screens, then close its stream; the screens' reads end before their desk does."""
        old = self._parts
        if old is None:
            return
        if (approval := self.session.undoable(self.now)) is not None:
            self.say(
                f"{approval.label} at {self.desk_name} can no longer be undone here: postroom queue undo", "warning"
            )
        old.desk.ended = lambda _: None
        self.workers.cancel_group(self, "desk")
        self.add_mode(LEAVING, lambda: OpeningScreen(self.opening_line, "Opening the desk ..."))
        await self.switch_mode(LEAVING)
        for mode in old.modes:
            await self.remove_mode(mode)
        self._parts, self._held_back, self.paused_at = None, None, None
        self.live, self.session, self.actor, self._alarm, self._last_mode = Live(), Session(), NOBODY, ("", 0), ""
        await asyncio.to_thread(old.desk.close)

    def end_leaving(self) -> None:
        """The next desk is shown: what stood between the two goes."""
        if LEAVING in self._modes:
            self.remove_mode(LEAVING)

    def do_all_desks(self) -> None:
        from console.screens.all_desks import AllDesksScreen  # noqa: PLC0415 - the first frame does not wait for it

        if self.saved_desks is None:
            self.say("no other desk can be opened from here", "warning")
        else:
            self.push_screen(AllDesksScreen())

    # -- a place in one -----------------------------------------------------------------------------------------------

    async def go_to(self, start: Start) -> None:
        """Open the place that a link or a view names; what it names wrongly is said."""
        try:
            view = saved_views.named(start.view) if start.view else View(start.screen, start.filter)
            await self._open_screen(view)
            if start.open:
                await self._open_object(start.open)
        except PostroomError as error:
            fix = getattr(error, "fix", None)
            self.say(f"{error}{f'; {fix}' if fix else ''}", "error")

    async def _open_screen(self, view: View) -> None:
        if view.screen and view.screen not in TABS:
            raise Invalid(f"there is no screen {view.screen[:20]!r}", fix=f"the screens are {', '.join(TABS)}")
        if view.screen and view.screen != self.current_mode:
            self._last_mode = self.current_mode
            await self.switch_mode(view.screen)
        self._to_the_desk()
        if view.filter:
            cast("DeskScreen", self.screen).filter_by(view.filter)

    async def _open_object(self, key: str) -> None:
        """An agent by its name, a message by its id or enough of it; anything else is traced."""
        if self.current_mode == "trace":
            self.open_trace(key)
            return
        if any(line.name == key for line in self.live.agents):
            self.open_agent(key)
            return
        number = read_id("m", key)
        if number is None and key[:1] == "m" and short_ids.looks_short(key):
            assert self._parts is not None
            number = read_id("m", await self._parts.desk.act(lambda desk: short_ids.whole(desk, key)))
        if number is not None:
            self.open_message(number)
        else:
            self.open_trace(key)

    def open_agent(self, name: str) -> None:
        """Open an agent's page over the visible screen."""
        assert self._parts is not None
        self.push_screen(self._parts.agent(name))

    def open_message(self, item: int, among: Sequence[int] = ()) -> MessageScreen:
        """Open a message's page over the visible screen; J and K step through `among`."""
        assert self._parts is not None
        page = self._parts.message(item, among)
        self.push_screen(page)
        return page

    def open_trace(self, key: str) -> None:
        """Open the whole story of an id or an address."""
        assert self._parts is not None
        self.push_screen(self._parts.trace(key))

    def open_view(self, name: str) -> None:
        """`:view NAME`."""
        if self.is_open:
            self.run_worker(self.go_to(Start(view=name)), group="view", exit_on_error=False)
        else:
            self.say(f"a view is opened at a desk: {key_of('open')} opens the one under the cursor", "warning")

    def save_view(self, name: str) -> None:
        """`:save NAME`: the screen that is open, with its filter."""
        screen = self.screen_stack[0]
        if not self.is_open or self.current_mode not in TABS:
            self.say("a view is saved at a desk", "warning")
            return
        view = View(self.current_mode, cast("DeskScreen", screen).filter_text)
        try:
            saved_views.save(name, view)
        except PostroomError as error:
            self.say(str(error), "error")
        else:
            shown = make_safe(view.filter).text
            self.say(
                f"saved: {with_keys(f'{{palette}}view {name}')} opens {view.screen}{f' with {shown}' if shown else ''}"
            )

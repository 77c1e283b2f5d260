"""The filter of a screen: typed with hints and the number of matches, set, cleared, and what `!` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import on, work
from textual.app import ComposeResult
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from console.keymap import key_while_typing
from console.views.filter_hints import completed, offered
from console.widgets.filter_line import FilterError, FilterLine
from core import filters
from core.errors import Invalid, PostroomError
from core.filter_fields import Listing
from core.filters import Fields, Want
from core.views.format import count

if TYPE_CHECKING:
    from console.desk_client import Desk
    from console.ports import ConsoleApp

FILTER_LIMIT: Final = 300
COUNT_AFTER: Final = 0.25
"""Seconds without a key after which the matches of a filter being typed are counted."""


class Filtering(Screen[None]):
    """A screen whose rows a filter narrows. `DeskScreen` adds how it reads them again and draws its frame."""

    filter_fields: ClassVar[Fields] = {}
    """What a filter may name here; empty: this screen has no filter."""
    listing: ClassVar[Listing | None] = None
    """The list that the desk counts matches of while a filter is typed; None: this screen counts them itself."""
    fault_filter: ClassVar[str] = "level:bad"
    """What `!` shows: only problems."""

    def __init__(self) -> None:
        super().__init__()
        self.wants: tuple[Want, ...] = ()
        self._count_soon: Timer | None = None
        self._matching = ""

    @property
    def console(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    @property
    def desk(self) -> Desk:
        return self.console.desk

    def reload(self) -> object:
        """Read what this screen shows, in the background."""
        raise NotImplementedError

    def check_frame(self) -> None:
        """Redraw the lines of the frame that have changed."""
        raise NotImplementedError

    # -- typing it ----------------------------------------------------------------------------------------------------

    def compose_filter(self) -> ComposeResult:
        yield FilterLine(placeholder=f"field:value, {', '.join(self.filter_fields)}", max_length=FILTER_LIMIT)
        yield FilterError()

    def do_filter(self) -> None:
        if not self.filter_fields:
            return
        line = self.query_one(FilterLine)
        line.value = self.filter_text
        line.add_class("-open")
        line.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if not isinstance(event.input, FilterLine):
            return
        event.stop()
        try:
            wants = filters.parse(event.value, self.filter_fields)
        except Invalid as error:
            # the line stays open with the error, and the previous rows stay shown
            self.query_one(FilterError).say(f"{error.reason}; {error.fix}" if error.fix else error.reason)
            return
        self._close_filter()
        self.set_filter(wants)

    def on_input_changed(self, event: Input.Changed) -> None:
        if not isinstance(event.input, FilterLine) or not event.input.has_class("-open"):
            return
        self.query_one(FilterError).say("")
        self._matching = ""
        self._hint(event.value)
        if self._count_soon is not None:
            self._count_soon.stop()
        self._count_soon = self.set_timer(COUNT_AFTER, lambda: self._count(event.value))

    @on(FilterLine.Completes)
    def _complete(self) -> None:
        line = self.query_one(FilterLine)
        line.value = completed(line.value, self.filter_fields, self._values())
        line.cursor_position = len(line.value)

    def _hint(self, text: str) -> None:
        offers = offered(text, self.filter_fields, self._values())
        self.query_one(FilterError).hint(" · ".join(part for part in (self._matching, offers) if part))

    def _values(self) -> Mapping[str, Sequence[str]]:
        """Values that are known without asking the desk."""
        agents = self.console.live.agents
        mailboxes = [mailbox.address for line in agents for mailbox in line.mailboxes]
        streams = sorted({address.partition("@")[2] for address in mailboxes})
        return {"agent": [line.name for line in agents], "mailbox": mailboxes, "stream": streams}

    @work(group="filter-count", exclusive=True, exit_on_error=False)
    async def _count(self, text: str) -> None:
        """Say how many rows this filter would show; one that cannot be read yet is not an error yet."""
        line = self.query_one(FilterLine)
        try:
            wants = filters.parse(text, self.filter_fields)
            self._matching = await self.count_matches(wants) if wants else ""
        except PostroomError:
            self._matching = ""
        if line.has_class("-open") and line.value == text:
            self._hint(text)

    async def count_matches(self, wants: Sequence[Want]) -> str:
        """`412 match`. Raises `PostroomError` if the desk cannot say."""
        listing, text = self.listing, filters.spelled(wants)
        if listing is None:
            return ""
        found = await self.desk.ask(lambda desk: desk.call("filter.count", list=listing.value, filter=text))
        return f"{count(found['count'])}{'+' if found['more'] else ''} match"

    # -- setting it ---------------------------------------------------------------------------------------------------

    @property
    def filter_text(self) -> str:
        return filters.spelled(self.wants)

    @property
    def filter_undecided(self) -> str | None:
        """Why the rows shown may not be the ones meant: a filter is being typed, or could not be parsed.

        None: they are.
        """
        line = self.query_one(FilterLine)
        if not line.has_class("-open"):
            return None
        wrong = self.query_one(FilterError).wrong
        if wrong:
            return f"invalid filter: {wrong}"
        typing = f"you are typing a filter: enter applies it, {key_while_typing('back')} cancels it"
        return typing if line.value != self.filter_text else None

    def filter_by(self, text: str) -> None:
        """Show only what this filter matches."""
        self.set_filter(filters.parse(text, self.filter_fields))

    def set_filter(self, wants: Sequence[Want]) -> None:
        """Show only what matches."""
        self.wants = tuple(wants)
        self.filtered()
        self.check_frame()

    def filtered(self) -> None:
        """The filter has changed."""
        self.reload()

    def do_faults(self) -> None:
        """`!`: only problems, or everything again."""
        (wrong,) = filters.parse(self.fault_filter, self.filter_fields)
        if wrong in self.wants:
            self.set_filter([want for want in self.wants if want != wrong])
        else:
            self.set_filter([*self.wants, wrong])

    def _close_filter(self) -> None:
        self.query_one(FilterError).say("")
        self.query_one(FilterLine).remove_class("-open")
        self.focus_body()

    def focus_body(self) -> None:
        """Return the keys to the main part of the screen."""
        self.focus_next()

    def go_back(self) -> bool:
        """`esc`, one step: the open filter line, the filter, whatever else is open. False: nothing was."""
        if self.query_one(FilterLine).has_class("-open"):
            self._close_filter()
            return True
        if self.wants:
            self.set_filter(())
            return True
        return False

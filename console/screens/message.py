"""One message: the desk's facts, the checks, and exactly what would leave, with everything hidden made visible."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content

from console import record_operations
from console.copying import Source
from console.dialogs import Choice, ChoiceDialog
from console.keymap import TABS, Scope, key_of
from console.safe_text import content, fill, make_safe
from console.screens.agent_actions import AgentScreen
from console.screens.desk_screen import bindings
from console.screens.held_actions import UNKNOWN_FINDING, short
from console.screens.suppress_action import suppress
from console.screens.team_actions import TeamScreen, not_for_team
from console.session import Approval
from console.state import DeskUpdate
from console.views.item_lines import VIEWS, check_lines, fact_lines, story_lines
from console.views.message_lines import MessageLines, found, message_of
from console.views.rows import who_text
from console.widgets.frame import NARROW
from console.widgets.pane import TextPane
from core.desk_client import reads
from core.desk_client.interface import Json
from core.errors import PostroomError
from core.views.live import AgentLine

SHARES: Final = (1 / 2, 1 / 2)
"""Share of the width for facts and checks."""
READ_AFTER: Final = 1.0
"""Seconds from an event about anything else to reading the message again."""
WHO_AGAIN: Final = 5.0
"""Seconds before it is asked again who else is on the message: to open one is no event."""
LOOK_FOR: Final = 1.0
"""Seconds after opening before a message with a failed check can be approved: nobody has read it yet."""


class MessageScreen(TeamScreen, AgentScreen):
    """The page of one item; J and K step through the list it was opened from."""

    scope = Scope.MESSAGE
    tab = 2
    title_word = "Message"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.MESSAGE)
    DEFAULT_CSS = """
    MessageScreen #facts-and-checks { height: auto; max-height: 12; }
    MessageScreen.-low #facts-and-checks { max-height: 9; }
    MessageScreen #facts { width: 1fr; height: auto; max-height: 12; background: $surface; padding: 0 1; }
    MessageScreen #checks { width: 1fr; height: auto; max-height: 12; background: $surface; padding: 0 1; }
    MessageScreen #texts { height: 1fr; }
    MessageScreen #text { width: 1fr; height: 1fr; padding: 0 1; }
    MessageScreen #tainting { width: 1fr; height: 1fr; padding: 0 1; border-left: vkey $border; display: none; }
    MessageScreen.-tainted #tainting { display: block; }
    MessageScreen.-narrow #tainting { display: none; }
    MessageScreen.-narrow #facts-and-checks { display: none; }
    """

    def __init__(self, item: int, among: Sequence[int] = ()) -> None:
        super().__init__()
        self._item = item
        self._among = among if len(among) else (item,)
        self._at = among.index(item) if item in among else 0
        self._awaits_list = False
        self._steps = 0
        """J and K pressed before the list came."""
        self._letter: MessageLines | None = None
        self._shown_at = 0.0
        self._view = "body"
        self._claimed: str | None = None
        """Who has claimed it, as drawn."""
        self._tall: dict[str, int] = {}

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="facts-and-checks"):
            yield TextPane(id="facts")
            yield TextPane(id="checks")
        with Horizontal(id="texts"):
            yield TextPane(id="text")
            yield TextPane(id="tainting")

    def on_mount(self) -> None:
        self.query_one("#text").focus()
        self.set_interval(WHO_AGAIN, self._age)

    def focus_body(self) -> None:
        self.query_one("#text").focus()

    def on_unmount(self) -> None:
        self.reads(None)

    def place(self) -> str:
        item_id = self._letter.spelled if self._letter else "..."
        return f"{TABS[self.tab_shown - 1].title()} · {item_id} · {self._at + 1:,} of {len(self._among):,}"

    def position(self) -> str:
        return f"{self._at + 1:,}/{len(self._among):,}"

    def note(self) -> str:
        if sending := super().note():
            return sending
        held = self._letter.held if self._letter else None
        who = who_text(held, now=self.console.now, viewer=self.console.actor.name) if held is not None else ""
        unsaved = self._letter is not None and self._letter.spelled in self.console.session.unsaved
        kept = f"{key_of('edit')} your unsaved text" if unsaved else ""
        return self.console.alarm_text or kept or make_safe(who).text

    # -- showing ------------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        item = self._item
        message = await asyncio.to_thread(message_of, await self.desk.read(reads.ITEM, id=item, whole=True))
        if item != self._item:
            return
        first = self._letter is None or self._letter.item != item or self._letter.digest != message.digest
        self._letter = message
        if first:
            self.set_class(message.tainting is not None, "-tainted")
        self._shown_at = self.console.monotonic() if first else self._shown_at
        self._show(top=first)
        self.console.session.opened(message.item, message.digest)
        if message.pending:
            self.reads(message.item)

    @property
    def rows_pending(self) -> bool:
        return self._letter is None or self._letter.item != self._item or bool(self._steps)

    def expect_list(self) -> None:
        """The list to step through is still being read: `take_list` brings it."""
        self._awaits_list = True

    def take_list(self, among: Sequence[int]) -> None:
        """Step through these; what was pressed for the next one since the page opened is done now."""
        steps, self._steps, self._awaits_list = self._steps, 0, False
        if self._item in among:
            self._among, self._at = among, among.index(self._item)
        if self.is_attached:
            if steps:
                self._walk(steps)
            self.check_frame()

    def failed(self, reason: str) -> None:
        if self._letter is not None and self._letter.item == self._item:
            super().failed(reason)
        else:
            self.console.say(f"could not load: {reason}", "error")

    def apply_update(self, update: DeskUpdate) -> None:
        if update.everything or self._item in update.messages:
            self.reload_in_turn()
        elif update.agents:
            self.reload_soon(READ_AFTER)  # its agent's state and budgets are on this page too

    def _age(self) -> None:
        if self.app.screen is self and self.console.paused_at is None and self._letter and self._letter.pending:
            self._look_who()

    @work(group="who", exclusive=True, exit_on_error=False)
    async def _look_who(self) -> None:
        """Who else is on it now; the page itself is read again with the next event about it."""
        item = self._item
        with contextlib.suppress(PostroomError):
            held = (await self.desk.read(reads.ITEM, id=item)).held
            letter = self._letter
            if held is None or letter is None or letter.item != item or letter.held is None:
                return
            self._letter = replace(letter, held=replace(letter.held, claim=held.claim, present=held.present))
            if held.claimed_by(self.console.now) != self._claimed:
                self._show(top=False)
            self.check_frame()

    def _show(self, *, top: bool) -> None:
        message = self._letter
        if message is None:
            return
        narrow = self.app.size.width < NARROW
        self._claimed = message.held.claimed_by(self.console.now) if message.held is not None else None
        facts, checked = fact_lines(message, now=self.console.now), check_lines(message, short=narrow)
        text = VIEWS[self._view](message)
        if self._view == "body":
            text = [*text, [], *story_lines(message)]
        if narrow and self._view != "taint":
            text = [*facts, *checked, *text]
        panes = (self.query_one("#facts", TextPane), self.query_one("#checks", TextPane))
        for pane, lines, share in zip(panes, (facts, checked), SHARES, strict=True):
            pane.show_lines(lines)
            self._tall[pane.id or ""] = pane.lines_at(int(self.app.size.width * share) - 2)
        for pane in panes:
            pane.styles.height = max(self._tall.values())
        self.query_one("#text", TextPane).show_lines(text, top=top)
        if message.tainting is not None:
            self.query_one("#tainting", TextPane).show_lines(VIEWS["taint"](message), top=top)
        self.check_frame()

    def on_resize(self) -> None:
        self._show(top=False)

    def _turn_to(self, view: str) -> None:
        self._view = "body" if self._view == view else view
        self._show(top=True)

    def do_body(self) -> None:
        self._view = "body"
        self._show(top=True)

    def go_back(self) -> bool:
        """From another view of it to the message, and only then to the list."""
        if self._view == "body":
            return super().go_back()
        self.do_body()
        return True

    def do_headers(self) -> None:
        self._turn_to("headers")

    def do_source(self) -> None:
        self._turn_to("source")

    def do_difference(self) -> None:
        self._turn_to("difference")

    def do_taint(self) -> None:
        if self.app.size.width < NARROW:
            self._turn_to("taint")
        else:
            self.toggle_class("-tainted")

    def do_next(self) -> None:
        self._walk(1)

    def do_previous(self) -> None:
        self._walk(-1)

    def _walk(self, by: int) -> None:
        if self._awaits_list:
            self._steps += by
            return
        at = max(0, min(len(self._among) - 1, self._at + by))
        if at == self._at:
            self.console.say("this is the last one" if by > 0 else "this is the first one")
            return
        self._at, self._item = at, self._among[at]
        self.reload()

    # -- doing --------------------------------------------------------------------------------------------------------

    def chosen(self) -> tuple[int, str | None, str] | None:
        message = self._letter
        if message is None or message.item != self._item or not message.pending:
            return None
        return message.item, message.digest, message.spelled

    def noted_on(self) -> str | None:
        message = self._letter
        return message.spelled if message is not None and message.item == self._item else None

    def claimed_by_me(self) -> bool:
        held = self._letter.held if self._letter else None
        return held is not None and held.claimed_by(self.console.now) == self.console.actor.name

    def tells_agent(self) -> bool:
        return self._letter is None or self._letter.received is None

    def about(self) -> Content:
        view, message = (self._letter.view, self._letter) if self._letter else (None, None)
        if message is not None and message.received is not None:
            row = message.received.row
            return fill("$sender → $agent · $subject", sender=row.sender, agent=row.agent, subject=row.subject)
        if message is None or view is None:
            return fill("$agent", agent=message.agent if message else "")
        people = ", ".join(one.given for one in view.recipients[:2]) + (" ..." if len(view.recipients) > 2 else "")
        return fill("$agent · $people · $subject", agent=view.agent, people=people, subject=view.subject)

    def chosen_agent(self) -> AgentLine | None:
        name = self._letter.agent if self._letter else ""
        return next((line for line in self.console.live.agents if line.name == name), None)

    def why_not(self, name: str) -> str | None:
        message = self._letter
        if name in {"approve", "reject", "claim", "note", "return", "edit"}:
            if message is None or message.item != self._item:
                return "it is still loading"
            received = message.received is not None
            if (
                unfit := not_for_team(name, message=received or message.view is not None, received=received)
            ) is not None:
                return unfit
            if not message.pending and name != "note":
                held = message.held
                by = f" by {make_safe(held.decided_by).text}" if held and held.decided_by else ""
                return f"{short(message.spelled)} is no longer pending: already {held.status if held else 'gone'}{by}"
            if (
                name == "approve"
                and message.held
                and (message.held.failed_checks or message.held.cautions)
                and self._just_opened
            ):
                return "you have only just opened this, and it has a failed check or warning: read it first"
            if name == "approve" and _purged(message):
                return "its body has been purged: nobody can see what it says"
        if name == "taint" and (message is None or message.tainting is None):
            return "its run had read no untrusted mail"
        if name in {"suppress", "cancel"} and (message is None or message.view is None):
            return "it has no recipients" if name == "suppress" else "only mail that an agent sends can be cancelled"
        return super().why_not(name)

    @property
    def _just_opened(self) -> bool:
        return self.console.monotonic() - self._shown_at < LOOK_FOR

    def findings(self) -> tuple[str, ...]:
        message = self._letter
        if message is None or message.held is None or not message.held.failed_checks:
            return ()
        if message.received is not None:
            return tuple(one.text for one in message.held.findings)
        return tuple(one.text for one in found(message)) or (UNKNOWN_FINDING,) * message.held.failed_checks

    def decided(self, items: Sequence[int]) -> None:
        del items
        self.reload()

    def copied(self) -> Source | None:
        letter = self._letter
        if letter is None:
            return None
        held = letter.held
        first = (held.sender or (held.to.first if held.to else "")) if held is not None else ""
        return Source(letter.spelled, first)

    def undoable_here(self) -> Approval | None:
        held = self._letter.held if self._letter else None
        if held is None or held.id != self._item or held.release_at is None or held.release_at <= self.console.now:
            return None
        if held.status not in {"approved", "rejecting"}:
            return None
        return Approval((held.id,), short(held.spelled), held.release_at, held.status == "rejecting")

    def do_cancel(self) -> None:
        message = self._letter
        if message is None:
            return
        item_id = message.spelled

        def cancelled(done: Json) -> None:
            self.console.say(f"{short(item_id)} is {done['status']}")
            self.reload()

        self.ask_reason(
            fill("Cancel $id?", id=short(item_id)),
            Content("What has not left is not sent. This cannot be undone."),
            "cancels it",
            lambda reason: self.console.run_operation(record_operations.cancel(item_id, reason), cancelled),
        )

    def do_suppress(self) -> None:
        view = self._letter.view if self._letter else None
        if view is None:
            return
        choices = [
            Choice(one.address, content(make_safe(one.given)), "already suppressed" if one.suppressed else None)
            for one in view.recipients
        ]
        dialog = ChoiceDialog(
            "Suppress",
            Content("No agent will be able to mail this address."),
            choices=choices,
            clock=self.console.monotonic,
        )
        self.ask(dialog, lambda address: suppress(self, address))


def _purged(message: MessageLines) -> bool:
    """Whether nobody can read any more what is decided on."""
    if message.received is not None:
        return not message.received.kept
    return message.view is not None and message.mail is None

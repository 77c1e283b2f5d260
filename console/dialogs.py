"""Dialogs: the few questions the console asks, built so that a hand faster than the eye does no harm.

A dialog that opens under a typing hand would take the next keys as answers, so keys and clicks in its first 0.4 s are
ignored. Enter never confirms anything that lets mail leave or widens a limit: the count or the name is typed, then
space. (Space, because a name being typed towards `quote-bot-2` must not confirm `quote-bot` on its way.) There is no
button that a stray Enter or click could press. Escape always cancels.

All text is Content or is made so; nothing here parses markup.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from console.safe_text import make_safe
from console.themes import Tone
from console.widgets.edit_line import EditLine
from console.widgets.frame import TopLine

DEAF_FOR: Final = 0.4
"""Seconds during which a new dialog ignores keys and clicks."""
REASON_LIMIT: Final = 300

Answer = TypeVar("Answer")
Monotonic = Callable[[], float]
Header = Callable[[int], Content]


class Dialog(ModalScreen[Answer | None]):
    """A question over the screen. Dismissed with its answer, or with None for no."""

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > TopLine { dock: top; }
    Dialog > Vertical {
        width: 64; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
        background: $surface; color: $foreground; border: round $border;
        border-title-color: $foreground; border-title-style: bold;
    }
    Dialog Static { height: auto; margin: 0 0 1 0; }
    Dialog .dialog--hint { margin: 0; color: $text-muted; }
    Dialog Input, Dialog Input:focus {
        border: none; height: 1; padding: 0; margin: 0 0 1 0; background: $panel; color: $foreground;
    }
    Dialog OptionList, Dialog OptionList:focus {
        border: none; height: auto; max-height: 12; padding: 0; margin: 0 0 1 0; background: $surface;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    def __init__(self, title: str | Content, body: Content | None = None, *, clock: Monotonic = time.monotonic) -> None:
        super().__init__()
        self._title = title if isinstance(title, Content) else Content(title)
        self._body = body
        self._clock = clock
        self._opened = clock()
        self._then: Callable[[Answer], None] | None = None

    @property
    def ignoring_keys(self) -> bool:
        """Whether what is typed now was meant for the screen below."""
        return self._clock() - self._opened < DEAF_FOR

    def on_mount(self) -> None:
        self._opened = self._clock()

    def on_key(self, event: events.Key) -> None:
        if self.ignoring_keys:
            event.stop()
            event.prevent_default()

    def action_cancel(self) -> None:
        if self.is_mounted:  # else it would end before it has its widgets
            self.dismiss(None)

    def when_answered(self, then: Callable[[Answer], None]) -> None:
        """Call this with the answer, at once when the dialog closes; not if it is cancelled.

        Textual's own callback runs a moment later, and a key that arrives before it would act on the screen below
        although the next question is about to open.
        """
        self._then = then

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        closed = super().dismiss(result)
        if result is not None and self._then is not None:
            self._then(result)
        return closed

    def compose(self) -> ComposeResult:
        header: Header | None = getattr(self.app, "header", None)
        if (
            header is not None
        ):  # the screen below is dimmed while a dialog asks, except for the line that says how fresh the data is
            yield TopLine(header)
        box = Vertical()
        box.border_title = self._title
        with box:
            if self._body is not None:
                yield Static(self._body)
            yield from self.compose_question()
            yield Static(self.hint(), classes="dialog--hint")

    def compose_question(self) -> ComposeResult:
        """The widgets between the text and the hint."""
        yield from ()

    def hint(self) -> Content:
        """What to press."""
        return Content("esc cancel")

    def say(self, hint: Content) -> None:
        self.query_one(".dialog--hint", Static).update(hint)


class RefusalDialog(Dialog[None]):
    """Why a question is not asked. Keys already typed as an answer go nowhere."""

    def hint(self) -> Content:
        return Content.assemble(("esc ", Tone.INFO), "close   Other keys do nothing until you close this.")


class WaitingDialog(Dialog[Answer]):
    """Stands where a question will open as soon as the desk has found what to ask. Keys typed until then go nowhere."""

    _found: Answer | None = None
    _why_not = ""

    def hint(self) -> Content:
        if self._why_not:
            return Content.assemble(("✖ ", Tone.FAULT), self._why_not, "   ", ("esc ", Tone.INFO), "close")
        return Content.assemble(("esc ", Tone.INFO), "cancel   Keys are ignored until the desk has answered.")

    def on_mount(self) -> None:
        super().on_mount()
        self.call_later(self._settle)  # the desk may have answered before this dialog was drawn

    def on_screen_resume(self) -> None:
        self._settle()

    def found(self, answer: Answer) -> None:
        """The desk has answered. Nothing follows if the operator has cancelled since."""
        self._found = answer
        self._settle()

    def failed(self, why: str) -> None:
        """There is nothing to ask. Keys already typed as an answer still go nowhere."""
        self._why_not = make_safe(why).text
        self._settle()

    def _settle(self) -> None:
        # what has opened over it (the palette) must close first: a dismissal closes whatever is on top
        if not self.is_mounted or self.app.screen is not self:
            return
        if self._found is not None:
            self.dismiss(self._found)
        else:
            self.say(self.hint())


class Prompt(EditLine):
    """A line to type in that ignores keys for as long as its dialog does."""

    def __init__(self, *, id: str, placeholder: str = "") -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, placeholder=placeholder, max_length=REASON_LIMIT, compact=True, select_on_focus=False)

    def _ignored(self, event: events.Event) -> None:
        if isinstance(self.screen, Dialog) and self.screen.ignoring_keys:
            event.stop()
            event.prevent_default()

    def on_key(self, event: events.Key) -> None:
        self._ignored(event)

    def on_paste(self, event: events.Paste) -> None:
        self._ignored(event)

    @property
    def line(self) -> str:
        """What was typed, on one line, without anything a paste may have brought along."""
        return " ".join("".join(char if char.isprintable() else " " for char in self.value).split())


class ReasonDialog(Dialog[str]):
    """Tightening: one key and a reason, which goes into the log. Answers with the reason, which is never empty.

    `asks` is what it calls the reason: a note and a comment are none.
    """

    def __init__(
        self,
        title: str | Content,
        body: Content | None = None,
        *,
        does: str,
        asks: str = "reason",
        clock: Monotonic = time.monotonic,
    ) -> None:
        super().__init__(title, body, clock=clock)
        self._does = does
        self._asks = asks

    def compose_question(self) -> ComposeResult:
        yield Prompt(id="reason", placeholder=self._asks)

    def hint(self) -> Content:
        return Content.assemble(("enter ", Tone.INFO), (f"{self._does}   ", Tone.MUTED), ("esc ", Tone.INFO), "cancel")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        reason = self.query_one("#reason", Prompt).line
        if reason:
            self.dismiss(reason)
        else:
            self.say(Content.assemble((f"▲ A {self._asks} is required.", Tone.WARN), "   esc cancel"))


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The answer to a typed confirmation; `reason` is empty if none was asked for."""

    reason: str = ""


class TypedDialog(Dialog[Confirmed]):
    """Loosening: type `expected` (a count or a name), then space. With `reason`, that is asked for first."""

    def __init__(
        self,
        title: str | Content,
        body: Content | None = None,
        *,
        expected: str,
        does: str,
        reason: bool = False,
        clock: Monotonic = time.monotonic,
    ) -> None:
        super().__init__(title, body, clock=clock)
        self._expected = expected
        self._does = does
        self._asks_reason = reason

    def compose_question(self) -> ComposeResult:
        if self._asks_reason:
            yield Prompt(id="reason", placeholder="reason")
        yield Prompt(id="typed", placeholder=f"type {self._expected}")

    def hint(self) -> Content:
        return Content.assemble(
            "type ", (self._expected, Tone.STRONG), ", then ", ("space", Tone.INFO), f" to {self._does}   ",
            ("esc ", Tone.INFO), "cancel",
        )  # fmt: skip

    @property
    def _matches(self) -> bool:
        return self.query_one("#typed", Prompt).value == self._expected

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.input.id != "typed":
            return
        if event.value == f"{self._expected} ":
            self._confirm()
        elif self._matches:
            self.say(Content.assemble(("✔ ", Tone.GOOD), ("space", Tone.INFO), f" to {self._does}   esc cancel"))
        else:
            self.say(self.hint())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "reason":
            self.query_one("#typed", Prompt).focus()
        else:
            self.say(Content.assemble(("▲ Enter never confirms: ", Tone.WARN), self.hint()))

    def _confirm(self) -> None:
        reason = self.query_one("#reason", Prompt).line if self._asks_reason else ""
        if self._asks_reason and not reason:
            with self.prevent(Input.Changed):  # its answer would otherwise say "space to ..." over the message here
                self.query_one("#typed", Prompt).value = self._expected
            self.query_one("#reason", Prompt).focus()
            self.say(Content.assemble(("▲ A reason is required.", Tone.WARN), "   esc cancel"))
            return
        self.dismiss(Confirmed(reason))


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice. `why_not` prevents choosing it and is shown beside it."""

    key: str
    label: Content
    why_not: str | None = None


class Choices(OptionList):
    """A list of options that ignores keys for as long as its dialog does."""

    def on_click(self, event: events.Click) -> None:
        if isinstance(self.screen, Dialog) and self.screen.ignoring_keys:
            event.stop()
            event.prevent_default()


class ChoiceDialog(Dialog[str]):
    """Choose one of these. Answers with its key. Choosing decides nothing; the next step asks for itself."""

    def __init__(
        self,
        title: str | Content,
        body: Content | None = None,
        *,
        choices: Sequence[Choice],
        clock: Monotonic = time.monotonic,
    ) -> None:
        super().__init__(title, body, clock=clock)
        self._choices = tuple(choices)

    def compose_question(self) -> ComposeResult:
        yield Choices(
            *(
                Option(
                    choice.label
                    if choice.why_not is None
                    else Content.assemble(choice.label, (f"  {choice.why_not}", Tone.MUTED)),
                    disabled=choice.why_not is not None,
                )
                for choice in self._choices
            ),
            markup=False,
        )

    def hint(self) -> Content:
        return Content.assemble(("enter ", Tone.INFO), "choose   ", ("esc ", Tone.INFO), "cancel")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if not self.ignoring_keys:
            self.dismiss(self._choices[event.option_index].key)

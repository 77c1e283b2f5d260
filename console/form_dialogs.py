"""Dialogs that ask for a value or for several: what is typed is checked before the next question, or at the desk."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from console.dialogs import Dialog, Monotonic, Prompt
from console.safe_text import make_safe
from console.themes import Tone

LABEL: Final = 16
"""Cells of a field's name."""


class ValueDialog(Dialog[str]):
    """One value, which enter takes. `wrong` says what is wrong with it, or nothing. The next step asks for itself."""

    def __init__(
        self,
        title: str | Content,
        body: Content | None = None,
        *,
        asks: str,
        wrong: Callable[[str], str] = lambda _: "",
        clock: Monotonic = time.monotonic,
    ) -> None:
        super().__init__(title, body, clock=clock)
        self._asks = asks
        self._wrong = wrong

    def compose_question(self) -> ComposeResult:
        yield Prompt(id="value", placeholder=self._asks)

    def hint(self) -> Content:
        return Content.assemble(("enter ", Tone.INFO), ("goes on   ", Tone.MUTED), ("esc ", Tone.INFO), "cancel")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        value = self.query_one("#value", Prompt).line
        wrong = self._wrong(value) if value else f"type {self._asks}"
        if wrong:
            self.say(Content.assemble((f"▲ {make_safe(wrong).text}", Tone.WARN), "   esc cancel"))
        else:
            self.dismiss(value)


class SecretDialog(Dialog[None]):
    """A text with a secret that nobody can show again: esc closes it only when pressed twice."""

    DEFAULT_CSS = """
    SecretDialog > Vertical { width: 100; }
    SecretDialog VerticalScroll { height: auto; max-height: 16; margin: 0 0 1 0; }
    """

    def __init__(self, title: str | Content, text: Content, *, clock: Monotonic = time.monotonic) -> None:
        super().__init__(title, clock=clock)
        self._text = text
        self._asked = False

    def compose_question(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(self._text)

    def hint(self) -> Content:
        return Content.assemble(("↑↓ ", Tone.INFO), ("scroll   ", Tone.MUTED), ("esc ", Tone.INFO), "close")

    def action_cancel(self) -> None:
        if self._asked:
            super().action_cancel()
            return
        self._asked = True
        self.say(Content.assemble(("▲ It is not shown again. ", Tone.WARN), ("esc ", Tone.INFO), "closes it"))


@dataclass(frozen=True, slots=True)
class FormField:
    """One line of a form. `hint` stands in it while it is empty."""

    name: str
    label: str
    value: str = ""
    hint: str = ""


class FormDialog(Dialog[dict[str, str]]):
    """Several values: enter goes to the next field, and on the last one hands all of them over. Empty ones too."""

    DEFAULT_CSS = """
    FormDialog > Vertical { width: 78; }
    FormDialog Horizontal { height: 1; }
    FormDialog Horizontal Static { width: 16; margin: 0; }
    FormDialog Horizontal Input, FormDialog Horizontal Input:focus { width: 1fr; margin: 0; }
    FormDialog .dialog--hint { margin: 1 0 0 0; }
    """

    def __init__(
        self,
        title: str | Content,
        body: Content | None = None,
        *,
        fields: Sequence[FormField],
        does: str,
        clock: Monotonic = time.monotonic,
    ) -> None:
        super().__init__(title, body, clock=clock)
        self._fields = tuple(fields)
        self._does = does

    def compose_question(self) -> ComposeResult:
        for field in self._fields:
            with Horizontal():
                yield Static(Content.styled(field.label[:LABEL], Tone.MUTED))
                prompt = Prompt(id=field.name, placeholder=field.hint)
                prompt.value = make_safe(field.value).text
                yield prompt

    def hint(self) -> Content:
        return Content.assemble(
            ("tab enter ", Tone.INFO), ("next field   ", Tone.MUTED), ("enter on the last ", Tone.INFO),
            (f"{self._does}   ", Tone.MUTED), ("esc ", Tone.INFO), "cancel",
        )  # fmt: skip

    @property
    def values(self) -> Mapping[str, str]:
        """What has been typed so far."""
        return {field.name: self.query_one(f"#{field.name}", Prompt).line for field in self._fields}

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        names = [field.name for field in self._fields]
        at = names.index(event.input.id or "")
        if at + 1 < len(names):
            self.query_one(f"#{names[at + 1]}", Prompt).focus()
        else:
            self.dismiss(dict(self.values))

"""The signing dialog: what the desk found for each item, in the desk's words, with nothing ticked for the signer.

Three kinds of line, distinguished by word and glyph: the desk saw it (`✔ desk`), the signer answers for it (`○ you?`,
`● you`), or the desk says NO (`✖ NO`), which needs a typed reason. Nothing can be signed while any line is open; then
the address is typed, then space. Enter never signs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from console.dialogs import Choices, Dialog, Monotonic, Prompt, ReasonDialog
from console.operations import Sheet
from console.safe_text import fill, make_safe
from console.themes import Tone
from console.widgets.columns import Piece
from console.widgets.pane import line, wrap
from core.rules.issuance import Finding, Item

LABEL: Final = 8
"""Columns before an item's text."""


@dataclass(slots=True)
class Answers:
    """What the signer answers for, and why they sign although the desk found an item false."""

    affirmed: set[str] = field(default_factory=set)
    overrides: dict[str, str] = field(default_factory=dict)


class Checklist(Choices):
    """The items, each wrapped over as many lines as it needs. Space answers the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "screen.answer", show=False)]

    def __init__(self, sheet: Sheet, answers: Answers) -> None:
        super().__init__(markup=False)
        self._sheet = sheet
        self._answers = answers
        self._wide = 0

    def on_resize(self, event: events.Resize) -> None:
        del event
        width = self.scrollable_content_region.width - 2  # an option list indents by one column on both sides
        if width > LABEL and width != self._wide:
            self._wide = width
            self.draw()

    def draw(self) -> None:
        """Redraw every item with its current answer; cursor and scroll position stay."""
        prompts = [self._prompt(item, finding) for item, finding in self._sheet.lines]
        if self.option_count:
            for at, prompt in enumerate(prompts):
                self.replace_option_prompt_at_index(at, prompt)
        else:
            self.add_options([Option(prompt) for prompt in prompts])
            self.highlighted = 0

    def _prompt(self, item: Item, finding: Finding) -> Content:
        pieces = item_lines(item, finding, self._answers)
        lines = [wrapped for one in pieces for wrapped in wrap(one, self._wide)]
        joined: list[Content | str | tuple[str, str]] = []
        for number, one in enumerate(lines):
            joined += ["\n"] if number else []
            joined += [(piece.text, piece.tone) for piece in one]
        return Content.assemble(*joined)


class SignDialog(Dialog[Answers]):
    """Sign for an identity in one of the three roles."""

    DEFAULT_CSS = """
    SignDialog > Vertical { width: 104; }
    SignDialog Checklist, SignDialog Checklist:focus {
        max-height: 62vh; border: none; padding: 0; margin: 0 0 1 0; background: $surface;
    }
    """

    def __init__(self, sheet: Sheet, *, clock: Monotonic = time.monotonic) -> None:
        super().__init__(
            fill("Sign $address as $kind?", address=sheet.address, kind=sheet.kind.value),
            fill("record $record · shown $shown", record=sheet.record_digest[:12], shown=sheet.digest[:12]),
            clock=clock,
        )
        self._sheet = sheet
        self._expected = make_safe(sheet.address).text
        self._answers = Answers()
        self._stray = False
        """Whether letters were typed where none are read: the space behind them was meant for them, not for an item."""

    def compose_question(self) -> ComposeResult:
        yield Checklist(self._sheet, self._answers)
        yield Prompt(id="typed", placeholder=f"type {self._expected}")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Checklist).focus()
        self._progress()

    @property
    def open_items(self) -> list[str]:
        """Items that nobody has answered for yet."""
        done = self._answers.affirmed | self._answers.overrides.keys()
        return [one.code for one in self._sheet.findings if not one.found and one.code not in done]

    def hint(self) -> Content:
        left = len(self.open_items)
        if left:
            keys = (("↑↓ ", Tone.INFO), "look   ", ("space ", Tone.INFO), "affirm or override   ")
            return Content.assemble((f"{left} to answer   ", Tone.WARN), *keys, ("esc ", Tone.INFO), "cancel")
        return Content.assemble(
            ("tab", Tone.INFO), ", type ", (self._expected, Tone.STRONG), ", then ", ("space", Tone.INFO),
            " to sign   ", ("esc ", Tone.INFO), "cancel",
        )  # fmt: skip

    # -- answering ----------------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        super().on_key(event)
        if event.is_printable and event.character != " ":
            self._stray = True
            self.say(Content.assemble(("▲ Answer every item before you type: ", Tone.WARN), self.hint()))

    def on_option_list_option_highlighted(self) -> None:
        self._stray = False

    def action_answer(self) -> None:
        """Affirm the item under the cursor, or undo that; where the desk says NO, ask for the reason."""
        at = self.query_one(Checklist).highlighted
        if self.ignoring_keys or at is None or self._stray:
            self._stray = False
            return
        item, finding = self._sheet.lines[at]
        if finding.found:
            self.say(Content("The desk verified this item itself. It needs no answer."))
        elif finding.found is False:
            self._ask_why(item, finding)
        else:
            self._answers.affirmed ^= {item.code}
            self._answered(at)

    def _ask_why(self, item: Item, finding: Finding) -> None:
        def answered(reason: str) -> None:
            self._answers.overrides[item.code] = reason
            self._answered(None)

        body = Content.assemble(
            make_safe(item.sentence).text, "\n", ("Desk check failed: ", Tone.FAULT), make_safe(finding.detail).text
        )
        title = fill("Override the failed check $code?", code=item.code)
        dialog = ReasonDialog(title, body, does="records the reason", clock=self._clock)
        dialog.when_answered(answered)
        self.app.push_screen(dialog)

    def _answered(self, at: int | None) -> None:
        items = self.query_one(Checklist)
        items.draw()
        if at is not None and at + 1 < items.option_count and self._sheet.findings[at].code in self._answers.affirmed:
            items.highlighted = at + 1
        self._progress()

    def _progress(self) -> None:
        self.query_one("#typed", Prompt).disabled = bool(self.open_items)
        self.say(self.hint())

    # -- signing ------------------------------------------------------------------------------------------------------

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.say(Content.assemble(("▲ Enter does not answer an item: ", Tone.WARN), self.hint()))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value == f"{self._expected} " and not self.open_items:
            self.dismiss(self._answers)
        elif event.value == self._expected:
            self.say(Content.assemble(("✔ ", Tone.GOOD), ("space", Tone.INFO), " to sign   esc cancel"))
        else:
            self.say(self.hint())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.say(Content.assemble(("▲ Enter never signs: ", Tone.WARN), self.hint()))


def item_lines(item: Item, finding: Finding, answers: Answers) -> list[list[Piece]]:
    """One item: its state, its text, what the desk found, and the signer's reason if there is one."""
    reason = answers.overrides.get(item.code)
    if finding.found:
        label, tone = "✔ desk", Tone.GOOD
    elif finding.found is False:
        label, tone = ("▲ NO", Tone.WARN) if reason else ("✖ NO", Tone.FAULT)
    elif item.code in answers.affirmed:
        label, tone = "● you", Tone.GOOD
    else:
        label, tone = "○ you?", Tone.WARN
    says = "Desk check failed:" if finding.found is False else ""
    margin = " " * LABEL
    lines = [[Piece(f"{label:<{LABEL}}", tone), *line(make_safe(item.sentence).text)]]
    if finding.detail:
        # the desk's sentence is not indented under itself: that would cost half of a narrow line
        found = line(f"{' ' if says else ''}{make_safe(finding.detail).text}", Tone.PLAIN if says else Tone.MUTED)
        lines.append([Piece(margin, Tone.MUTED), *([Piece(says, Tone.FAULT)] if says else []), *found])
    if reason:
        lines.append([Piece(margin, Tone.MUTED), Piece("you: ", Tone.INFO), *line(make_safe(reason).text)])
    return lines

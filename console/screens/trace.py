"""8 Trace: paste any id or address, and read the whole story in time order."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from console.copying import Source
from console.keymap import Scope, key_while_typing
from console.safe_text import make_safe
from console.screens.desk_screen import DeskScreen, bindings
from console.state import DeskUpdate
from console.themes import Tone
from console.widgets.columns import Piece
from console.widgets.edit_line import EditLine
from console.widgets.pane import TextPane, line
from core.desk_client import reads
from core.views.format import plain_times, stamp
from core.views.trace import Story

KEY_LIMIT = 1_000
READ_AFTER = 2.0
"""Seconds from an event to reading the story again: it is the dearest read of all, and most events are not of it."""
KIND_TONES = {
    "decision": Tone.ACCENT,
    "feedback": Tone.WARN,
    "consequence": Tone.WARN,
    "departure": Tone.GOOD,
    "waits": Tone.WARN,
}


class TraceScreen(DeskScreen):
    """A line to ask in, and the story below it."""

    scope = Scope.TRACE
    tab = 8
    title_word = "Trace"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.TRACE)
    DEFAULT_CSS = """
    TraceScreen #key, TraceScreen #key:focus {
        border: none; height: 1; padding: 0 1; background: $surface; color: $foreground;
    }
    TraceScreen TextPane { height: 1fr; padding: 0 1; }
    """

    def __init__(self, key: str = "") -> None:
        super().__init__()
        self._asked = key
        self._told = ""
        """The key whose story is shown."""

    def compose_body(self) -> ComposeResult:
        yield EditLine(
            make_safe(self._asked).text, id="key", max_length=KEY_LIMIT, compact=True,
            placeholder="id, Message-ID, return path, address, run, agent or person; "
            f"{key_while_typing('back')} leaves it",
        )  # fmt: skip
        yield TextPane(id="story")

    def on_mount(self) -> None:
        if self._asked:
            self._look()
        else:
            self.query_one("#key").focus()

    def _look(self) -> None:
        """A key was asked for: leave the field now, not once the answer has come, when somebody may type the next."""
        self._told = ""
        self.query_one("#story", TextPane).show_lines([[Piece("Looking ...", Tone.MUTED)]])
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one("#story").focus()

    def place(self) -> str:
        return f"Trace {make_safe(self._asked).text}" if self._asked else "Trace"

    @on(Input.Submitted, "#key")
    def _ask(self, event: Input.Submitted) -> None:
        event.stop()
        if not (key := event.value.strip()):
            return
        self._asked = key
        self._look()
        self.reload()

    def apply_update(self, update: DeskUpdate) -> None:
        if update.everything:
            self.reload()
        elif update.count and self._asked:
            self.reload_soon(READ_AFTER)

    async def load(self) -> None:
        key = self._asked
        if not key:
            return
        story = await self.desk.read(reads.TRACE, key=key)
        self.query_one("#story", TextPane).show_lines(story_lines(story), top=key != self._told)
        self._told = key
        self.check_frame()

    def failed(self, reason: str) -> None:
        if self._told == self._asked:
            super().failed(reason)
        else:
            self.query_one("#story", TextPane).show_lines([[Piece(f"✖ {make_safe(reason).text}", Tone.FAULT)]])

    def on_paste(self, event: events.Paste) -> None:
        """A paste anywhere on this screen is looked up, wherever the focus is."""
        key = self.query_one("#key", Input)
        if not key.has_focus:
            key.value = make_safe(event.text.strip().partition("\n")[0]).text
            key.focus()

    def do_ask(self) -> None:
        self.query_one("#key").focus()

    def copied(self) -> Source | None:
        return Source(self._asked) if self._asked else None

    def why_not(self, name: str) -> str | None:
        if name == "copy" and not self._asked:
            return "there is nothing to copy yet"
        return super().why_not(name)

    def go_back(self) -> bool:
        if self.query_one("#key").has_focus:
            self.focus_body()
            return True
        return super().go_back()


def story_lines(story: Story) -> list[list[Piece]]:
    """The story as lines: what the key is, what not to overlook, then step by step."""
    glyph, tone = "· unknown", Tone.MUTED
    if story.ours is not None:
        glyph, tone = ("✔ ours", Tone.GOOD) if story.ours else ("✖ not ours", Tone.FAULT)
    lines = [
        [
            Piece(f"{glyph}  ", tone),
            Piece(f"{story.kind}  ", Tone.MUTED),
            *line(make_safe(story.verdict).text, Tone.STRONG),
        ],
        *([Piece("▲ ", Tone.WARN), *line(make_safe(note).text)] for note in story.notes),
        [],
    ]
    lines += [
        [
            Piece(f"{stamp(step.at)}  ", Tone.MUTED),
            Piece(f"{step.kind:<11} ", KIND_TONES.get(step.kind, Tone.INFO)),
            *line(make_safe(plain_times(step.text)).text),
        ]
        for step in story.steps
    ]
    if story.truncated:
        lines.append([Piece("… only the newest messages are shown", Tone.WARN)])
    return lines

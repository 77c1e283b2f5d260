"""The first frame: drawn before the database is opened and before anything that reads it is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from console.keymap import key_of
from console.safe_text import content, make_safe
from console.themes import Tone
from console.widgets.frame import FootLine, TabLine, TopLine, tab_line

if TYPE_CHECKING:
    from console.ports import Waiting


class OpeningScreen(Screen[None]):
    """The frame, and what the console is waiting for."""

    DEFAULT_CSS = """
    OpeningScreen #opening { width: 1fr; height: 1fr; content-align: center middle; color: $text-muted; }
    """

    def __init__(self, top: Callable[[int], Content], saying: str, waiting: Waiting | None = None) -> None:
        super().__init__()
        self._top = top
        self._saying = saying
        self._waiting = waiting

    def on_mount(self) -> None:
        if self._waiting is not None:
            self.set_interval(0.5, self._progress)

    def _progress(self) -> None:
        if self._waiting is not None and self._waiting.text:
            text = Content.assemble(self._saying, "\n", (make_safe(self._waiting.text).text, Tone.MUTED))
            self.query_one("#opening", Static).update(text)

    def compose(self) -> ComposeResult:
        yield TopLine(self._top)
        yield TabLine(lambda width: tab_line(1, width))
        yield Static(self._saying, id="opening", markup=False)
        yield FootLine(lambda width: Content(f" {key_of('quit')} quit".ljust(width)))

    def say(self, reason: str) -> None:
        """The desk cannot be opened yet."""
        safe = make_safe(reason)
        self.query_one("#opening", Static).update(
            Content.assemble(("✖ ", Tone.FAULT), content(safe), ("\ntrying again", Tone.MUTED))
        )

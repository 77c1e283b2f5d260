"""The last frame of a console whose operator is no longer signed in: the reason, and nothing of the desk."""

from __future__ import annotations

from typing import Final

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from console.safe_text import content, make_safe
from console.themes import Tone

CLOSES_AFTER: Final = 60.0
"""Seconds: a screen that nobody looks at must not stay open for ever."""


class EndedScreen(Screen[None]):
    """Any key ends the console with exit code 1; the reason is printed again in the terminal it was started from."""

    DEFAULT_CSS = """
    EndedScreen #ended { width: 1fr; height: 1fr; content-align: center middle; text-align: center; }
    """

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__()
        self._reason = make_safe(reason)
        self._fix = make_safe(fix)

    def compose(self) -> ComposeResult:
        yield Static(
            Content.assemble(
                ("✖ Your access has ended\n\n", Tone.FAULT),
                content(self._reason), "\n", content(self._fix),
                ("\n\npress any key to leave", Tone.MUTED),
            ),
            id="ended",
            markup=False,
        )  # fmt: skip

    def on_mount(self) -> None:
        self.set_timer(CLOSES_AFTER, self._leave)

    async def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self._leave()

    def _leave(self) -> None:
        self.app.exit(1, return_code=1)

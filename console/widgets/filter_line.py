"""Where a filter is typed, and the line above it that says what is wrong with it or how many rows match."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from console.safe_text import make_safe
from console.themes import Tone
from console.widgets.edit_line import EditLine


class FilterLine(EditLine):
    """Where a filter is typed: above the footer, hidden when not in use."""

    DEFAULT_CSS = """
    FilterLine, FilterLine:focus {
        dock: bottom; height: 1; border: none; padding: 0 1; margin: 0 0 1 0;
        background: $surface; color: $foreground; display: none;
    }
    FilterLine.-open { display: block; }
    """

    class Completes(Message):
        """Tab: complete the last term."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key != "tab":
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        self.post_message(self.Completes())


class FilterError(Static):
    """Above the filter's line: what is wrong with it, until it is changed; while it is typed, how many rows match."""

    DEFAULT_CSS = """
    FilterError {
        dock: bottom; height: auto; padding: 0 1; margin: 0 0 2 0;
        background: $surface; color: $foreground; display: none;
    }
    FilterError.-wrong, FilterError.-hint { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.wrong = ""

    def say(self, wrong: str) -> None:
        """Show it, or nothing if it is empty."""
        self.wrong = make_safe(wrong).text
        self.update(Content.assemble(("✖ ", Tone.FAULT), self.wrong))
        self.set_class(bool(wrong), "-wrong")
        self.remove_class("-hint")

    def hint(self, text: str) -> None:
        """Say how many rows match, and what could be typed next; an error stays until the filter is changed."""
        if not self.wrong:
            self.update(Content.styled(make_safe(text).text, Tone.MUTED))
            self.set_class(bool(text), "-hint")

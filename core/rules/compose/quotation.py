"""Quote the answered message below a reply, as mail programs do.

What is quoted is a stranger's text. In the text each of its lines is marked, and the HTML shows it as text: nothing of
it becomes markup, and the rules that look for an agent's own words (`rules/classification`) know it as a quotation.
"""

from __future__ import annotations

import html as htmllib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from core.durations import MICROS
from core.rules.compose.footer import html_below
from core.rules.compose.header_encoding import without_controls

MOST: Final = 32 * 1_024
"""Characters that are quoted."""
CUT: Final = "[...]"


@dataclass(frozen=True, slots=True)
class Quotation:
    """What `author`, an address, wrote at `at` (microseconds)."""

    author: str
    at: int
    text: str

    @property
    def introduced(self) -> str:
        """The line above it. Programs that cut quotations off look for its colon."""
        day = datetime.fromtimestamp(self.at // MICROS, tz=UTC)
        return f"On {day:%Y-%m-%d} at {day:%H:%M} UTC, {without_controls(self.author)[:320]} wrote:"

    @property
    def lines(self) -> list[str]:
        """Its lines, wherever a mail program may break one, without control characters."""
        shown = [without_controls(line) for line in self.text[:MOST].splitlines()]
        return shown if len(self.text) <= MOST else [*shown, CUT]


def below_text(text: str, quoted: Quotation) -> str:
    """The text with the quotation below it."""
    marked = "\n".join(f"> {line}".rstrip() for line in quoted.lines)
    return f"{text.rstrip()}\n\n{quoted.introduced}\n{marked}\n"


def below(html: str, quoted: Quotation) -> str:
    """The HTML with the quotation below it. Raises `Invalid` for HTML after which nothing could be read."""
    lines = "<br>\r\n".join(htmllib.escape(line) for line in quoted.lines)
    block = f'<div>{htmllib.escape(quoted.introduced)}</div>\r\n<blockquote type="cite">{lines}</blockquote>'
    return html_below(html, block)

"""The hand-over as lines of a pane. Pure; foreign text is made safe here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from console.safe_text import make_safe
from console.themes import Tone
from console.widgets.columns import Piece
from console.widgets.pane import TextLine, line
from core.views import handover

_STAMP: Final = re.compile(r"\d{4}-(\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z")
"""Times to the second, with their year, take a third of a narrow line."""


def handover_lines(page: Mapping[str, Any]) -> list[TextLine]:
    """The page: what waits comes first."""
    lines: list[TextLine] = [[Piece(_short(handover.title(page)), Tone.STRONG)]]
    for title, said in handover.sections(page):
        lines += [[], [Piece(title, Tone.ACCENT)]]
        lines += [_line(title, one) for one in said] or [[Piece("  nothing", Tone.MUTED)]]
    return lines


def _short(text: str) -> str:
    """`01-14 04:20Z` for each time."""
    return _STAMP.sub(r"\1 \2Z", text)


def _line(section: str, text: str) -> TextLine:
    """One entry on a line of its own, whatever its text holds; what waits and is stopped stands out."""
    safe = make_safe(_short(text)).text
    if section == "WAITS":
        return [Piece("▲ ", Tone.WARN), *line(safe)]
    if section in {"HAPPENED", "NOTES"} and "  " in safe:
        at, _, rest = safe.partition("  ")
        return [Piece(f"  {at}  ", Tone.MUTED), *line(rest)]
    return [Piece("  ", Tone.PLAIN), *line(safe)]

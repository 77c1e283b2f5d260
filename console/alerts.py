"""What the terminal itself is told of a problem: its title, and for a new one the bell and a notification.

The console runs in a tab that nobody looks at. So the title says how many problems are critical (`✖1 PROD`), and the
moment a new one appears the bell rings and OSC 9 asks the terminal for a notification of the desktop. Both carry a
number and the desk's own name and nothing else: text from mail, agents or reasons would be text from strangers inside
an escape sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from console.safe_text import clip, make_safe
from console.state import Link, Live
from core.views.format import plural
from core.views.live import Level

NAME_LIMIT: Final = 32
"""Cells of the desk's name in a title."""
BELL: Final = "\a"
SAVE_TITLE: Final = "\x1b[22;2t"
RESTORE_TITLE: Final = "\x1b[23;2t"
"""XTWINOPS: a terminal that knows them shows its own title again once the console has ended; others ignore them."""
_END: Final = "\x1b\\"


class Alerts:
    """Says what to write to the terminal after each reading of the desk; nothing if nothing has changed."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._in_tmux = bool(environment.get("TMUX"))
        self._known: frozenset[str] | None = None
        self._title = ""

    def after(self, live: Live, name: str) -> str:
        """The escape sequences for this reading. What was critical when the console opened does not ring."""
        if live.link is not Link.LIVE:
            return ""
        critical = frozenset(
            need.id or need.subject for need in live.needs if need.level is Level.FAULT and not need.quiet
        )
        known, self._known = self._known, critical
        name = printable(name)
        sequences = ""
        title = f"✖{len(critical)} {name}" if critical else name
        if title != self._title:
            self._title = title
            sequences = f"\x1b]2;{title}{_END}"
        if known is not None and critical - known:
            sequences += BELL + self._notification(f"Postroom {name}: {plural(len(critical), 'critical problem')}")
        return sequences

    def _notification(self, text: str) -> str:
        """OSC 9, which iTerm2, kitty, WezTerm and Ghostty show; tmux passes it on if it is told to."""
        sequence = f"\x1b]9;{text}{_END}"
        if not self._in_tmux:
            return sequence
        return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}{_END}"


def printable(name: str) -> str:
    """The desk's name with nothing in it that a terminal could take for the end of a sequence."""
    return clip("".join(_shown(make_safe(name).text)), NAME_LIMIT) or "desk"


def _shown(text: str) -> Iterable[str]:
    return (char for char in text if char.isprintable())

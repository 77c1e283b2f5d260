"""Make foreign text safe to draw: text from mail, agents and receivers must not control the terminal.

`make_safe` is the only place where foreign text enters the console's state: any character without a visible form
(`core.text.unicode_safety` lists them) becomes a visible marker such as `⟨U+202E⟩` and is counted. Everything after it
handles plain str.

`LastFilter` is the second line of defence, on every line that Textual is about to draw: what slipped through (a new
screen, a library's widget) is dropped there, along with links and click actions. It relies on Textual's internal
LineFilter, hence the exact version pin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ReturnType
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter

from core.text.unicode_safety import PLAIN, TAB, spell_out

MARKER: Final = re.compile(r"⟨U\+[0-9A-F]{4,6}⟩")
MARKER_STYLE: Final = "$text-warning reverse"
LINE_LIMIT: Final = 1_000
"""Characters of one foreign line that are examined; a subject of a megabyte must not cost a second per row."""
BLOCK_LIMIT: Final = 200_000
"""Characters of a body that are drawn; that there are more is always said."""
CELL_MOST: Final = 8
"""More characters than one cell of safe text ever has: a letter keeps three marks. Text beyond that is not measured."""


@dataclass(frozen=True, slots=True)
class Safe:
    """Text that is safe to draw. `hidden` counts the characters that had to be made visible."""

    text: str
    hidden: int = 0

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class SafeBlock:
    """Lines that are safe to draw; `cut` counts the characters beyond `BLOCK_LIMIT`."""

    lines: tuple[str, ...]
    hidden: int = 0
    cut: int = 0


def make_safe(untrusted: str, *, limit: int = LINE_LIMIT) -> Safe:
    """One line of foreign text with every invisible character spelled out and counted.

    Line ends and tabs count too: they do not belong in a subject or an address. Idempotent.
    """
    if len(untrusted) <= limit and PLAIN.issuperset(untrusted):
        return Safe(untrusted)
    shown, hidden = spell_out(untrusted[:limit])
    return Safe(shown + "…" if len(untrusted) > limit else shown, hidden)


def make_safe_block(untrusted: str, *, limit: int = BLOCK_LIMIT) -> SafeBlock:
    """A body: lines kept, tabs expanded, everything else as in `make_safe`."""
    lines: list[str] = []
    hidden = 0
    for line in untrusted[:limit].replace("\r\n", "\n").split("\n"):
        if PLAIN.issuperset(line):
            lines.append(line)
            continue
        shown, found = spell_out(line.expandtabs(TAB))
        lines.append(shown)
        hidden += found
    return SafeBlock(tuple(lines), hidden, max(0, len(untrusted) - limit))


def cells(text: str) -> int:
    """How many terminal cells the text takes."""
    # most text is ASCII, and this runs for every cell of every line that is drawn
    return len(text) if text.isascii() else cell_len(text)


def clip(text: str, width: int, *, tail: str = "") -> str:
    """At most `width` cells of safe text, ending in `…` where something is missing. `tail` is never cut."""
    room = width - cells(tail)
    if room <= 0:
        return set_cell_size(tail, max(0, width)) if tail else ""
    if len(text) > room * CELL_MOST or cells(text) > room:
        text = set_cell_size(text[: room * CELL_MOST], room - 1).rstrip() + "…"
    return text + tail


def clip_address(text: str, width: int) -> str:
    """An address in at most `width` cells of safe text. Its local part is cut first, then its domain from the left.

    The end of a domain says who receives the mail; a local part says little without it.
    """
    local, at, domain = text.rpartition("@")
    most = max(1, width) * CELL_MOST
    if not at or (len(text) <= most and cells(text) <= width):
        return clip(text, width)
    room = width - cells(domain) - 1 if len(domain) <= most else 0
    if room > 0:
        return f"{clip(local, room)}@{domain}"
    kept = domain[-most:]
    while kept and (over := cells(kept) - width + 1) > 0:
        kept = kept[(over + 1) // 2 :]  # no character takes more than two cells
    return clip(f"…{kept}", width)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly `width` cells: clipped, or padded (on the left if `right`)."""
    clipped = clip(text, width)
    pad = " " * (width - cells(clipped))
    return pad + clipped if right else clipped + pad


def content(text: str | Safe, style: str = "") -> Content:
    """Safe text as Content: never parsed as markup, with its markers highlighted."""
    plain = str(text)
    return _with_markers(Content.styled(plain, style) if style else Content(plain))


def fill(template: str, **values: str | Safe) -> Content:
    """Our own markup with foreign values: `fill("[b]Subject[/b] $s", s=make_safe(subject))`.

    A bare `str` is made safe here as well, so that a forgotten call does no harm.
    """
    ready = {name: str(make_safe(value) if isinstance(value, str) else value) for name, value in values.items()}
    return _with_markers(Content.from_markup(template, **ready))


def _with_markers(whole: Content) -> Content:
    for found in MARKER.finditer(whole.plain):
        whole = whole.stylize(MARKER_STYLE, found.start(), found.end())
    return whole


class LastFilter(LineFilter):
    """Removes what must never reach a terminal from a line about to be drawn, with its links and click actions.

    Each segment keeps its cell length, because Textual has already laid out the line.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's signature
        if all(_is_clean(segment) for segment in segments):
            return segments
        return [segment if _is_clean(segment) else _cleaned(segment) for segment in segments if segment.control is None]


def _is_clean(segment: Segment) -> bool:
    text, style, control = segment
    # unpickling each style's meta would cost more than the rest of a refresh; its action keys all begin with @
    acts = style is not None and (style.link or (style._meta is not None and b"@" in style._meta))  # noqa: SLF001 - see above
    return control is None and not acts and (PLAIN.issuperset(text) or _dropped(text) == text)


def _cleaned(segment: Segment) -> Segment:
    text, style, _ = segment
    if style is not None:
        meta = {key: value for key, value in style.meta.items() if not key.startswith("@")}
        style = style.clear_meta_and_links() + Style.from_meta(meta)
    return Segment(set_cell_size(_dropped(text), cell_len(text)), style)


@lru_cache(maxsize=8192)
def _dropped(text: str) -> str:
    return spell_out(text, lambda _: "")[0]


class GuardedApp(App[ReturnType]):
    """An App whose every line passes through the last filter."""

    _last_filter: Final = LastFilter()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._last_filter]

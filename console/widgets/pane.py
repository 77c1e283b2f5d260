"""A pane of text: as long as a mail may be, drawn by its visible lines only, inert.

A Static lays out its whole text on every change of width; a body of 200,000 characters froze it. Here lines are wrapped
once per width, in cells, and only those in view become strips. Nothing in them is ever a link or markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Final

from rich.cells import chop_cells
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from console.safe_text import CELL_MOST, MARKER, cells
from console.themes import Tone
from console.widgets.columns import Piece
from console.widgets.line_cache import LineCache

TextLine = Sequence[Piece]
MARKER_MOST: Final = len("⟨U+10FFFF⟩")
_SPACES: Final = re.compile(" +")


def line(text: str, tone: Tone = Tone.PLAIN) -> list[Piece]:
    """One line of safe text, with its markers of hidden characters highlighted."""
    if "⟨" not in text:
        return [Piece(text, tone)]
    pieces: list[Piece] = []
    at = 0
    for found in MARKER.finditer(text):
        pieces += [Piece(text[at : found.start()], tone), Piece(found[0], Tone.HIDDEN)]
        at = found.end()
    return [piece for piece in [*pieces, Piece(text[at:], tone)] if piece.text]


def wrap(pieces: TextLine, width: int) -> list[list[Piece]]:
    """One line wrapped at `width` cells, broken at a space, continuations indented under the text they belong to.

    A word may be of several tones: where one tone ends is no place to break. The spaces at a break are not drawn.
    """
    text = "".join(piece.text for piece in pieces)
    if cells(text) <= width:
        return [list(pieces)]
    margin = [Piece(" " * hang, Tone.PLAIN)] if (hang := _hang(pieces, width)) else []
    rows = list(_cut(pieces, _spans(text, width, hang)))
    return [row if number == 0 else [*margin, *row] for number, row in enumerate(rows)] or [[]]


def _spans(text: str, width: int, hang: int) -> Iterator[tuple[int, int]]:
    """Where each row of a text begins and ends."""
    begin, margin = 0, 0
    while begin < len(text):
        end = _end_of_row(text, begin, room=width - margin, least=width // 2 - margin)
        if end == begin:  # not even one character fits: nothing can be drawn
            return
        yield begin, end
        found = _SPACES.match(text, end)
        begin, margin = found.end() if found else end, hang


def _end_of_row(text: str, begin: int, *, room: int, least: int) -> int:
    """Where a row of `room` cells ends that begins here: at a space, if more than `least` cells stand before it."""
    ahead = text[begin : begin + room + 1]
    if cells(ahead) <= room:  # marks that stand over a letter take no cell
        ahead = text[begin : begin + room * CELL_MOST + 1]
        if cells(ahead) <= room:
            return begin + len(ahead)
    head = chop_cells(ahead, room)[0] if room > 0 else ""
    if cells(head) > room:  # a wide character that does not fit into the last cell
        head = ""
    full = begin + len(head)
    end = full + 1
    while (end := text.rfind(" ", begin, end)) >= 0 and text[end + 1 : end + 2] == "%":
        pass  # a figure keeps its unit
    if end >= 0 and cells(text[begin:end]) > least:
        return begin + (len(text[begin:end].rstrip(" ")) or end - begin)
    # a line that would stay half empty is filled instead: an address has no spaces. A marker stays whole
    for marker in MARKER.finditer(text, max(begin, full - MARKER_MOST), full + MARKER_MOST):
        if begin < marker.start() < full < marker.end():
            return marker.start()
    return full


def _cut(pieces: TextLine, spans: Iterable[tuple[int, int]]) -> Iterator[list[Piece]]:
    """These spans of a line, in one pass: a hostile body has as many pieces as characters."""
    index, at = 0, 0
    for begin, end in spans:
        row: list[Piece] = []
        while index < len(pieces) and at < end:
            text, tone = pieces[index]
            if part := text[max(0, begin - at) : end - at]:
                row.append(Piece(part, tone))
            if at + len(text) > end:
                break
            at, index = at + len(text), index + 1
        yield row


def _hang(pieces: TextLine, width: int) -> int:
    """How far the continuation of a line is indented: as far as its label (`Agent  `, `▲ `) reaches."""
    hang = 0
    for piece in pieces[:-1]:
        plain = piece.tone in {Tone.PLAIN, Tone.STRONG, Tone.HIDDEN} and not piece.text.endswith("  ")
        if plain or not piece.text.endswith(" "):
            break
        hang += cells(piece.text)
    return hang if hang <= width // 2 else 0


class TextPane(LineCache, ScrollView, can_focus=True, inherit_bindings=False):
    """Scrollable text. `show_lines` replaces it."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TextPane {
        background: $background; color: $foreground; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("home,g", "scroll_home", show=False),
        Binding("end,G", "scroll_end", show=False),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, classes=classes)
        self._lines: list[TextLine] = []
        self._wrapped: list[list[Piece]] = []
        self._width = -1
        self.wraps = True
        """Whether a line that is too long goes on below, or is cut."""
        self._styles: dict[Tone, RichStyle] = {}

    def show_lines(self, lines: Iterable[TextLine], *, top: bool = True) -> None:
        """Show this text, from its top unless told to stay."""
        self._lines = list(lines)
        self._width = -1
        self._lay_out()
        if top:
            self.scroll_to(y=0, animate=False)

    def lines_at(self, width: int) -> int:
        """How many lines the text takes at this width."""
        return sum(len(wrap(pieces, max(1, width - 1))) for pieces in self._lines)

    @property
    def plain(self) -> str:
        """What is shown, as text."""
        return "\n".join("".join(piece.text for piece in pieces) for pieces in self._lines)

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        # laid out with room for a scrollbar: a text that rewraps when one appears would jump
        width = max(1, self.size.width - 1)
        if width != self._width and self.size.width:
            self._width = width
            self._wrapped = [
                row for pieces in self._lines for row in (wrap(pieces, width) if self.wraps else [list(pieces)])
            ]
            self.virtual_size = Size(1, len(self._wrapped))
        self.refresh()

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index = self.scroll_offset.y + y
        pieces = self._wrapped[index] if index < len(self._wrapped) else []
        strip = Strip([Segment(text, self._style(tone)) for text, tone in pieces])
        return strip.adjust_cell_length(width, self._style(Tone.PLAIN))

    def _style(self, tone: Tone) -> RichStyle:
        found = self._styles.get(tone)
        if found is None:
            whole = self.visual_style
            if tone is not Tone.PLAIN:
                whole += Style.parse(tone.value)
            found = self._styles[tone] = whole.rich_style
        return found

"""Paint a table's lines: a row, the head, the words of an empty table; each drawn line is kept until it changes."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, assert_never

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.cache import LRUCache
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from console.keymap import with_keys
from console.safe_text import fit
from console.themes import Tone
from console.widgets.columns import Column, Piece, Placed, Row, head, lay_out, name_width, pieces

STRIPS_KEPT: Final = 1_000

Mark = Literal["", "marked", "gone", "sending"]
Point = Literal["", "cursor", "blurred"]
Ground = Literal["", "head", "cursor", "blurred", "marked", "gone", "sending", "notice", "failed"]

GROUNDS: Final = frozenset(
    f"table--{name}" for name in ("head", "cursor", "blurred", "marked", "gone", "sending", "notice", "failed")
)
"""The component classes a widget must have to be painted on."""


class Showing(enum.Enum):
    """What a table without rows says; four different texts, because each calls for a different next step."""

    LOADING = "loading"
    ROWS = "rows"
    FILTERED = "filtered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Texts:
    """The words for a table without rows."""

    loading: str = "Loading ..."
    empty: str = "Nothing here."
    filtered: str = "Nothing matches the filter. {back} clears it."
    """May name the keys of actions: `keymap.with_keys`."""
    failed: str = "Not available"

    def of(self, showing: Showing, reason: str) -> str:
        """What to say; `reason` is safe text, for a failure."""
        match showing:
            case Showing.LOADING:
                return self.loading
            case Showing.ROWS:
                return self.empty
            case Showing.FILTERED:
                return with_keys(self.filtered)
            case Showing.FAILED:
                return f"✖ {self.failed}: {reason}" if reason else f"✖ {self.failed}"
            case _:
                assert_never(showing)


class LinePainter:
    """Turns rows into strips of one width, in the current colours of `widget`."""

    def __init__(self, widget: Widget, columns: Sequence[Column], *, markable: bool) -> None:
        self._widget = widget
        self._columns = tuple(columns)
        self._markable = markable
        self._placed: tuple[int, tuple[Placed, ...]] = (-1, ())
        self.hidden: frozenset[str] = frozenset()
        self._longest = {at: 0 for at, column in enumerate(self._columns) if column.names}
        self._strips: LRUCache[tuple[object, ...], Strip] = LRUCache(STRIPS_KEPT)
        self._styles: dict[tuple[Ground, Tone | None], RichStyle] = {}

    @property
    def may_hide(self) -> tuple[Column, ...]:
        return tuple(column for column in self._columns if column.drop)

    def hide(self, columns: Iterable[str]) -> bool:
        """Leave out these columns as far as they can be. True if anything has changed."""
        before = self.hidden
        self.hidden = frozenset(columns) & {column.key for column in self.may_hide}
        self._placed = (-1, ())
        self._strips.clear()
        return self.hidden != before

    def learn(self, rows: Iterable[Row]) -> bool:
        """Take note of the longest names among these rows. True if the columns have moved for them."""
        grown = False
        for values in rows if self._longest else ():
            for at, longest in self._longest.items():
                if at < len(values.cells) and (wide := name_width(values.cells[at])) > longest:
                    self._longest[at], grown = wide, True
        if not grown:
            return False
        width, before = self._placed
        self._placed = (-1, ())
        if width >= 0 and self._layout(width) == before:
            return False
        self._strips.clear()
        return True

    def forget(self) -> None:
        """The theme or the widget's CSS has changed."""
        self._strips.clear()
        self._styles.clear()

    def row(self, row: int, values: Row | None, *, width: int, point: Point, mark: Mark, now: int) -> Strip:
        """One row's line; `…` while it is being read."""
        key = (row, values and values.cells, values and values.ages(now), point, mark, width)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._paint(values, width, point=point, mark=mark, now=now)
        return strip

    def head(self, width: int) -> Strip:
        return self.text_line(" " * self._gutter + head(self._layout(width)), width, "head")

    def text_line(self, text: str, width: int, ground: Ground) -> Strip:
        return Strip([Segment(fit(text, width), self._style(ground, None))], width)

    @property
    def _gutter(self) -> int:
        return 3 if self._markable else 1

    def _layout(self, width: int) -> tuple[Placed, ...]:
        if self._placed[0] != width:
            self._placed = (
                width,
                lay_out(self._columns, width - self._gutter, longest=self._longest, hidden=self.hidden),
            )
        return self._placed[1]

    def _paint(self, values: Row | None, width: int, *, point: Point, mark: Mark, now: int) -> Strip:
        ground: Ground = point or mark
        # a gone row is all one grey: reversed in sixteen colours, each tone would become a patch of its own
        plain = mark in {"gone", "sending"} or (bool(point) and self._widget.app.native_ansi_color)
        parts = [Piece(">" if point else " ", Tone.ACCENT)]
        if self._markable:
            parts.append(Piece({"marked": "● ", "gone": "- ", "sending": "… "}.get(mark, "  "), Tone.ACCENT))
        parts += pieces(values, self._layout(width), now=now) if values else [Piece("…", Tone.MUTED)]
        strip = Strip([Segment(text, self._style(ground, None if plain else tone)) for text, tone in parts])
        return strip.adjust_cell_length(width, self._style(ground, None))

    def _style(self, ground: Ground, tone: Tone | None) -> RichStyle:
        """The colours of a tone on a kind of line, looked up once per theme."""
        found = self._styles.get((ground, tone))
        if found is None:
            whole = self._widget.visual_style
            if ground:
                name = f"table--{ground}"
                whole = self._widget.get_visual_style(name)
                # get_visual_style leaves out the one attribute that shows a cursor in sixteen colours
                whole += Style(reverse=self._widget.get_component_styles(name).text_style.reverse)
            if tone is not None and tone is not Tone.PLAIN:
                whole += Style.parse(tone.value)
            found = self._styles[ground, tone] = whole.rich_style
        return found

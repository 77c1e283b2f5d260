"""Figures over time as charts with axes and the guards' lines, in as many columns as there is room for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from console.safe_text import cells, clip
from console.themes import Tone
from console.widgets.columns import Piece
from console.widgets.pane import TextLine
from core.durations import read_stamp
from core.views.format import day_and_clock
from core.views.history import HEIGHT, Series, Span, Unit, axis, chart, figure

TWO_COLUMNS: Final = 110
"""Cells from which on two charts stand side by side."""
GAP: Final = 2
NAMED: Final = 18
"""Cells for the guard's lines at the right of a chart: `▲0.03 % ✖0.05 %`."""
SCALE: Final = 10
THREE_LABELS: Final = 40
"""Cells of a chart from which on its axis has a label in the middle."""
_AXIS: Final = "┤"
_ABOUT: Final[Mapping[str, str]] = {
    "sent": "recipients sent to",
    "complaints": "complaints, of what was sent then",
    "bounces": "bounces, of what was sent then",
    "held": "messages held for a person",
    "blocked": "messages refused",
    "review time": "from held to decided, on average",
}


def history_lines(found: Mapping[str, Any], *, width: int) -> list[TextLine]:
    """All charts of an answer of `history.show`."""
    span, begin = Span(found["span"]), read_stamp(found["begin"])
    wide = width >= TWO_COLUMNS
    column = (width - GAP) // 2 if wide else width
    series = [_series(one) for one in found["series"]]
    # the same moment stands at the same place in every chart
    named = NAMED if any(one.warn is not None or one.suspend is not None for one in series) else 0
    step = max(1, (column - SCALE - named) // span.steps)
    margin = max((chart(one, width=step)[0].index(_AXIS) for one in series if any(one.values)), default=0)
    blocks = [_block(one, span, begin, width=column, step=step, margin=margin) for one in series]
    if not wide:
        return [line for block in blocks for line in block]
    pairs = [blocks[at : at + 2] for at in range(0, len(blocks), 2)]
    return [line for pair in pairs for line in _side_by_side(pair, column)]


def _series(one: Mapping[str, Any]) -> Series:
    return Series(one["measure"], Unit(one["unit"]), tuple(one["values"]), one["total"], one["warn"], one["suspend"])


def _block(one: Series, span: Span, begin: int, *, width: int, step: int, margin: int) -> list[TextLine]:
    """A title, the chart, its axis, an empty line; always of the same height. `margin`: cells left of the plot."""
    title = _title(one, span, width=width)
    if not any(one.values):
        nothing: list[TextLine] = [title, [Piece("  nothing in this time", Tone.MUTED)]]
        return [*nothing, *([] for _ in range(HEIGHT + 2))]
    drawn = chart(one, width=step)
    drawn = [" " * (margin - drawn[0].index(_AXIS)) + text for text in drawn]
    labels = [day_and_clock(begin + round(part * span.steps) * span.step) for part in _parts(step * span.steps)]
    below = axis(span, labels, margin=margin - 1, width=step)
    plot = margin + 1 + step * span.steps
    return [
        title,
        *(_row(text, plot=plot, width=width) for text in drawn),
        *([Piece(clip(text, width), Tone.MUTED)] for text in below),
        [],
    ]


def _parts(plot: int) -> tuple[float, ...]:
    return (0, 0.5, 1) if plot >= THREE_LABELS else (0, 1)


def _title(one: Series, span: Span, *, width: int) -> TextLine:
    glyph, tone = "", Tone.STRONG
    if one.total is not None and one.suspend is not None and one.total >= one.suspend:
        glyph, tone = "✖ ", Tone.FAULT
    elif one.total is not None and one.warn is not None and one.total >= one.warn:
        glyph, tone = "▲ ", Tone.WARN
    whole = f"{figure(one.total, one.unit)} in {span.value}"
    about = clip(f"  {_ABOUT.get(one.measure, '')}", max(0, width - cells(f"{one.measure}  {glyph}{whole}")))
    return [Piece(f"{one.measure}  ", Tone.STRONG), Piece(f"{glyph}{whole}", tone), Piece(about, Tone.MUTED)]


def _row(text: str, *, plot: int, width: int) -> TextLine:
    """The scale, the plot, and the name of the guard's line that crosses it."""
    scale = text.index(_AXIS) + 1
    # two lines may cross one row: with their words there would be no room for the second
    named = clip(text[plot:].replace("warn ", "▲").replace("suspend ", "✖"), max(0, width - plot))
    tone = Tone.FAULT if "✖" in named else Tone.WARN
    return [Piece(text[:scale], Tone.MUTED), Piece(text[scale:plot], Tone.INFO), Piece(named, tone)]


def _side_by_side(pair: Sequence[Sequence[TextLine]], column: int) -> list[TextLine]:
    if len(pair) == 1:
        return list(pair[0])
    lines: list[TextLine] = []
    for left, right in zip(*pair, strict=True):
        used = sum(cells(piece.text) for piece in left)
        lines.append([*left, Piece(" " * (column + GAP - used), Tone.PLAIN), *right])
    return lines

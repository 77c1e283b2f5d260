"""What has happened over a day, a week or a month: figures by time, with the lines at which the desk acts."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.durations import DAY, HOUR

HEIGHT: Final = 6
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"


class Span(enum.StrEnum):
    """How far back, and in which steps."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def step(self) -> int:
        """Microseconds of one step."""
        return {"24h": HOUR, "7d": 6 * HOUR, "30d": DAY}[self.value]

    @property
    def steps(self) -> int:
        return {"24h": 24, "7d": 28, "30d": 30}[self.value]


class Of(enum.StrEnum):
    """What the figures are of."""

    DESK = "desk"
    STREAM = "stream"
    AGENT = "agent"
    SITE = "site"


class Unit(enum.StrEnum):
    """How a figure is written."""

    COUNT = "count"
    SHARE = "share"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Series:
    """One figure for each step, oldest first; None where there was nothing to measure.

    `total` is of the whole span. `warn` and `suspend` are the guard's lines; None: this figure has none.
    """

    measure: str
    unit: Unit
    values: tuple[float | None, ...]
    total: float | None
    warn: float | None = None
    suspend: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Figures of a desk, a stream, an agent or a site. `begin` is the start of the first step."""

    of: Of
    name: str
    span: Span
    begin: int
    series: tuple[Series, ...]


def chart(one: Series, *, width: int = 1, height: int = HEIGHT) -> list[str]:
    """Draw a series: `height` rows with the scale at the left, the guard's lines across and named at the right.

    `width` is the cells of one step.
    """
    known = [value for value in one.values if value is not None]
    lines = [(one.warn, "warn"), (one.suspend, "suspend")]
    top = max([*known, *(value for value, _ in lines if value is not None and known)], default=0.0) or 1.0
    scale = [figure(top, one.unit), *[""] * (height - 2), figure(0, one.unit)]
    margin = max(len(text) for text in scale)
    drawn = []
    for row in range(height):
        low, high = top * (height - row - 1) / height, top * (height - row) / height
        crossing = [(value, name) for value, name in lines if value is not None and low < value <= high]
        cells = "".join(_cell(value, low, high, marked=bool(crossing)) * width for value in one.values)
        named = "".join(f" {name} {figure(value, one.unit)}" for value, name in crossing)
        drawn.append(f"{scale[row]:>{margin}} ┤{cells}{named}")
    return drawn


def _cell(value: float | None, low: float, high: float, *, marked: bool) -> str:
    """One cell of a column between two heights; a line crosses it where the column does not reach."""
    empty = "┄" if marked else " "
    if value is None or value <= low:
        return empty
    return "█" if value >= high else _BLOCKS[max(1, round((value - low) / (high - low) * 8))]


def axis(span: Span, labels: Sequence[str], *, margin: int, width: int = 1) -> list[str]:
    """The axis of time under charts: a tick and a label at the start, in the middle and at the end."""
    cells = span.steps * width
    places = [round(n * (cells - 1) / (len(labels) - 1)) for n in range(len(labels))]
    ticks = "".join("┴" if at in places else "─" for at in range(cells))
    text = [" "] * (cells + max(len(label) for label in labels))
    for at, label in zip(places, labels, strict=True):
        start = max(0, at - len(label) + 1) if at == places[-1] else at
        text[start : start + len(label)] = label
    return [f"{'':>{margin}} └{ticks}", f"{'':>{margin}}  {''.join(text).rstrip()}"]


def figure(value: float | None, unit: Unit) -> str:
    """`1,204`, `0.41 %`, `12 min`; a dash for nothing to measure."""
    if value is None:
        return "-"
    if unit is Unit.COUNT:
        return f"{value:,.0f}"
    if unit is Unit.SHARE:
        return f"{value * 100:.2f} %"
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min" if value < 7_200 else f"{value / 3_600:.1f} h"

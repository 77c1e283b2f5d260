"""Gauges, sparklines and the mode ladder: pictures made of characters, as pure functions from values to Content.

Each takes one line, so that a table draws forty of them in one `render_line` widget: forty ProgressBars cost six times
as much CPU. Every picture has its figure beside it, and crossing a threshold changes a glyph as well as a colour.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from textual.content import Content

from console.safe_text import fit
from console.themes import Tone
from core.model import Mode
from core.views.format import ABSENT, percent

FULL: Final = "█"
HALF: Final = "▌"
TRACK: Final = "░"
STEPS: Final = "▁▂▃▄▅▆▇█"
WARN_AT: Final = 0.8
"""Where a budget's gauge begins to warn."""


def bar(fraction: float, width: int) -> str:
    """`█████████▌░░░░`, in half cells.

    It looks empty only at nothing and full only when nothing is left: those two ends decide whether mail leaves.
    """
    halves = round(min(1.0, max(0.0, fraction)) * width * 2)
    if fraction > 0:
        halves = max(1, halves)
    if fraction < 1:
        halves = min(width * 2 - 1, halves)
    whole, half = divmod(halves, 2)
    return FULL * whole + HALF * half + TRACK * (width - whole - half)


def gauge_tone(fraction: float) -> Tone:
    return Tone.FAULT if fraction >= 1 else Tone.WARN if fraction >= WARN_AT else Tone.INFO


def gauge_text(used: int, cap: int, width: int) -> str:
    """`█████████████░  94%` in exactly `width` cells; the percentage alone below eight."""
    if cap <= 0:
        return fit(ABSENT, width, right=True)
    # three digits, so that gauges in a column keep their bars aligned
    figure = percent(used / cap, tight=True).rjust(4)
    return fit(figure, width, right=True) if width < 8 else f"{bar(used / cap, width - 5)} {fit(figure, 4, right=True)}"


def gauge(used: int, cap: int, width: int, *, label: str = "") -> Content:
    """A budget's gauge, coloured by how full it is, with `label` before it: `hour  █████████████░  94%  94 of 100`."""
    tone = gauge_tone(used / cap) if cap > 0 else Tone.MUTED
    left = f"{label} " if label else ""
    glyph = {Tone.FAULT: " ✖", Tone.WARN: " ▲"}.get(tone, "")
    return Content.assemble(
        (left, Tone.MUTED), (gauge_text(used, cap, width), tone), (f"  {used:,} of {cap:,}", Tone.MUTED), (glyph, tone)
    )


def _bucketed(values: Sequence[float | None], width: int) -> list[float | None]:
    """As many values as there are cells, each the worst of those it stands for; newest at the right edge."""
    if len(values) <= width:
        return [*[None] * (width - len(values)), *values]
    edges = [index * len(values) // width for index in range(width + 1)]
    return [
        max((value for value in values[low:high] if value is not None), default=None)
        for low, high in itertools.pairwise(edges)
    ]


def sparkline(values: Sequence[float | None], width: int, *, top: float | None = None) -> str:
    """`▂▃▃▅▆▇█▇▅▃` in exactly `width` cells, newest right. `top` is the value of a full cell (default: the largest).

    None is a gap. Zero is the lowest step, so that a quiet line is still a line.
    """
    cells = _bucketed(values, width)
    ceiling = top or max((value for value in cells if value is not None), default=0) or 1
    return "".join(" " if value is None else STEPS[_step(value, ceiling, len(STEPS))] for value in cells)


def _step(value: float, ceiling: float, steps: int) -> int:
    return max(0, min(steps - 1, int(value / ceiling * steps)))


@dataclass(frozen=True, slots=True)
class Threshold:
    """A guard's threshold: where it is, and what it does there (`warn`, `suspend`)."""

    at: float
    does: str
    tone: Tone = Tone.WARN


def rate_chart(
    values: Sequence[float | None], width: int, height: int, *, thresholds: Sequence[Threshold], digits: int = 2
) -> list[Content]:
    """A rate over time with its thresholds drawn in as lines across it, `height` lines of `width` cells.

        complaints                       ✖ 0.41 %
        ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌▂█╌╌╌╌  suspend 0.10 %
        ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌▃▆██▇╌╌╌╌  warn    0.05 %
        ▁▁▁▁▁▁▂▂▁▁▁▂▃▄▅▆▇████████

    Values are fractions. The label of a threshold stands at the right of its line.
    """
    ordered = sorted(thresholds, key=lambda each: each.at)
    label_width = max((len(each.does) for each in ordered), default=0)
    labels = [(each, f" {each.does.ljust(label_width)} {percent(each.at, digits=digits)}") for each in ordered]
    plot = max(4, width - max((len(label) for _, label in labels), default=0))
    cells = _bucketed(values, plot)
    top = max([value for value in cells if value is not None] + [each.at * 1.25 for each in ordered], default=0) or 1
    by_line: dict[int, tuple[Threshold, str]] = {}
    for each, label in labels:  # two thresholds on one line: the upper moves up, so that both labels can be read
        line = _step(each.at, top, height)
        while line in by_line and line < height - 1:
            line += 1
        by_line[line] = (each, label)
    return [_chart_line(line, cells, top=top, height=height, limits=by_line) for line in reversed(range(height))]


def _chart_line(
    line: int, cells: Sequence[float | None], *, top: float, height: int, limits: dict[int, tuple[Threshold, str]]
) -> Content:
    drawn, label = limits.get(line, (None, ""))
    below = [threshold for at, (threshold, _) in limits.items() if at <= line]
    parts: list[tuple[str, Tone]] = []
    for value in cells:
        eighths = -1 if value is None else int(value / top * height * 8) - line * 8
        if eighths > 0 or (line == 0 and value is not None and not drawn):
            crossed = max((each for each in below if (value or 0) >= each.at), key=lambda each: each.at, default=None)
            parts.append((STEPS[max(1, min(8, eighths)) - 1], crossed.tone if crossed else Tone.INFO))
        else:
            parts.append(("╌", drawn.tone) if drawn else (" ", Tone.MUTED))
    return Content.assemble(*parts, (label, drawn.tone if drawn else Tone.MUTED))


MEANS: Final[dict[Mode, str]] = {
    Mode.AUTONOMOUS: "sends without review",
    Mode.MONITORED: "sends; people notified",
    Mode.GATED_SEND: "people approve every send",
    Mode.GATED_ALL: "people approve every action",
    Mode.READ_ONLY: "reads only, cannot send",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One condition of the next rung: `met` (None: not known yet) and the figure that shows it, already safe."""

    met: bool | None
    text: str


def ladder(current: Mode, *, since: str, evidence: Sequence[Evidence] = ()) -> list[Content]:
    """The five rungs, the standing one marked, and between it and the next what the next one asks for.

      ├───┤ autonomous   sends without review
      │   │   ✔ 21 of 14 days
      │   │   ✖ approval rate 91 % of 95 %
    ▶ ╞═══╡ monitored    sends; people notified · since 3d04
      ├───┤ gated_send   people approve every send
    """
    lines: list[Content] = []
    for mode in sorted(Mode, key=lambda each: each.rung, reverse=True):
        if mode is current:
            lines += [_evidence_line(each) for each in evidence]
            lines.append(
                Content.assemble(
                    ("▶ ╞═══╡ ", Tone.ACCENT),
                    (f"{mode.value:<12} ", Tone.STRONG),
                    (MEANS[mode], Tone.PLAIN),
                    (f" · since {since}", Tone.MUTED),
                )
            )
        else:
            lines.append(Content.assemble(("  ├───┤ ", Tone.MUTED), (f"{mode.value:<12} {MEANS[mode]}", Tone.MUTED)))
    return lines


def _evidence_line(evidence: Evidence) -> Content:
    match evidence.met:
        case True:
            glyph, tone = "✔", Tone.GOOD
        case False:
            glyph, tone = "✖", Tone.WARN
        case None:
            glyph, tone = "·", Tone.MUTED
    return Content.assemble(("  │   │   ", Tone.MUTED), (f"{glyph} ", tone), (evidence.text, Tone.PLAIN))

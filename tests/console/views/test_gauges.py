"""Pictures made of characters say what the counters say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from console.themes import Tone
from console.views.gauges import Evidence, Threshold, bar, gauge, gauge_text, ladder, rate_chart, sparkline
from core.model import Mode


@pytest.mark.parametrize(
    ("used", "drawn"),
    [
        (94, "█████████████░  94%"),
        (96, "█████████████▌  96%"),
        (31, "████▌░░░░░░░░░  31%"),
        (0, "░░░░░░░░░░░░░░   0%"),
        (100, "██████████████ 100%"),
        (250, "██████████████ 250%"),
    ],
)
def test_a_gauge_is_drawn_in_half_cells(used: int, drawn: str) -> None:
    assert gauge_text(used, 100, 19) == drawn


@given(st.integers(0, 10**7), st.integers(0, 10**6), st.integers(5, 60))
def test_a_gauge_keeps_its_width_and_never_looks_full_while_there_is_room(used: int, cap: int, width: int) -> None:
    text = gauge_text(used, cap, width)
    assert cell_len(text) == width
    if 0 < used < cap:
        assert "100%" not in text
        assert set(bar(used / cap, width)) != {"█"}
        assert set(bar(used / cap, width)) != {"░"}


def test_a_narrow_gauge_is_its_percentage() -> None:
    assert gauge_text(94, 100, 4) == " 94%"
    assert gauge_text(5, 0, 4).strip() == "\u2013"


def test_a_gauge_warns_with_a_glyph_too() -> None:
    assert gauge(96, 100, 19, label="hour").plain == "hour █████████████▌  96%  96 of 100 ▲"
    assert gauge(100, 100, 19).plain.endswith("✖")
    assert gauge(10, 100, 19).plain.endswith("10 of 100")


@given(st.lists(st.none() | st.floats(0, 1e6), max_size=200), st.integers(1, 60))
def test_a_sparkline_fills_its_width_whatever_it_is_given(values: list[float | None], width: int) -> None:
    assert len(sparkline(values, width)) == width


def test_a_sparkline_keeps_the_worst_of_what_it_squeezes() -> None:
    assert sparkline([0, 0, 9, 0, 0, 0], 3) == "▁█▁"
    assert sparkline([1, 2], 4) == "  ▅█"
    assert sparkline([0, 0], 2) == "▁▁"


def test_a_rate_chart_draws_its_thresholds_in() -> None:
    chart = rate_chart(
        [0.0, 0.0001, 0.0002, 0.0006, 0.0012],
        28,
        5,
        thresholds=[Threshold(0.0005, "warn"), Threshold(0.001, "suspend", Tone.FAULT)],
    )
    assert len(chart) == 5
    text = [line.plain for line in chart]
    assert [line.split()[-3:] for line in text if "%" in line] == [["suspend", "0.10", "%"], ["warn", "0.05", "%"]]
    assert "╌" in next(line for line in text if "suspend" in line)
    assert max(len(line) for line in text) <= 28


def test_close_thresholds_are_both_labelled() -> None:
    chart = rate_chart([0.5], 30, 3, thresholds=[Threshold(0.001, "warn"), Threshold(0.0011, "suspend")])
    assert sum("%" in line.plain for line in chart) == 2


def test_the_ladder_marks_the_rung_it_stands_on_and_asks_below_the_next() -> None:
    lines = [
        line.plain
        for line in ladder(
            Mode.MONITORED, since="3d04", evidence=[Evidence(True, "21 of 14 days"), Evidence(False, "91 % of 95 %")]
        )
    ]
    assert lines == [
        "  ├───┤ autonomous   sends without review",
        "  │   │   ✔ 21 of 14 days",
        "  │   │   ✖ 91 % of 95 %",
        "▶ ╞═══╡ monitored    sends; people notified · since 3d04",
        "  ├───┤ gated_send   people approve every send",
        "  ├───┤ gated_all    people approve every action",
        "  ├───┤ read_only    reads only, cannot send",
    ]


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_has_its_rung(mode: Mode) -> None:
    assert next(line.plain for line in ladder(mode, since="now") if line.plain.startswith("▶")).split()[2] == mode

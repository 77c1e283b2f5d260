"""Columns share the width; what decides never leaves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from console.safe_text import clip_address, make_safe
from console.themes import Tone
from console.widgets.columns import Cell, Column, Row, head, lay_out, pieces
from core.durations import MINUTE, SECOND

QUEUE = (
    Column("age", "AGE", 6, align="right"),
    Column("chk", "CHK", 3),
    Column("agent", "AGENT", 11),
    Column("to", "TO", 12, grow=1),
    Column("subject", "SUBJECT", 14, grow=2),
    Column("hour", "HOUR BUDGET", 19, drop=1, narrow=5, short="HOUR"),
    Column("oldest", "OLDEST", 6, drop=3),
    Column("trend", "TREND", 6, drop=4),
    Column("last", "LAST", 9, drop=5),
)


def shown(width: int) -> list[str]:
    return [placed.column.key for placed in lay_out(QUEUE, width)]


def test_columns_drop_in_their_order_and_the_deciding_ones_never() -> None:
    assert shown(120) == [column.key for column in QUEUE]
    assert shown(90) == ["age", "chk", "agent", "to", "subject", "hour", "oldest", "trend", "last"]
    assert shown(75) == ["age", "chk", "agent", "to", "subject", "hour", "oldest", "trend"]
    assert shown(20) == ["age", "chk", "agent", "to", "subject"]


def test_a_narrow_table_draws_percentages_for_gauges() -> None:
    row = Row(1, 1, (Cell(), Cell(), Cell(), Cell(), Cell(), Cell("█████████████░  94%", short="94%")))
    drawn = "".join(piece.text for piece in pieces(row, lay_out(QUEUE, 80), now=0))
    assert "94%" in drawn
    assert "█" not in drawn
    assert "HOUR " in head(lay_out(QUEUE, 80))
    assert "HOUR BUDGET" in head(lay_out(QUEUE, 120))


def test_a_long_name_is_whole_before_gauges_and_figures_get_room() -> None:
    agents = (
        Column("agent", "AGENT", 13, grow=1, names=26),
        Column("state", "STATE", 6),
        Column("hour", "HOUR BUDGET", 19, narrow=5, short="HOUR"),
        Column("last", "LAST", 14, grow=1, drop=1),
    )

    def widths(width: int, longest: int) -> dict[str, int]:
        return {placed.column.key: placed.width for placed in lay_out(agents, width, longest={0: longest})}

    assert widths(110, 12) == {"agent": 40, "state": 6, "hour": 19, "last": 42}
    assert widths(58, 24) == {"agent": 27, "state": 6, "hour": 5, "last": 17}
    assert widths(40, 24) == {"agent": 27, "state": 6, "hour": 5}
    assert widths(40, 99)["agent"] == 27
    assert widths(30, 99)["agent"] == 17


def test_a_cut_recipient_keeps_its_domain() -> None:
    assert clip_address("jane@example.com", 20) == "jane@example.com"
    assert clip_address("jane.elizabeth.doe@example.com", 20) == "jane.el…@example.com"
    assert clip_address("jane@a-very-long-name.example.com", 14) == "…e.example.com"
    assert clip_address("jane@a-very-long-name.example.com", 1) == "…"
    for width in range(40):
        assert cell_len(clip_address("jürgen.müller@例え.example", width)) <= width
    column = (Column("to", "TO", 18), Column("subject", "SUBJECT", 9))
    cut = Row(1, 1, (Cell("jane.elizabeth@example.com", tail=" +1", address=True), Cell("a subject that is cut")))
    drawn = "".join(piece.text for piece in pieces(cut, lay_out(column, 28), now=0))
    assert drawn == "ja…@example.com +1 a subjec…"


@given(
    st.integers(45, 200),
    st.lists(
        st.builds(
            lambda text, tail: Cell(make_safe(text).text, tail=tail), st.text(max_size=40), st.sampled_from(["", " ⚠2"])
        ),
        max_size=9,
    ),
)
def test_every_row_is_exactly_as_wide_as_its_head(width: int, cells: list[Cell]) -> None:
    placed = lay_out(QUEUE, width)
    drawn = "".join(piece.text for piece in pieces(Row(1, 1, tuple(cells)), placed, now=0))
    assert cell_len(drawn) == cell_len(head(placed)) <= width


def test_a_clipped_subject_keeps_its_warning_and_its_markers_stand_out() -> None:
    subject = make_safe("Re: terms\u202egnp.exe and a long tail of words")
    row = Row(1, 1, (Cell(subject.text, tail=" ⚠1"),))
    drawn = pieces(row, lay_out([Column("subject", "SUBJECT", 30)], 30), now=0)
    assert "".join(piece.text for piece in drawn) == "Re: terms⟨U+202E⟩gnp.exe a… ⚠1"
    assert [piece.text for piece in drawn if piece.tone is Tone.HIDDEN] == ["⟨U+202E⟩"]


def test_an_age_runs_with_the_clock_not_with_the_row() -> None:
    row = Row(1, 1, (Cell(since=0),))
    placed = lay_out(QUEUE[:1], 6)
    assert pieces(row, placed, now=14 * MINUTE + 2 * SECOND)[-1].text.strip() == "14m02"
    assert pieces(row, placed, now=14 * MINUTE + 3 * SECOND)[-1].text.strip() == "14m03"

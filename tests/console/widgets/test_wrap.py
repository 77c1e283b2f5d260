"""Where a line of a text pane wraps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from console.safe_text import cells
from console.themes import Tone
from console.widgets.columns import Piece
from console.widgets.pane import line, wrap


def test_a_label_keeps_its_margin_when_its_line_wraps() -> None:
    wrapped = wrap([*line("ab "), *line("cd ef gh ij")], 6)
    assert "".join(piece.text for piece in wrapped[0]) == "ab cd"
    assert all(sum(cells(piece.text) for piece in row) <= 6 for row in wrapped)
    assert wrap(line("漢字漢字"), 1) == [[]]
    contact = wrap([*line("To     fatima@fabrikam.example"), *line(" ▲ first contact")], 37)
    assert [piece.text for piece in contact[1]] == ["first contact"]  # a word is not cut where a space is near


def rows_of(pieces: Sequence[Piece], width: int) -> list[str]:
    return ["".join(piece.text for piece in row) for row in wrap(pieces, width)]


def test_a_word_goes_on_below_whole_whatever_its_tones() -> None:
    name, value = Piece("  stream=", Tone.MUTED), Piece("support-bot.acme.test", Tone.PLAIN)
    pieces = [*line("the relay does not answer"), name, value]
    assert rows_of(pieces, 40) == ["the relay does not answer", "stream=support-bot.acme.test"]
    assert wrap(pieces, 40)[1] == [Piece("stream=", Tone.MUTED), value]
    assert rows_of(line("one word fits"), 8) == ["one word", "fits"]
    # what would leave a line half empty fills it, and what is longer than a line is cut
    assert rows_of([*line("answer "), value], 20) == ["answer support-bot.a", "cme.test"]
    assert rows_of(line("x" * 50), 20) == ["x" * 20, "x" * 20, "x" * 10]


def test_a_figure_keeps_its_unit_and_a_marker_stays_whole() -> None:
    assert rows_of(line("complaints 1.07 % (limit 0.05 %) of 187"), 30) == [
        "complaints 1.07 % (limit",
        "0.05 %) of 187",
    ]
    assert rows_of(line("to the account ⟨U+202E⟩0007"), 18) == ["to the account", "⟨U+202E⟩0007"]
    assert rows_of(line("a⟨U+202E⟩⟨U+202E⟩⟨U+202E⟩"), 20) == ["a⟨U+202E⟩⟨U+202E⟩", "⟨U+202E⟩"]
    assert rows_of(line("⟨U+202E⟩"), 5) == ["⟨U+20", "2E⟩"]


@given(
    st.lists(st.text(st.sampled_from("ab %漢⟨"), max_size=30) | st.just("⟨U+202E⟩"), max_size=6),
    st.integers(2, 40),
)
def test_no_text_is_lost_where_a_line_wraps_and_no_row_is_too_wide(texts: list[str], width: int) -> None:
    pieces = [Piece(text, tone) for text, tone in zip(texts, itertools.cycle([Tone.MUTED, Tone.PLAIN]), strict=False)]
    rows = wrap(pieces, width)
    assert all(sum(cells(piece.text) for piece in row) <= width for row in rows)
    drawn = [(char, piece.tone) for row in rows for piece in row for char in piece.text if char != " "]
    assert drawn == [(char, piece.tone) for piece in pieces for char in piece.text if char != " "]

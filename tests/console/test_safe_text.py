"""Foreign text reaches the terminal only as visible characters, through the function and through the last filter."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.color import Color
from textual.widgets import Static

from console.safe_text import GuardedApp, LastFilter, clip, clip_address, content, fill, fit, make_safe, make_safe_block

DANGEROUS_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
INVISIBLE = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe0e\ufe0f\ufe00\U000e0100\u180b\ufffc")
HOSTILE = st.text(
    st.one_of(
        st.characters(categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Mn", "Me", "Zs"]),
        st.sampled_from(sorted(INVISIBLE) + list("a[]\\⟨U+202E⟩❤1\u20e3👩\u200d中é")),
        st.characters(),
    )
)


def dangers(text: str) -> list[str]:
    return [f"U+{ord(c):04X}" for c in text if unicodedata.category(c) in DANGEROUS_CATEGORIES or c in INVISIBLE]


@given(HOSTILE)
def test_nothing_dangerous_survives_any_input(foreign: str) -> None:
    assert dangers(make_safe(foreign).text) == []
    assert [d for line in make_safe_block(foreign).lines for d in dangers(line)] == []


@given(HOSTILE)
def test_making_safe_twice_changes_nothing_more(foreign: str) -> None:
    once = make_safe(foreign).text
    assert make_safe(once, limit=len(once)).text == once
    assert make_safe(once, limit=len(once)).hidden == 0


@given(HOSTILE)
def test_the_last_filter_drops_what_slipped_through_and_keeps_the_width(foreign: str) -> None:
    before = Segment(foreign, Style(bold=True, link="https://evil.example"))
    (after,) = LastFilter().apply([before], Color(0, 0, 0))
    assert dangers(after.text) == []
    assert cell_len(after.text) == cell_len(foreign)
    assert after.style is not None
    assert after.style.bold
    assert after.style.link is None


@given(st.text(st.characters(max_codepoint=0x7E, min_codepoint=0x20), max_size=80), st.integers(1, 40))
def test_ordinary_text_is_left_alone_and_fits_its_column(text: str, width: int) -> None:
    assert make_safe(text).text == text
    assert cell_len(fit(text, width)) == width


@given(HOSTILE, st.integers(0, 30))
def test_clipping_never_exceeds_its_cells_whatever_the_characters_widths(foreign: str, width: int) -> None:
    safe = make_safe(foreign)
    assert cell_len(clip(safe.text, width)) <= width
    assert cell_len(fit(safe.text, width, right=True)) == width


@pytest.mark.parametrize(
    ("foreign", "shown", "hidden"),
    [
        ("terms\u202egnp.exe", "terms⟨U+202E⟩gnp.exe", 1),
        ("a\x1b]52;c;aGk=\x07b", "a⟨U+001B⟩]52;c;aGk=⟨U+0007⟩b", 2),
        ("\x9b31m", "⟨U+009B⟩31m", 1),
        ("pay\u200bpal\ufeff", "pay⟨U+200B⟩pal⟨U+FEFF⟩", 2),
        ("hi\U000e0041\U000e007f", "hi⟨U+E0041⟩⟨U+E007F⟩", 2),
        ("\ud83d", "⟨U+D83D⟩", 1),
        ("one\u2028two\r\nBcc: x", "one⟨U+2028⟩two⟨U+000D⟩⟨U+000A⟩Bcc: x", 3),
        ("\u0301start", "⟨U+0301⟩start", 1),
        ("e\u0301\u0302\u0303\u0304", "e\u0301\u0302\u0303⟨U+0304⟩", 1),
        ("a\ufe01", "a⟨U+FE01⟩", 1),
        ("❤\ufe0f 1\ufe0f\u20e3", "❤ 1\u20e3", 0),
        ("❤\ufe0f\ufe0f", "❤⟨U+FE0F⟩", 1),
        ("prix\u00a0: 10", "prix : 10", 0),
        ("naïve 中文 Ünïcode", "naïve 中文 Ünïcode", 0),
        ("\u3164", "⟨U+3164⟩", 1),
    ],
)
def test_each_kind_of_hidden_character_is_shown_and_counted(foreign: str, shown: str, hidden: int) -> None:
    safe = make_safe(foreign)
    assert (safe.text, safe.hidden) == (shown, hidden)


def test_a_body_keeps_its_lines_and_says_what_was_cut() -> None:
    block = make_safe_block("Dear\r\n\tyou\u200b\nbye" + "x" * 10, limit=15)
    assert block.lines == ("Dear", "        you⟨U+200B⟩", "bye")
    assert (block.hidden, block.cut) == (1, 10)


def test_a_subject_of_a_megabyte_is_bounded() -> None:
    assert len(make_safe("\u202e" * 1_000_000).text) < 10_000


def test_the_end_of_a_domain_is_found_however_long_it_is() -> None:
    """One step for each character, each as long as the text, took seconds for every row that was drawn."""
    assert clip_address("a@" + "ж" * 1_000_000 + ".example", 20) == "…" + "ж" * 11 + ".example"
    assert clip_address("ж" * 1_000_000 + "@acme.example", 20) == "жжжжжж…@acme.example"
    assert clip_address("a@" + "中" * 30, 10) == "…中中中中"
    assert clip("ж" * 1_000_000, 5) == "жжжж…"


@given(HOSTILE, HOSTILE, st.integers(1, 30))
def test_a_clipped_address_fits_whatever_its_characters_widths(local: str, domain: str, width: int) -> None:
    safe = f"{make_safe(local).text}@{make_safe(domain).text}".rstrip()
    assert cell_len(clip_address(safe, width)) <= width


def test_clipping_keeps_the_warning_that_decides() -> None:
    assert clip("Re: revised terms", 12, tail=" ⚠2") == "Re: revi… ⚠2"
    assert clip("中文字", 4) == "中…"


def test_content_and_fill_never_read_foreign_text_as_markup() -> None:
    hostile = "[@click=app.bell]x[/] [/b] [JIRA-12] $s"
    assert content(make_safe(hostile)).plain == hostile
    filled = fill("[b]Subject[/b] $s", s=hostile)
    assert filled.plain == f"Subject {hostile}"
    assert not any("click" in str(span.style) for span in filled.spans)


def test_markers_stand_out() -> None:
    spans = content(make_safe("a\u202eb")).spans
    assert [(span.start, span.end) for span in spans] == [(1, 9)]
    assert len(fill("x $s", s="a\u202eb").spans) == 1


class Careless(GuardedApp[None]):
    """What a screen must never do: foreign text as markup, unchecked."""

    clicked = False

    def compose(self) -> ComposeResult:
        yield Static("a\x1b]2;owned\x1b\\b\u202ec\x9bd [link='https://evil.example']here[/] [@click=app.own]tap[/]")

    def action_own(self) -> None:
        self.clicked = True


@pytest.mark.anyio
async def test_the_last_filter_is_on_every_line_of_a_careless_screen() -> None:
    app = Careless()
    async with app.run_test() as pilot:
        (strip, *_) = app.screen._compositor.render_strips()
        assert dangers(strip.text) == []
        assert "tap" in strip.text
        assert all(segment.style is None or segment.style.link is None for segment in strip)
        await pilot.click(Static, offset=(strip.text.index("tap"), 0))
        assert app.clicked is False

"""What a reader cannot see is found and spelled; what people really write is left as it is."""

from __future__ import annotations

import sys
import unicodedata

import pytest
import wcwidth
from rich.cells import get_character_cell_size

from core.text.unicode_safety import PLAIN, hidden_in, is_combining, is_hidden, spell_out, width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;aGk=\x07", "⟨U+001B⟩]52;c;aGk=⟨U+0007⟩"),
        ("\x9b2J\x90q\x9d0;t\x9c", "⟨U+009B⟩2J⟨U+0090⟩q⟨U+009D⟩0;t⟨U+009C⟩"),
        ("\u202egnp.exe\u2066", "⟨U+202E⟩gnp.exe⟨U+2066⟩"),
        ("a\u200bb\ufeffc\u00add", "a⟨U+200B⟩b⟨U+FEFF⟩c⟨U+00AD⟩d"),
        ("x\U000e0041\U000e007f", "x⟨U+E0041⟩⟨U+E007F⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("a\x00\x7f\x0b\x0c", "a⟨U+0000⟩⟨U+007F⟩⟨U+000B⟩⟨U+000C⟩"),
        ("a\t\r\u2028\u2029", "a⟨U+0009⟩⟨U+000D⟩⟨U+2028⟩⟨U+2029⟩"),
        ("a\U0001f3fd\U0001f44d\U0001f3fd\U0001f3fd", "a⟨U+1F3FD⟩\U0001f44d⟨U+1F3FD⟩"),
        ("\u3164\u115f\u2800\ufe0f", "⟨U+3164⟩⟨U+115F⟩⟨U+2800⟩⟨U+FE0F⟩"),
    ],
)  # fmt: skip
def test_what_has_no_visible_form_is_spelled_and_counted(text: str, shown: str) -> None:
    said, hidden = spell_out(text)
    assert said == shown
    assert hidden == shown.count("⟨")
    assert spell_out(said) == (said, 0)


@pytest.mark.parametrize(
    "text",
    ["Jürgen Müller", "שָׁלוֹם", "नमस्ते", "ありがとう", "안녕하세요", "Việt Nam", "café", "❤️ 1️⃣", "👍🏽", "€ 5 … “ok”"],
)
def test_what_people_write_hides_nothing(text: str) -> None:
    assert hidden_in(text) == 0


def test_stacked_accents_are_spelled_beyond_the_third() -> None:
    said, hidden = spell_out("e" + "\u0301" * 40)
    assert hidden == 37
    assert said.count("\u0301") == 3


def test_a_body_keeps_its_lines_and_tabs() -> None:
    assert hidden_in("a\tb\r\nc\n") == 0
    assert hidden_in("a\rb\x0bc\u200b") == 3


def test_what_dresses_an_emoji_is_left_out_for_terminals_disagree_on_its_width() -> None:
    assert spell_out("\u2764\ufe0f \U0001f44d\U0001f3fd") == ("\u2764 \U0001f44d", 0)


def test_every_character_without_a_cell_of_its_own_is_hidden_or_joins_the_one_before() -> None:
    modifiers = range(0x1F3FB, 0x1F400)  # skin tones: drawn alone they take two cells, behind an emoji none
    without = [
        code
        for code in range(sys.maxunicode + 1)
        if get_character_cell_size(chr(code)) == 0 and not is_hidden(chr(code)) and not is_combining(chr(code))
    ]
    assert without == list(modifiers)


def test_nothing_that_is_left_is_a_control_or_a_format_character() -> None:
    every = (chr(code) for code in range(sys.maxunicode + 1))
    left = {unicodedata.category(char) for char in spell_out("a" + "a".join(every), lambda _: "")[0]}
    assert not left & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f3f3\ufe0f\u200d\U0001f308",
        "\U0001f9d1\U0001f3fd\u200d\U0001f4bb",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0915\u094d\u200d\u0937", "PDF\u200c\u0647\u0627",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\u1780\u200b\u1781", "\u263a\ufe0e",
    ],
)  # fmt: skip
def test_joiners_stand_where_people_write_them(text: str) -> None:
    assert hidden_in(text) == 0


@pytest.mark.parametrize(
    "text",
    [
        "pay\u200dpal", "pay\u200cpal", "a\ufe0f", "+\ufe0f", "\u2764\ufe0f\ufe0f", "a\U000e0100", "a\u3164", "a\u115f",
        "a\u1160", "a\uffa0", "a\u00ad", "a\u034f", "a\u180e", "a\u2800", "a\U000e0041", "\U0001f468\u200da",
    ],
)  # fmt: skip
def test_what_nobody_needs_to_write_is_counted(text: str) -> None:
    assert hidden_in(text) == 1


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0), ("plain", 5), ("… — ⚠ ─", 7), ("日本", 4), ("한국", 4), ("e\u0301", 1), ("\u0e01\u0e47", 1), ("👍", 2),
        ("\U0001f1e9\U0001f1ea", 2), ("☰", 2), ("\u25fd", 2), ("\u3000", 2),
    ],
)  # fmt: skip
def test_a_text_is_as_wide_as_a_terminal_of_today_draws_it(text: str, cells: int) -> None:
    assert width(text) == cells


def test_what_counts_one_cell_without_asking_is_one_cell_wide() -> None:
    assert {char for char in PLAIN if wcwidth.wcwidth(char) != 1} <= {"\u25fd", "\u25fe"}

"""Letters are read as those they are drawn like, whatever script they are borrowed from."""

from __future__ import annotations

import pytest

from core.rules.classification.letters import plain
from core.text.look_alikes import drawn_alike, of_script, read_as


@pytest.mark.parametrize(
    ("disguised", "word"),
    [
        ("r\u0435fund", "refund"),  # Cyrillic
        ("r\u03b5fu\u03b7d", "refund"),  # Greek
        ("re\ua4dd\ua4f4nd", "reFUnd"),  # Lisu
        ("refu\u0578\u0501", "refund"),  # Armenian and Cyrillic
        ("\u0280\u1d07\ua730\u1d1c\u0274\u1d05", "refund"),  # small capitals
        ("\uff52efund \U0001d42b\U0001d41e", "refund re"),  # fullwidth, mathematical
        ("\u0406 wi\u04cfl", "I will"),
    ],
)
def test_a_word_in_borrowed_letters_is_read_as_it_looks(disguised: str, word: str) -> None:
    assert plain(disguised) == word


def test_every_entry_is_one_letter_for_one() -> None:
    assert len(drawn_alike()) > 1_000
    for char, letter in drawn_alike().items():
        assert len(char) == len(letter) == 1
        assert not char.isascii()
        assert letter.isascii()
        assert letter.isalpha()


def test_ordinary_letters_stay() -> None:
    assert [read_as(char) for char in "aZ1 Ж漢"] == list("aZ1 Ж漢")
    assert of_script("HIRAGANA") == frozenset()

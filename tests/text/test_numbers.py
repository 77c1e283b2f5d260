from __future__ import annotations

import pytest

from core.text.numbers import LARGEST, whole_number

ENDLESS = "9" * 5_000
"""More digits than Python's int() reads."""


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("7", 7), ("0007", 7), ("0" * 5_000 + "7", 7), (str(LARGEST), LARGEST)],
)
def test_ascii_digits_are_a_number(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", " 7", "+7", "-7", "7.0", "1_000", "²", "٣", str(LARGEST + 1), ENDLESS])
def test_anything_else_is_none_and_raises_nothing(text: str) -> None:
    assert whole_number(text) is None


def test_a_number_over_the_bound_is_none() -> None:
    assert (whole_number("65535", most=65_535), whole_number("65536", most=65_535)) == (65_535, None)

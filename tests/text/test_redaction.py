"""Addresses are taken out of text that is kept for good, and nothing else is."""

from __future__ import annotations

import pytest

from core.text.redaction import without_addresses


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("jane.doe@example.com complained", "[address] complained"),
        ("see <Jane.Doe+x@Example.COM>, twice: a@b.example.", "see <[address]>, twice: [address]."),
        ('"jane doe"@example.com and jane@[192.0.2.1]', "[address] and [address]"),
        ("info@österreich.example, jané@example.com", "[address], [address]"),
        ("mailto:jane@example.com?subject=x", "mailto:[address]?subject=x"),
        ("b-jane=example.com@lists.example", "[address]"),
        ("root@mail", "[address]"),
        ('"a..b"@example.com, or a..b@example.com', "[address], or [address]"),
        ("allow *@acme.com, ask @alice, look @ 5 @", "allow *@acme.com, ask @alice, look @ 5 @"),
        ("acme.com is down", "acme.com is down"),
    ],
)
def test_each_spelling_of_an_address_goes_and_the_words_around_it_stay(text: str, left: str) -> None:
    assert without_addresses(text) == left


def test_lists_and_objects_lose_theirs_at_any_depth() -> None:
    given = {"a@b.example": ["to a@b.example", {"deep": "a@b.example"}, 7, None]}
    assert without_addresses(given) == {"[address]": ["to [address]", {"deep": "[address]"}, 7, None]}


def test_long_text_without_an_address_takes_one_pass() -> None:
    text = '@"' + "x" * 200_000 + '"<' + "y." * 100_000
    assert without_addresses(text) == text

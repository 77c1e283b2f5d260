"""What is looked for before a pattern is tried never keeps it from a text that it matches."""

from __future__ import annotations

import random
import re
import sys
from typing import Final

import pytest

from core.rules import signed_ids
from core.rules.content import links as content_links
from core.rules.inbound import search_words
from core.rules.inbound.screening import cues, disguises, links, phrases
from core.text import prechecks, unicode_safety
from core.text.prechecks import Guarded, Run
from tests.rules import pattern_samples

GUARDED: Final[list[tuple[Guarded, tuple[str, ...]]]] = [
    *((one, ()) for one in (*cues.MARKUP, links._DEFANGED, links._DATA, links._SCRIPTED)),
    (links._IMAGE, ("![](//a.b)", "![x] (<http://a.b)", "![]( xdata:y")),
    (links._REFERENCE, (" [1]: https://a.b", "[x]:<http://a")),
    (links._LINK, ("[x](https://a.b", "[a b](http://a")),
    (
        content_links._URL,
        ("http://[::1]/", "https://a", "www.a", "file://a", "javascript:a", "vbscript:a", "data:a/b", "blob:http://a"),
    ),
]
"""Patterns, and texts that they match where none can be made from the pattern."""
RUNS: Final = [
    (disguises._BASE64, disguises._LONG_BASE64),
    (re.compile(r"(?:[0-9a-fA-F]{2}[ :]?){24,2000}"), disguises._LONG_HEX),
    (signed_ids._QUOTED, signed_ids._LONG),
]
PIECES: Final = [
    *"aZ1 \n\t.!?-_/@:,'\u2019\u3002\u00a0\u00e9\u0131\u4e2d\u200b", "  ", "\n\n", "\n \n", "https://", "http://",
    "www.", "a.b",
    "jane@example.com", "don't", "pr0mpt", "1gn0re", "x@y", "h t t p : / /", "h t", "a b c d e f g h i", "https:",
    "end. ",
]  # fmt: skip


def texts(n: int, longest: int = 30) -> list[str]:
    chance = random.Random(n)
    return ["".join(chance.choice(PIECES) for _ in range(chance.randint(0, longest))) for _ in range(n)]


def test_a_letter_that_ignoring_case_takes_for_another_folds_to_it() -> None:
    every = "".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    for letter in "abcdefghijklmnopqrstuvwxyz":
        taken = re.findall(letter, every, re.IGNORECASE)
        assert {prechecks.folded(one) for one in taken} == {letter}
        assert len(taken) >= 2


@pytest.mark.parametrize(("one", "given"), GUARDED)
def test_whatever_a_guarded_pattern_matches_has_what_it_needs(one: Guarded, given: tuple[str, ...]) -> None:
    samples = given or pattern_samples.samples(one.pattern, n=300)
    assert samples
    assert all(one.pattern.search(text) for text in samples)
    for text in samples:
        for spelled in (text, text.upper(), text.lower()):
            assert not one.pattern.search(spelled) or one.may_match(prechecks.folded(spelled)), spelled


@pytest.mark.parametrize(("pattern", "run"), RUNS, ids=["base64", "hexadecimal", "signed ids"])
def test_whatever_a_pattern_of_long_runs_matches_has_such_a_run(pattern: re.Pattern[str], run: Run) -> None:
    samples = pattern_samples.samples(pattern, n=300)
    assert samples
    assert all(run.within(prechecks.folded(text)) or run.within(text) for text in samples)
    assert not run.within("short words only, \u00e9 and none of them long")


def test_words_are_those_of_the_whole_pattern() -> None:
    standing = phrases._STANDS_FOR
    for text in texts(3_000):
        plain = phrases.plain(text)
        whole = [standing.get(one.lastgroup) or one[0].replace("\u2019", "'") for one in phrases._TOKEN.finditer(plain)]
        assert phrases.Words(text).listed == whole, repr(text)


def test_disguises_are_found_as_without_checks() -> None:
    for text in [*texts(2_000, 60), *pattern_samples.samples(disguises._SPACED, n=300)]:
        assert disguises._may_be_spaced(text) or not disguises._SPACED.search(text), repr(text)
        plain = disguises._ADDRESS_OR_LINK.sub(" ", text)
        said = {one.how: one.text for one in disguises.undone(text)}
        turned = disguises._LEET_WORD.sub(lambda one: one[0].translate(disguises._LEET), plain)
        assert said.get("digits for letters") == (turned if disguises._LEET_WORD.search(plain) else None), repr(text)


def test_split_addresses_are_found_as_without_checks() -> None:
    for text in [
        *texts(2_000),
        *pattern_samples.samples(links._SPLIT, n=300),
        *pattern_samples.samples(links._BROKEN, n=300),
    ]:
        spaced = next((one for one in links._SPLIT.finditer(text) if re.search(r"\s", one[0])), None)
        whole = spaced or (links._BROKEN.search(text) if "://" in text or " . " in text else None)
        found = links._split(text, prechecks.folded(text))
        assert (found and found.span()) == (whole and whole.span()), repr(text)


def test_words_of_a_search_and_hidden_characters_are_counted_as_without_checks() -> None:
    for text in [*texts(2_000), "a" * 100, f"{'b' * 39} {'c' * 40} {'d' * 41}"]:
        if text.isascii():
            assert search_words._words(text) == [one[:40] for one in re.findall(r"[a-z0-9]+", text.lower())]
        lines = text.replace("\r\n", "\n").expandtabs(8).split("\n")
        assert unicode_safety.hidden_in(text) == sum(unicode_safety.deceiving(line) for line in lines)

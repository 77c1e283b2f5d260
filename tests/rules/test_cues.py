"""Cues are looked for only where one of their words is: no way through a pattern may lack one."""

from __future__ import annotations

import re
from typing import Final

import pytest

from core.rules.classification import commercial, ordinary
from core.rules.classification.cues import Cue, Cues, spelled
from core.rules.classification.reading import TOKEN
from tests.rules import pattern_samples

COMMERCIAL: Final = [(commercial._CUES, commercial._WORD, cue) for cue in commercial._CUES.every]
ORDINARY: Final = [(cues, TOKEN, cue) for cues in ordinary._CUES for cue in cues.every]


@pytest.mark.parametrize(
    ("cues", "words", "cue"),
    COMMERCIAL + ORDINARY,
    ids=lambda one: one.pattern.pattern[10:50] if isinstance(one, Cue) else "",
)
def test_whatever_a_cue_matches_leads_to_it(cues: Cues, words: re.Pattern[str], cue: Cue) -> None:
    samples = pattern_samples.samples(cue.pattern, n=300)
    assert samples
    lost = [one for one in samples if not any(cue in cues.of(word) for word in words.findall(one))]
    assert lost == []


def test_a_word_may_lead_to_a_cue_by_its_beginning() -> None:
    cues = Cues((1, r"(?:is|are) <only> possible"), (2, r"<sav\w+|cut(?:s|ting)?> (?!no)"))
    assert [cue.means for word in ("only", "saving", "cut", "is", "cuts", "cutter") for cue in cues.of(word)] == [
        1,
        2,
        2,
        2,
    ]
    assert [cue.pattern.pattern for cue in cues.every] == [
        r"(?<![a-z])(?:is|are) (?:only) possible",
        r"(?<![a-z])(?:sav\w+|cut(?:s|ting)?) (?!no)",
    ]


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("only", ["only"]),
        ("costs?|fee", ["costs", "cost", "fee"]),
        ("organi[sz]e", ["organise", "organize"]),
        (r"sav\w+", ["sav*"]),
        (r"opportunit(?:y|ies)|deal", ["opportunity", "opportunities", "deal"]),
        (r"special(?:i[sz]e|ty)?", ["specialise", "specialize", "specialty", "special"]),
    ],
)
def test_a_mark_is_spelled_out(mark: str, words: list[str]) -> None:
    assert spelled(mark) == words


@pytest.mark.parametrize("mark", ["two words", "any.", "don't", r"x\d"])
def test_what_cannot_be_spelled_out_is_no_mark(mark: str) -> None:
    with pytest.raises(ValueError, match="spelled out"):
        spelled(mark)

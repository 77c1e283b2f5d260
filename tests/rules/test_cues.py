"""Cues are looked for only where one of their words is: no way through a pattern may lack one."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import process_time
from typing import Final

import pytest

from core.rules.classification import commercial, ordinary, phrases, pitches, promises
from core.rules.classification.cues import Cue, Cues, spelled
from core.rules.classification.ordinary.names import ASKS, DECLINES, IN_GENERAL, MUST, PERHAPS, TAKES_PLACE
from core.rules.classification.reading import TOKEN
from core.rules.classification.words import LANGUAGES
from tests.bench.commitments import corpora, rows_of
from tests.rules import pattern_samples

COMMERCIAL: Final = [(commercial._CUES, commercial._WORD, cue) for cue in commercial._CUES.every]
ORDINARY: Final = [(cues, TOKEN, cue) for cues in ordinary._CUES for cue in cues.every]
DENSE: Final = 3
"""Most CPU time that a text of a cue's own words may cost, in that of ordinary text of the same length."""
BODY: Final = 2_400
SENTENCE: Final = 580
"""As long as a pattern may read on."""


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
        r"(?<![a-z])(?:(?:is|are) (?:only) possible)",
        r"(?<![a-z])(?:(?:sav\w+|cut(?:s|ting)?) (?!no))",
    ]


def test_no_branch_of_a_cue_begins_within_a_word() -> None:
    (cue,) = Cues((1, r"<valid> until|<up> to")).every
    assert cue.pattern.search("it is up to you")
    assert not cue.pattern.search("a cup to go")


@pytest.mark.parametrize(
    ("language", "finding", "sentences"),
    [
        ("en", DECLINES, "we have to turn down the offer; we must reject it; we can't come; there are no promises"),
        ("en", PERHAPS, "should it rain, we may close"),
        ("en", TAKES_PLACE, "the hall will open at nine; the committee will meet on monday; the course lasts a week"),
        ("de", ASKS, "denk an den ausweis; vergiss nicht den ausweis"),
        ("de", DECLINES, "das kann ich nicht versprechen"),
        ("fr", ASKS, "nous vous invite a venir; reglez la facture; signez le contrat; adressez le; transmettez le"),
        ("fr", MUST, "tu dois venir; le dossier devra partir"),
        ("fr", DECLINES, "rien ne garantit le delai; je ne peux venir; je regrette le retard; ce n'est pas garanti"),
        ("fr", PERHAPS, "s'il pleut, on ferme"),
        ("pt", MUST, "tem de assinar; tem que assinar"),
        ("pt", DECLINES, "nao garantimos o prazo"),
        ("it", ASKS, "i soci sono pregati di firmare; lei e pregato di firmare"),
        ("it", MUST, "dovrai firmare"),
        ("it", DECLINES, "non garantiamo la data"),
        ("nl", ASKS, "ik vraag u te tekenen"),
        ("nl", IN_GENERAL, "normaliter duurt het lang"),
        ("nl", DECLINES, "dat wil ik niet toezeggen; dat wil ik niet beloven"),
        ("nl", PERHAPS, "dat zou passen; zouden wij dat doen"),
    ],
)
def test_every_way_of_saying_it_is_found(language: str, finding: int, sentences: str) -> None:
    cues = ordinary._CUES[[one.name for one in LANGUAGES].index(language)]
    for sentence in sentences.split("; "):
        assert ordinary._matching(cues, TOKEN.findall(sentence), sentence) & finding, sentence


def test_a_request_in_french_is_no_condition() -> None:
    polite = "s'il vous plait, signez le contrat"
    assert not ordinary._matching(ordinary._CUES[2], TOKEN.findall(polite), polite) & PERHAPS


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


def spent(work: Callable[[str], object], text: str) -> float:
    phrases.forget()
    commercial._found.cache_clear()
    begun = process_time()
    work(text)
    return process_time() - begun


def nearly(cue: Cue) -> set[str]:
    """Texts that begin as the cue does and miss its end."""
    made = sorted(pattern_samples.samples(cue.pattern, n=12), key=len)[:3]
    return {" ".join(one.split()[:-1]) or one[:-1] for one in made}


def dense(unit: str) -> str:
    """Sentences of nothing but one text; each ends otherwise, so that none is remembered."""
    one = (f"{unit} " * (SENTENCE // len(unit)))[:SENTENCE]
    return "\n\n".join(f"{one} {n}x" for n in range(BODY // SENTENCE))


@pytest.mark.parametrize(
    ("work", "cues"),
    [*((promises, cues) for cues in ordinary._CUES), (pitches, commercial._CUES)],
    ids=[*(one.name for one in LANGUAGES), "commercial"],
)
def test_text_of_a_cues_own_words_costs_little_more_than_ordinary_text(
    work: Callable[[str], object], cues: Cues
) -> None:
    """A pattern tried again at each of its words, or backtracking between them, multiplies the cost of a body."""
    usual = "\n\n".join(row.text for row in rows_of(corpora()) if not row.promise)[:BODY]
    allowed = DENSE * min(spent(work, usual) for _ in range(5))
    for unit in sorted({unit for cue in cues.every for unit in nearly(cue) if unit}):
        text = dense(unit)
        # The least of several: what else runs on the machine adds to a figure and takes nothing away.
        assert any(spent(work, text) < allowed for _ in range(5)), unit

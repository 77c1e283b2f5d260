"""Add up the evidence for and against a promise in one sentence.

`reading` takes a sentence apart: kinds of words, and who does what. Each of these findings (an atom) has a weight in
`weights`, a whole number fitted to the sentences under tests/ and kept as a table, so that a reviewer can add it up by
hand. Atoms are the same in every language, so weights learned from one language hold for the others.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from core.rules.classification import findings, ordinary
from core.rules.classification import kinds as k
from core.rules.classification.reading import Reading
from core.rules.classification.weights import ENOUGH, PAIRS, WEIGHTS
from core.rules.classification.words import LANGUAGES

_KINDS: Final = 45
_FRAMES: Final = len(findings.NAMES)
_OPENING_AT: Final = _KINDS + _FRAMES
_OTHER_AT: Final = _OPENING_AT + _KINDS

_NEAR: Final = (
    (k.GRANT, k.SUM | k.MONEY, 4), (k.GRANT, k.YOU, 3), (k.YOUR, k.SUM, 2), (k.YOUR, k.SLOT | k.PACT, 2),
    (k.BE, k.GRANT, 3), (k.YOU, k.GET, 3), (k.NOT, k.SPARED, 4), (k.FIRST, k.GRANT, 6), (k.SUM, k.FREE, 3),
    (k.DO, k.YOU, 2), (k.DO, k.SUM | k.MONEY, 5), (k.GRANT, k.SLOT, 4), (k.GRANT, k.PACT, 5), (k.SLOT, k.YOU, 3),
    (k.WILL, k.GRANT, 4), (k.BE, k.YOU | k.YOUR, 2), (k.BE, k.FREE, 2), (k.NOT, k.GRANT, 4), (k.NOT, k.DO, 3),
    (k.BE, k.AHEAD, 6),
)  # fmt: skip
_PLAIN: Final = (
    "we grant", "we do", "we other", "ours grant", "ours do", "given grant", "given do", "you get sum", "you get place",
    "will be dated", "free you", "free thing", "stands", "deal dated", "thing bare", "bare grant", "arrives",
    "we dated",
    "we sum", "we place", "we to you", "no cost", "given future", "reader keeps", "ours to you", "passive your",
    "by us", "we offer", "is given", "we ourselves", "ours agree", "you gain", "you need not", "ours sum", "ours dated",
    "self given you", "self given sum",
)  # fmt: skip
_AT: Final = {name: 1 << place for place, name in enumerate(findings.NAMES)}
_PLAINLY: Final = tuple(_AT[name] for name in _PLAIN)
OTHERS: Final = (
    "question",
    "after deal",
    "4 words",
    "8 words",
    "12 words",
    "18 words",
    "26 words",
    *(one.name for one in LANGUAGES),
    "plain",
    *(f"plainly {one}" for one in _PLAIN),
    *ordinary.NAMES,
)
_QUESTION, _AFTER, *_LENGTHS = (1 << (_OTHER_AT + len(_NEAR) + n) for n in range(7))
_LONGER: Final = (4, 8, 12, 18, 26)
_LANGUAGE_AT: Final = _OTHER_AT + len(_NEAR) + 2 + len(_LONGER)
_PLAIN_AT: Final = _LANGUAGE_AT + len(LANGUAGES)
_ORDINARY_AT: Final = _PLAIN_AT + 1 + len(_PLAIN)


def _names() -> tuple[str, ...]:
    kinds = [k.NAMES.get(1 << n, f"unused {n}").lower() for n in range(_KINDS)]
    near = [f"{_said(early)} then {_said(late)}" for early, late, _ in _NEAR]
    return (*kinds, *findings.NAMES, *(f"opens {one}" for one in kinds), *near, *OTHERS)


def _said(kinds: int) -> str:
    return " or ".join(name.lower() for kind, name in k.NAMES.items() if kinds & kind)


ATOMS: Final = _names()
"""The name of each bit of `atoms`."""


def _table() -> tuple[tuple[int, tuple[tuple[int, int], ...]], ...]:
    """For each atom, its weight and the joint weight with each later atom."""
    place = {name: n for n, name in enumerate(ATOMS)}
    later: dict[int, list[tuple[int, int]]] = {}
    for names, weight in PAIRS.items():
        one, _, other = names.partition(" & ")
        low, high = sorted((place[one], place[other]))
        later.setdefault(low, []).append((1 << high, weight))
    return tuple((WEIGHTS.get(name, 0), tuple(later.get(n, ()))) for n, name in enumerate(ATOMS))


_TABLE: Final = _table()


def atoms(read: Reading, *, after_deal: bool) -> int:  # noqa: C901 - a list of findings
    """The atoms of a sentence, as bits in the order of `ATOMS`.

    `after_deal`: the previous sentence was a short one that settles something ("OK, deal.").
    """
    every, masks, tokens = read.every, read.masks, read.tokens
    if read.idiom is None:
        every &= ~k.IDIOM
    found = every | read.frames << _KINDS | read.opening << _OPENING_AT
    for n, (early, late, reach) in enumerate(_NEAR):
        if every & early and every & late and _behind(masks, early, late, reach):
            found |= 1 << (_OTHER_AT + n)
    if tokens[-1] == "?":
        found |= _QUESTION
    if after_deal:
        found |= _AFTER
    for words, length in zip(_LONGER, _LENGTHS, strict=True):
        if len(tokens) > words:
            found |= length
    found |= 1 << (_LANGUAGE_AT + read.language) | read.ordinary << _ORDINARY_AT
    if read.plain and not every & k.TOLD and not found & _QUESTION:
        found |= 1 << _PLAIN_AT
        for n, frame in enumerate(_PLAINLY, _PLAIN_AT + 1):
            if read.plain & frame:
                found |= 1 << n
    return found


def _behind(masks: list[int], early: int, late: int, reach: int) -> bool:
    """Whether a word of the kind `late` follows one of the kind `early` within `reach` words."""
    since = reach + 1
    for mask in masks:
        if mask & late and since <= reach:
            return True
        since = 1 if mask & early else since + 1
    return False


@lru_cache(maxsize=1 << 13)
def promising(found: int) -> bool:
    """Whether a sentence with these atoms is a promise."""
    total = 0
    left = found
    while left:
        low = left & -left
        left ^= low
        weight, later = _TABLE[low.bit_length() - 1]
        total += weight
        for other, both in later:
            if left & other:
                total += both
    return total >= ENOUGH

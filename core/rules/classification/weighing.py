"""Add up the evidence for and against a promise in one sentence.

`reading` takes a sentence apart: kinds of words, and who does what. Each of these findings (an atom) has a weight in
`weights`, a whole number fitted to the sentences under tests/ and kept as a table, so that a reviewer can add it up by
hand. Atoms are the same in every language, so weights learned from one language hold for the others.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, chain
from typing import Final

from core.rules.classification import findings, ordinary
from core.rules.classification import kinds as k
from core.rules.classification.reading import Reading
from core.rules.classification.weights import ENOUGH, PAIRS, WEIGHTS
from core.rules.classification.words import LANGUAGES

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
_PLAINLY: Final = tuple(1 << findings.NAMES.index(one) for one in _PLAIN)
_LONGER: Final = (4, 8, 12, 18, 26)
"""A sentence of more words than that has the atom."""


def _said(kinds: int) -> str:
    return " or ".join(name.lower() for kind, name in k.NAMES.items() if kinds & kind)


_KINDS: Final = tuple(k.NAMES[1 << n].lower() for n in range(len(k.NAMES)))
_GROUPS: Final[tuple[tuple[str, ...], ...]] = (
    _KINDS,
    findings.NAMES,
    tuple(f"opens {one}" for one in _KINDS),
    tuple(f"{_said(early)} then {_said(late)}" for early, late, _ in _NEAR),
    ("question",),
    ("after deal",),
    tuple(f"{words} words" for words in _LONGER),
    tuple(one.name for one in LANGUAGES),
    ("plain",),
    tuple(f"plainly {one}" for one in _PLAIN),
    ordinary.NAMES,
)
(
    _,
    _FRAMES_AT,
    _OPENING_AT,
    _NEAR_AT,
    _QUESTION_AT,
    _AFTER_AT,
    _LONGER_AT,
    _LANGUAGE_AT,
    _PLAIN_AT,
    _PLAINLY_AT,
    _AGAINST_AT,
) = (0, *accumulate(len(one) for one in _GROUPS[:-1]))
ATOMS: Final = tuple(chain.from_iterable(_GROUPS))
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
    found = every | read.frames << _FRAMES_AT | read.opening << _OPENING_AT | read.ordinary << _AGAINST_AT
    for n, (early, late, reach) in enumerate(_NEAR, _NEAR_AT):
        if every & early and every & late and _behind(masks, early, late, reach):
            found |= 1 << n
    if tokens[-1] == "?":
        found |= 1 << _QUESTION_AT
    if after_deal:
        found |= 1 << _AFTER_AT
    for n, words in enumerate(_LONGER, _LONGER_AT):
        if len(tokens) > words:
            found |= 1 << n
    found |= 1 << (_LANGUAGE_AT + read.language)
    if read.plain and not every & k.TOLD and tokens[-1] != "?":
        found |= 1 << _PLAIN_AT
        for n, frame in enumerate(_PLAINLY, _PLAINLY_AT):
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

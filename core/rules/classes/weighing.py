"""Add up what speaks for and against a promise in one sentence.

`cues` sorts words into kinds. Each kind, and each way in which two of them stand together, has a weight; a sentence
whose weights reach `ENOUGH` promises something. The weights are whole numbers, fitted to the sentences under tests/ and
kept here as a table, so that a reviewer can add them up by hand.

Linear in the text: a word is looked up once, and a sentence is kept as one number with a lane of 64 places for each
kind, in which a one says where a word of that kind stands. What stands near what is then a shift and an AND.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from core.rules.classes import cues as c
from core.rules.classes.lexicon import BITS, LANGUAGES, Kind, kinds_of

_TOKEN: Final = re.compile(r"[^\W_]+|[$%?\u20ac\u00a3]")
_CURRENCY: Final = frozenset(
    {
        "$", "%", "\u20ac", "\u00a3", "eur", "euro", "euros", "dollar", "dollars", "usd", "gbp", "aud", "chf",
        "pounds", "pound", "reais", "pesos", "percent", "prozent", "procent", "brl", "francs", "bucks",
    }
)  # fmt: skip
_TIMED: Final = re.compile(r"\d{1,2}(?:st|nd|rd|th|am|pm|h|h\d\d|er|uhr|e)")
_SELVES: Final = {
    "fr": ("ons", "rai"), "es": ("mos", "are", "ere", "ire"), "pt": ("mos", "rei"),
    "it": ("amo", "emo", "ero", "iro", "aro"),
}  # fmt: skip
"""How a verb ends that says "we" or "I will" by itself."""
_PARTS: Final = {
    "en": re.compile(r".{2,}e[dn]"),
    "de": re.compile(r"(?:[a-z]{2,4})?ge[a-z]{3,}(?:t|en)|.{3,}iert|(?:be|ver|er|ent|zer)[a-z]{3,}(?:t|en)"),
    "fr": re.compile(r".{2,}(?:es?|ees?|ise?|ue?s?)"),
    "es": re.compile(r".{2,}[ai]d[oa]s?"),
    "pt": re.compile(r".{2,}[ai]d[oa]s?"),
    "it": re.compile(r".{2,}[aiu]t[oaie]"),
    "nl": re.compile(r"(?:[a-z]{2,5})?ge[a-z]{3,}(?:d|t|en)|(?:be|ver|her|ont)[a-z]{3,}(?:d|t|en)"),
}  # fmt: skip
_FROM_KINDS: Final = (
    (Kind.ACT | Kind.MILD | Kind.SAY | Kind.DONE | Kind.CONFIRM, c.GRANT),
    (Kind.LOOSE | Kind.GIVE | Kind.DO, c.ACT),
    (Kind.SELF, c.GRANT | c.SELF),
    (Kind.MONEY | Kind.DATE, c.VALUE),
    (Kind.WHEN, c.TIME),
    (Kind.SOMEBODY, c.OURS),
    (Kind.NOT, c.NOT),
)
_LONGEST_STEM: Final = 12
_LANE: Final = 16
_PLACES: Final = 64
_MOST: Final = 56
"""Words of a sentence that are weighed together; a longer one is weighed in pieces."""
_ALL: Final = (1 << _PLACES) - 1
_KINDS: Final = 26


def _tables() -> list[tuple[dict[str, int], dict[str, int]]]:
    found = []
    for kinds in c.CUES.values():
        exact: dict[str, int] = {}
        begun: dict[str, int] = {}
        for kind, words in kinds.items():
            for word in words.split():
                table, key = (begun, word[:-1]) if word.endswith("*") else (exact, word)
                table[key] = table.get(key, 0) | kind
        found.append((exact, begun))
    return found


_TABLES: Final = _tables()


def _cues(token: str, place: int, name: str) -> int:
    """What a token is in one language."""
    exact, begun = _TABLES[place]
    mask = exact.get(token, 0)
    for size in range(2, min(len(token), _LONGEST_STEM) + 1):
        mask |= begun.get(token[:size], 0)
    own = kinds_of(token) >> (place * BITS) & ((1 << BITS) - 1)
    for kind, cue in _FROM_KINDS:
        if own & kind:
            mask |= cue
    if mask & (c.GRANT | c.ACT) and token.endswith(_SELVES.get(name, ("\n",))):
        mask |= c.SELF
    return mask


@lru_cache(maxsize=1 << 14)
def _looked_up(token: str) -> tuple[int, ...]:
    """How many languages know a token, in lanes of 16 bits, then what it is in each, in lanes of 64 places."""
    always = c.MONEY if token in _CURRENCY else 0
    if token[0].isdigit():
        always |= c.NUMBER | (c.TIME if _TIMED.fullmatch(token) else 0)
    lanes = 0
    found = []
    for place, name in enumerate(LANGUAGES):
        mask = _cues(token, place, name)
        if mask:
            lanes += 1 << (place * _LANE)
        if 4 < len(token) <= 30 and _PARTS[name].fullmatch(token):
            mask |= c.PART
        mask |= always
        found.append(sum(1 << (kind * _PLACES) for kind in range(_KINDS) if mask >> kind & 1))
    return (lanes, *found)


ENOUGH: Final = 42
"""Where a sentence promises: about one ordinary sentence in thirty reaches it."""

_ALONE: Final = {
    c.WILL: 17, c.DEAL: 9, c.YOU: 9, c.OURS: 9, c.SELF: 9, c.SPARED: 8, c.VALUE: 7, c.FREE: 7, c.NUMBER: 7, c.GET: 6,
    c.TIME: 5, c.MONEY: 4, c.GRANT: 4, c.FIRST: 4, c.NOT: -5, c.MIGHT: -7, c.POLITE: -13, c.TOLD: -14,
}  # fmt: skip
"""What a sentence weighs that holds a word of a kind, however often."""
_TOGETHER: Final = (
    (c.NOT, c.SPARED, 12), (c.NUMBER, c.VALUE, 8), (c.GRANT, c.MONEY, 6), (c.ACT, c.TIME, 6), (c.FIRST, c.YOU, 6),
    (c.GRANT, c.TIME, 5), (c.GRANT, c.VALUE, 2),
)  # fmt: skip
"""Two kinds anywhere in a sentence."""
_NEAR: Final = ((c.FIRST, c.GRANT, 6, 6), (c.OURS, c.GRANT, 8, 5))
"""The second kind at most so many words behind the first, and the weight."""
_OPENS: Final = ((c.DEAL, 3, 12), (c.YOU, 1, -7), (c.NOT, 2, -11), (c.TOLD | c.SOURCE, 4, -14))
"""A kind among the first words of a sentence."""
_SELF_GRANT, _YOUR_DONE_GRANT, _VALUE_DONE_GRANT, _AFTER_DEAL = 13, 9, 10, 11
_QUESTION, _RULE, _ENGLISH = -16, -7, -3
_LONGEST_OPENING: Final = 60


def _behind(places: int, reach: int) -> int:
    """Every place up to `reach` behind one of `places`."""
    found = 0
    for _ in range(reach):
        places <<= 1
        found |= places
    return found


def promising(sentence: str, *, after_deal: bool = False) -> tuple[int, int] | None:
    """Where the telling words of a promise begin and end, or None. `sentence` is in lower case.

    `after_deal`: the sentence before was a short one that settles something ("OK, deal.").
    """
    tokens = _TOKEN.findall(sentence)
    for first in range(0, len(tokens) - 1, _MOST):
        lanes, english = _lanes(tokens[first : first + _MOST])
        asks = tokens[-1] == "?"
        if _weight(lanes, asks=asks, english=english, after_deal=after_deal) >= ENOUGH:
            return _span(sentence, lanes, first)
    return None


def settles(sentence: str) -> bool:
    """Whether a short sentence by itself says yes to what the next one names."""
    tokens = _TOKEN.findall(sentence) if len(sentence) < _LONGEST_OPENING else []
    if len(tokens) < 2 or tokens[-1] == "?":
        return False
    lanes, _ = _lanes(tokens)
    return bool(lanes[c.DEAL] & 0b111 and not lanes[c.POLITE])


def _lanes(tokens: list[str]) -> tuple[dict[int, int], bool]:
    """For each kind the places where it stands, in the language that knows most of the words; whether it is English."""
    looked = [_looked_up(token) for token in tokens]
    known = sum([one[0] for one in looked])
    counts = [known >> shift & 0xFFFF for shift in _SHIFTS]
    place = counts.index(max(counts))
    whole = 0
    for n, one in enumerate(looked):
        whole |= one[place + 1] << n
    return {kind: whole >> shift & _ALL for kind, shift in _USED}, place == 0


_SHIFTS: Final = [place * _LANE for place in range(len(LANGUAGES))]
_USED: Final = [(1 << kind, kind * _PLACES) for kind in range(_KINDS)]


def _weight(lanes: dict[int, int], *, asks: bool, english: bool, after_deal: bool) -> int:
    weight = sum([one for kind, one in _ALONE.items() if lanes[kind]])
    weight += sum([one for early, late, one in _TOGETHER if lanes[early] and lanes[late]])
    weight += (_QUESTION if asks else 0) + (_ENGLISH if english else 0) + (_AFTER_DEAL if after_deal else 0)
    if lanes[c.RULE] and not lanes[c.FIRST] and not lanes[c.SELF]:
        weight += _RULE
    if weight + _REST < ENOUGH:
        return weight
    opening = {**lanes, c.TOLD | c.SOURCE: lanes[c.TOLD] | lanes[c.SOURCE]}
    weight += sum(one for kind, within, one in _OPENS if opening[kind] & ((1 << within) - 1))
    weight += sum(one for early, late, reach, one in _NEAR if _behind(lanes[early], reach) & lanes[late])
    done, grant = lanes[c.DONE], lanes[c.GRANT]
    if lanes[c.SELF] & grant:
        weight += _SELF_GRANT
    if done and grant:
        if _behind(_behind(lanes[c.YOUR], 7) & done, 4) & grant:
            weight += _YOUR_DONE_GRANT
        if _behind(_behind(lanes[c.VALUE], 7) & done, 4) & grant:
            weight += _VALUE_DONE_GRANT
    return weight


_REST: Final = 55
"""What the closer looks can add at most: below it they are not worth their time."""
_TELLING: Final = (c.WILL, c.DEAL, c.SELF, c.GRANT, c.FREE, c.MONEY, c.FIRST, c.GET, c.VALUE, c.ACT, c.TIME)


def _span(sentence: str, lanes: dict[int, int], first: int) -> tuple[int, int]:
    """From the first telling word to the last."""
    places = 0
    for kind in _TELLING:
        places |= lanes[kind]
    spans = [found.span() for found in _TOKEN.finditer(sentence)][first : first + _MOST]
    return spans[(places & -places).bit_length() - 1][0], spans[places.bit_length() - 1][1]

"""Add up what speaks for and against a promise in one sentence.

`cues` sorts words into kinds. Each kind, and each way in which two of them stand together, has a weight; a sentence
whose weights reach `ENOUGH` promises something. The weights are whole numbers, fitted to the sentences under tests/ and
kept here as a table, so that a reviewer can add them up by hand.

Linear in the text: a word is looked up once, and most sentences are done with by what stands anywhere in them. Of the
rest, a number says for each kind where it stands, a bit a word; what stands near what is then a shift and an AND.
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
_MOST: Final = 56
"""Words of a sentence that are weighed together; a longer one is weighed in pieces."""


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
    """How many languages know a token, in lanes of 16 bits, then what it is in each of them."""
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
        found.append(mask)
    return (lanes, *found)


ENOUGH: Final = 37
"""From this weight on a sentence promises: about one ordinary sentence in twenty-five reaches it."""

_ALONE: Final = {
    c.WILL: 16, c.SPARED: 8, c.GRANT: 6, c.FREE: 5, c.GET: 3, c.TIME: 3, c.RULE: -4, c.MIGHT: -12, c.POLITE: -14,
}  # fmt: skip
"""What a sentence weighs that holds a word of a kind, however often."""
_TOGETHER: Final = (
    (c.DEAL, c.NUMBER, 16), (c.VALUE, c.WILL, 11), (c.FIRST, c.TIME, 10), (c.NOT, c.SPARED, 9), (c.GRANT, c.OURS,
    9), (c.YOU, c.MONEY, 8), (c.VALUE, c.NUMBER, 7), (c.VALUE, c.DEAL, 7), (c.VALUE, c.FREE, 6), (c.GRANT, c.YOUR,
    6), (c.TIME, c.FREE, 6), (c.ACT, c.FIRST, 6), (c.YOU, c.GET, 6), (c.GRANT, c.FIRST, 5), (c.ACT, c.YOUR, 5),
    (c.OURS, c.NUMBER, 5), (c.TIME, c.NUMBER, 5), (c.VALUE, c.TIME, 5), (c.VALUE, c.GET, 4), (c.DONE, c.MONEY, 4),
    (c.GRANT, c.YOU, 3), (c.YOU, c.NUMBER, 3), (c.YOU, c.TIME, 3), (c.ACT, c.NUMBER, 2), (c.VALUE, c.DONE, 2),
    (c.TOLD, c.GRANT, -18),
)  # fmt: skip
"""Two kinds anywhere in a sentence, and the weight."""
_NEAR: Final = (
    (c.NOT, c.SPARED, 4, 14), (c.GRANT, c.YOU, 2, 12), (c.YOU, c.GET, 3, 7), (c.FIRST, c.GRANT, 6, 7), (c.GRANT,
    c.VALUE, 4, 4), (c.YOUR, c.VALUE, 2, 4), (c.OURS, c.ACT, 6, -6), (c.NOT, c.GRANT, 3, -7), (c.FIRST, c.NOT, 3,
    -14),
)  # fmt: skip
"""The second kind at most so many words behind the first, and the weight."""
_OPENS: Final = (
    (c.DEAL, 3, 12), (c.OURS, 3, 12), (c.TOLD | c.SOURCE, 4, -13),
)  # fmt: skip
"""A kind among so many first words of a sentence, and the weight."""
_SELF_GRANT, _VALUE_DONE_GRANT = 22, 15
_QUESTION, _ENGLISH, _AFTER_DEAL = -19, -5, 14
_LONGEST_OPENING: Final = 60
_TITLE: Final = 3
"""So few words are a heading ("Your refund 12"), not a sentence: without one that settles something they promise
nothing."""


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
    title = len(tokens) <= 3 * _TITLE and sum(one.isalpha() and one not in _CURRENCY for one in tokens) <= _TITLE
    for first in range(0, len(tokens) - 1, _MOST):
        masks, english = _masks(tokens[first : first + _MOST])
        every = 0
        for mask in masks:
            every |= mask
        if title and not every & c.DEAL:
            return None
        weight = _gathered(every)
        if tokens[-1] == "?":
            weight += _QUESTION
        if english:
            weight += _ENGLISH
        if after_deal:
            weight += _AFTER_DEAL
        if weight >= _missing(every) and weight + _placed(masks, every) >= ENOUGH:
            return _span(sentence, masks, first)
    return None


def settles(sentence: str) -> bool:
    """Whether a short sentence by itself says yes to what the next one names."""
    tokens = _TOKEN.findall(sentence) if len(sentence) < _LONGEST_OPENING else []
    if len(tokens) <= 1 or tokens[-1] == "?":
        return False
    masks, _ = _masks(tokens)
    return any(mask & c.DEAL for mask in masks[:3]) and not any(mask & c.POLITE for mask in masks)


def _masks(tokens: list[str]) -> tuple[list[int], bool]:
    """What each token is in the language that knows most of them, and whether that is English."""
    looked = [_looked_up(token) for token in tokens]
    known = sum([one[0] for one in looked])
    counts = [known >> shift & 0xFFFF for shift in _SHIFTS]
    place = counts.index(max(counts))
    return [one[place + 1] for one in looked], place == 0


_SHIFTS: Final = [place * _LANE for place in range(len(LANGUAGES))]


@lru_cache(maxsize=1 << 13)
def _gathered(every: int) -> int:
    """The weight of the kinds that stand anywhere in a sentence."""
    weight = sum(one for kind, one in _ALONE.items() if every & kind)
    weight += sum(one for early, late, one in _TOGETHER if every & early and every & late)
    return weight


def _placed(masks: list[int], every: int) -> int:
    """The weight of what stands where."""
    at = {kind: sum([1 << n for n, mask in enumerate(masks) if mask & kind]) for kind in _STANDING if every & kind}
    weight = 0
    for kind, within, one in _OPENS:
        if every & kind and any(mask & kind for mask in masks[:within]):
            weight += one
    for early, late, reach, one in _NEAR:
        if every & early and every & late and _behind(at[early], reach) & at[late]:
            weight += one
    if not every & c.GRANT:
        return weight
    if at.get(c.SELF, 0) & at[c.GRANT]:
        weight += _SELF_GRANT
    if every & c.DONE and every & c.VALUE and _behind(_behind(at[c.VALUE], 7) & at[c.DONE], 4) & at[c.GRANT]:
        weight += _VALUE_DONE_GRANT
    return weight


_STANDING: Final = tuple({kind for near in _NEAR for kind in near[:2]} | {c.SELF, c.GRANT, c.DONE, c.VALUE})


@lru_cache(maxsize=1 << 13)
def _missing(every: int) -> int:
    """The least weight that a sentence of these kinds must have before its places are worth a look."""
    more = sum(one for kind, _, one in _OPENS if one > 0 and every & kind)
    more += sum(one for early, late, _, one in _NEAR if one > 0 and every & early and every & late)
    if every & c.GRANT:
        more += (_SELF_GRANT if every & c.SELF else 0) + (_VALUE_DONE_GRANT if every & c.DONE else 0)
    return ENOUGH - more


_TELLING: Final = c.WILL | c.DEAL | c.SELF | c.GRANT | c.FREE | c.MONEY | c.FIRST | c.GET | c.VALUE | c.ACT | c.TIME


def _span(sentence: str, masks: list[int], first: int) -> tuple[int, int]:
    """From the first telling word to the last."""
    spans = [found.span() for found in _TOKEN.finditer(sentence)][first : first + _MOST]
    telling = [span for span, mask in zip(spans, masks, strict=True) if mask & _TELLING]
    return telling[0][0], telling[-1][1]

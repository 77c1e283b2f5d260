"""Which words together make a promise, in seven languages.

A sentence is cut into clauses, each word is looked up in `lexicon`, and `clauses` says whether its kinds of words
stand in one of a few patterns: somebody of ours and a verb that binds, a passive that grants money, a deadline with an
act. This is a coarse grammar on purpose: word order differs between languages, kinds of words much less. Denials,
questions and suppositions are looked for in the same clause.

Linear in the text: a word is looked up once, a clause has at most forty words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from core.rules.classes.clauses import ANY, INFLECTED, Clause, Word
from core.rules.classes.lexicon import BITS, IDIOMS, LANGUAGES, Kind, everywhere, kinds_of

_TOKEN: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[$%\u20ac\u00a3]|[,;:()\u2013\u2014](?=\s|$)")
_MARKS: Final = frozenset(",;:()\u2013\u2014")
_CLAUSES: Final = re.compile(r"[,;:)\u2013\u2014]\s")
_CLAUSE: Final = 40
_ORDINAL: Final = re.compile(r"\d{1,2}(?:st|nd|rd|th)|\d{1,2}(?:am|pm)")
_CONTRACTED: Final = {
    "won't": ("will", "not"), "can't": ("can", "not"), "shan't": ("shall", "not"), "cannot": ("can", "not"),
    "let's": ("let", "us"), "i'm": ("i", "am"),
}  # fmt: skip
_ENDINGS: Final = {"ll": "will", "ve": "have", "m": "am", "re": "are", "d": "would", "s": "is"}
_JOINING: Final = frozenset({"but", "because", "however", "aber", "mais", "pero", "porem", "maar", "want"})
_BINDING: Final = everywhere(Kind.ACT | Kind.SELF | Kind.DONE | Kind.SAY) | (Kind.MONEY)


_EVERYDAY: Final = frozenset(
    {
        "you", "your", "is", "have", "for", "will", "are", "refund", "this", "that", "haben", "it", "we", "i", "in",
        "to", "ll", "on",
    }
)  # fmt: skip


def _idioms() -> dict[str, list[str]]:
    """Each idiom under its longest word that is no everyday one: a text is only searched for those it can hold."""
    found: dict[str, list[str]] = {}
    for idiom in IDIOMS:
        every = re.findall(r"[^\W_]+", idiom)
        words = [word for word in every if word not in _EVERYDAY] or every
        found.setdefault(max(words, key=len), []).append(idiom)
    return found


_IDIOMS: Final = _idioms()


def binds(word: str) -> bool:
    """Whether a word by itself speaks of a promise: what agents would disguise."""
    return len(word) >= 4 and bool(kinds_of(word) & _BINDING)


def promising(sentence: str) -> Iterator[tuple[int, int]]:
    """The span of the first promise of each clause. `sentence` is in lower case."""
    tokens = _TOKEN.findall(sentence)
    kinds = known = 0
    for token in tokens:
        if token.isdigit():
            continue
        mask, lanes = _looked_up(token)
        kinds |= mask
        known += lanes
    languages = [one for one in _languages(known) if _may_promise(kinds >> (one[0] * BITS) & ANY, one[1])]
    asks = sentence.rstrip().endswith("?")
    if kinds & _IDIOM and not asks:
        found = _idiom(sentence, {said for token in tokens for said, _ in _expanded(token) if said in _IDIOMS})
        if found is not None:
            yield found
            return
    if not languages or (asks and not _CLAUSES.search(sentence)):
        return
    words = _words(sentence)
    for clause in _clauses(words, asks=asks):
        for place, name in languages:
            span = Clause(clause, place, name).promise()
            if span is not None:
                yield clause[span[0]].start, clause[span[1]].end
                break


_LANE: Final = 16
_IDIOM: Final = 1 << (BITS * len(LANGUAGES))
_LANES: Final = (1 << _LANE) - 1


@lru_cache(maxsize=1 << 15)
def _looked_up(token: str) -> tuple[int, int]:
    """What a token is in each language, and a one for each language that knows it, in lanes of 16 bits."""
    mask = lanes = 0
    for said, kinds in _expanded(token):
        mask |= kinds | (_IDIOM if said in _IDIOMS else 0)
        for place in range(len(LANGUAGES)):
            if kinds >> (place * BITS) & ANY:
                lanes += 1 << (place * _LANE)
    return mask, lanes


def _languages(known: int) -> list[tuple[int, str]]:
    """The languages a sentence may be in: those that know about as many of its words as the best does."""
    counts = [known >> (place * _LANE) & _LANES for place in range(len(LANGUAGES))]
    most = max(counts)
    return [
        (place, name) for place, name in enumerate(LANGUAGES) if counts[place] >= 2 and counts[place] * 4 >= most * 3
    ]


def _may_promise(kinds: int, name: str) -> bool:
    """Whether a sentence has the kinds of words for any of the patterns: nearly none has, and is not read further."""
    inflects = name in INFLECTED
    who = kinds & (Kind.FIRST | Kind.AUX if inflects else Kind.FIRST)
    if kinds & Kind.SELF or (who and kinds & (Kind.ACT | Kind.SAY | Kind.CONFIRM)):
        return True
    if kinds & Kind.CONFIRM and inflects:
        return True
    if not kinds & (Kind.MONEY | Kind.DATE | Kind.WHEN | Kind.YOU):
        return False
    if who and kinds & (Kind.MILD | Kind.LOOSE | Kind.GIVE):
        return True
    if (
        kinds & Kind.MONEY
        and kinds & (Kind.GET | (Kind.GIVE if inflects else 0))
        and (name != "en" or kinds & Kind.AUX)
    ):
        return True
    if (
        kinds & Kind.BE
        and kinds & (Kind.DONE | Kind.GIVE | Kind.CONFIRM)
        and kinds & (Kind.MONEY | Kind.DATE | Kind.YOU)
    ):
        return True
    if not kinds & Kind.WHEN:
        return bool(who and kinds & Kind.DO and name != "en")
    return bool(
        (who or inflects or kinds & Kind.SOMEBODY or kinds & Kind.AUX) and kinds & (Kind.DO | Kind.BE | Kind.GET)
    )


_RUNS: Final = re.compile(r"[^\W\d_]{9,60}")
_HIDDEN: Final = re.compile(
    r"refund|reimburs|guarant|schedul|discount|waive|erstatt|rembours|reembols|rimbors|terugbetal"
)
_SUBJECT: Final = re.compile(r"(?:i|we|your|ich|wir|je|nous)(?:will|have|ve|ll|re|are)?")


def run_together(text: str) -> str | None:
    """`wewillrefundyou`: what spaced letters, put together, may read like; no word begins so. `text` in lower case."""
    for found in _RUNS.finditer(text):
        inside = _HIDDEN.search(found[0])
        if inside and inside.start() >= 2 and _SUBJECT.match(found[0]) and not kinds_of(found[0]):
            return found[0]
    return None


def _idiom(sentence: str, keys: set[str]) -> tuple[int, int] | None:
    """Where an idiom stands. `keys` are the words of the sentence under which idioms are kept."""
    spaced = sentence.replace("\n", " ")
    for key in keys:
        for idiom in _IDIOMS[key]:
            at = spaced.find(idiom)
            if at < 0 or _inside_word(spaced[at + len(idiom) : at + len(idiom) + 2]):
                continue
            if not _denied_before(spaced[max(0, at - 40) : at]):
                return at, at + len(idiom)
    return None


def _inside_word(after: str) -> bool:
    """Whether an idiom's last word goes on: `on the house's account`."""
    return after[:1].isalnum() or (after[:1] == "'" and after[1:].isalnum())


def _denied_before(text: str) -> bool:
    return bool({"if", "not", "never", "nicht", "pas", "no", "non", "nao", "niet"} & set(text.split()[-4:]))


@lru_cache(maxsize=1 << 15)
def _expanded(token: str) -> tuple[tuple[str, int], ...]:
    """A token as words with their kinds: `we'll` is two, `j'ai` is two."""
    parts: tuple[str, ...]
    if token in _CONTRACTED:
        parts = _CONTRACTED[token]
    elif "'" in token:
        first, *rest = token.split("'")
        if rest == ["t"] and first.endswith("n"):
            parts = (first[:-1], "not")
        else:
            parts = (first, *(_ENDINGS.get(one, one) for one in rest))
    else:
        parts = (token,)
    return tuple((part, kinds_of(part) | (Kind.WHEN if _ORDINAL.fullmatch(part) else 0)) for part in parts)


def _words(sentence: str) -> list[Word]:
    """The words and marks of a sentence."""
    words: list[Word] = []
    for found in _TOKEN.finditer(sentence):
        start, end = found.span()
        words += [Word(said, kinds, start, end) for said, kinds in _expanded(found[0])]
    return words


def _clauses(words: list[Word], *, asks: bool) -> Iterator[list[Word]]:
    """The clauses of a sentence; of a question all but the last, where that is a mere `ok?`."""
    found: list[list[Word]] = [[]]
    for word in words:
        if word.said in _MARKS or word.said in _JOINING or len(found[-1]) >= _CLAUSE:
            if found[-1]:
                found.append([])
            if word.said in _MARKS or word.said in _JOINING:
                continue
        found[-1].append(word)
    if not found[-1]:
        found.pop()
    if asks:
        found = found[:-1] if len(found) > 1 and len(found[-1]) <= 2 else []
    yield from found

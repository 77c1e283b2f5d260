"""Find phrases by their words: `ignore|disregard ~ previous|all ~ instruction*` within one sentence.

Words are compared, not characters, so that no pattern can be made slow: each cue is tried at the words it may begin
with, and reaches a bounded number of words ahead.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from core.text import look_alikes, prechecks
from core.text.prechecks import Guarded

WORDS: Final = 20_000
"""Words of one text that are compared."""
GAP: Final = 5
"""Words that `~` may skip; `~2` skips at most two."""
STOP: Final = "\n"
"""The end of a sentence: no phrase reaches across it."""
ADDRESS: Final = "@address"
LINK: Final = "@link"
_BEGINNING: Final = 3
"""Letters by which words that a step names by their beginning are found."""
_STANDS_FOR: Final[Mapping[str | None, str]] = {"link": LINK, "address": ADDRESS, "stop": STOP}
"""What stands for a token that is no word."""
_TOKEN: Final = re.compile(
    r"(?P<link>https?://[^\s<>\"')\]]{1,300}|www\.[^\s<>\"')\]]{1,300})"
    r"|(?P<address>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5})"
    r"|(?P<word>[^\W_]+(?:['\u2019_][^\W_]+)*)|(?P<stop>[.!?;\u3002\uff01\uff1f](?=\s|$)|\n\s*\n)",
)
_PLAIN_TOKEN: Final = re.compile(r"[^\W_]++(?:['\u2019_][^\W_]++)*+|[.!?;\u3002\uff01\uff1f](?=\s|$)|\n\s*\n")
"""A word or stop, as `_TOKEN` finds them where no link or address is, in a third of its time."""
_ASCII_STOP: Final = re.compile(r"[.!?;](?=\s|$)|\n\s*\n")
_PARTED: Final = {code: code if chr(code).isalnum() or chr(code) in "'_" else " " for code in range(128)}
"""To split what it makes of an ASCII text takes a third of the time of `_PLAIN_TOKEN`."""
_MARK: Final = Guarded(re.compile(r"@|https?://|www\."), ("@", "http", "www."))
"""One of these is in every link and address."""
_STOPS: Final = frozenset(".!?;\u3002\uff01\uff1f\n")
_IGNORED: Final = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase that counts `weight` under `code`. `unless` are words behind or before it that make it harmless."""

    code: str
    weight: float
    pattern: str
    unless: frozenset[str] = frozenset()
    steps: tuple[tuple[int, frozenset[str], tuple[str, ...]], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Hit:
    """A cue that was found, from one word to another."""

    cue: Cue
    first: int
    last: int


def cues(code: str, weight: float, *patterns: str, unless: str = "") -> list[Cue]:
    """Cues of one code and weight."""
    without = frozenset(unless.split())
    return [Cue(code, weight, one, without, _steps(one)) for one in patterns]


def _steps(pattern: str) -> tuple[tuple[int, frozenset[str], tuple[str, ...]], ...]:
    found: list[tuple[int, frozenset[str], tuple[str, ...]]] = []
    gap = 0
    for part in pattern.split():
        if part.startswith("~"):
            gap = int(part[1:] or GAP)
            continue
        words = part.split("|")
        whole = frozenset(one for one in words if not one.endswith("*"))
        found.append((gap, whole, tuple(one[:-1] for one in words if one.endswith("*"))))
        gap = 0
    return tuple(found)


def plain(text: str) -> str:
    """The text as a model reads it: compatibility forms, letters of other scripts and invisible marks undone."""
    if text.isascii():
        return text.lower()
    text = _IGNORED.sub("", unicodedata.normalize("NFKC", text))
    if not text.isascii():
        text = _latin(text)
    return text.casefold()


def _latin(text: str) -> str:
    """Letters that pose as Latin ones, within words that also have Latin letters; other scripts stay as they are."""
    return re.sub(r"[^\W\d_]+", _posed, text)


def _posed(found: re.Match[str]) -> str:
    word = found[0]
    if word.isascii() or not any(char.isascii() for char in word):
        return word
    return "".join(
        char if char.isascii() or unicodedata.name(char, "").startswith("LATIN") else look_alikes.read_as(char)
        for char in word
    )


class Words:
    """The words of a text."""

    def __init__(self, text: str) -> None:
        self.text = plain(text)
        listed = _tokens(self.text)
        self.listed = [one.replace("\u2019", "'") for one in listed] if "\u2019" in self.text else listed

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(self.listed)

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return [
            found.span()
            for pattern, start, end in _pieces(self.text)
            for found in pattern.finditer(self.text, start, end)
        ]

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        return frozenset(one[:_BEGINNING] for one in self.known)

    def beginning_with(self, beginnings: AbstractSet[str]) -> list[str]:
        """The words that begin with one of these."""
        if self._beginnings.isdisjoint(beginnings):
            return []
        return [one for one in self.known if one[:_BEGINNING] in beginnings]

    def may_have(self, cue: Cue) -> bool:
        """Whether some word fits each step of the cue, wherever it stands: few cues of a book pass in any one text."""
        return all(
            not whole.isdisjoint(self.known)
            or any(len(one) < _BEGINNING or one[:_BEGINNING] in self._beginnings for one in prefixes)
            for _, whole, prefixes in cue.steps[1:]
        )

    def quote(self, hit: Hit, *, around: int = 40) -> str:
        """What stands at a hit, with a little of what surrounds it."""
        start, end = self._spans[hit.first][0], self._spans[hit.last][1]
        return " ".join(self.text[max(0, start - around // 2) : min(end + around, start + 160)].split())


class Book:
    """Cues, indexed by the words they may begin with."""

    def __init__(self, listed: Iterable[Cue]) -> None:
        self._exact: dict[str, list[Cue]] = {}
        self._begins: dict[str, list[tuple[str, Cue]]] = {}
        for cue in listed:
            _, whole, prefixes = cue.steps[0]
            for word in whole:
                self._exact.setdefault(word, []).append(cue)
            for prefix in prefixes:
                self._begins.setdefault(prefix[:_BEGINNING], []).append((prefix, cue))

    def search(self, words: Words) -> Iterator[Hit]:
        """Each cue at most once, at its first harmful place."""
        starting = self._starting(words)
        if not starting:
            return
        done: set[str] = set()
        listed = words.listed
        for at, word in enumerate(listed):
            for cue in starting.get(word, ()):
                if cue.pattern in done:
                    continue
                end = _match(listed, at, cue.steps)
                if end is not None and not _harmless(listed, at, end, cue):
                    done.add(cue.pattern)
                    yield Hit(cue, at, end)

    def _starting(self, words: Words) -> dict[str, list[Cue]]:
        """For each word the cues that may begin with it, without those that have a step for no word of the text."""
        found = {word: list(self._exact[word]) for word in words.known & self._exact.keys()}
        for word in words.beginning_with(self._begins.keys()):
            found.setdefault(word, []).extend(
                cue for prefix, cue in self._begins[word[:_BEGINNING]] if word.startswith(prefix)
            )
        apart = {id(cue): cue for cues in found.values() for cue in cues}
        possible = {key for key, cue in apart.items() if words.may_have(cue)}
        kept = {word: [cue for cue in cues if id(cue) in possible] for word, cues in found.items()}
        return {word: cues for word, cues in kept.items() if cues}


def _tokens(text: str) -> list[str]:
    """Its words, ends of sentences, links and addresses, in order.

    Links and addresses are looked for only in what stands between blanks and has a mark of one: no token but the empty
    line reaches across a blank.
    """
    found: list[str] = []
    parted = text.translate(_PARTED) if text.isascii() else None
    for pattern, start, end in _pieces(text):
        if pattern is _TOKEN:
            found += [_STANDS_FOR.get(one.lastgroup) or one[0] for one in pattern.finditer(text, start, end)]
        elif parted is not None:
            found += _ascii_tokens(text, parted, start, end)
        else:
            found += [STOP if one[0] in _STOPS else one for one in pattern.findall(text, start, end)]
        if len(found) >= WORDS:
            break
    return found[:WORDS]


def _ascii_tokens(text: str, parted: str, start: int, end: int) -> list[str]:
    """What `_PLAIN_TOKEN` finds in a piece of ASCII text. `parted` is the text with a blank for what is in no word."""
    found: list[str] = []
    at = start
    for stop in _ASCII_STOP.finditer(text, start, end):
        found += _ascii_words(parted[at : stop.start()])
        found.append(STOP)
        at = stop.end()
    return found + _ascii_words(parted[at:end])


def _ascii_words(parted: str) -> list[str]:
    if "'" not in parted and "_" not in parted:
        return parted.split()
    return _PLAIN_TOKEN.findall(parted)


def _pieces(text: str) -> Iterator[tuple[re.Pattern[str], int, int]]:
    """The text in pieces, and the pattern that finds the tokens of each."""
    at = 0
    for begins, ends in prechecks.chunks(text, _MARK):
        yield _PLAIN_TOKEN, at, begins
        yield _TOKEN, begins, ends
        at = ends
    yield _PLAIN_TOKEN, at, len(text)


def _match(words: Sequence[str], at: int, steps: Sequence[tuple[int, frozenset[str], tuple[str, ...]]]) -> int | None:
    """Index of the last word of a phrase that begins here, or None."""
    places = {at}
    for gap, whole, prefixes in steps[1:]:
        reached: set[int] = set()
        for place in places:
            if not prefixes and whole.isdisjoint(words[place + 1 : place + gap + 2]):
                continue
            for ahead in range(place + 1, min(place + gap + 2, len(words))):
                word = words[ahead]
                if word == STOP:
                    break
                if word in whole or (prefixes and word.startswith(prefixes)):
                    reached.add(ahead)
        if not reached:
            return None
        places = reached
    return min(places)


def _harmless(words: Sequence[str], first: int, last: int, cue: Cue) -> bool:
    if not cue.unless:
        return False
    for at in range(first - 1, max(-1, first - 5), -1):
        if words[at] == STOP:
            break
        if words[at] in cue.unless:
            return True
    for at in range(first, min(last + 5, len(words))):
        if words[at] == STOP and at > last:
            break
        if words[at] in cue.unless:
            return True
    return False


Index = Mapping[str, Sequence[Cue]]

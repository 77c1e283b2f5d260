"""Read one sentence: its language, the kinds of its words, and who does what in each clause.

Sentence structure counts, not wording: who acts (we, somebody on our side, others, the reader), in which tense, with
what kind of verb, and on what. Languages differ in their words and in the position of the verb; the result has the same
form for all of them, so `weighing` needs one table.

Linear in the text: each word is looked up once, each clause is walked a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from core.rules.classification import kinds as k
from core.rules.classification import ordinary
from core.rules.classification.frames import clause_frames, handed
from core.rules.classification.words import LANGUAGES

TOKEN: Final = re.compile(r"\d+(?:[.,:]\d+)+|[^\W_]+|[$%?\u20ac\u00a3]|[,;:()!.\u2013\u2014](?=\s|$)")
_DOT: Final = frozenset({"."})
_MARKS: Final = frozenset(",;:()!.\u2013\u2014?")
_JOINING: Final = (
    frozenset({"but", "because", "however", "although", "while"}),
    frozenset({"aber", "weil", "denn", "dass", "obwohl", "sondern"}),
    frozenset({"mais", "car", "que", "qu"}),
    frozenset({"pero", "porque", "sino", "aunque"}),
    frozenset({"mas", "porque", "porem", "embora"}),
    frozenset({"ma", "perche", "pero", "anzi"}),
    frozenset({"maar", "want", "omdat", "dat", "hoewel"}),
)
"""Words that end a clause, in the order of `LANGUAGES`."""
_CURRENCY: Final = frozenset(
    {
        "$", "%", "\u20ac", "\u00a3", "eur", "euro", "euros", "dollar", "dollars", "usd", "gbp", "aud", "chf", "cad",
        "pounds", "pound", "reais", "pesos", "percent", "prozent", "procent", "brl", "francs", "bucks", "cent", "cents",
        "franken", "dolares",
    }
)  # fmt: skip
_TIMED: Final = re.compile(r"\d{1,2}(?:st|nd|rd|th|am|pm|h|h\d\d|er|uhr|e)")
_SHORT_STEM: Final = 4
"""A stem this short does not turn a listed word into a verb: sabado is no sab*er."""
_LONGEST_WORD: Final = 40
_LONGEST_STEM: Final = 16
_LANE: Final = 16
_SHIFTS: Final = [place * _LANE for place in range(len(LANGUAGES))]
_CLAUSE: Final = 40
"""Maximum number of words in a clause; a longer one is read in pieces."""
_SHORT_ANSWER: Final = 14
_SHOWN: Final = (
    k.FIRST | k.SELF | k.WILL | k.DEAL | k.GRANT | k.DO | k.SAY | k.FREE | k.MONEY | k.GET | k.SUM | k.SLOT | k.TIME
)
_VERBS: Final = k.GRANT | k.DO | k.SOFT | k.STATE
_NOUNS: Final = k.SUM | k.SLOT | k.PACT | k.SYSTEM
_COMPOUND: Final = 8
_TELLING: Final = 6
"""A word of at least this length says as much about the language as an everyday word."""
_USUAL: Final = (k.COMMON, k.FIRST, k.YOU, k.YOUR, k.WILL, k.HAVE, k.BE, k.NOT)
_COMMON: Final = [frozenset(" ".join(one.words[kind] for kind in _USUAL).split()) for one in LANGUAGES]
_EVERYDAY: Final = frozenset(word for one in LANGUAGES for word in one.words[k.COMMON].split()) | frozenset(
    word for one in LANGUAGES for kind in (k.FIRST, k.YOU, k.YOUR, k.WILL, k.HAVE, k.BE, k.NOT)
    for word in one.words[kind].split()
)  # fmt: skip


def _tables() -> list[tuple[dict[str, int], dict[str, int], re.Pattern[str]]]:
    found = []
    for language in LANGUAGES:
        exact: dict[str, int] = {}
        begun: dict[str, int] = {}
        for kind, words in language.words.items():
            for word in words.split():
                table, key = (begun, word[:-1]) if word.endswith("*") else (exact, word)
                for spelled in (key, *_respelled(key, language.name)) if table is begun else (key,):
                    table[spelled] = table.get(spelled, 0) | kind
        found.append((exact, begun, re.compile(language.participle)))
    return found


_RESPELLED: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "es": (("c", "qu"), ("g", "gu"), ("z", "c")),
    "pt": (("c", "qu"), ("g", "gu")),
    "it": (("c", "ch"), ("g", "gh")),
    "fr": (("g", "ge"),),
}
"""Spelling changes of a stem before other vowels: marco, marquei."""


def _respelled(stem: str, language: str) -> Iterator[str]:
    for written, instead in _RESPELLED.get(language, ()):
        if len(stem) > 2 and stem.endswith(written):
            yield stem[: -len(written)] + instead


def _idioms() -> list[dict[str, list[str]]]:
    """The idioms of each language, indexed by their longest word that is not an everyday one."""
    tables = []
    for language in LANGUAGES:
        keyed: dict[str, list[str]] = {}
        for idiom in language.idioms:
            every = re.findall(r"[^\W_]+", idiom)
            rare = [word for word in every if word not in _EVERYDAY] or every
            keyed.setdefault(max(rare, key=len), []).append(idiom)
        tables.append(keyed)
    return tables


_TABLES: Final = _tables()
_IDIOMS: Final = _idioms()


def _kinds(token: str, place: int) -> int:  # noqa: C901, PLR0912 - one look-up after the other
    """The kinds of a token in one language. If it could be several verbs, the longest matching stem counts."""
    exact, begun, participle = _TABLES[place]
    language = LANGUAGES[place]
    mask = exact.get(token, 0)
    begun_only = not mask & ~k.SELF  # a form listed only as "I" or "we" is still a verb
    named = mask & (_NOUNS | k.OURS | k.THEIRS | k.TIME)  # a listed noun is not a verb
    verb = mask & _VERBS
    for size in range(min(len(token), _LONGEST_STEM), 1, -1):
        found = begun.get(token[:size], 0)
        if found:
            mask |= found & ~_VERBS
            if begun_only or (size > _SHORT_STEM and not named):
                verb = verb or found & _VERBS
    mask |= verb
    if language.verb_last and len(token) >= _COMPOUND and not mask & _NOUNS:
        mask |= _ending(token, exact)
    if language.name == "en" and not mask & (_VERBS | _NOUNS) and token.endswith("s"):
        mask |= exact.get(token[:-1], 0) & (_VERBS | k.SAY)
    if not mask & (_NOUNS | k.OURS) and len(token) > 4:
        mask |= _plural(token, exact, language.plurals)
    if len(token) > 3 and (mask & _VERBS or language.name != "fr") and participle.fullmatch(token):
        mask |= k.PART
    if language.selves and mask & (_VERBS | k.SAY) and token.endswith(language.selves):
        mask |= k.SELF
    if not mask and len(token) > 6 and language.surely and token.endswith(language.surely):
        mask = k.SELF
    if language.futures and len(token) > 4 and mask & _VERBS and token.endswith(language.futures):
        mask |= k.WILL
    if mask & k.SAY and language.selves and language.name != "fr":
        mask |= k.SELF
    if mask & k.SELF and token.endswith("o") and not token.endswith(("mo", "ho", "rro", "ero", "iro", "aro")):
        mask |= k.PRESENT_O
    if language.name == "fr" and token.endswith("ez") and len(token) > 4:
        mask |= k.YOUDO
    if token in _IDIOMS[place]:
        mask |= k.IDIOM
    return mask


def _plural(token: str, exact: dict[str, int], plurals: tuple[tuple[str, str], ...]) -> int:
    """The kinds of a word's singular, as a noun or as somebody on our side."""
    for ending, singular in plurals:
        if token.endswith(ending):
            found = exact.get(token[: len(token) - len(ending)] + singular, 0) & (_NOUNS | k.OURS)
            if found:
                return found
    return 0


def _ending(token: str, exact: dict[str, int]) -> int:
    """The kinds of a compound's last part: a Mehrpreis is a Preis."""
    for start in range(3, len(token) - 3):
        found = exact.get(token[start:], 0) & _NOUNS
        if found:
            return found
    return 0


@lru_cache(maxsize=1 << 14)
def looked_up(token: str) -> tuple[int, ...]:
    """Votes for each language that knows the token, in lanes of 16 bits, then the token's kinds in each language."""
    always = k.MONEY if token in _CURRENCY else 0
    if token[0].isdigit():
        always |= k.NUMBER | (k.TIME if _TIMED.fullmatch(token) else 0)
    masks = [_kinds(token, place) for place in range(len(LANGUAGES))]
    known = [place for place, mask in enumerate(masks) if mask & ~k.PART]
    lanes = 0
    for place in known:
        if masks[place] == k.SELF and token not in _TABLES[place][0]:
            weight = 1  # guessed from the ending alone
        else:
            telling = len(token) >= _TELLING or masks[place] & k.SELF or token in _COMMON[place]
            weight = (2 if telling else 1) * (2 if len(known) == 1 else 1)
        lanes += weight << (place * _LANE)
    return (lanes, *[mask | always for mask in masks])


class Reading:
    """One sentence: `every` kind in it, the `frames` of its clauses (`plain`: the unclouded ones), and its words."""

    __slots__ = ("every", "frames", "idiom", "language", "masks", "opening", "ordinary", "plain", "tokens")

    def __init__(self, sentence: str, tokens: list[str], written: list[str]) -> None:
        """`sentence` and `tokens` are in lower case, `written` are the tokens as written."""
        looked = [looked_up(token if len(token) <= _LONGEST_WORD else token[:_LONGEST_WORD]) for token in tokens]
        known = sum([one[0] for one in looked])
        counts = [known >> shift & 0xFFFF for shift in _SHIFTS]
        self.language = counts.index(max(counts))
        self.tokens = tokens
        self.masks = masks = [one[self.language + 1] for one in looked]
        if self.language == _GERMAN:
            _without_nouns(masks, written)
        _greet(masks, tokens)
        self.every = 0
        for mask in masks:
            self.every |= mask
        self.opening = 0
        for mask in masks[:3]:
            self.opening |= mask
        self.frames = self.plain = 0
        verb_last = LANGUAGES[self.language].verb_last
        english = self.language == 0
        agent = 0
        for start, end in clauses(tokens, _JOINING[self.language]):
            found, plain, agent = clause_frames(
                masks[start:end], tokens[start:end], english=english, verb_last=verb_last, inherited=agent
            )
            self.frames |= found
            self.plain |= plain
        self.frames |= handed(tokens, masks, self.every)
        self.idiom = self._idiom(sentence) if self.every & k.IDIOM else None
        self.ordinary = ordinary.findings(sentence, tokens, masks, self.every, language=self.language)

    @property
    def settles(self) -> bool:
        """Whether a short sentence by itself agrees to what the next one names."""
        short = 1 < len(self.tokens) <= _SHORT_ANSWER and self.tokens[-1] != "?"
        return short and bool(self.opening & k.DEAL) and not self.every & k.POLITE

    def span(self, sentence: str) -> tuple[int, int]:
        """The span from the first significant word to the last, shown to the reviewer."""
        spans = [found.span() for found in TOKEN.finditer(sentence)]
        telling = [span for span, mask in zip(spans, self.masks, strict=True) if mask & _SHOWN]
        return (telling[0][0], telling[-1][1]) if telling else (spans[0][0], spans[-1][1])

    def _idiom(self, sentence: str) -> tuple[int, int] | None:
        """Span of a set phrase that promises."""
        keyed = _IDIOMS[self.language]
        spaced = sentence.replace("\n", " ")
        for token, mask in zip(self.tokens, self.masks, strict=True):
            if not mask & k.IDIOM:
                continue
            for idiom in keyed.get(token, ()):
                at = spaced.find(idiom)
                end = at + len(idiom)
                if at < 0 or spaced[end : end + 1].isalnum() or (at and spaced[at - 1].isalnum()):
                    continue
                if spaced[end : end + 1] == "'" and spaced[end + 1 : end + 2].isalnum():
                    continue  # `on the house's account`
                if not _denied_before(spaced[max(0, at - 40) : at]):
                    return at, end
        return None


_GERMAN: Final = [one.name for one in LANGUAGES].index("de")


def _without_nouns(masks: list[int], written: list[str]) -> None:
    """Drop verb kinds from capitalised German nouns: a Versicherung does not versichern.

    The first word, and one after punctuation, keeps its kinds: its capital says nothing.
    """
    begins = True
    for n, token in enumerate(written):
        if not begins and token[0].isupper() and not token.isupper() and not masks[n] & (k.YOU | k.YOUR):
            masks[n] &= ~(_VERBS | k.SAY | k.PART | k.DEAL)
        begins = token in _MARKS


_WISHES: Final = frozenset({"good", "happy"})
_OCCASIONS: Final = frozenset(
    {
        "morning", "afternoon", "evening", "day", "night", "weekend", "monday", "tuesday", "wednesday", "thursday",
        "friday", "saturday", "sunday", "new", "holidays", "easter", "birthday", "anniversary",
    }
)  # fmt: skip


def _greet(masks: list[int], tokens: list[str]) -> None:
    """Read the first words of an English greeting as polite.

    "Good" agrees to something and a day has a date, so "Good morning Olga" looked like a promise, and every message
    that began so was held. "Good, Friday then" still agrees. Other languages greet with words of their own.
    """
    if len(tokens) > 1 and tokens[0] in _WISHES and tokens[1] in _OCCASIONS:
        masks[0] = masks[1] = k.POLITE


_DENYING: Final = frozenset(
    {
        "if", "not", "never", "nicht", "pas", "no", "non", "nao", "niet", "whether", "aucun", "aucune", "kein", "keine",
        "keinen", "nessun", "nessuna", "ningun", "ninguna", "nenhum", "nenhuma", "geen", "ob", "ohne", "cannot", "t",
    }
)  # fmt: skip


def _denied_before(text: str) -> bool:
    return not _DENYING.isdisjoint(re.findall(r"[^\W_]+", text)[-4:])


def clauses(tokens: list[str], joining: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Start and end of each clause, without the punctuation between them."""
    start = 0
    for place, token in enumerate(tokens):
        if token in _DOT and place and tokens[place - 1].isdigit():
            continue  # `1. Mai`
        if token in _MARKS or token in joining or place - start >= _CLAUSE:
            if place > start:
                yield start, place
            start = place + (token in _MARKS or token in joining)
    if len(tokens) > start:
        yield start, len(tokens)

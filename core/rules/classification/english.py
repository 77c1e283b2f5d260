"""Read an English sentence word by word for verbs that promise: refund, schedule, agree, sign, guarantee.

This is the more precise of two analyses. It resolves which word a verb belongs to, so "the scheduled maintenance", "as
agreed", and anything denied, asked or hypothetical is not a promise. Every step is linear in the text and keeps a
bounded number of words.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

_MOST: Final = 8
_REACH: Final = 7
"""Number of words before the trigger word to examine, within the same clause."""

STEMS: Final = (
    "refund", "reimburs", "compensat", "schedul", "agree", "signed", "sign ", "guarant", "promis", "pledg", "waive",
    "commit", "credited", "my word", "our word",
)  # fmt: skip
"""Pre-filter: a sentence with none of these (line breaks read as spaces) matches nothing below."""

# completed: "has been refunded", "we agreed", "Ann scheduled a call"
_DONE: Final = frozenset(
    {
        "scheduled", "rescheduled", "refunded", "reimbursed", "compensated", "agreed", "signed", "countersigned",
        "guaranteed", "promised", "pledged", "waived", "credited", "committed",
    }
)  # fmt: skip
# performative: "I promise", "we guarantee"
_SAYING: Final = frozenset({"promise", "guarantee", "pledge", "undertake"})
_SAYING_TO: Final = frozenset({"agree", "commit"})  # "I agree, that is annoying" promises nothing; "I agree to" does
# future: "we will refund", "Ann is going to sign"
_DOING: Final = frozenset(
    {
        "refund", "reimburse", "compensate", "schedule", "reschedule", "sign", "countersign", "guarantee", "waive",
        "credit", "commit", "agree",
    }
)  # fmt: skip
# money as a noun: "we will issue a refund", "your refund has been approved"
_MONEY: Final = frozenset({"refund", "refunds", "reimbursement", "compensation"})
_GIVING: Final = frozenset({"issue", "process", "give", "grant", "send", "make", "receive", "get", "offer", "provide"})
_GRANTED: Final = frozenset({"issued", "approved", "granted", "authorised", "authorized"})
_WORD: Final = frozenset({"have", "give"})  # "you have my word"

_FIRST: Final = frozenset({"i", "we"})
_PRONOUNS: Final = _FIRST | {"you", "he", "she", "they", "it", "who"}
_BEING: Final = frozenset(
    {
        "is", "are", "was", "were", "be", "been", "being", "am", "has", "have", "had", "having", "gets", "got", "get",
        "i've", "we've", "you've", "they've", "he's", "she's", "it's", "that's", "i'm", "we're", "you're", "they're",
        "i'd", "we'd", "they'd",
    }
)  # fmt: skip
_WILL: Final = frozenset({"will", "shall", "i'll", "we'll", "you'll", "he'll", "she'll", "they'll", "it'll", "won't"})
_LEADING: Final = _PRONOUNS | _BEING | _WILL  # included in the phrase shown: "it will be refunded"
_GOING: Final = frozenset({"going", "gonna"})
_NOT: Final = frozenset({"not", "never", "no", "cannot", "nothing", "nobody", "neither", "nor", "without", "unable"})
_NOT_REALLY: Final = frozenset({"only", "fail", "forget", "hesitate"})  # "not only", "will not fail to"
_SUPPOSED: Final = frozenset({"if", "whether", "unless", "until", "once"})
_ASKING: Final = frozenset(
    {
        "is", "are", "was", "were", "am", "do", "does", "did", "has", "have", "had", "can", "could", "will", "would",
        "shall", "should", "may", "might", "what", "when", "where", "who", "why", "which", "how", "isn't", "aren't",
        "wasn't", "haven't", "hasn't", "didn't", "don't", "won't", "can't",
    }
)  # fmt: skip
_JOINING: Final = frozenset({"and", "but", "so", "because", "however", "then"})
_OBJECTS: Final = frozenset(
    {"a", "an", "the", "your", "you", "him", "her", "them", "their", "his", "our", "this", "that", "it", "to"}
)
_ATTRIBUTING: Final = frozenset(
    {
        "a", "an", "the", "this", "that", "these", "those", "your", "my", "our", "his", "her", "its", "their", "any",
        "each", "every", "next", "as", "for", "of", "by", "in", "on", "at", "with", "than", "previously",
        "digitally", "cryptographically",
    }
)  # fmt: skip
_PARTICLES: Final = frozenset({"up", "in", "on", "out", "off", "into", "onto"})  # "signed up" is not a signature
_SIGNING: Final = frozenset({"sign", "signed"})

_TOKEN: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*|\n[ \t>|]*\n|[.](?=\s|$)|[!?,;:()\u2013\u2014]", re.ASCII)
_CLAUSE_MARKS: Final = frozenset(",;:()\u2013\u2014")


class _Word(NamedTuple):
    said: str
    start: int
    end: int


def promising(text: str) -> Iterator[tuple[int, int]]:
    """Spans of promises. Promises in a possible question are withheld until its end mark shows whether it is one."""
    before: deque[_Word] = deque(maxlen=_REACH)
    asked: list[tuple[int, int]] = []
    asking = opening = True
    sentence_asks = False
    for word, following in _with_next(text):
        if not word.said[0].isalnum():
            if word.said not in _CLAUSE_MARKS:
                if word.said != "?":
                    yield from asked
                asked.clear()
                opening = True
                sentence_asks = False
            before.clear()
            asking = True
            continue
        if asking:  # the first word of a clause
            clause_asks = word.said in _ASKING
            sentence_asks = sentence_asks or (opening and clause_asks)
            asking = opening = False
        start = _begins(word, before=before, following=following)
        if start is not None and (clause_asks or sentence_asks):
            if len(asked) < _MOST:
                asked.append((start, word.end))
        elif start is not None:
            yield start, word.end
        if word.said in _JOINING:
            before.clear()
            asking = True
        else:
            before.append(word)
    yield from asked


def _with_next(text: str) -> Iterator[tuple[_Word, str]]:
    """Every word and punctuation mark in lower case, with the next token; spans refer to the original text."""
    last: _Word | None = None
    for found in _TOKEN.finditer(text):
        token = _Word(found[0].lower(), *found.span())
        if last is not None:
            yield last, token.said
        last = token
    if last is not None:
        yield last, ""


def _begins(word: _Word, *, before: deque[_Word], following: str) -> int | None:
    """Start of the promise that ends in `word`, or None if there is none."""
    said = word.said
    if said not in _TELLING or following in {"nothing", "no", "nor"}:
        return None
    if said in _SIGNING and following in _PARTICLES:
        return None
    near = list(before)
    words = [one.said for one in near]
    if _denied(words) or not _SUPPOSED.isdisjoint(words):
        return None
    anchor = _anchor(said, words=words, following=following)
    if anchor is None:
        return None
    while anchor > 0 and words[anchor - 1] in _LEADING:
        anchor -= 1
    return near[anchor].start


def _anchor(said: str, *, words: list[str], following: str) -> int | None:
    """Index of the preceding word that starts the promise (a subject, `will` or a form of `be`), or None."""
    if not words:
        return None
    for reading in (_by_saying, _money, _to_be_done, _done):
        found = reading(said, words=words, following=following)
        if found is not None:
            return found
    return None


def _by_saying(said: str, *, words: list[str], following: str) -> int | None:
    """`we promise`, `I agree to`, `you have my word`."""
    if said == "word":
        return _last(words, _WORD) if words[-1] in {"my", "our"} else None
    if (said in _SAYING and words[-1] not in _ATTRIBUTING) or (said in _SAYING_TO and following == "to"):
        return _last(words, _FIRST, within=3)
    return None


def _money(said: str, *, words: list[str], following: str) -> int | None:  # noqa: ARG001 - readings are called alike
    """`we will issue a refund`, `issued a full refund`, `your refund has been approved`."""
    if said in _GRANTED:
        return _last(words, _MONEY) if _last(words, _BEING, within=3) is not None else None
    if said not in _MONEY:
        return None
    will = _last(words, _WILL | _GOING)
    if will is not None and not _GIVING.isdisjoint(words[will:]):
        return will
    return _last(words, _GRANTED)


def _to_be_done(said: str, *, words: list[str], following: str) -> int | None:  # noqa: ARG001 - readings are called alike
    """`we will refund`, `Ann is going to sign`; we cannot promise what the recipient will do."""
    if said not in _DOING or words[-1] in _ATTRIBUTING:
        return None
    will = _last(words, _WILL | _GOING)
    if will is None or words[will] == "you'll" or (will > 0 and words[will - 1] == "you"):
        return None
    return max(0, will - 1) if words[will] in {"will", "shall"} else will


def _done(said: str, *, words: list[str], following: str) -> int | None:
    """`has been refunded`, `we agreed`, `Ann scheduled a call`, but not `the scheduled maintenance`."""
    if said not in _DONE or words[-1] in _ATTRIBUTING:
        return None
    being = _last(words, _BEING | _PRONOUNS, within=4)
    if said == "scheduled" and following == "to":
        return None  # "the job is scheduled to run"
    if being is not None and (words[being] == "you" or _reported(said, words[:being])):
        return None  # done by the reader, "the call you scheduled", or reported speech
    if being is not None:
        return being
    return len(words) - 1 if following in _OBJECTS else None


def _reported(said: str, before: list[str]) -> bool:
    """`you were promised`, `it was agreed`: promises and agreements by others."""
    return (said == "promised" and before[-1:] == ["you"]) or (said == "agreed" and before[-1:] == ["it"])


def _last(words: list[str], wanted: Collection[str], *, within: int = _REACH) -> int | None:
    for index in range(len(words) - 1, max(-1, len(words) - 1 - within), -1):
        if words[index] in wanted:
            return index
    return None


def _denied(words: list[str]) -> bool:
    for index, said in enumerate(words):
        if said in _NOT or said.endswith("n't"):
            after = words[index + 1 :]
            if _NOT_REALLY.isdisjoint(after[:1]):
                return True
    return False


_TELLING: Final = _DONE | _SAYING | _SAYING_TO | _DOING | _MONEY | _GRANTED | {"word"}

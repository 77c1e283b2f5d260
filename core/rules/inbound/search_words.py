"""Split text into the words that a search compares, and a query into the terms that a message must contain.

The tokenizers of SQLite and PostgreSQL differ in letters, numbers, addresses and Chinese. So this module splits the
words, and both engines only store and look up its result: the same query finds the same messages on both.

- Case, accents and compatibility forms do not count: NFKD without marks, case folded, composed again.
- A word is a run of letters and digits. Everything else separates.
- Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese are written without spaces: each pair of letters that follow
  one another is a word, and the last letter of a run, so that one letter can be found as the beginning of a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from core.text import prechecks

MAILBOX: Final = "\ue000"
BREAK: Final = "\ue001"
"""Characters for private use, which are in no word: one begins the word for a mailbox, the other parts two fields."""
LONGEST_TEXT: Final = 64 * 1_024
"""Characters of a message's text that can be found."""
LONGEST_WORD: Final = 40
MOST_TERMS: Final = 20
"""Words and phrases of a query."""

_QUOTED: Final = re.compile(r'"([^"]*)"')
_UNSPACED: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
)


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand one after another; `prefix`: the last one is the beginning of a word."""

    words: tuple[str, ...]
    prefix: bool = False

    @property
    def spelled(self) -> str:
        """What the words of a message contain, each between two spaces, if they contain this."""
        return " " + " ".join(self.words) + ("" if self.prefix else " ")


def of_text(text: str) -> str:
    """The words of a text in order, separated by single spaces."""
    return " ".join(_words(text))


def of_message(subject: str, senders: str, text: str) -> str:
    """The words of a message; a phrase never spans two of its fields."""
    return f" {BREAK} ".join((of_text(subject), of_text(senders), of_text(text[:LONGEST_TEXT]))).strip()


def for_mailbox(mailbox_id: int, words: str) -> str:
    """What is stored: a search looks in one mailbox, and no query can name this word."""
    return f"{MAILBOX}{mailbox_id} {words}".rstrip()


def terms(query: str) -> list[Term]:
    """The terms of a query; a message must contain all of them. Never fails, whatever the query.

    A phrase in quotation marks stands word after word; `word*` is the beginning of a word. Every other sign separates
    words: there are no operators.
    """
    found: list[Term] = []
    at = 0
    for quoted in _QUOTED.finditer(query):
        found += [term for word in query[at : quoted.start()].split() if (term := _term(word)) is not None]
        if (phrase := _term(quoted[1])) is not None:
            found.append(phrase)
        at = quoted.end()
    found += [term for word in query[at:].split() if (term := _term(word)) is not None]
    return list(dict.fromkeys(found))


def _term(text: str) -> Term | None:
    words = tuple(_words(text))
    if not words:
        return None
    # A run of letters without spaces may go on in the message, so the single letter at its end is a beginning.
    unspaced = len(words[-1]) == 1 and _UNSPACED.fullmatch(words[-1]) is not None
    if unspaced and len(words) > 1 and words[-2].endswith(words[-1]) and _UNSPACED.fullmatch(words[-2]):
        words = words[:-1] if len(words) == 2 else words
        return Term(words, prefix=len(words) > 1)
    return Term(words, prefix=unspaced or text.rstrip().endswith("*"))


def _words(text: str) -> list[str]:
    folded = _folded(text)
    if folded.isascii():  # no letters that are written without spaces
        words = prechecks.ascii_words(folded)
        return [one[:LONGEST_WORD] for one in words] if _LONG.within(folded) else words
    return list(_words_of_any_script(folded))


def _words_of_any_script(folded: str) -> Iterator[str]:
    for run in _runs(folded):
        at = 0
        for part in _UNSPACED.finditer(run):
            if part.start() > at:
                yield run[at : part.start()][:LONGEST_WORD]
            letters = part[0]
            yield from (letters[n : n + 2] for n in range(len(letters) - 1))
            yield letters[-1]
            at = part.end()
        if at < len(run):
            yield run[at:][:LONGEST_WORD]


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKC", "".join(one for one in apart if unicodedata.category(one)[0] != "M"))


def _runs(text: str) -> Iterator[str]:
    """Runs of letters and digits."""
    return (one[0] for one in _RUN.finditer(text))


_RUN: Final = re.compile(r"[^\W_]+")
_LONG: Final = prechecks.Run(prechecks.ALNUM, LONGEST_WORD + 1)

r"""Look for turns of speech in a sentence, each only where one of its own words is.

Most sentences hold no word of most cues, so they cost one look-up a word. A pattern marks these words itself, in angle
brackets: `(?:is|are) <only> possible` is looked for where "only" is. A way through a pattern that passes no mark would
never be found; tests/rules/test_cues.py walks them all.

What a mark holds is spelled out: letters, `[sz]` and `(?:y|ies)`, each of them perhaps with `?` behind it; a word that
ends in `\w*` or `\w+` stands for every word that begins so.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_MARK: Final = re.compile(r"(?<!\(\?)<([^<>]*)>")
"""Not the `<` of `(?<!`."""
_MARKED: Final = r"(?:\1)"
_OR: Final = re.compile(r"\|(?![^(]*\))")
_PIECE: Final = re.compile(
    r"(?:\(\?:(?P<group>[^()]*)\)|\[(?P<one_of>[a-z]+)\]|(?P<any>\\w[*+])|(?P<letter>[a-z]))(\?)?"
)


class Cue(NamedTuple):
    means: int
    pattern: re.Pattern[str]


class Cues:
    """Cues by the words that lead to them; each row is what the cue means and its pattern."""

    def __init__(self, *rows: tuple[int, str]) -> None:
        self.every: Final = [Cue(means, re.compile(f"(?<![a-z])(?:{_MARK.sub(_MARKED, row)})")) for means, row in rows]
        leading: dict[str, dict[Cue, None]] = {}
        for cue, (_, row) in zip(self.every, rows, strict=True):
            for word in (word for mark in _MARK.findall(row) for word in spelled(mark)):
                leading.setdefault(word, {})[cue] = None
        self._leading: Final = {word: tuple(cues) for word, cues in leading.items()}
        self._lengths: Final = sorted({len(word) for word in leading if word.endswith("*")})
        self.of: Final = lru_cache(maxsize=4096)(self._of)

    def _of(self, word: str) -> tuple[Cue, ...]:
        """The cues that a word or a beginning of it leads to."""
        stems = [f"{word[: length - 1]}*" for length in self._lengths if length <= len(word) + 1]
        return tuple(dict.fromkeys(cue for key in (word, *stems) for cue in self._leading.get(key, ())))


def spelled(mark: str) -> list[str]:
    r"""Every word that the inside of a mark stands for: `costs?` for two, `sav\w+` for `sav*`."""
    words = []
    for alternative in _OR.split(mark):
        if _PIECE.sub("", alternative):
            message = f"<{mark}>: a mark holds only what can be spelled out"
            raise ValueError(message)
        begun = [""]
        for piece in _PIECE.finditer(alternative):
            if piece["group"] is not None:
                endings = spelled(piece["group"])
            else:
                endings = list(piece["one_of"] or piece["letter"] or "*")
            begun = [one + ending for one in begun for ending in (*endings, *([""] if piece[0].endswith("?") else []))]
        words += begun
    return words

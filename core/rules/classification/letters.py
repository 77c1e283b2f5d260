"""Normalise text to what its reader sees: fold look-alikes, drop invisible characters, rejoin disguised words.

Every step is linear. Normalising a long run of combining marks as a whole takes quadratic time, so characters are
normalised one by one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from core.text import look_alikes

_QUOTES: Final = {
    "\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u2032": "'", "\u00b4": "'", "`": "'", "\u2026": ".", "\u00a0": " ",
    "\u00df": "ss", "\u00e6": "ae", "\u0153": "oe", "\u00f8": "o", "\u0131": "i", "\u0142": "l", "\u00bf": " ",
}  # fmt: skip
_SPACED: Final = re.compile(r"\b[^\W_][ \t.\-_*|/·](?:[^\W_][ \t.\-_*|/·]){2,}[^\W_](?![^\W_])")
_SEPARATOR: Final = re.compile(r"[ \t.\-_*|/·~]")
_JOINT: Final = re.compile(r"[-_.*|·~](?=[^\W\d_])")
_BROKEN: Final = re.compile(r"\b[^\W\d_]{1,20}(?:[-_.*|·~][^\W\d_]{1,20}){1,8}")
_DIGIT: Final = re.compile(r"\d(?=[a-zA-Z])")
_MIXED: Final = re.compile(r"\b[^\W_]*\d[^\W_]*")
_LONGEST: Final = 40
"""Maximum number of letters before a joint or a digit that may belong to the disguised word."""
_SHAPE: Final = bytes(
    ord("0" if chr(code) in "0123456789" else "a" if chr(code).isalpha() or chr(code) == "?" else
        "-" if chr(code) in "-_.*|~" else " " if chr(code) in " \t/" else ",")
    for code in range(256)
)  # fmt: skip
"""The class of each character: a digit, a letter, a joint, a separator of spaced letters, or none of these."""
_ROUGH: Final = bytes.maketrans(b"0-", b"a ")
_DIGITS: Final = str.maketrans("013457", "oieast")


def plain(text: str) -> str:
    """Replace each letter with the one it reads as, and remove accents and invisible characters."""
    if text.isascii():
        return text.replace("\r", "").replace("`", "'")
    strange = {char for char in text if not char.isascii()}
    table: dict[int, str | None] = {ord(char): letter(char) for char in strange}
    table[0x0D] = None
    table[ord("`")] = "'"
    return text.translate(table)


@lru_cache(maxsize=4096)
def letter(char: str) -> str:
    """What a character reads as: nothing, itself, or the Latin letter it resembles."""
    known = _QUOTES.get(char)
    if known is not None:
        return known
    if unicodedata.category(char) in {"Cf", "Mn", "Me"} or char == "\u00ad":
        return ""
    folded = unicodedata.normalize("NFKD", char)
    return "".join(look_alikes.read_as(part) for part in folded if unicodedata.category(part) != "Mn")


def undisguised(text: str, *, telling: Callable[[str], bool]) -> tuple[str, bool]:
    """Rewrite `r e f u n d`, `re-fund` and `r3fund` as the words they read as.

    `telling` says whether a lower-case word is worth it; everything else is unchanged. Also returns whether letters
    were spaced.
    """

    def broken(found: re.Match[str]) -> str:
        first = _SEPARATOR.split(found[0], maxsplit=1)[0]
        joined = _SEPARATOR.sub("", found[0])
        return joined if telling(joined.lower()) and not telling(first.lower()) else found[0]

    def mixed(found: re.Match[str]) -> str:
        read = found[0].lower().translate(_DIGITS)
        return read if not found[0].isdigit() and telling(read) else found[0]

    spaced = 0
    may_space, may_break, may_mix = _hints(text)
    if may_space:
        text, spaced = _SPACED.subn(lambda found: _SEPARATOR.sub("", found[0]), text)
    if may_break:
        text = _replaced(text, hint=_JOINT, word=_BROKEN, by=broken)
    if may_mix:
        text = _replaced(text, hint=_DIGIT, word=_MIXED, by=mixed)
    return text, spaced > 0


@lru_cache(maxsize=4)
def _hints(text: str) -> tuple[bool, bool, bool]:
    """Whether the text may have spaced letters, joints in words, digits in words: most have none of them.

    Remembered, because promises and commercial phrases are looked for in the same text, one after the other.
    """
    shape = text.encode("ascii", "replace").translate(_SHAPE)
    dotted = "·" in text
    return dotted or b" a a " in shape.translate(_ROUGH), dotted or b"-a" in shape, b"0a" in shape


def _replaced(text: str, *, hint: re.Pattern[str], word: re.Pattern[str], by: Callable[[re.Match[str]], str]) -> str:
    """Rewrite each `word` around a `hint`; searching for the hint alone is several times faster."""
    parts: list[str] = []
    done = 0
    for found in hint.finditer(text):
        at = found.start()
        if at < done:
            continue
        start = at
        while start > done and at - start < _LONGEST and text[start - 1].isalnum():
            start -= 1
        whole = word.match(text, start)
        if whole is not None and whole.end() > at:
            parts += (text[done:start], by(whole))
            done = whole.end()
    return "".join((*parts, text[done:])) if parts else text

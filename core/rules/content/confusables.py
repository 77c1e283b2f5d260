"""Detect names and words that mix in letters resembling those of another script (UTS 39).

Hosts are judged strictly, because they are addresses. Prose is judged leniently: people do write units such as kilo-ohm
and acronyms with a Russian ending, but not `paypal` with a Cyrillic a. A word deceives only if every letter of one
script resembles one of the other.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import Final

from core.text import look_alikes

_TOGETHER: Final = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "LATIN"}),
    frozenset({"CJK", "HANGUL", "LATIN"}),
    frozenset({"CJK", "BOPOMOFO", "LATIN"}),
)
"""Scripts that are commonly written together (UTS 39 5.2, highly restrictive)."""
_LATIN_LIKE: Final = {"CYRILLIC": frozenset("aceiopxyABCEHIKMOPTX"), "GREEK": frozenset("aiovuABEZHIKMNOPTYX")}
"""Latin letters that resemble a common letter of these scripts, and so can be planted in a word of theirs."""
_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_ACRONYM: Final = 2


def strange(host: str) -> str | None:
    """Why a host name may be mistaken for another, or None: punycode, non-ASCII letters, mixed scripts."""
    for label in host.split("."):
        shown = _decoded(label)
        if shown is None:
            return f"{label} is not a name"
        if shown.isascii():
            continue
        name = f"{shown} ({label})" if shown != label else shown
        why = mixed(label)
        return f"{name} {why}" if why else f"{name} has letters beyond a to z"
    return None


def mixed(label: str) -> str | None:
    """`mixes Cyrillic and Latin letters`, or None if the label's scripts are commonly written together."""
    scripts = {_script(char) for char in _decoded(label) or "" if char.isalpha()}
    if len(scripts) < 2 or any(scripts <= together for together in _TOGETHER):
        return None
    return f"mixes {' and '.join(script.capitalize() for script in sorted(scripts))} letters"


def look_alike(text: str) -> str | None:
    """The first word that resembles one of another script, with the reason; None if there is none."""
    if text.isascii():
        return None
    # accents do not change what a letter resembles: ë looks like ë
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c) and c != "\u200b")
    return next((f"{word[:60]} {why}" for word in _WORD.findall(plain) if (why := _deceives(word)) is not None), None)


def _deceives(word: str) -> str | None:
    if word.isascii():
        return None
    letters = {char: _script(char) for char in word}
    scripts = set(letters.values())
    if len(scripts) != 2 or "LATIN" not in scripts:
        return None
    (other,) = scripts - {"LATIN"}
    alike = look_alikes.of_script(other)
    if not alike or _inflected([(letters[char], char) for char in word]):
        return None
    other_letters = {char for char, script in letters.items() if script == other}
    latin = letters.keys() - other_letters
    if other_letters <= alike or latin <= _LATIN_LIKE.get(other, frozenset()):
        return f"mixes {other.capitalize()} and Latin letters"
    return None


def _inflected(letters: list[tuple[str, str]]) -> bool:
    """Whether it is an acronym with another script's ending, as Russian declines SMS and PDF."""
    runs = ["".join(char for _, char in run) for _, run in groupby(letters, key=lambda one: one[0])]
    return len(runs) == 2 and len(runs[0]) >= _ACRONYM and runs[0].isupper() and runs[1].islower()


def _script(char: str) -> str:
    return unicodedata.name(char, "UNKNOWN").split()[0].split("-")[0]


def _decoded(label: str) -> str | None:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError, ValueError):
        return None

"""Letters that look like one from a to z: Unicode's table of confusables, and what it lacks.

The table (UTS 39, confusables.txt) comes with confusable-homoglyphs. It is loaded at the first non-ASCII letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import orjson

_OVERRIDES: Final[Mapping[str, str]] = {
    "κ": "k", "Ԛ": "Q", "յ": "j", "Լ": "L", "Ꮅ": "P", "Ꮖ": "T", "ӏ": "l", "ʋ": "v",  # noqa: RUF001 - they are the point
}  # fmt: skip
"""Look alike in the fonts of mail programs, though the table maps them to another letter or lacks them."""
_RESEMBLING: Final[Mapping[str, str]] = {
    "п": "n", "к": "k", "м": "m", "т": "t", "в": "b", "н": "h", "τ": "t", "ε": "e", "η": "n", "ω": "w",
}  # fmt: skip
"""Smaller or curved, and still read as that letter within a word."""
_SMALL_CAPITAL: Final = re.compile(r"LATIN LETTER SMALL CAPITAL ([A-Z])")


@cache
def drawn_alike() -> Mapping[str, str]:
    """Map each non-ASCII letter to the one from a to z or A to Z that it looks like."""
    from importlib import resources  # noqa: PLC0415 - brings archives and temporary files, for one table

    source = resources.files("confusable_homoglyphs").joinpath("confusables.json").read_bytes()
    found: dict[str, str] = {}
    for char, alike in orjson.loads(source).items():
        if len(char) == 1 and not char.isascii() and char.isalpha():
            character = next(
                (one["c"] for one in alike if len(one["c"]) == 1 and one["c"].isascii() and one["c"].isalpha()), ""
            )
            if character:  # the table maps a capital i to an l
                found[char] = "I" if character == "l" and char.isupper() else character
    return MappingProxyType({**found, **_OVERRIDES})


@cache
def of_script(script: str) -> frozenset[str]:
    """Return the letters of a script, by the first word of their names, that look like one from a to z."""
    return frozenset(char for char in drawn_alike() if unicodedata.name(char, "?").split()[0] == script)


def read_as(char: str) -> str:
    """Return the Latin letter that a letter is read as within a word; any other character unchanged."""
    if char.isascii():
        return char
    small = _SMALL_CAPITAL.fullmatch(unicodedata.name(char, ""))
    return small[1].lower() if small else _RESEMBLING.get(char) or drawn_alike().get(char, char)

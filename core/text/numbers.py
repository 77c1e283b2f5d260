"""Numbers that strangers write: in paths, headers, URLs and options."""

from __future__ import annotations

from typing import Final

LARGEST: Final = 2**63 - 1
"""The largest number that both databases hold."""


def whole_number(text: str, *, most: int = LARGEST) -> int | None:
    """The number from 0 to `most` that these ASCII digits write, else None.

    `isdigit` is true of `²`, which `int` does not read, and `int` raises for more than 4,300 digits: an error of ours
    where the caller's text is at fault.
    """
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(most)) or (number := int(digits)) > most:
        return None
    return number

"""Parse numbers from untrusted text: paths, headers, URLs and options."""

from __future__ import annotations

from typing import Final

LARGEST: Final = 2**63 - 1
"""The largest integer that both databases can store."""


def whole_number(text: str, *, most: int = LARGEST) -> int | None:
    """Parse ASCII digits as a number from 0 to `most`, else return None.

    `isdigit` is true of `²`, which `int` does not parse, and `int` raises for more than 4,300 digits: our own error,
    where the caller's text is at fault.
    """
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(most)) or (number := int(digits)) > most:
        return None
    return number

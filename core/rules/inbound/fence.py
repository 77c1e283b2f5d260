"""Fence a stranger's text, so that a model can tell where it begins and ends.

The nonce is new in each answer. Whoever wrote the text cannot know it, so nothing in the text can close the fence. If
it occurs there by chance, it is removed.
"""

from __future__ import annotations

import re
from typing import Final

NONCE: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_MARK: Final = "UNTRUSTED"
_LIKE_ONE: Final = re.compile(rf"<{{3,}}(?=\s*/?\s*{_MARK})", re.IGNORECASE)


def fence(text: str, nonce: str) -> str:
    """The text between two boundary lines that name the nonce: 8 to 64 letters, digits, `-` or `_`, used once.

    Raises `ValueError` for another nonce.
    """
    if NONCE.fullmatch(nonce) is None:
        raise ValueError("a nonce is 8 to 64 letters, digits, - or _")
    inside = text
    while nonce.lower() in inside.lower():
        inside = re.sub(re.escape(nonce), "", inside, flags=re.IGNORECASE)
    # Models read loosely: a boundary with another nonce must not pass for this one either.
    inside = _LIKE_ONE.sub("<", inside)
    return f"<<<{_MARK} {nonce}>>>\n{inside}\n<<</{_MARK} {nonce}>>>"

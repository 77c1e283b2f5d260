"""How a time is written."""

from __future__ import annotations

from typing import Final

from core.durations import stamp

_NEVER: Final = 2**53


def when(at: int | None) -> str | None:
    """RFC 3339; None for what has not happened, or never will."""
    return None if at is None or at >= _NEVER else stamp(at)

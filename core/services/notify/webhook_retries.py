"""When a failed webhook is tried again, and when the desk gives up."""

from __future__ import annotations

from typing import Final

from core.durations import DAY, HOUR, SECOND

_FIRST_RETRY: Final = 5 * SECOND
LONGEST_WAIT: Final = 4 * HOUR
_GIVE_UP: Final = 3 * DAY


def retry_at(attempt: int, *, first_at: int, now: int, jitter: float, give_up: int = _GIVE_UP) -> int | None:
    """When to try again after `attempt` (1, 2, ...) failed, or None once `give_up` has passed. `jitter` is in [0, 1).

    The delay doubles from 5 s to 4 h; the last attempt is exactly at the end.
    """
    end = first_at + give_up
    if now >= end:
        return None
    wait = min(_FIRST_RETRY << min(attempt - 1, 20), LONGEST_WAIT)
    return min(end, now + int(wait * (0.8 + 0.4 * jitter)))

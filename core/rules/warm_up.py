"""The warm-up curve of a new stream: how many messages a day, and when the curve advances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def day(sent: Iterable[tuple[int, int]], *, days: Sequence[int], today: int) -> int:
    """The day of the warm-up curve (0-based index into `days`) that a stream has reached, by age and by use.

    `sent` is (UTC day number, number sent) and may have gaps. A day advances the curve only if at least half of its cap
    was sent: a week of low volume proves nothing to receivers, and the cap would be gone just when volume rises. Today
    never counts, so the curve advances at most one day per day.
    """
    stage = 0
    for day, n in sorted(sent):
        if stage < len(days) and day < today and 2 * n >= days[stage]:
            stage += 1
    return stage


def cap(days: Sequence[int], *, day_number: int) -> int | None:
    """The daily cap on that day of the curve; None past the end of the list: a warm stream has no cap."""
    return days[max(0, day_number)] if day_number < len(days) else None

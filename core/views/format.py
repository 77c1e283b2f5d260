"""How screens write times, counts and rates: short, fixed in width where a column needs it, never a guess.

Pure functions over the desk's own units: times and durations are integer microseconds. A missing value is an en dash.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from core import model
from core.durations import DAY, HOUR, MICROS, MINUTE, SECOND

ABSENT: Final = "\u2013"
plural: Final = model.plural
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def age(micros: int | None) -> str:
    """At most five cells up to 99 days: `42s`, `14m02`, `1h52`, `3d04`, `104d`. A time in the future is `0s`."""
    if micros is None:
        return ABSENT
    micros = max(0, micros)
    if micros < MINUTE:
        return f"{micros // SECOND}s"
    if micros < HOUR:
        return f"{micros // MINUTE}m{micros % MINUTE // SECOND:02}"
    if micros < DAY:
        return f"{micros // HOUR}h{micros % HOUR // MINUTE:02}"
    if micros < 100 * DAY:
        return f"{micros // DAY}d{micros % DAY // HOUR:02}"
    return f"{micros // DAY}d"


def age_short(micros: int | None) -> str:
    """One unit only, at most four cells: `42s`, `14m`, `1h`, `3d`."""
    if micros is None:
        return ABSENT
    micros = max(0, micros)
    for unit, suffix in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if micros >= unit:
            return f"{micros // unit}{suffix}"
    return f"{micros // SECOND}s"


def freshness(micros: int | None) -> str:
    """The age of the last event, in tenths while it is fresh: `0.4s`, `9.9s`, then as `age`."""
    if micros is None:
        return ABSENT
    micros = max(0, micros)
    return f"{micros // (MICROS // 10) / 10:.1f}s" if micros < 10 * SECOND else age(micros)


def countdown(micros: int) -> str:
    """The time left, rounded up, so that `0s` means over: `8s`, `1m30`."""
    return age(-(-max(0, micros) // SECOND) * SECOND)


def count(number: int | None) -> str:
    """`1,284`."""
    return ABSENT if number is None else f"{number:,}"


def count_short(number: int | None) -> str:
    """At most five cells: `1,284`, `12.3k`, `412k`, `1.2M`, rounded down."""
    if number is None:
        return ABSENT
    if abs(number) < 10_000:
        return f"{number:,}"
    for unit, suffix in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if abs(number) >= unit:
            tenths = number * 10 // unit
            return f"{tenths / 10:.1f}{suffix}" if abs(tenths) < 1_000 else f"{number // unit}{suffix}"
    return f"{number:,}"


def percent(fraction: float | None, *, digits: int = 0, tight: bool = False) -> str:
    """`0.41 %`, or `0.41%` where a column is tight.

    Without digits it is rounded down, so that 99.9 % of a budget never reads as 100; a rate is rounded as in its
    guard's own sentence.
    """
    if fraction is None:
        return ABSENT
    scale = 10**digits
    # 0.29 * 100 is 28.999999999999996: add a hair before rounding down
    figure = fraction * 100 if digits else int(fraction * 100 * scale + 1e-9) / scale
    return f"{figure:.{digits}f}{'' if tight else ' '}%"


def rate(part: int, whole: int, *, digits: int = 2, tight: bool = False) -> str:
    """`percent` of a count; if nothing was sent yet, the value is missing, not 0 %."""
    return percent(part / whole if whole else None, digits=digits, tight=tight)


def per_minute(number: int | None) -> str:
    """`412/min`."""
    return ABSENT if number is None else f"{number:,}/min"


def size(octets: int) -> str:
    """`812 B`, `1.2 kB`, `3.4 MB`, in powers of 1,000."""
    if octets < 1_000:
        return f"{octets} B"
    for unit, suffix in ((1_000_000_000, "G"), (1_000_000, "M")):
        if octets >= unit:
            return f"{octets / unit:.1f} {suffix}B"
    return f"{octets / 1_000:.1f} kB"


def moment(micros: int) -> datetime:
    """The UTC datetime of a time; exact, where a float would lose the last microseconds."""
    return _EPOCH + timedelta(microseconds=micros)


def clock(micros: int | None) -> str:
    """`12:41:07Z`."""
    return ABSENT if micros is None else f"{moment(micros):%H:%M:%S}Z"


def clock_short(micros: int | None) -> str:
    """`12:41Z`."""
    return ABSENT if micros is None else f"{moment(micros):%H:%M}Z"


def day_and_clock(micros: int | None) -> str:
    """`11-21 12:41Z`: for a column, of times that are within weeks."""
    return ABSENT if micros is None else f"{moment(micros):%m-%d %H:%M}Z"


def date(micros: int | None) -> str:
    """`2026-11-21`."""
    return ABSENT if micros is None else f"{moment(micros):%Y-%m-%d}"


_LOGGED: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")


def plain_times(text: str) -> str:
    """The text with the times that the log spelled for machines written as `stamp` writes them."""
    return _LOGGED.sub(r"\1 \2Z", text)


def stamp(micros: int | None) -> str:
    """`2026-11-21 12:41:07Z`."""
    return ABSENT if micros is None else f"{moment(micros):%Y-%m-%d %H:%M:%S}Z"

"""Times and durations as integer microseconds (UTC), and their text formats (RFC 3339, `72h`)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Final

from core.errors import Invalid

MICROS: Final = 1_000_000
SECOND: Final = MICROS
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
FAR_FUTURE: Final = 2**62
"""A wake time that never comes: the row waits for a person's action, not for the clock."""

BEAT: Final = 5 * SECOND
"""Interval of the heartbeats of the desk's processes."""

_DURATION: Final = re.compile(r"(\d{1,9})\s*(ms|s|m|h|d|w)")
_UNITS: Final[Mapping[str, int]] = {
    "ms": 1_000,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
    "w": 7 * DAY,
}


def duration(text: str) -> int:
    """Parse `72h`, `10s`, `30d`, `5m` into microseconds. Raises `Invalid`."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise Invalid(f"{text!r} is not a duration", fix="write a number and a unit: 10s, 5m, 72h, 30d")
    return int(found[1]) * _UNITS[found[2]]


def spell(micros: int) -> str:
    """The shortest exact spelling of a duration: 259200000000 -> `72h`."""
    for unit in ("d", "h", "m", "s"):
        if micros >= _UNITS[unit] and micros % _UNITS[unit] == 0 and not (unit == "d" and micros < 7 * DAY):
            return f"{micros // _UNITS[unit]}{unit}"
    return f"{micros // 1_000}ms"


def stamp(micros: int) -> str:
    """RFC 3339 in UTC with milliseconds, as the API and the command line show it."""
    moment = dt.datetime.fromtimestamp(micros // 1_000 / 1_000, tz=dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def when(at: int | None) -> str | None:
    """RFC 3339; None for what has not happened or never will."""
    return None if at is None or at >= _NEVER else stamp(at)


_NEVER: Final = 2**53


def read_stamp(text: str) -> int:
    """Parse an RFC 3339 time or a date (midnight UTC) into microseconds. Raises `Invalid`."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a time", fix="write it as 2026-01-31 or 2026-01-31T12:00:00Z") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp() * MICROS)

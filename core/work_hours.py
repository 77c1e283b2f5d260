"""Working hours for deadlines that pause over nights and weekends: `mon-fri 08:00-18:00 Europe/Berlin`.

Pure except for the time zone database. Days are local days, so the hours follow daylight saving time.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import Invalid

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXAMPLE: Final = "mon-fri 08:00-18:00 Europe/Berlin"
_LINE: Final = re.compile(
    r"(?P<days>[a-z,-]+) (?P<from>\d\d:\d\d)-(?P<to>\d\d:\d\d) (?P<zone>[A-Za-z0-9_+/-]{1,64})", re.ASCII
)
_MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class WorkHours:
    """`opens` and `closes` are minutes of a local day; `closes` may be 1,440, midnight at its end."""

    days: frozenset[int]
    opens: int
    closes: int
    zone: ZoneInfo


@functools.lru_cache(maxsize=16)
def read(line: str) -> WorkHours:
    """Parse a line of working hours. Raises `Invalid`."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise Invalid(f"{line!r} names no working hours", fix=f"write days, hours and a time zone: {EXAMPLE!r}")
    opens, closes = _minutes(found["from"]), _minutes(found["to"])
    if opens is None or closes is None or closes - opens < 60:
        raise Invalid(
            f"{found['from']}-{found['to']} is no part of a day of an hour or more", fix=f"write it as in {EXAMPLE!r}"
        )
    try:
        zone = ZoneInfo(found["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(
            f"there is no time zone {found['zone']!r}", fix="name one such as Europe/Berlin or UTC"
        ) from error
    return WorkHours(frozenset(_days(found["days"])), opens, closes, zone)


def _minutes(text: str) -> int | None:
    hour, minute = int(text[:2]), int(text[3:])
    return hour * 60 + minute if (hour < 24 and minute < 60) or (hour, minute) == (24, 0) else None


def _days(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise Invalid(f"{part!r} names no day", fix=f"days are {', '.join(DAYS)}, or mon-fri")
        at = DAYS.index(first)
        span = (DAYS.index(last) - at) % 7 if dash else 0
        yield from ((at + n) % 7 for n in range(span + 1))


def after(start: int, span: int, hours: WorkHours) -> int:
    """The time, in microseconds, when `span` of working time has passed since `start`; other time does not count."""
    left = span
    day = dt.datetime.fromtimestamp(start // _MICROS, tz=hours.zone).date() - dt.timedelta(days=1)
    while True:
        if day.weekday() in hours.days:
            begins, ends = _moment(day, hours.opens, hours.zone), _moment(day, hours.closes, hours.zone)
            begins = max(begins, start)
            if begins < ends:
                if left <= ends - begins:
                    return begins + left
                left -= ends - begins
        day += dt.timedelta(days=1)


def _moment(day: dt.date, minute: int, zone: ZoneInfo) -> int:
    """A local time of a day in microseconds. A time that a clock change skips counts as if it had not changed yet."""
    local = dt.datetime.combine(day, dt.time(), tzinfo=zone) + dt.timedelta(minutes=minute)
    return int(local.timestamp()) * _MICROS

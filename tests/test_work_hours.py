"""Working hours: the clock of a deadline stands at night, over weekends, and through changes to summer time."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import work_hours
from core.durations import DAY, HOUR, MINUTE
from core.errors import Invalid

OFFICE = work_hours.read("mon-fri 08:00-18:00 Europe/Berlin")


def at(text: str, zone: str = "Europe/Berlin") -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-25 09:00", 2, "2026-11-25 11:00"),  # within a day
        ("2026-11-25 17:00", 2, "2026-11-26 09:00"),  # over a night
        ("2026-11-27 17:00", 2, "2026-11-30 09:00"),  # over a weekend
        ("2026-11-28 12:00", 1, "2026-11-30 09:00"),  # from a Saturday
        ("2026-11-25 03:00", 1, "2026-11-25 09:00"),  # before it opens
        ("2026-11-25 08:00", 10, "2026-11-25 18:00"),  # exactly a day's hours
        ("2026-11-25 18:00", 1, "2026-11-26 09:00"),  # from the moment it closes
        ("2026-11-25 09:00", 72, "2026-12-04 11:00"),
        ("2026-03-27 17:00", 2, "2026-03-30 09:00"),  # the weekend on which clocks go forward
        ("2026-10-23 17:00", 2, "2026-10-26 09:00"),  # and back
    ],
)
def test_only_working_hours_count(start: str, hours: int, end: str) -> None:
    assert work_hours.after(at(start), hours * HOUR, OFFICE) == at(end)


def test_a_night_shift_through_the_change_to_summer_time_has_an_hour_less() -> None:
    night = work_hours.read("mon-sun 00:00-06:00 Europe/Berlin")
    assert work_hours.after(at("2026-03-29 00:00"), 5 * HOUR, night) == at("2026-03-29 06:00")
    assert work_hours.after(at("2026-03-29 00:00"), 6 * HOUR, night) == at("2026-03-30 01:00")


def test_a_night_shift_through_the_change_back_has_an_hour_more() -> None:
    night = work_hours.read("mon-sun 00:00-06:00 Europe/Berlin")
    assert work_hours.after(at("2026-10-25 00:00"), 7 * HOUR, night) == at("2026-10-25 06:00")


def test_a_day_may_end_at_midnight_and_days_may_wrap() -> None:
    late = work_hours.read("sat-mon 12:00-24:00 UTC")
    assert work_hours.after(at("2026-11-30 23:00", "UTC"), 2 * HOUR, late) == at("2026-12-05 13:00", "UTC")
    assert work_hours.read("mon,wed 08:00-09:00 UTC").days == {0, 2}


@given(
    st.integers(at("2026-01-01 00:00"), at("2027-12-31 00:00")),
    st.integers(MINUTE, 200 * HOUR),
    st.integers(0, 9 * HOUR),
)
def test_a_deadline_is_in_working_hours_and_never_before_the_span(start: int, span: int, more: int) -> None:
    end = work_hours.after(start, span, OFFICE)
    local = dt.datetime.fromtimestamp(end / 1_000_000, tz=OFFICE.zone)
    assert end >= start + span
    assert local.weekday() < 5
    assert 8 * 60 <= local.hour * 60 + local.minute <= 18 * 60
    assert work_hours.after(end, more, OFFICE) == work_hours.after(start, span + more, OFFICE) or more == 0
    assert end - start <= 5 * span + 4 * DAY


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("weekdays", "names no working hours"),
        ("mon-fri 8-18 UTC", "names no working hours"),
        ("mon-fri 18:00-08:00 UTC", "no part of a day"),
        ("mon-fri 08:00-08:30 UTC", "no part of a day"),
        ("mon-fri 08:00-25:00 UTC", "no part of a day"),
        ("mon-fry 08:00-18:00 UTC", "names no day"),
        ("mon-fri 08:00-18:00 Mars/Olympus", "no time zone"),
        ("mon-fri 08:00-18:00 ../../etc/passwd", "names no working hours"),
    ],
)
def test_a_line_that_names_no_hours_says_what_is_wrong(line: str, wrong: str) -> None:
    with pytest.raises(Invalid, match=re.escape(wrong)):
        work_hours.read(line)

"""Figures as an operator reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.durations import DAY, HOUR, MINUTE, SECOND
from core.views import format as spelled


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (-5, "0s"),
        (42 * SECOND, "42s"),
        (14 * MINUTE + 2 * SECOND, "14m02"),
        (HOUR + 52 * MINUTE, "1h52"),
        (3 * DAY + 4 * HOUR, "3d04"),
        (104 * DAY, "104d"),
        (None, spelled.ABSENT),
    ],
)
def test_an_age_is_short(micros: int | None, text: str) -> None:
    assert spelled.age(micros) == text


@given(st.integers(0, 99 * DAY))
def test_an_age_fits_five_cells(micros: int) -> None:
    assert len(spelled.age(micros)) <= 5
    assert len(spelled.age_short(micros)) <= 4


@given(st.integers(0, 999_000_000_000))
def test_a_short_count_fits_five_cells(number: int) -> None:
    assert len(spelled.count_short(number)) <= 5


def test_counts_sizes_and_rates() -> None:
    assert spelled.count(1284) == "1,284"
    assert spelled.count_short(412_900) == "412k"
    assert spelled.count_short(12_345) == "12.3k"
    assert spelled.per_minute(412) == "412/min"
    assert spelled.size(812) == "812 B"
    assert spelled.size(1_200) == "1.2 kB"
    assert spelled.size(3_400_000) == "3.4 MB"
    assert spelled.rate(41, 10_000) == "0.41 %"
    assert spelled.rate(41, 10_000, tight=True) == "0.41%"
    assert spelled.rate(29, 100, digits=0) == "29 %"
    assert spelled.plural(1, "message") == "1 message"
    assert spelled.plural(1284, "reply", "replies") == "1,284 replies"


def test_nothing_sent_has_no_rate_and_almost_full_is_not_full() -> None:
    assert spelled.rate(0, 0) == spelled.ABSENT
    assert spelled.percent(0.999) == "99 %"


def test_times_are_utc_and_exact() -> None:
    at = 1_795_264_867_000_000
    assert spelled.clock(at) == "12:41:07Z"
    assert spelled.clock_short(at) == "12:41Z"
    assert spelled.stamp(at) == "2026-11-21 12:41:07Z"
    assert spelled.date(at) == "2026-11-21"


def test_freshness_shows_tenths_only_while_fresh() -> None:
    assert spelled.freshness(400_000) == "0.4s"
    assert spelled.freshness(9_990_000) == "9.9s"
    assert spelled.freshness(14 * SECOND) == "14s"
    assert spelled.freshness(None) == spelled.ABSENT


def test_a_countdown_reads_zero_only_when_it_is_over() -> None:
    assert spelled.countdown(7 * SECOND + 1) == "8s"
    assert spelled.countdown(1) == "1s"
    assert spelled.countdown(0) == "0s"


def test_times_that_the_log_spelled_for_machines_are_written_as_elsewhere() -> None:
    said = "held until 2026-01-17T04:07:03.000Z, not 2026-01-17T04:07:03Z or T-1"
    assert spelled.plain_times(said) == "held until 2026-01-17 04:07:03Z, not 2026-01-17 04:07:03Z or T-1"

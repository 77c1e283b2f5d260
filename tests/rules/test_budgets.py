"""Budgets: never more than the cap in any window, never starving, never idle while there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from core.durations import FAR_FUTURE, HOUR, MINUTE, SECOND
from core.rules.budgets import (
    DAY_BUCKET,
    DAY_MINUTES,
    HOUR_BUCKET,
    HOUR_MINUTES,
    Room,
    agent_cap,
    departure,
    pace,
    paced_departure,
    redate,
    room,
    run_hold,
)
from tests.factories import effort

NOON = 1_700_000_000 * SECOND // (15 * MINUTE) * 15 * MINUTE

steps = st.integers(min_value=0, max_value=20 * MINUTE)
asks = st.integers(min_value=1, max_value=8)


@dataclass
class Meter:
    """The counter rows of one cap, as every worker of the desk sees them, and when each grant truly happened."""

    cap: int
    window: int
    bucket: int
    rows: dict[int, int] = field(default_factory=dict)
    granted: list[int] = field(default_factory=list)

    def ask(self, n: int, *, desk_time: int, true_time: int) -> int:
        dated = redate(tuple(self.rows.items()), bucket_minutes=self.bucket, now=desk_time)
        self.rows = dict(dated)
        found = self.room(desk_time, asking=n)
        take = min(n, found.left)
        assert take == n or found.next_at is not None
        start = desk_time // (self.bucket * MINUTE) * self.bucket
        self.rows[start] = self.rows.get(start, 0) + take
        self.granted += [true_time] * take
        return take

    def room(self, now: int, asking: int = 1) -> Room:
        return room(
            self.rows.items(),
            cap=self.cap,
            window_minutes=self.window,
            bucket_minutes=self.bucket,
            now=now,
            asking=asking,
        )


def busiest(times: Sequence[int], *, span: int) -> int:
    """The most that any closed window of `span` holds, by brute force."""
    return max((sum(1 for t in times if start <= t <= start + span) for start in times), default=0)


@given(
    cap=st.integers(0, 12),
    window=st.sampled_from([2, 5, 60]),
    bucket=st.sampled_from([1, 5]),
    moves=st.lists(st.tuples(steps, asks), max_size=60),
)
@settings(max_examples=effort.times(50, 1000))
def test_no_rolling_window_ever_holds_more_than_the_cap(
    cap: int, window: int, bucket: int, moves: list[tuple[int, int]]
) -> None:
    meter, now = Meter(cap, window, bucket), NOON
    for step, asking in moves:
        now += step
        meter.ask(asking, desk_time=now, true_time=now)
    assert busiest(meter.granted, span=window * MINUTE) <= cap


@given(
    cap=st.integers(1, 12),
    moves=st.lists(st.tuples(steps, asks, st.sampled_from([0, 0, 0, 30 * SECOND, HOUR, 400 * HOUR])), max_size=40),
)
def test_clock_stepping_backwards_grants_nothing_extra_and_starves_nobody(
    cap: int, moves: list[tuple[int, int, int]]
) -> None:
    meter, true, behind = Meter(cap, 10, 1), NOON, 0
    for step, asking, back in moves:
        true += step
        behind += back
        meter.ask(asking, desk_time=true - behind, true_time=true)
    assert busiest(meter.granted, span=10 * MINUTE) <= cap
    meter.ask(1, desk_time=true - behind, true_time=true)
    assert meter.room(true - behind + 12 * MINUTE).left == cap


@given(cap=st.integers(1, 12), moves=st.lists(st.tuples(steps, asks), max_size=40))
def test_cap_grants_whatever_fits_and_its_wake_time_is_the_first_that_works(
    cap: int, moves: list[tuple[int, int]]
) -> None:
    meter, now = Meter(cap, 5, 1), NOON
    for step, asking in moves:
        now += step
        before = meter.room(now, asking)
        assert meter.ask(asking, desk_time=now, true_time=now) == min(asking, before.left)
        after = meter.room(now)
        if after.left:
            assert after.next_at is None
        else:
            assert after.next_at is not None
            assert now < after.next_at <= now + 6 * MINUTE
            assert meter.room(after.next_at - 1).left == 0
            assert meter.room(after.next_at).left > 0


def test_places_come_back_at_most_one_bucket_late() -> None:
    for window, bucket in ((HOUR_MINUTES, HOUR_BUCKET), (DAY_MINUTES, DAY_BUCKET)):
        used = [(NOON // MINUTE, 10)]
        found = room(used, cap=10, window_minutes=window, bucket_minutes=bucket, now=NOON)
        assert found.next_at == NOON + (window + bucket) * MINUTE


def test_cap_of_zero_never_lets_anything_out() -> None:
    found = room([], cap=0, window_minutes=60, bucket_minutes=1, now=NOON)
    assert (found.left, found.next_at) == (0, FAR_FUTURE)
    assert departure([], cap=0, window_minutes=60, bucket_minutes=1, ahead=0, now=NOON) == FAR_FUTURE
    assert pace(None, per_minute=0, burst=1, now=NOON).next_at == FAR_FUTURE
    assert paced_departure(None, per_minute=0, burst=1, ahead=0, now=NOON) == FAR_FUTURE


def test_asking_for_more_than_the_cap_at_once_never_fits() -> None:
    found = room([], cap=3, window_minutes=60, bucket_minutes=1, now=NOON, asking=4)
    assert (found.left, found.next_at) == (3, FAR_FUTURE)


def test_cap_lowered_below_what_was_used_shows_no_room_and_waits_for_the_surplus_too() -> None:
    minute = NOON // MINUTE
    found = room([(minute - 2, 5), (minute - 1, 5)], cap=6, window_minutes=10, bucket_minutes=1, now=NOON)
    assert (found.used, found.left, found.next_at) == (10, 0, NOON + 9 * MINUTE)


def test_gauge_shows_the_figures_of_the_gate() -> None:
    found = room([(NOON // MINUTE, 4)], cap=10, window_minutes=60, bucket_minutes=1, now=NOON)
    gauge = found.limit("hour")
    assert (gauge.used, gauge.cap, gauge.left, gauge.window, gauge.next_at) == (4, 10, 6, 3600, None)


def test_bucket_one_ahead_is_skew_between_gateways_and_stays() -> None:
    minute = NOON // MINUTE
    assert redate([(minute + 1, 3)], bucket_minutes=1, now=NOON) == ((minute + 1, 3),)


def test_bucket_from_a_year_ahead_is_counted_as_of_now() -> None:
    minute = NOON // MINUTE
    assert redate([(minute, 1), (minute + 525_600, 3)], bucket_minutes=1, now=NOON) == ((minute, 4),)


@given(
    cap=st.integers(1, 7),
    ahead=st.integers(0, 40),
    offset=st.integers(0, 3 * MINUTE),
    rows=st.dictionaries(st.integers(-8, 0), st.integers(1, 4), max_size=6),
)
def test_departure_is_when_a_greedy_desk_would_really_get_there(
    cap: int, ahead: int, offset: int, rows: dict[int, int]
) -> None:
    now = NOON + offset
    minute = now // MINUTE
    meter = Meter(cap, 5, 1, {minute + start: n for start, n in rows.items()})
    said = departure(meter.rows.items(), cap=cap, window_minutes=5, bucket_minutes=1, ahead=ahead, now=now)
    gone, at = 0, now
    while True:
        gone += meter.ask(meter.room(at).left, desk_time=at, true_time=at)
        if gone > ahead:
            break
        at = meter.room(at).next_at or FAR_FUTURE
    assert said == at


@given(
    per_minute=st.integers(1, 70),
    burst=st.integers(1, 5),
    moves=st.lists(st.tuples(st.integers(0, 90 * SECOND), asks, st.sampled_from([0, 0, 0, SECOND, HOUR])), max_size=50),
)
def test_pace_is_never_exceeded_in_any_span_even_when_the_clock_steps_back(
    per_minute: int, burst: int, moves: list[tuple[int, int, int]]
) -> None:
    tat, true, behind, granted = None, NOON, 0, list[int]()
    for step, asking, back in moves:
        true += step
        behind += back
        grant = pace(tat, per_minute=per_minute, burst=burst, now=true - behind, asking=asking)
        tat = grant.tat
        granted += [true] * grant.n
    interval = MINUTE / per_minute
    for first, start in enumerate(granted):
        for last in range(first, len(granted)):
            assert last - first + 1 <= burst + (granted[last] - start) // interval


@given(
    per_minute=st.integers(1, 70),
    burst=st.integers(1, 5),
    tat=st.one_of(st.none(), st.integers(NOON - HOUR, NOON + 10_000 * HOUR)),
    asking=st.integers(0, 9),
)
def test_pace_never_starves_and_its_wake_time_is_the_first_that_works(
    per_minute: int, burst: int, tat: int | None, asking: int
) -> None:
    grant = pace(tat, per_minute=per_minute, burst=burst, now=NOON, asking=asking)
    assert NOON <= grant.next_at <= NOON + -(-MINUTE // per_minute)
    assert pace(grant.tat, per_minute=per_minute, burst=burst, now=grant.next_at).n == 1
    if grant.next_at > NOON:
        assert pace(grant.tat, per_minute=per_minute, burst=burst, now=grant.next_at - 1).n == 0


@given(
    per_minute=st.integers(1, 70),
    burst=st.integers(1, 5),
    ahead=st.integers(0, 30),
    tat=st.one_of(st.none(), st.integers(NOON - HOUR, NOON + HOUR)),
)
def test_paced_departure_is_when_a_greedy_lane_would_really_get_there(
    per_minute: int, burst: int, ahead: int, tat: int | None
) -> None:
    said = paced_departure(tat, per_minute=per_minute, burst=burst, ahead=ahead, now=NOON)
    now, gone = NOON, 0
    while True:
        grant = pace(tat, per_minute=per_minute, burst=burst, now=now, asking=99)
        tat, gone = grant.tat, gone + grant.n
        if gone > ahead:
            break
        now = grant.next_at
    assert said == now


def test_five_hundred_to_one_site_leave_at_fifty_a_minute() -> None:
    tat, now, granted = None, NOON, list[int]()
    while len(granted) < 500:
        grant = pace(tat, per_minute=50, burst=1, now=now, asking=500)
        tat = grant.tat
        granted += [now] * grant.n
        now = grant.next_at
    assert busiest(granted, span=MINUTE - 1) == 50
    assert granted[-1] - NOON == 499 * MINUTE // 50


def test_asking_for_several_at_once_takes_the_burst_and_no_more() -> None:
    grant = pace(None, per_minute=60, burst=5, now=NOON, asking=8)
    assert (grant.n, grant.next_at) == (5, NOON + SECOND)


def test_run_over_its_cap_is_held_with_the_count_in_the_reason() -> None:
    found = run_hold(98, asking=5, cap=100, confirmed_up_to=None)
    assert (found.fits, found.ceiling) == (2, 100)
    assert found.hold is not None
    assert "103" in found.hold.text


def test_confirmation_lifts_the_run_hold_up_to_its_number_only() -> None:
    assert run_hold(100, asking=400, cap=100, confirmed_up_to=500).hold is None
    assert run_hold(500, asking=1, cap=100, confirmed_up_to=500).fits == 0


def test_confirming_less_than_the_cap_takes_nothing_away() -> None:
    assert run_hold(90, asking=10, cap=100, confirmed_up_to=50).hold is None


def test_second_mailbox_adds_nothing_to_an_agents_cap() -> None:
    assert agent_cap([10, 10]) == 10
    assert agent_cap([10, 200]) == 200
    assert agent_cap([]) == 0

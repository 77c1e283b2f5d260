from __future__ import annotations

import pytest

from core.rules import warm_up

CURVE = (50, 100, 200)


@pytest.mark.parametrize(("day", "cap"), [(0, 50), (2, 200), (3, None), (400, None)])
def test_warm_up_cap_follows_the_list_and_then_ends(day: int, cap: int | None) -> None:
    assert warm_up.cap(CURVE, day_number=day) == cap


def test_without_a_curve_a_stream_has_no_warm_up_cap() -> None:
    assert warm_up.cap((), day_number=0) is None


def test_only_days_of_real_use_move_the_curve_on() -> None:
    assert warm_up.day([], days=CURVE, today=100) == 0
    assert warm_up.day([(97, 25), (98, 1), (99, 50)], days=CURVE, today=100) == 2
    assert warm_up.day([(90 + day, 1) for day in range(9)], days=CURVE, today=100) == 0


def test_today_does_not_raise_its_own_cap() -> None:
    assert warm_up.day([(100, 50)], days=CURVE, today=100) == 0


def test_curve_ends_and_stays_ended() -> None:
    assert warm_up.day([(day, 500) for day in range(40)], days=CURVE, today=100) == 3

"""Approvals faster than anyone can read raise the alarm; careful ones, and one quick yes, do not."""

from __future__ import annotations

import pytest

from core.rules.review_speed import Hurry, hurry


def judged(dwells: list[int | None], *, seconds: int = 3, per_minute: int = 20) -> Hurry | None:
    return hurry(dwells, seconds_per_message=seconds, messages_per_minute=per_minute)


@pytest.mark.parametrize("dwells", [[], [0], [0, 0], [3_000] * 20, [60_000, 0, 0], [None] * 20])
def test_what_can_have_been_read_raises_nothing(dwells: list[int | None]) -> None:
    assert judged(dwells) is None


def test_the_twenty_first_within_a_minute_raises_however_long_each_was_open() -> None:
    assert judged([30_000] * 21) == Hurry(approved=21, unread=0, seconds=630)
    assert judged([None] * 21) == Hurry(approved=21, unread=0, seconds=0)


def test_three_that_were_hardly_read_raise_and_one_long_reading_hides_none_of_them() -> None:
    assert judged([600_000, 0, 2_999, 100]) == Hurry(approved=4, unread=3, seconds=603)


def test_a_policy_of_no_seconds_looks_at_the_count_alone() -> None:
    assert judged([0] * 20, seconds=0) is None
    assert judged([0] * 21, seconds=0) is not None


def test_the_sentence_names_who_how_many_and_how_many_unread() -> None:
    found = judged([0] * 25)
    assert found is not None
    assert found.text(who="alice", per_message=3) == (
        "alice approved 25 in a minute, 25 of them read for less than 3 s"
    )

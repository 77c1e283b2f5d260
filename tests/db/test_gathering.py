"""Verbs of a burst go to the writer together; with little to do nothing waits. The clocks are the tests' own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import uvloop

from core.db.gathering import IDLE, LONGEST, ROUNDS, TICK, Gathering

MOST = 8


class Burst:
    """A gathering, what it has passed on, and the time."""

    def __init__(self) -> None:
        self.time = self.worked = 0.0
        self.passed: list[list[str]] = []
        self.told = asyncio.Event()
        self.gathering: Gathering[str] = Gathering(
            asyncio.get_running_loop(), self._take, most=MOST, now=lambda: self.time, worked=lambda: self.worked
        )

    def _take(self, verbs: Sequence[str]) -> None:
        self.passed.append(list(verbs))
        self.told.set()

    def add(self, names: str) -> None:
        for name in names:
            self.gathering.add(name)

    async def rounds(self, n: int = ROUNDS + 2) -> None:
        for _ in range(n):
            await asyncio.sleep(0)

    def idle(self, seconds: float) -> None:
        self.time += seconds

    def work(self, seconds: float) -> None:
        self.time += seconds
        self.worked += seconds

    async def next(self) -> list[str]:
        """What is passed on next, however many timers of the loop that takes."""
        self.told.clear()
        await self.told.wait()
        return self.passed[-1]


def tell(story: Callable[[Burst], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        await story(Burst())

    for made in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=made) as runner:
            runner.run(whole())


def test_a_verb_that_comes_alone_goes_at_once() -> None:
    async def story(burst: Burst) -> None:
        for name in "abc":
            burst.add(name)
            await burst.rounds()
            assert burst.passed[-1] == [name]  # no timer of the loop was needed

    tell(story)


def test_verbs_that_come_round_after_round_go_together() -> None:
    async def story(burst: Burst) -> None:
        for name in "abcde":
            burst.add(name)
            await burst.rounds(1)
        assert burst.passed == []
        await burst.rounds()
        assert burst.passed == [["a", "b", "c", "d", "e"]]

    tell(story)


def test_the_rest_of_a_burst_is_waited_for() -> None:
    async def story(burst: Burst) -> None:
        burst.add("abc")
        await burst.rounds()
        burst.add("de")
        await burst.rounds(50)
        assert burst.passed == [["a", "b", "c"]]
        burst.add("f")
        await burst.rounds()
        assert burst.passed[1:] == [["d", "e", "f"]]

    tell(story)


def test_a_rest_that_does_not_come_is_waited_for_once() -> None:
    async def story(burst: Burst) -> None:
        burst.add("abc")
        await burst.rounds()
        burst.add("d")
        await burst.rounds()
        burst.idle(IDLE)
        assert await burst.next() == ["d"]
        burst.add("e")
        await burst.rounds()
        assert burst.passed[-1] == ["e"]

    tell(story)


def test_callers_who_know_nothing_of_each_other_are_not_waited_for_one_after_the_other() -> None:
    async def story(burst: Burst) -> None:
        burst.add("abcdef")
        await burst.rounds()
        for name in "gh":
            burst.add(name)
            await burst.rounds()
            burst.idle(IDLE / 2)
        assert len(burst.passed) == 1
        burst.add("i")
        await burst.rounds()
        assert burst.passed[1:] == [["g", "h", "i"]]

    tell(story)


def test_the_rest_of_a_burst_is_waited_for_while_the_process_prepares_it() -> None:
    async def story(burst: Burst) -> None:
        burst.add("abcdef")
        await burst.rounds()
        for name in "ghijk":
            burst.add(name)
            await burst.rounds()
            burst.work(IDLE)
        assert len(burst.passed) == 1
        burst.add("l")
        await burst.rounds()
        assert burst.passed[1:] == [list("ghijkl")]

    tell(story)


def test_less_than_a_timer_can_take_is_not_waited_for() -> None:
    async def story(burst: Burst) -> None:
        burst.add("abc")
        await burst.rounds()
        burst.add("d")
        await burst.rounds()
        burst.idle(IDLE - TICK / 3)
        burst.add("e")
        await burst.rounds()
        assert burst.passed[1:] == [["d", "e"]]

    tell(story)


def test_what_was_idled_away_before_a_verb_came_is_not_counted_to_it() -> None:
    async def story(burst: Burst) -> None:
        burst.add("abcdefgh")
        burst.add("ijklmno")
        await burst.rounds()
        burst.add("p")
        assert len(burst.passed) == 2  # a full batch, while a timer was set for the rest of it
        burst.idle(IDLE)
        burst.add("q")
        await burst.rounds(50)
        assert len(burst.passed) == 2
        burst.idle(IDLE)
        assert await burst.next() == ["q"]

    tell(story)


def test_nothing_waits_longer_than_it_may_though_others_keep_coming() -> None:
    async def story(burst: Burst) -> None:
        for name in "abc":
            burst.add(name)
            await burst.rounds(1)
        burst.work(LONGEST)
        burst.add("d")
        assert burst.passed == [["a", "b", "c", "d"]]

    tell(story)


def test_a_full_batch_goes_at_once() -> None:
    async def story(burst: Burst) -> None:
        burst.add("abcdefghij")
        assert burst.passed == [list("abcdefgh")]
        await burst.rounds(50)
        burst.idle(IDLE)
        assert await burst.next() == ["i", "j"]

    tell(story)


def test_what_waits_can_be_sent_off_and_is_passed_on_once() -> None:
    async def story(burst: Burst) -> None:
        burst.add("ab")
        burst.gathering.flush()
        assert burst.passed == [["a", "b"]]
        await burst.rounds()
        burst.gathering.flush()
        assert burst.passed == [["a", "b"]]

    tell(story)

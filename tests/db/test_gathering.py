"""Verbs of a burst go to the writer together; with little to do nothing waits. The clock is the tests' own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from core.db.gathering import GAP, LONGEST, ROUNDS, Gathering

MOST = 8


class Burst:
    """A gathering, what it has passed on, and the time."""

    def __init__(self) -> None:
        self.time = 0.0
        self.passed: list[list[str]] = []
        self.told = asyncio.Event()
        self.gathering: Gathering[str] = Gathering(
            asyncio.get_running_loop(), self._take, most=MOST, now=lambda: self.time
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

    async def next(self) -> list[str]:
        """What is passed on next, however many timers of the loop that takes."""
        self.told.clear()
        await self.told.wait()
        return self.passed[-1]


def tell(story: Callable[[Burst], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        await story(Burst())

    asyncio.run(whole())


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
        burst.time += GAP
        assert await burst.next() == ["d"]
        burst.add("e")
        await burst.rounds()
        assert burst.passed[-1] == ["e"]

    tell(story)


def test_nothing_waits_longer_than_it_may_though_others_keep_coming() -> None:
    async def story(burst: Burst) -> None:
        for name in "abc":
            burst.add(name)
            await burst.rounds(1)
        burst.time += LONGEST
        burst.add("d")
        assert burst.passed == [["a", "b", "c", "d"]]

    tell(story)


def test_a_full_batch_goes_at_once() -> None:
    async def story(burst: Burst) -> None:
        burst.add("abcdefghij")
        assert burst.passed == [list("abcdefgh")]
        await burst.rounds(50)
        burst.time += GAP
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

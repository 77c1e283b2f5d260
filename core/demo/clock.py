"""A clock that moves only when told: tests own time, and the morning scenario runs it at full speed."""

from __future__ import annotations

import asyncio
import heapq
from typing import Final, Protocol

from core.durations import MICROS, SECOND

START: Final = 1_767_585_600 * SECOND  # 2026-01-05T04:00:00Z, a Monday, when nobody watches


class FakeClock:
    """Time as data. `advance` wakes whoever slept until then, in order."""

    def __init__(self, now: int = START) -> None:
        self._now = now
        self._sleepers: list[tuple[int, int, asyncio.Event]] = []
        self._turn = 0

    def now(self) -> int:
        return self._now

    def advance(self, *, seconds: float = 0, micros: int = 0) -> None:
        """Move on (or, negative, step back) and wake sleepers whose time has come."""
        self._now += round(seconds * MICROS) + micros
        while self._sleepers and self._sleepers[0][0] <= self._now:
            heapq.heappop(self._sleepers)[2].set()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        self._turn += 1
        heapq.heappush(self._sleepers, (self._now + round(seconds * MICROS), self._turn, woken))
        await woken.wait()


class Shown(Protocol):
    """A number that two processes share: microseconds since the epoch."""

    value: int


class ShownClock(FakeClock):
    """A clock whose time another process sees."""

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown.value)
        self._shown = shown

    def advance(self, *, seconds: float = 0, micros: int = 0) -> None:
        super().advance(seconds=seconds, micros=micros)
        self._shown.value = self._now


class FollowingClock:
    """The time that another process shows. Only that passes faster; whoever sleeps here sleeps as long as they say."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def now(self) -> int:
        return self._shown.value

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

"""A manually advanced clock: tests control time, and the incident scenario runs it at full speed."""

from __future__ import annotations

import asyncio
import heapq
from typing import Final, Protocol

from core.durations import MICROS, SECOND

START: Final = 1_767_585_600 * SECOND  # 2026-01-05T04:00:00Z, a Monday, when nobody watches


class FakeClock:
    """A fake clock. `advance` wakes sleepers in order of their time."""

    def __init__(self, now: int = START) -> None:
        self._now = now
        self._sleepers: list[tuple[int, int, asyncio.Event]] = []
        self._turn = 0

    def now(self) -> int:
        return self._now

    def advance(self, *, seconds: float = 0, micros: int = 0) -> None:
        """Move on (or, if negative, step back) and wake sleepers whose time has come."""
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
    """An integer shared between two processes: microseconds since the epoch."""

    value: int


class ShownClock(FakeClock):
    """A fake clock whose time another process can read."""

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown.value)
        self._shown = shown

    def advance(self, *, seconds: float = 0, micros: int = 0) -> None:
        super().advance(seconds=seconds, micros=micros)
        self._shown.value = self._now


class FollowingClock:
    """The time published by another process. Only that time runs faster; `sleep` takes real seconds."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def now(self) -> int:
        return self._shown.value

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

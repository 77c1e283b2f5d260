"""The machine's wall clock: the one place that reads it."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """UTC microseconds from the operating system."""

    def now(self) -> int:
        return time.time_ns() // 1_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

"""When a busy worker writes: its claims, attempts and settlements wait for a common moment and share one commit.

A commit has a fixed cost (BEGIN, the gate's reads, the head of the chain, an fsync, two thread switches). Each of the
three kinds of writes used to commit as soon as its own last write had returned, three times as often. Under load they
now commit together, every `EVERY` seconds. With little to do nothing waits, and mail leaves at once.

A delivery that waits here has not started: its attempt is decided in the transaction that commits it, so a suspension
or a stop that commits first still prevents it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

EVERY: Final = 0.04
"""Seconds between moments. A delivery meets three, from its claim to its settlement: 120 ms at most, under load."""
BUSY: Final = 24
"""Deliveries in progress at which the wait begins to pay."""


class CommitPace:
    """The moments of one worker. `in_progress` returns the number of deliveries that have started or may start now."""

    def __init__(self, in_progress: Callable[[], int]) -> None:
        self._in_progress = in_progress
        self._last = 0.0
        self._next: asyncio.Future[None] | None = None

    async def moment(self) -> None:
        """Wait for the next moment. Returns at once with little to do, or if the last moment is `EVERY` seconds ago."""
        loop = asyncio.get_running_loop()
        if self._next is None:
            if self._in_progress() < BUSY:
                return
            wait = self._last + EVERY - loop.time()
            if wait <= 0:
                self._last = loop.time()
                return
            self._next = loop.create_future()
            loop.call_later(wait, self._come, self._next)
        await asyncio.shield(self._next)

    def _come(self, moment: asyncio.Future[None]) -> None:
        self._last = asyncio.get_running_loop().time()
        self._next = None
        moment.set_result(None)

"""Hold verbs back while the event loop is busy making more of them, so that a batch is worth its commit.

A commit costs the same for one verb as for sixty: BEGIN, the gate's reads, the head of the chain, an fsync. The first
of a burst of requests used to wake the writer's thread, which took it and its next few, and competed with the loop for
the GIL while the others were prepared: six verbs a commit under load, and every statement a hand-over of the GIL. Now
they wait until as many have come as last time and no more come; then the writer has the interpreter to itself. With
little to do nothing waits: a verb that comes alone after another that came alone goes at once, and for callers who know
nothing of each other the process idles no longer than `IDLE`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

J = TypeVar("J")

ROUNDS: Final = 2
"""Rounds of the loop without another verb: a request that is read in one round is prepared in the next."""
IDLE: Final = 0.003
"""Seconds that the process idles, in all, for the rest of a burst. While it works, the rest may be in preparation."""
LONGEST: Final = 0.04
"""Seconds that a verb is held back at most, and the round of the loop in which they end."""
TICK: Final = 0.001
"""Seconds that a timer takes at least: uvloop makes the next round of less than half of them, and would spin."""


class Gathering(Generic[J]):
    """The verbs of one event loop that wait to be passed on together. `now` is in seconds."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pass_on: Callable[[Sequence[J]], None],
        *,
        most: int,
        now: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.process_time,
    ) -> None:
        self.loop: Final = loop
        self._pass_on = pass_on
        self._most = most
        self._now = now
        self._worked = worked
        self._waiting: list[J] = []
        self._expected = 1
        """As many as went together last time."""
        self._first = 0.0
        self._idle = 0.0
        """Seconds in which there was nothing to do while they waited."""
        self._paused: tuple[float, float] | None = None
        """The time, and what had been worked by then, if the next look is not in the next round."""
        self._seen = self._quiet = 0
        self._next: asyncio.Handle | None = None

    def add(self, verb: J) -> None:
        """Pass it on with others; at once if they are many, or the first has waited for long."""
        self._waiting.append(verb)
        now = self._now()
        if len(self._waiting) == 1:
            self._first, self._idle = now, 0.0
            self._seen = self._quiet = 0
        if len(self._waiting) >= self._most or now - self._first >= LONGEST:
            self._end()
        elif self._next is None or self._paused is not None:
            self._look_again()

    def flush(self) -> None:
        """Pass on what waits, for what comes behind it and cannot wait."""
        if self._next is not None:
            self._next.cancel()
            self._next = self._paused = None
        if self._waiting:
            verbs, self._waiting = self._waiting, []
            self._pass_on(verbs)

    def _look(self) -> None:
        """End, or look again: in the next round while verbs keep coming, later while the rest of a burst is due."""
        self._next = None
        self._count_idling()
        came = len(self._waiting) > self._seen
        self._seen = len(self._waiting)
        self._quiet = 0 if came else self._quiet + 1
        rest = min(IDLE - self._idle, self._first + LONGEST - self._now())
        if came or (self._seen >= self._expected and self._quiet < ROUNDS):
            self._look_again()
        elif self._seen < self._expected and rest >= TICK:
            self._look_again(rest)
        else:
            self._end()

    def _look_again(self, after: float | None = None) -> None:
        if self._next is not None:
            self._next.cancel()
        self._count_idling()
        if after is None:
            self._next = self.loop.call_soon(self._look)
        else:
            self._paused = self._now(), self._worked()
            self._next = self.loop.call_later(after, self._look)

    def _count_idling(self) -> None:
        """Count what a pause had of idleness: reading and preparing the verb that ended it was work."""
        if self._paused is not None:
            since, worked = self._paused
            self._paused = None
            self._idle += max(0.0, self._now() - since - (self._worked() - worked))

    def _end(self) -> None:
        self._expected = len(self._waiting)
        self.flush()

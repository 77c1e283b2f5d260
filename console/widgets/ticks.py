"""Ticks of a widget that stop while there is nothing to do: a console at rest must not wake four times a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual.timer import Timer

IDLE_TICKS: Final = 2
"""Ticks with nothing to do before they stop: while events keep coming, rows are read four times a second at most."""


class Ticks:
    """Calls `tick` at each interval as long as `reads` says, after it, that something is being read or will be."""

    def __init__(self, *, tick: Callable[[], None], reads: Callable[[], bool]) -> None:
        self._tick = tick
        self._reads = reads
        self._timer: Timer | None = None
        self._idle = 0

    def start(self, set_interval: Callable[[float, Callable[[], None]], Timer], seconds: float) -> None:
        self._timer = set_interval(seconds, self._one)

    def wake(self) -> None:
        """There may be something to do: tick again, if the ticks had stopped at once."""
        self._idle = 0
        if self._timer is not None:
            self._timer.resume()

    def _one(self) -> None:
        self._tick()
        if self._reads():
            self._idle = 0
            return
        self._idle += 1
        if self._idle >= IDLE_TICKS and self._timer is not None:
            self._timer.pause()

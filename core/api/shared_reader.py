"""One task that reads the database for all requests that wait for something.

A commit of this process wakes it; commits of other processes (egress, other gateways) are found at its next look. It
runs only while somebody waits.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Final

import structlog

from core.db.store import Store
from core.errors import Unavailable

LOOK: Final = 0.5
"""Seconds between looks if no commit wakes the reader."""

log = structlog.get_logger("waiting")


class SharedReader(ABC):
    """`wake` may be called after any commit. `gap` is the pause in seconds after each look, however many there are."""

    def __init__(self, store: Store, *, gap: float, reads: str) -> None:
        self._store = store
        self._gap = gap
        self._reads = reads
        self._woken: asyncio.Event | None = None
        self._reader: asyncio.Task[None] | None = None

    def wake(self) -> None:
        if self._woken is not None:
            self._woken.set()

    @abstractmethod
    def _awaited(self) -> bool:
        """Whether anybody waits."""

    @abstractmethod
    async def _look(self) -> None:
        """Read once, and answer whoever waited for what is found."""

    def _reading(self) -> bool:
        return self._reader is not None and not self._reader.done()

    def _start_reading(self) -> None:
        if not self._reading():
            self._woken = asyncio.Event()
            self._reader = asyncio.create_task(self._read(self._woken))

    async def _read(self, woken: asyncio.Event) -> None:
        while self._awaited():
            looking = asyncio.ensure_future(self._store.clock.sleep(LOOK))
            waking = asyncio.ensure_future(woken.wait())
            await asyncio.wait((looking, waking), return_when=asyncio.FIRST_COMPLETED)
            looking.cancel()
            waking.cancel()
            woken.clear()
            try:
                await self._look()
            except Unavailable as error:  # the next look may succeed
                log.warning("could not be read", what=self._reads, reason=error.reason)
            except Exception:
                log.exception("could not be read", what=self._reads)
            await asyncio.sleep(self._gap)

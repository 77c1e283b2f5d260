"""A thread that reports that this process is alive: a busy event loop must not make it look dead.

Work in flight is found by its lease. If heartbeats came from the event loop, one long computation there would let the
leases of a living process lapse, and mail that is just being delivered would become `uncertain`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final

import structlog

from core.db.transaction import Transaction
from core.db.writer import Writer
from core.durations import BEAT, SECOND
from core.errors import PostroomError

TRY_AGAIN: Final = 1.0

log = structlog.get_logger("heartbeat")


class Heartbeat:
    """Runs `verb` through the writer every few seconds. `trouble` is why the last one was not committed."""

    def __init__(self, writer: Writer, verb: Callable[[Transaction], None], *, every: float = BEAT / SECOND) -> None:
        self._writer = writer
        self._verb = verb
        self._every = every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="postroom-heartbeat", daemon=True)
        self.trouble: str | None = None

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        """Return when the thread has ended; the writer must still run."""
        self._ended.set()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _run(self) -> None:
        pause = self._every
        while not self._ended.wait(pause):
            # A refused heartbeat that waited for its next turn would make a living process look dead.
            pause = self._every if self._beat() else TRY_AGAIN

    def _beat(self) -> bool:
        try:
            self._writer.put(self._verb).result()
        except PostroomError as error:
            self.trouble = str(error)
            return False
        except Exception as error:
            log.exception("the heartbeat failed")
            self.trouble = f"{type(error).__name__}: {error}"
            return False
        self.trouble = None
        return True

"""Delivery in separate processes: signing and SMTP on another core than the HTTP listeners.

A child lives as long as the pipe on its standard input: when the parent dies, for whatever reason, the pipe closes and
the child finishes what is in progress and exits. A byte on the pipe says that something may have become due.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from typing import Final

import structlog

from core.settings import Settings

log = structlog.get_logger("egress")

GRACE: Final = 60.0
RESTART: Final = 0.5
LONGEST_RESTART: Final = 60.0
STEADY: Final = 60.0
"""Seconds a child must live before its earlier deaths are forgotten."""


def failures_after(failures: int, lived: float) -> int:
    """Deaths in a row, given that a child lived this many seconds."""
    return 1 if lived >= STEADY else failures + 1


def restart_in(failures: int) -> float:
    """Seconds until the next child: short after one death, longer after each further one in a row."""
    return min(RESTART * 2.0 ** min(failures, 10), LONGEST_RESTART)


class Egress:
    """The parent's side: starts the children, wakes them, restarts those that died."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._children: list[asyncio.subprocess.Process] = []
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        for number in range(self._settings.egress):
            await self._spawn()
            self._watchers.append(asyncio.create_task(self._watch(number)))

    def wake(self) -> None:
        """Tell the children to look; one that has not read the last byte yet needs no second."""
        for child in self._children:
            pipe = child.stdin
            if pipe is not None and not pipe.is_closing() and pipe.transport.get_write_buffer_size() == 0:
                pipe.write(b".")

    async def stop(self) -> None:
        """Close the pipes and wait; kill children that outlive the grace period."""
        self._stopping = True
        for watcher in self._watchers:
            watcher.cancel()
        for child in self._children:
            if child.stdin is not None:
                child.stdin.close()
        for child in self._children:
            try:
                await asyncio.wait_for(child.wait(), GRACE)
            except TimeoutError:
                log.warning("egress process did not end", pid=child.pid)
                child.kill()
                await child.wait()

    async def _spawn(self) -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "core.cli.egress_process", str(self._settings.dir),
            stdin=asyncio.subprocess.PIPE,
            env=os.environ | {"POSTROOM_DATABASE": self._settings.database_url},
        )  # fmt: skip
        self._children.append(child)
        return child

    async def _watch(self, place: int) -> None:
        failures = 0
        while not self._stopping:
            child, born = self._children[place], asyncio.get_running_loop().time()
            code = await child.wait()
            failures = failures_after(failures, asyncio.get_running_loop().time() - born)
            wait = restart_in(failures)
            log.warning("egress process ended; starting another", pid=child.pid, code=code, seconds=wait)
            await asyncio.sleep(wait)
            fresh = await self._spawn()
            self._children.remove(fresh)
            self._children[place] = fresh

    @staticmethod
    async def parent(wake: Callable[[], None]) -> None:
        """The child's side: wake at every byte, return when the pipe closes."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        with contextlib.closing(transport):
            while await reader.read(4_096):
                wake()

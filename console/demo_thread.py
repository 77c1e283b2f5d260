"""The simulated world beside the console: its own thread and event loop, set up when it starts."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.demo.live_scenario import Live
from core.errors import Unavailable

GONE_WITHIN: Final = 60.0


class DemoThread(threading.Thread):
    """The simulated world, in an event loop of its own."""

    def __init__(self, directory: Path, *, progress: Callable[[str], None] = lambda _: None) -> None:
        super().__init__(name="postroom-demo", daemon=True)
        self.live = Live(directory, progress=progress)
        self._up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._living: asyncio.Task[None] | None = None
        self._error: BaseException | None = None

    def start(self, *, given_up: threading.Event | None = None) -> None:
        """Return once the gateway answers. Raises whatever prevented it, or `Unavailable` once it is given up.

        There is no deadline: a gateway that exits is noticed, and one that is alive may take its time on a busy
        machine.
        """
        super().start()
        while not self._up.wait(0.2):
            if given_up is not None and given_up.is_set():
                raise Unavailable("you left the demonstration before it started")
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        if self._loop is not None and self._ending is not None:
            with contextlib.suppress(RuntimeError):  # its loop has already ended
                self._loop.call_soon_threadsafe(self._leave)
        self.join(GONE_WITHIN)

    def run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where somebody waits for it
            self._error = error
        finally:
            self._up.set()

    def _leave(self) -> None:
        assert self._ending is not None
        assert self._living is not None
        self._ending.set()
        if not self._up.is_set():
            self._living.cancel()

    async def _live(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        self._living = asyncio.current_task()
        async with self.live.running():
            self._up.set()
            await self._ending.wait()

"""The simulated world beside the console: in a thread and an event loop of its own, founded when it is started."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Final

from core.demo.live import Live
from core.errors import PostroomError, Unavailable

UP_WITHIN: Final = 60.0


class Town(threading.Thread):
    """The simulated world, in an event loop of its own."""

    def __init__(self, directory: Path) -> None:
        super().__init__(name="postroom-demo", daemon=True)
        self.live = Live(directory)
        self._up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Return once the gateway answers. Raises what kept it from that."""
        super().start()
        if not self._up.wait(UP_WITHIN):
            raise Unavailable("the demonstration did not come up in time")
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        if self._loop is not None and self._ending is not None:
            self._loop.call_soon_threadsafe(self._ending.set)
        self.join(UP_WITHIN)

    def run(self) -> None:
        try:
            asyncio.run(self._live())
        except (PostroomError, OSError) as error:
            self._error = error
        finally:
            self._up.set()

    async def _live(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        async with self.live.running():
            self._up.set()
            await self._ending.wait()

"""A desk of the command line, served by a gateway of this process on a free port of loopback."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from core.gateway import Gateway, end_streams, server
from core.settings import load


@contextlib.contextmanager
def served(directory: Path) -> Iterator[str]:
    """Yields the URL. Nothing is delivered: only the HTTP server and the writer run, in a thread."""
    ready, stop = threading.Event(), threading.Event()
    found: list[str] = []

    async def run() -> None:
        gateway = Gateway(load(directory, log_level="error"))
        async with gateway.delivery.writing():
            one = server("127.0.0.1:0", gateway.app, gateway.traffic.inside)
            serving = asyncio.create_task(one.serve())
            while not one.started:  # noqa: ASYNC110 - uvicorn tells it no other way
                await asyncio.sleep(0.01)
            found.append(f"http://127.0.0.1:{one.servers[0].sockets[0].getsockname()[1]}")
            ready.set()
            await asyncio.to_thread(stop.wait)
            one.should_exit = True
            await end_streams(gateway.desk.events, gateway.traffic)
            await serving

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="served")
    thread.start()
    try:
        assert ready.wait(60)
        yield found[0]
    finally:
        stop.set()
        thread.join(60)

"""A desk of the command line, served by a gateway of this process on a free port of loopback."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from core.api import tls
from core.gateway import Gateway, end_streams, server
from core.settings import load


@contextlib.contextmanager
def served(directory: Path, *, port: int = 0) -> Iterator[str]:
    """Yields the URL. Nothing is delivered: only the HTTP server and the writer run, in a thread.

    `port` is that of a gateway that has ended and now comes back; 0: any.

    With `tls_certificate` in the settings it is an https URL of localhost.
    """
    ready, stop = threading.Event(), threading.Event()
    found: list[str] = []

    async def run() -> None:
        settings = load(directory, log_level="error")
        certificate = tls.certificate(settings)
        gateway = Gateway(settings)
        async with gateway.delivery.writing():
            one = server(f"127.0.0.1:{port}", gateway.app, gateway.traffic.inside, tls=certificate)
            serving = asyncio.create_task(one.serve())
            while not one.started:  # noqa: ASYNC110 - uvicorn tells it no other way
                await asyncio.sleep(0.01)
            at = "http://127.0.0.1" if certificate is None else "https://localhost"
            found.append(f"{at}:{one.servers[0].sockets[0].getsockname()[1]}")
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

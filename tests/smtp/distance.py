"""Distance on one machine: a proxy before a port, through which every byte arrives later."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast


class _Pipe(asyncio.Protocol):
    """One side of a proxied connection. What it reads the other side writes, `seconds` later."""

    def __init__(self, seconds: float, port: int | None = None) -> None:
        self._seconds = seconds
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._other: _Pipe | None = None
        self._early: list[bytes] = []
        """Read before the other side was connected."""
        self._connecting: asyncio.Task[object] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        if self._port is not None:
            self._connecting = self._loop.create_task(self._connect(self._port))

    async def _connect(self, port: int) -> None:
        other = _Pipe(self._seconds)
        other._other = self
        await self._loop.create_connection(lambda: other, "127.0.0.1", port)
        self._other = other
        for data in self._early:
            self.data_received(data)

    def data_received(self, data: bytes) -> None:
        if self._other is None:
            self._early.append(data)
        else:
            self._loop.call_later(self._seconds, self._other.write, data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._other is not None:
            self._loop.call_later(self._seconds, self._other.close)

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()


@contextlib.asynccontextmanager
async def distant(port: int, *, round_trip: float) -> AsyncIterator[int]:
    """A proxy to a port of this machine, `round_trip` seconds away once connected. Yields the proxy's port."""
    server = await asyncio.get_running_loop().create_server(
        lambda: _Pipe(round_trip / 2, port), "127.0.0.1", 0, backlog=1_024
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()

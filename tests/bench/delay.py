"""A TCP proxy that delays every byte by half a round trip each way: a database in another building, on this machine.

usage: python -m tests.bench.delay LISTEN_PORT UPSTREAM MILLISECONDS ; UPSTREAM is HOST:PORT or the path of a socket
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections import deque
from typing import Final

import uvloop

CHUNK: Final = 262_144


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Copy one direction; several chunks may be on their way at once, as on a wire."""
    loop = asyncio.get_running_loop()
    on_the_way: deque[bytes] = deque()

    def arrive() -> None:
        chunk = on_the_way.popleft()
        if writer.is_closing():
            return
        if chunk:
            writer.write(chunk)
        else:
            writer.close()

    while True:
        chunk = b""
        with contextlib.suppress(OSError):
            chunk = await reader.read(CHUNK)
        on_the_way.append(chunk)
        loop.call_later(delay, arrive)
        if not chunk:
            return


async def serve(port: int, upstream: str, delay: float) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if upstream.startswith("/"):
            there, back = await asyncio.open_unix_connection(upstream)
        else:
            host, _, number = upstream.rpartition(":")
            there, back = await asyncio.open_connection(host, int(number))
        await asyncio.gather(_carry(reader, back, delay), _carry(there, writer, delay))

    server = await asyncio.start_server(client, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def wait_until_up(port: int, *, seconds: float = 30) -> None:
    """Return once something listens on the port."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]) / 2_000))

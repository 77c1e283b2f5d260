"""What clients that never finish cost the others, over real sockets: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.api import app as api_app
from core.api.listener import RESERVED, SMALL, Listener, Traffic
from core.db.store import Store
from core.gateway import server
from core.model import Mode
from core.settings import Http
from tests.api.api_client import Visitor, mail, opened
from tests.factories.desk import make_desk

LOCAL = "127.0.0.1"
BIG = b"x" * (4 * SMALL)


@dataclass
class Port:
    """A listener that runs, and connections to it."""

    number: int
    listener: Listener
    stack: contextlib.AsyncExitStack

    async def connect(self, sent: bytes = b"", *, buffer: int | None = None) -> Client:
        made = socket.socket()
        made.setblocking(False)
        if buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        await asyncio.get_running_loop().sock_connect(made, (LOCAL, self.number))
        reader, writer = await asyncio.open_connection(sock=made, limit=buffer or 2**16)
        self.stack.callback(writer.close)
        writer.write(sent)
        return Client(reader, writer)

    async def get(self, path: str) -> int:
        async with httpx.AsyncClient(base_url=f"http://{LOCAL}:{self.number}", trust_env=False, timeout=60) as client:
            return (await client.get(path)).status_code


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def rest(self) -> bytes:
        """What the server says until it closes the connection."""
        said = b""
        with contextlib.suppress(ConnectionError):
            while more := await self.reader.read(2**16):
                said += more
        return said

    async def trickle(self, octet: bytes) -> None:
        """One byte after the other, as long as they are taken."""
        with contextlib.suppress(ConnectionError):
            while not self.reader.at_eof() and not self.writer.is_closing():
                self.writer.write(octet)
                await self.writer.drain()
                await asyncio.sleep(0.02)


@dataclass
class House:
    inside: Port
    public: Port
    visitor: Visitor

    async def send(self) -> httpx.Response:
        """An agent hands in a mail."""
        headers = {"Authorization": f"Bearer {self.visitor.token}"}
        async with httpx.AsyncClient(trust_env=False, timeout=60, headers=headers) as client:
            return await client.post(f"http://{LOCAL}:{self.inside.number}/emails/send", json=mail())


def play(store: Store, directory: Path, story: Callable[[House], Awaitable[None]], **http: Any) -> None:
    """Tell a story of both listeners of a desk, run as the gateway runs them, with these settings for `[http]`."""
    with opened(make_desk(store, mode=Mode.AUTONOMOUS), directory, http=Http(**http)) as visitor:
        asyncio.run(_played(visitor, story))


async def _played(visitor: Visitor, story: Callable[[House], Awaitable[None]]) -> None:
    apps = (visitor.app, api_app.public(visitor.desk, visitor.settings))
    traffic = visitor.desk.traffic
    watching = asyncio.create_task(traffic.watch())
    async with contextlib.AsyncExitStack() as stack:
        ports = []
        for app, listener in zip(apps, traffic.listeners, strict=True):
            one = server(f"{LOCAL}:0", app, listener)
            serving = asyncio.create_task(one.serve())
            stack.push_async_callback(_ended, serving)
            stack.callback(setattr, one, "should_exit", True)
            await until(functools.partial(getattr, one, "started"))
            ports.append(Port(one.servers[0].sockets[0].getsockname()[1], listener, stack))
        inside, public = ports
        await story(House(inside, public, visitor))
    watching.cancel()


async def _ended(task: asyncio.Task[None]) -> None:
    await task


async def until(true: Callable[[], bool]) -> None:
    """Return once it is so; the test's own time limit ends a wait for what never comes."""
    while not true():  # noqa: ASYNC110 - the other end of a socket cannot tell us
        await asyncio.sleep(0.01)


HALF = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


def test_clients_that_never_finish_their_headers_take_nobodys_place(sqlite_store: Store, tmp_path: Path) -> None:
    async def story(ctx: House) -> None:
        for _ in range(100):
            await ctx.public.connect(HALF)
        await until(lambda: ctx.public.listener.refused["dropped for a newer one"] >= 80)
        assert len(ctx.public.listener) <= 20
        assert (await ctx.send()).status_code == 202
        assert await ctx.public.get("/u/nobody") == 404, "a stranger who finishes a request is served as well"
        assert len(ctx.public.listener) <= 20

    play(sqlite_store, tmp_path, story, public_connections=20, header_seconds=600)


def test_a_header_that_comes_byte_by_byte_is_ended_in_time(sqlite_store: Store, tmp_path: Path) -> None:
    async def story(ctx: House) -> None:
        slow = await ctx.public.connect(HALF)
        silent = await ctx.public.connect()
        trickling = asyncio.create_task(slow.trickle(b"x"))
        assert b"408 Request Timeout" in await slow.rest()
        assert await silent.rest() == b""
        trickling.cancel()
        await until(lambda: len(ctx.public.listener) == 0)
        assert ctx.public.listener.refused["slow header"] == 2

    play(sqlite_store, tmp_path, story, header_seconds=0.3)


def test_a_second_request_on_a_kept_connection_has_the_same_time(sqlite_store: Store, tmp_path: Path) -> None:
    async def story(ctx: House) -> None:
        client = await ctx.inside.connect(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + HALF)
        said = await client.rest()
        assert said.startswith(b"HTTP/1.1 200")
        assert said.count(b"408 Request Timeout") == 1

    play(sqlite_store, tmp_path, story, header_seconds=0.3)


def test_a_body_that_comes_byte_by_byte_is_ended_in_time(sqlite_store: Store, tmp_path: Path) -> None:
    async def story(ctx: House) -> None:
        slow = await ctx.public.connect(
            b"POST /feedback/report HTTP/1.1\r\nHost: localhost\r\nContent-Type: message/rfc822\r\n"
            b"Content-Length: 90000\r\n\r\n"
        )
        await asyncio.gather(slow.trickle(b"x"), slow.rest())
        assert ctx.public.listener.refused["slow body"] == 1
        await until(lambda: len(ctx.public.listener) == 0)

    play(sqlite_store, tmp_path, story, body_seconds=0.3)


def test_bodies_of_all_requests_share_a_bound_and_small_ones_are_taken_meanwhile(
    sqlite_store: Store, tmp_path: Path
) -> None:
    async def story(ctx: House) -> None:
        head = (
            f"POST /feedback/report HTTP/1.1\r\nHost: localhost\r\nContent-Type: message/rfc822\r\n"
            f"Content-Length: {len(BIG) * 2}\r\n\r\n"
        ).encode()
        clients = [await ctx.inside.connect(head + BIG) for _ in range(12)]
        refused = asyncio.gather(*(client.reader.read(12) for client in clients))
        bodies = ctx.inside.listener.bodies
        await until(lambda: bodies.held > bodies.limit // 2)
        assert bodies.held <= bodies.limit
        assert (await ctx.send()).status_code == 202, "ordinary mail needs none of it"
        refused.cancel()
        for client in clients:
            client.writer.close()
        await until(lambda: bodies.held == 0)

    play(sqlite_store, tmp_path, story, public_body_megabytes=1, body_megabytes=1)


def test_a_body_without_room_is_told_to_come_again(sqlite_store: Store, tmp_path: Path) -> None:
    with opened(make_desk(sqlite_store), tmp_path, http=Http(body_megabytes=1)) as visitor:
        answer = visitor.send(text="x" * 2**21)
        assert (answer.status_code, answer.json()["error"]) == (503, "overloaded")
        assert answer.headers["retry-after"]
        assert visitor.desk.traffic.inside.bodies.held == 0
        assert visitor.send().status_code == 202


@pytest.mark.parametrize(
    "header",
    [b"X-Long: " + b"x" * 200_000, b"a: b\r\n" * 3_000, b"Cookie: " + b"x" * 40_000 + b"\r\n\r\n"],
    ids=["one that never ends", "thousands of tiny ones", "a whole one"],
)
def test_a_header_has_a_size(sqlite_store: Store, tmp_path: Path, header: bytes) -> None:
    async def story(ctx: House) -> None:
        client = await ctx.public.connect(b"GET /u/x HTTP/1.1\r\nHost: localhost\r\n" + header)
        assert (await client.rest()).startswith(b"HTTP/1.1 431")
        assert ctx.public.listener.refused["header too large"] == 1

    play(sqlite_store, tmp_path, story)


def test_an_answer_that_nobody_reads_is_given_up(sqlite_store: Store, tmp_path: Path) -> None:
    async def story(ctx: House) -> None:
        ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client = await ctx.inside.connect(ask * 400, buffer=4_096)
        await until(lambda: ctx.inside.listener.refused["answer not read"] == 1)
        await until(lambda: len(ctx.inside.listener) == 0)
        client.writer.transport.abort()

    play(sqlite_store, tmp_path, story, write_seconds=0.3)


def test_an_idle_connection_is_closed_and_is_the_first_to_go(sqlite_store: Store, tmp_path: Path) -> None:
    async def story(ctx: House) -> None:
        asked = b"GET /u/nobody HTTP/1.1\r\nHost: localhost\r\n\r\n"
        idle = [await ctx.public.connect(asked) for _ in range(8)]
        for client in idle:
            assert (await client.reader.readline()).startswith(b"HTTP/1.1 404")
        assert await ctx.public.get("/u/nobody") == 404
        await idle[0].rest()  # ends: it was closed for the ninth
        assert ctx.public.listener.refused["dropped for a newer one"] == 1
        await asyncio.gather(*(client.rest() for client in idle))

    play(sqlite_store, tmp_path, story, public_connections=8)


def test_one_address_takes_its_share_only(sqlite_store: Store, tmp_path: Path) -> None:
    async def story(ctx: House) -> None:
        for _ in range(3):
            await ctx.public.connect(HALF)
        await until(lambda: len(ctx.public.listener) == 3)
        more = await ctx.public.connect(HALF)
        assert (await more.rest()).startswith(b"HTTP/1.1 503")
        assert await ctx.inside.get("/healthz") == 200, "the other listener counts for itself"

    play(sqlite_store, tmp_path, story, connections_per_address=3, proxies=())


def test_what_was_refused_is_in_the_metrics(sqlite_store: Store, tmp_path: Path) -> None:
    with opened(make_desk(sqlite_store), tmp_path) as visitor:
        visitor.desk.traffic.public.refused["slow header"] += 3
        figures = visitor.get("/metrics").text
    assert 'postroom_http_refused_total{listener="public",reason="slow header"} 3.0' in figures
    assert 'postroom_http_connections{listener="inside"} 0.0' in figures


@pytest.mark.parametrize("files", [256, 1_024, 1_500])
def test_few_files_are_shared_so_that_the_desk_keeps_its_own(files: int) -> None:
    traffic = Traffic(Http())
    traffic.fit(files)
    taken = sum(one.limits.connections for one in traffic.listeners)
    assert 2 <= taken <= max(files - RESERVED, files // 3)
    assert traffic.inside.limits.connections > traffic.public.limits.connections


def test_many_files_leave_the_limits_as_they_are_set() -> None:
    traffic = Traffic(Http(connections=700))
    traffic.fit(65_536)
    assert traffic.inside.limits.connections == 700

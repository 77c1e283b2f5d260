"""`GET /v1/events` over a real socket: headers, resuming, and a gateway that stops while clients do not read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from core.db.store import Store
from core.events import DeskStopped
from core.gateway import end_streams, server
from tests.api.api_client import Visitor, opened, problem
from tests.factories.desk import leave, make_desk

STOPS_WITHIN = 10.0
"""Seconds; a stream that held the gateway would hold it for thirty."""


def _emit(visitor: Visitor, n: int, reason: str = "x") -> None:
    def verb(tx: object) -> None:
        for _ in range(n):
            leave(tx, DeskStopped(actor="alice", reason=reason, in_flight=0))  # type: ignore[arg-type]  # a Transaction

    visitor.bench.store.transact(verb)


def test_streams_resume_and_do_not_delay_a_gateway_that_stops(sqlite_store: Store, tmp_path: Path) -> None:
    with opened(make_desk(sqlite_store), tmp_path) as visitor:
        _emit(visitor, 3)
        asyncio.run(_scene(visitor))


async def _scene(visitor: Visitor) -> None:
    one = server("127.0.0.1:0", visitor.app, visitor.desk.traffic.inside)
    serving = asyncio.create_task(one.serve())
    await until(lambda: one.started)
    port = one.servers[0].sockets[0].getsockname()[1]
    ids: list[int] = []
    following = asyncio.create_task(_follow(port, ids))
    await until(lambda: bool(ids))
    assert ids[0] == 3, "Last-Event-ID goes before the URL"
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", port))
        deaf.sendall(b"GET /v1/events?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer pro_bob\r\n\r\n")
        await asyncio.to_thread(_emit, visitor, 4_000, "y" * 1_900)
        await until(lambda: any(held.streams and _is_full(held) for held in visitor.desk.traffic.inside._open))
        await until(lambda: ids[-1] >= 4_003)
        async with asyncio.timeout(STOPS_WITHIN):
            one.should_exit = True
            await end_streams(visitor.desk.events, visitor.desk.traffic)
            await serving
            await following  # a stream that is read ends whole, without an error
    assert ids == list(range(3, ids[-1] + 1))


async def _follow(port: int, ids: list[int]) -> None:
    """A client that reads, until the stream ends."""
    headers = {"Authorization": "Bearer pro_alice", "Last-Event-ID": "2"}
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, timeout=30)
    async with client, client.stream("GET", "/v1/events?after=0") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                ids.append(int(line.removeprefix("id: ")))  # noqa: PERF401 - others look at it meanwhile


async def until(true: Callable[[], bool]) -> None:
    """Return once it is so; the test's own time limit ends a wait for what never comes."""
    while not true():  # noqa: ASYNC110 - the other end of a socket cannot tell us
        await asyncio.sleep(0.01)


def _is_full(connection: object) -> bool:
    """Whether the connection's client has stopped reading."""
    return getattr(connection, "_unread_since", None) is not None


def test_a_cursor_that_is_none_is_refused(agent: Visitor) -> None:
    alice = agent.operator("alice")
    problem(alice.get("/v1/events", headers={"Last-Event-ID": "soon"}), 422, "invalid_request")
    problem(alice.get("/v1/events?after=-1"), 422, "invalid_request")
    problem(alice.get("/v1/events?after=999999"), 409, "conflict")
    problem(agent.get("/v1/events"), 403, "insufficient_scope")
    assert asyncio.run(alice.ask("HEAD", "/v1/events")).status_code == 405, "a stream has no end to answer with"


@pytest.mark.parametrize("name", ["admin", "nobody"])
def test_who_may_not_read_the_log_gets_a_problem_and_no_stream(agent: Visitor, name: str) -> None:
    who = agent.operator("root" if name == "admin" else "nobody")
    problem(who.get("/v1/events"), *((403, "forbidden") if name == "admin" else (401, "unauthenticated")))

"""CPU of a tool call beside the HTTP request that it is, in the same run, in both protocol eras.

The gateway's application is called without a socket, so that no client's CPU counts; its writer and its database are
real. The two take turns in batches, and the difference is the median over the rounds: on a busy machine single batches
vary by a factor.

usage: python -m tests.bench.mcp [--calls 60] [--rounds 9] [--json]
bar: a call costs at most 3 ms more than its twin
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from core.api.middleware.request_limits import Message
from core.clock import SystemClock
from core.demo.seed import Cast, SeededDesk, found
from core.gateway import Gateway
from core.mcp.local_request import LocalApi, Reply
from core.model import Mode
from core.settings import load

BAR_MS: Final = 3.0
HELP: Final = "help@bots.acme.test"
ERAS: Final = ("2026-07-28", "2025-11-25")
CALL: Final = "tools/call"
_NUMBERS: Final = itertools.count(1)

Ask = Callable[[], Awaitable[Reply]]


class Twins:
    """The same request over HTTP and as a tool, each with its own content."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        headers = [(b"host", b"127.0.0.1:8025"), (b"authorization", f"Bearer {token}".encode())]
        outer = {"headers": headers, "scheme": "http", "http_version": "1.1", "server": ("127.0.0.1", 8025)}
        self._api = LocalApi(gateway.app, outer, _never)

    def http(self, method: str, path: str, body: Callable[[], dict[str, Any]] | None = None) -> Ask:
        async def ask() -> Reply:
            if body is None:
                return await self._api.ask(method, path, query={"direction": "in"} if path.endswith("messages") else {})
            key = {b"idempotency-key": f"key-{next(_NUMBERS)}".encode()}  # a tool call has one too
            return await self._api.ask(method, path, body=json.dumps(body()).encode(), headers=key)

        return ask

    def tool(self, era: str, name: str, arguments: Callable[[], dict[str, Any]]) -> Ask:
        headers = {
            b"accept": b"application/json", b"mcp-protocol-version": era.encode(), b"mcp-method": CALL.encode(),
            b"mcp-name": name.encode(),
        }  # fmt: skip
        envelope = {
            "io.modelcontextprotocol/protocolVersion": era, "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
        }  # fmt: skip
        meta = {"_meta": envelope} if era == ERAS[0] else {}

        async def ask() -> Reply:
            params = {"name": name, "arguments": arguments(), **meta}
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": CALL, "params": params}).encode()
            reply = await self._api.ask("POST", "/mcp", body=body, headers=headers)
            assert not reply.body["result"].get("isError"), reply.body
            return reply

        return ask


async def _never() -> Message:
    await asyncio.get_running_loop().create_future()
    raise AssertionError


async def measure(directory: Path, *, calls: int, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of CPU a call, by tool: of its twin, and how much more it costs in each era."""
    desk: SeededDesk = await asyncio.to_thread(
        found, directory, [Cast("help", HELP, Mode.GATED_SEND, "measured")], relay="smtp://127.0.0.1:2525",
        clock=SystemClock(),
    )  # fmt: skip
    gateway = Gateway(load(directory))
    async with gateway.running():
        twins = Twins(gateway, desk.agents["help"])

        def content() -> dict[str, Any]:
            subject = f"Number {next(_NUMBERS)}"
            return {"to": ["jane@example.com"], "subject": subject, "text": "It is on its way. " * 100}

        first = await twins.http("POST", "/emails/send", lambda: content() | {"from": HELP})()
        message = str(first.body["message_id"])
        cases: dict[str, tuple[Ask, Callable[[], dict[str, Any]]]] = {
            "send_email": (twins.http("POST", "/emails/send", lambda: content() | {"from": HELP}), content),
            "email_status": (twins.http("GET", f"/emails/{message}"), lambda: {"message_id": message}),
            "check_inbox": (twins.http("GET", f"/mailboxes/{HELP}/messages"), dict),
            "my_mailbox": (twins.http("GET", f"/mailboxes/{HELP}"), dict),
        }
        return {
            name: await _compared(
                {"http": twin} | {era: twins.tool(era, name, given) for era in ERAS}, calls=calls, rounds=rounds
            )
            for name, (twin, given) in cases.items()
        }


async def _compared(asked: dict[str, Ask], *, calls: int, rounds: int) -> dict[str, float]:
    spent: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds + 1):  # the first round warms up
        for name, ask in asked.items():
            before = time.process_time()
            for _ in range(calls):
                await ask()
            spent[name].append((time.process_time() - before) * 1_000 / calls)
    twin = spent.pop("http")[1:]
    more = {
        name: statistics.median(tool - http for tool, http in zip(times[1:], twin, strict=True))
        for name, times in spent.items()
    }
    return {"http": statistics.median(twin)} | more


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        figures = asyncio.run(measure(Path(directory) / "desk", calls=given.calls, rounds=given.rounds))
    worst = max(more for figure in figures.values() for name, more in figure.items() if name != "http")
    if given.json:
        print(json.dumps({"ms": figures, "worst_more_ms": worst, "bar_ms": BAR_MS}))
    else:
        for name, figure in figures.items():
            eras = ", ".join(f"{era} {figure[era]:+.2f} ms" for era in ERAS)
            print(f"{name:14} twin {figure['http']:.2f} ms; {eras}")
        print(f"worst: {worst:.2f} ms more; bar {BAR_MS} ms")
    return 0 if worst <= BAR_MS else 1


if __name__ == "__main__":
    raise SystemExit(main())

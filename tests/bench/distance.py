"""Benchmark of SMTP at a distance: messages a second to twenty domains whose receivers are 80 ms away.

The receiver and a proxy that delays every byte run in a process of their own, the SMTP client in this one: it is what
the bar is for, and its CPU is printed. Measured in the same run: a relay with few connections and with the bound that
grows with the round trip; twenty mail exchangers, each with its bound; and a receiver without PIPELINING, which must
get every message too. The proxy delays bytes, not the handshake of TCP.

usage: python -m tests.bench.distance [--round-trip 0.08] [--messages 3000]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dns.rdata
import uvloop

from core.clock import SystemClock
from core.model import Outcome
from core.smtp.client import SmtpClient
from core.smtp.route import Limits, Parcel, Route
from tests.smtp.distance import distant
from tests.smtp.receiver import LOCKSTEP, receiver

NEAR: Final = 16
FAR: Final = 128
EACH: Final = 4
"""Connections to one mail exchanger unless the settings say otherwise."""
WINDOW: Final = 192
"""Deliveries in progress, as for one stream of a gateway."""
DOMAINS: Final = 20
BAR: Final = 500
MESSAGE: Final = b"Subject: x\r\n\r\n" + b"A line of a message, as long as such lines are.\r\n" * 80


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured. `far`: most connections to a relay; `each`: to a mail exchanger, 0 if a relay takes all."""

    name: str
    far: int = FAR
    each: int = 0
    pipelining: bool = True
    share: float = 1.0
    """Of the messages: the slow cases take fewer."""


CASES: Final = (
    Case(f"a relay, {NEAR} connections", far=NEAR, share=0.2),
    Case(f"a relay, up to {FAR} connections"),
    Case(f"the same without PIPELINING, up to {FAR}", pipelining=False, share=0.2),
    Case(f"{DOMAINS} exchangers, {EACH} connections each", each=EACH, share=0.5),
    Case(f"{DOMAINS} exchangers, {2 * EACH} connections each", each=2 * EACH),
    Case(f"the same without PIPELINING, {2 * EACH} each", each=2 * EACH, pipelining=False, share=0.3),
)


async def receive(*, round_trip: float, pipelining: bool) -> None:
    """The child: receiver and proxy until its input ends; prints the proxy's port, then what came in."""
    async with receiver({} if pipelining else LOCKSTEP) as world, distant(world.port, round_trip=round_trip) as port:
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        print(json.dumps({"messages": len(world.messages), "connections": world.most_open}), flush=True)


@contextlib.asynccontextmanager
async def far_away(case: Case, *, round_trip: float) -> AsyncIterator[tuple[int, dict[str, int]]]:
    """Yields the port, and what came in, which is filled at the end."""
    argv = ["-m", "tests.bench.distance", "--round-trip", str(round_trip), "--receive"]
    argv += ["yes" if case.pipelining else "no"]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, *argv, stdin=pipe, stdout=pipe)
    assert child.stdout is not None
    came: dict[str, int] = {}
    try:
        yield int(await child.stdout.readline()), came
        said, _ = await child.communicate(b"")
        came |= json.loads(said)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def look_up(name: str, kind: str) -> Sequence[dns.rdata.Rdata]:
    """Each domain has a mail exchanger of its own, all on this machine."""
    if kind == "MX":
        return (dns.rdata.from_text("IN", "MX", f"10 mx.{name}."),)
    return (dns.rdata.from_text("IN", "A", "127.0.0.1"),) if kind == "A" else ()


async def measure(case: Case, *, messages: int, round_trip: float) -> dict[str, Any]:
    """Every message must have been sent, and once."""
    async with far_away(case, round_trip=round_trip) as (port, came):
        client = SmtpClient(
            clock=SystemClock(), hello="bench.test", look_up=look_up, private=True,
            limits=Limits(relay=NEAR, far_relay=case.far, direct=case.each or EACH),
        )  # fmt: skip
        room = asyncio.Semaphore(WINDOW)
        route = Route.direct(port=port, tls="none") if case.each else Route.parse(f"smtp://127.0.0.1:{port}")

        async def deliver(n: int) -> None:
            domain = f"d{n % DOMAINS}.example"
            parcel = Parcel(
                route=route, domain=domain, sender="b@bench.test", recipient=f"u{n}@{domain}", message=MESSAGE
            )
            async with room:
                reply = await client.deliver(parcel)
            assert reply.outcome is Outcome.SENT, reply

        warm_up = FAR * 2
        await asyncio.gather(*(deliver(n) for n in range(warm_up)))  # connections are opened
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(deliver(n) for n in range(messages)))
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        await client.close()
    assert came["messages"] == warm_up + messages, came
    return {"rate": messages / took, "cpu_us": cpu / messages * 1e6, "connections": came["connections"]}


async def compare(*, messages: int, round_trip: float) -> None:
    print(f"{'':46}{'messages/s':>12}{'connections':>13}{'CPU us each':>13}   (bar: {BAR}/s with PIPELINING)")
    for case in CASES:
        found = await measure(case, messages=round(messages * case.share), round_trip=round_trip)
        bar = "" if not case.pipelining else "  met" if found["rate"] >= BAR else "  below the bar"
        print(f"{case.name:46}{found['rate']:12.0f}{found['connections']:13}{found['cpu_us']:13.0f}{bar}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=3_000)
    parser.add_argument("--round-trip", type=float, default=0.08, help="seconds")
    parser.add_argument("--receive", choices=["yes", "no"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.receive:
        uvloop.run(receive(round_trip=asked.round_trip, pipelining=asked.receive == "yes"))
        return
    uvloop.run(compare(messages=asked.messages, round_trip=asked.round_trip))


if __name__ == "__main__":
    main()

"""Benchmark of SMTP at a distance: messages a second to twenty domains through a relay behind a delaying proxy.

Connections grow with the round trip, from `near` to `far`; beside it, in the same run, `near` alone and a relay without
PIPELINING, which must take every message too. The SMTP client alone is measured: the desk behind it is the same at any
distance. The proxy delays bytes, not the handshake of TCP.

usage: python -m tests.bench.distance [--round-trip 0.08] [--messages 1500]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Final

import uvloop

from core.clock import SystemClock
from core.model import Outcome
from core.smtp.client import SmtpClient
from core.smtp.route import Limits, Parcel, Route
from tests.smtp.distance import distant
from tests.smtp.receiver import LOCKSTEP, Receiver, receiver

NEAR: Final = 16
FAR: Final = 128
WINDOW: Final = 192
"""Deliveries in progress, as for one stream of a gateway."""
DOMAINS: Final = 20
MESSAGE: Final = b"Subject: x\r\n\r\n" + b"A line of a message, as long as such lines are.\r\n" * 80


async def carried(world: Receiver, *, messages: int, round_trip: float, far: int) -> float:
    """Messages a second; every one must have been sent, and once."""
    async with distant(world.port, round_trip=round_trip) as port:
        client = SmtpClient(clock=SystemClock(), hello="bench.test", limits=Limits(relay=NEAR, far_relay=far))
        room = asyncio.Semaphore(WINDOW)

        async def deliver(n: int) -> None:
            domain = f"d{n % DOMAINS}.example"
            parcel = Parcel(
                route=Route.parse(f"smtp://127.0.0.1:{port}"), domain=domain, sender="b@bench.test",
                recipient=f"u{n}@{domain}", message=MESSAGE,
            )  # fmt: skip
            async with room:
                reply = await client.deliver(parcel)
            assert reply.outcome is Outcome.SENT, reply

        await asyncio.gather(*(deliver(n) for n in range(FAR * 2)))  # connections are opened
        before = len(world.messages)
        began = time.perf_counter()
        await asyncio.gather(*(deliver(n) for n in range(messages)))
        took = time.perf_counter() - began
        assert len(world.messages) - before == messages
        await client.close()
    return messages / took


async def measure(*, messages: int, round_trip: float) -> None:
    for name, script, far, share in (
        (f"PIPELINING, {NEAR} connections", {}, NEAR, 0.25),
        (f"PIPELINING, up to {FAR}", {}, FAR, 1.0),
        (f"without PIPELINING, up to {FAR}", LOCKSTEP, FAR, 0.25),
    ):
        async with receiver(script) as world:
            rate = await carried(world, messages=round(messages * share), round_trip=round_trip, far=far)
            print(f"{name:36} {rate:6.0f} messages/s  {world.most_open:4} connections")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_500)
    parser.add_argument("--round-trip", type=float, default=0.08, help="seconds")
    asked = parser.parse_args()
    uvloop.run(measure(messages=asked.messages, round_trip=asked.round_trip))


if __name__ == "__main__":
    main()

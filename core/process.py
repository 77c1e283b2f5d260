"""One process's share of delivery: the store, its writer, the SMTP client and the delivery worker.

Separate from the gateway because an egress process is only this: it neither imports nor holds the API.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from typing import Final, Self

import structlog

from core.clock import SystemClock
from core.db.store import Store
from core.db.writer import Writer
from core.ids import Chance
from core.model import Clock
from core.security.key_file import load_master_keys, provenance_keys
from core.services.context import ServiceContext, context_of
from core.settings import Settings
from core.smtp.client import SmtpClient
from core.smtp.credentials import Source
from core.smtp.mx import LookUp
from core.smtp.route import Limits, Timeouts
from core.workers.delivery import DeliveryWorker
from core.workers.egress import Egress
from core.workers.sender_config import SenderConfigs

log = structlog.get_logger("process")

SWITCH: Final = 0.0001
"""Seconds between thread switches.

The writer's thread releases the GIL at every statement; at Python's 5 ms it would wait that long for each of them while
the event loop is busy.
"""


PAGE: Final = 4_096

YOUNG: Final = 20_000
"""Allocations before the garbage collector looks for cycles.

At Python's 700 it runs some three times a message, and now and then scans everything that was imported: a twentieth of
the CPU time.
"""


def system_chance() -> Chance:
    """Random bits from the operating system, read a page at a time: each such read releases the GIL."""
    drawn = io.BytesIO()

    def bits(count: int, /) -> int:
        nonlocal drawn
        octets = drawn.read(-(-count // 8))
        if len(octets) * 8 < count:
            drawn = io.BytesIO(os.urandom(PAGE))
            octets = drawn.read(-(-count // 8))
        return int.from_bytes(octets, "big") >> (-count % 8)

    return bits


def make_context(settings: Settings) -> ServiceContext:
    """What service functions may use besides their transaction."""
    chance = system_chance()
    return context_of(settings, provenance_keys(settings.master_key.read_text()), chance)


def make_courier(
    settings: Settings, *, clock: Clock, timeouts: Timeouts | None = None, look_up: LookUp | None = None
) -> SmtpClient:
    """The SMTP client as configured in `[smtp]`, for the gateway and for doctor."""
    smtp = settings.smtp
    return SmtpClient(
        clock=clock,
        hello=smtp.hello,
        limits=Limits(
            relay=smtp.connections_per_relay,
            far_relay=smtp.connections_at_most,
            direct=smtp.connections_per_site,
        ),
        timeouts=timeouts,
        look_up=look_up,
        ca_file=smtp.ca_file,
        private=smtp.private,
        sources={
            host: Source(**(one.model_dump() | {"password": one.password and one.password.get_secret_value()}))
            for host, one in smtp.relays.items()
        },
    )


class Delivery:
    """The objects that delivery needs, wired but not started. Expects the schema that the gateway created."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.keys = load_master_keys(settings)
        self.ctx = make_context(settings)
        self.store = Store(settings.database_url, clock=self.clock)
        self.writer = Writer(self.store)
        self.courier = make_courier(settings, clock=self.clock)
        self.departures = DeliveryWorker(
            store=self.store, writer=self.writer, courier=self.courier, outfits=SenderConfigs(self.store, self.keys),
            ctx=self.ctx, clock=self.clock,
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[Self]:
        """Run the writer; at the end write what is queued and close everything."""
        sys.setswitchinterval(SWITCH)
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG)
        self.writer.start()
        try:
            yield self
        finally:
            await self.courier.close()
            await self.writer.close()
            self.store.close()

    @contextlib.asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Deliver mail; at the end claim nothing more and settle what is in flight."""
        self.writer.due_listeners.append(self.departures.wake)
        running = asyncio.create_task(watched(self.departures.run()))
        try:
            yield
        finally:
            self.departures.stop()
            await running


async def watched(loop: Coroutine[None, None, None]) -> None:
    """Log a worker that ends with an error: otherwise nobody would notice."""
    try:
        await loop
    except Exception:
        log.exception("task ended", loop=getattr(loop, "__qualname__", "?"))


async def deliver(delivery: Delivery) -> None:
    """An egress process: it only delivers, until the parent's pipe closes."""
    async with delivery.writing(), delivery.delivering():
        await Egress.parent(delivery.departures.wake)

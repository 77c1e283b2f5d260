"""Wiring: settings -> ledger, doors, loops; started and stopped in order.

`Gateway` is one process's share of a desk. `serve` runs it until a signal, then drains: no new requests, no new claims,
what is under way is settled, what is queued is written.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from core.clock import SystemClock
from core.doors import site
from core.doors.callers import Callers
from core.doors.desk import Desk
from core.doors.maildir import Maildirs
from core.flow.house import House
from core.hooks import Hooks
from core.keyfile import keyring, provenance_keys
from core.ledger import schema
from core.ledger.store import Store
from core.ledger.writer import Writer
from core.loops.checkpoints import Checkpoints
from core.loops.departures import Departures
from core.loops.egress import Egress
from core.loops.housekeeping import Housekeeping
from core.loops.notify import Notify
from core.loops.outfit import Outfits
from core.loops.policyfile import PolicyFile
from core.loops.rollup import Rollup
from core.loops.webhooks import Webhooks
from core.settings import Settings, split_listen
from core.smtp import Courier, Limits
from core.words import Chance, Clock, Ids

log = structlog.get_logger("gateway")

SWITCH: Final = 0.0001
"""Seconds between thread switches. The writer's thread gives up the interpreter at every statement; at Python's 5 ms it
would wait that long for each of them while the event loop is busy."""


PAGE: Final = 4_096


def system_chance() -> Chance:
    """Random bits of the operating system, drawn a page at a time: each call to it gives up the interpreter."""
    drawn = io.BytesIO()

    def bits(count: int, /) -> int:
        nonlocal drawn
        octets = drawn.read(-(-count // 8))
        if len(octets) * 8 < count:
            drawn = io.BytesIO(os.urandom(PAGE))
            octets = drawn.read(-(-count // 8))
        return int.from_bytes(octets, "big") >> (-count % 8)

    return bits


def make_house(settings: Settings) -> House:
    """What verbs may use beside their transaction."""
    chance = system_chance()
    return House(
        keyring=provenance_keys(settings.master_key.read_text()),
        ids=Ids(chance),
        chance=chance,
        public_url=settings.public_url,
        organisation=settings.organisation,
    )


class Gateway:
    """One process of a desk: doors and loops over one store."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.keys = keyring(settings)
        self.house = make_house(settings)
        self.store = Store(settings.database_url, clock=self.clock)
        schema.upgrade(self.store.engine)
        self.writer = Writer(self.store)
        self.courier = Courier(
            clock=self.clock,
            hello=settings.smtp.hello,
            limits=Limits(relay=settings.smtp.connections_per_relay, direct=settings.smtp.connections_per_site),
            private=settings.smtp.private,
        )
        self.desk = Desk(self.store, self.writer, self.house, Callers(self.store))
        self.app: FastAPI = site.build(self.desk, settings)
        self.departures = Departures(
            store=self.store, writer=self.writer, courier=self.courier, outfits=Outfits(self.store, self.keys),
            house=self.house, clock=self.clock,
        )  # fmt: skip
        self.hooks = Hooks(allow=settings.webhooks.allow)
        self.webhooks = Webhooks(
            store=self.store, writer=self.writer, hooks=self.hooks, keyring=self.keys, house=self.house,
            clock=self.clock,
        )  # fmt: skip
        self._loops: list[asyncio.Task[None]] = []
        self._egress: Egress | None = None

    @contextlib.asynccontextmanager
    async def running(self, *, doors: bool = True) -> AsyncIterator[Gateway]:
        """Everything started in order; stopped in the opposite order, nothing under way dropped."""
        sys.setswitchinterval(SWITCH)
        self.writer.start()
        if doors:
            self._start_loops()
        delivering: asyncio.Task[None] | None = None
        if doors and self.settings.egress:
            self._egress = Egress(self.settings)
            await self._egress.start()
            self.writer.listeners.append(self._egress.wake)
        else:
            self.writer.listeners.append(self.departures.wake)
            delivering = asyncio.create_task(self.departures.run())
        try:
            yield self
        finally:
            self.departures.stop()
            if delivering is not None:
                await delivering
            if self._egress is not None:
                await self._egress.stop()
            self.webhooks.stop()
            for loop in self._loops:
                loop.cancel()
            await asyncio.gather(*self._loops, return_exceptions=True)
            await self.hooks.close()
            await self.courier.close()
            await self.writer.close()
            self.store.close()

    def _start_loops(self) -> None:
        """What runs by itself beside delivery: the clock's chores, the policy file, webhooks, notifications."""
        self.writer.listeners.append(self.webhooks.wake)
        notify = Notify(
            store=self.store, writer=self.writer, clock=self.clock, worker=self.house.ids.mint(self.clock.now())
        )
        running = [
            Housekeeping(writer=self.writer, clock=self.clock).run(),
            self.webhooks.run(),
            notify.run(),
            Checkpoints(self.settings, writer=self.writer, hooks=self.hooks, keyring=self.keys, clock=self.clock).run(),
            Rollup(writer=self.writer, clock=self.clock).run(),
            Maildirs(self.desk, self.settings.feedback.maildirs).run(),
        ]
        if self.settings.policy_file.is_file():
            running.append(PolicyFile(self.settings.policy_file, writer=self.writer).run())
        self._loops += [asyncio.create_task(watched(one)) for one in running]


async def watched(loop: Coroutine[None, None, None]) -> None:
    """A loop that ends by an error says so: silence would look like peace."""
    try:
        await loop
    except Exception:
        log.exception("a loop ended", loop=getattr(loop, "__qualname__", "?"))


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: ours drain the loops as well."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(gateway: Gateway, *, stopped: asyncio.Event | None = None) -> None:
    """Serve until SIGTERM, SIGINT or `stopped`; returns when everything is drained."""
    stop = stopped or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(number, stop.set)
    listens = [(gateway.settings.listen, gateway.app)]
    if gateway.settings.public_listen:
        listens.append((gateway.settings.public_listen, site.public(gateway.desk, gateway.settings)))
    async with gateway.running():
        servers = [_server(address, app) for address, app in listens]
        serving = [asyncio.create_task(server.serve()) for server in servers]
        log.info("serving", listen=gateway.settings.listen, dir=str(gateway.settings.dir), pid=os.getpid())
        await asyncio.wait([asyncio.create_task(stop.wait()), *serving], return_when=asyncio.FIRST_COMPLETED)
        log.info("draining")
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving)
    log.info("stopped")


def _server(address: str, app: FastAPI) -> _Server:
    host, port = split_listen(address)
    return _Server(
        uvicorn.Config(
            app, host=host, port=port, loop="none", http="httptools", log_config=None, access_log=False,
            lifespan="off", server_header=False, timeout_graceful_shutdown=30, backlog=4096,
        )
    )  # fmt: skip


async def deliver(gateway: Gateway) -> None:
    """An egress process: departures alone, until the parent's pipe closes."""
    async with gateway.running(doors=False):
        await Egress.parent(gateway.departures.wake)

"""Wiring of a gateway: settings -> store, API, workers; started and stopped in order.

`Gateway` is one process of a desk. `serve` runs it until a signal, then drains: it takes no new requests and no new
claims, settles what is in flight and writes what is queued.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from core.api import app as api_app
from core.api import tls
from core.api.auth import Authenticator
from core.api.compose_pool import ComposePool
from core.api.deps import ApiContext
from core.api.http_connection import Connection
from core.api.listener import Listener, Traffic, raise_file_limit
from core.api.tls import Certificate
from core.db import migrate
from core.db.locks import OfAgents
from core.errors import PostroomError
from core.mcp.endpoint import McpEndpoint
from core.model import Clock
from core.operations.event_stream import EventStream
from core.process import Delivery, watched
from core.services.control import gateway_registry
from core.services.feedback.provider_webhooks import ProviderWebhooks
from core.services.notify.apprise_client import Reach
from core.services.notify.webhook_client import WebhookClient
from core.services.receiving import outside_scorer, sender_proof
from core.services.receiving.intake import Intake
from core.settings import Settings, split_listen
from core.workers import log_check
from core.workers.checkpoints import Checkpoints
from core.workers.egress import Egress
from core.workers.heartbeat import Heartbeat
from core.workers.kept_feedback import KeptFeedback
from core.workers.lmtp import LmtpServer
from core.workers.log_check import LogCheck
from core.workers.maildir import InboundMaildirs, MaildirWatcher
from core.workers.mx_lookup import MxLookup
from core.workers.notifications import NotificationWorker
from core.workers.policy_watcher import PolicyWatcher
from core.workers.scheduler import Scheduler
from core.workers.webhooks import WebhookWorker

BACKLOG: Final = 512
"""Connections in the kernel's accept queue: all of them may become open files at once."""
DATE: Final = 1.0
"""Seconds between two updates of the Date in responses."""

STREAMS_END: Final = 0.25
"""Seconds in which streams end by themselves when the gateway stops."""

log = structlog.get_logger("gateway")


class Gateway:
    """One process of a desk: the API and the workers over one store."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.delivery = delivery = Delivery(settings, clock=clock)
        migrate.upgrade(delivery.store.engine, founding=False)
        delivery.store.prove_locks()
        log_check.at_start(settings, delivery.store)
        self.traffic = Traffic(settings.http)
        self.composers = _composers(settings)
        here = gateway_registry.Place(
            delivery.ctx.ids.mint(delivery.clock.now()), socket.gethostname(), os.getpid(), settings.listen
        )
        self.place = here
        self.heartbeat = Heartbeat(delivery.writer, OfAgents(lambda tx: gateway_registry.beat(tx, here)))
        self.desk = ApiContext(
            delivery.store,
            delivery.writer,
            delivery.ctx,
            Authenticator(delivery.store, delivery.writer),
            self.traffic,
            self.composers,
            lambda: self.heartbeat.trouble,
            here.key,
        )
        self.intake = Intake(
            store=delivery.store, writer=delivery.writer, ctx=delivery.ctx, settings=settings.inbound,
            pool=self.composers, proof=sender_proof.configured(settings.inbound),
            scorer=outside_scorer.configured(settings.inbound),
        )  # fmt: skip
        self.app: FastAPI = api_app.build(self.desk, settings)
        self.mcp = McpEndpoint(self.app, self.desk, settings)
        self.hooks = WebhookClient(allow=settings.webhooks.allow)
        self.webhooks = WebhookWorker(
            store=delivery.store, writer=delivery.writer, hooks=self.hooks, keyring=delivery.keys,
            ctx=delivery.ctx, clock=delivery.clock,
        )  # fmt: skip
        self._loops: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Gateway]:
        """Start everything in order; stop in reverse order, dropping nothing that is under way."""
        async with self.delivery.writing():
            await self._enter()
            self._start_loops()
            try:
                async with (
                    self._egress() if self.settings.egress else self.delivery.delivering(),
                    LmtpServer(self.intake, self.settings.inbound).running(),
                    self.mcp.running(),
                ):
                    yield self
            finally:
                self.desk.events.close()
                self.webhooks.stop()
                for loop in self._loops:
                    loop.cancel()
                await asyncio.gather(*self._loops, return_exceptions=True)
                await self.hooks.close()
                if self.composers is not None:
                    await self.composers.close()
                await self._leave()

    async def _enter(self) -> None:
        """Register this gateway as running. If the database is busy, the first heartbeat does it."""
        with contextlib.suppress(PostroomError):
            await self.delivery.writer.do(lambda tx: gateway_registry.start(tx, self.place, is_running=alive))
        self.heartbeat.start()

    async def _leave(self) -> None:
        await self.heartbeat.stop()
        with contextlib.suppress(PostroomError):
            await self.delivery.writer.do(lambda tx: gateway_registry.stop(tx, self.place))

    @contextlib.asynccontextmanager
    async def _egress(self) -> AsyncIterator[None]:
        """Deliver in separate processes."""
        egress = Egress(self.settings)
        await egress.start()
        self.delivery.writer.due_listeners.append(egress.wake)
        try:
            yield
        finally:
            await egress.stop()

    def _provider_webhooks(self) -> ProviderWebhooks:
        delivery = self.delivery
        return ProviderWebhooks(
            store=delivery.store, writer=delivery.writer, clock=delivery.clock, configured=self.settings.feedback
        )

    def _start_loops(self) -> None:
        """Start the workers other than delivery: scheduled tasks, policy file, webhooks, notifications."""
        writer, clock, keys = self.delivery.writer, self.delivery.clock, self.delivery.keys
        writer.listeners.append(self.webhooks.wake)
        worker = self.delivery.ctx.ids.mint(clock.now())
        reach = Reach.read(allow=self.settings.notify.allow, schemes=self.settings.notify.schemes)
        running = [
            Scheduler(store=self.delivery.store, writer=writer, clock=clock).run(),
            self.webhooks.run(),
            NotificationWorker(
                store=self.delivery.store,
                writer=writer,
                clock=clock,
                worker=worker,
                reach=reach,
                console=self.settings.console_command,
            ).run(),
            Checkpoints(self.settings, writer=writer, hooks=self.hooks, keyring=keys, clock=clock).run(),
            LogCheck(self.settings, store=self.delivery.store, writer=writer, clock=clock).run(),
            MxLookup(writer=writer, clock=clock).run(),
            KeptFeedback(self._provider_webhooks(), clock=clock).run(),
            self.traffic.watch(),
            MaildirWatcher(self.desk.writer, self.desk.ctx.keyring, self.settings.feedback.maildirs).run(),
            InboundMaildirs(self.intake, self.settings.inbound.maildirs).run(),
        ]
        if self.settings.policy_file.is_file():
            running.append(PolicyWatcher(self.settings.policy_file, writer=writer).run())
        self._loops += [asyncio.create_task(watched(one)) for one in running]


def _composers(settings: Settings) -> ComposePool | None:
    command = (sys.executable, "-m", "core.cli.compose_process", str(settings.dir))
    environment = os.environ | {"POSTROOM_DATABASE": settings.database_url}
    most = settings.http.content_processes
    return ComposePool(command, environment, most=most) if most else None


def alive(host: str, pid: int) -> bool | None:
    """Whether another gateway's process runs; None if it is on another machine."""
    if host != socket.gethostname():
        return None
    if pid == os.getpid():
        return False  # an earlier start of this process: containers number their processes from 1
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: ours drain the workers as well.

    It also waits to be told to exit, instead of asking ten times a second.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        self._exit = asyncio.Event()
        super().__init__(config)

    @property
    def should_exit(self) -> bool:
        return self._exit.is_set()

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self._exit.set()
        else:
            self._exit.clear()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # sets the Date of the responses
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE):
                    await self._exit.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(gateway: Gateway, *, stopped: asyncio.Event | None = None) -> None:
    """Serve until SIGTERM, SIGINT or `stopped`; returns once everything is drained."""
    stop = stopped or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(number, stop.set)
    certificate = tls.certificate(gateway.settings)
    traffic = gateway.traffic
    traffic.fit(raise_file_limit())
    listens = [(gateway.settings.listen, gateway.app, traffic.inside)]
    if gateway.settings.public_listen:
        listens.append((gateway.settings.public_listen, api_app.public(gateway.desk, gateway.settings), traffic.public))
    async with gateway.running():
        servers = [
            server(address, app, listener, tls=certificate, forwarded=gateway.settings.http.forwarded_allow)
            for address, app, listener in listens
        ]
        watching = None if certificate is None else asyncio.create_task(certificate.watch())
        serving = [asyncio.create_task(one.serve()) for one in servers]
        log.info("serving", listen=gateway.settings.listen, dir=str(gateway.settings.dir), pid=os.getpid())
        await asyncio.wait([asyncio.create_task(stop.wait()), *serving], return_when=asyncio.FIRST_COMPLETED)
        log.info("draining")
        gateway.desk.arrivals.close()
        for one in servers:
            one.should_exit = True
        await end_streams(gateway.desk.events, traffic)
        await asyncio.gather(*serving)
        if watching is not None:
            watching.cancel()
    log.info("stopped")


async def end_streams(events: EventStream, traffic: Traffic) -> None:
    """End the streams of those who follow the log; one whose client does not read is cut, or draining waits for it."""
    events.close()
    await asyncio.sleep(STREAMS_END)
    for listener in traffic.listeners:
        listener.drop_streams()


def server(
    address: str, app: FastAPI, listener: Listener, *, tls: Certificate | None = None, forwarded: Sequence[str] = ()
) -> _Server:  # fmt: skip
    """One HTTP server, not started. `listener` limits its connections; `forwarded` are proxies that it believes."""
    host, port = split_listen(address)
    protocol = type("Connection", (Connection,), {"listener": listener})
    config = uvicorn.Config(
        app, host=host, port=port, loop="none", http=protocol, ws="none", log_config=None, access_log=False,
        lifespan="off", server_header=False, timeout_graceful_shutdown=30, backlog=BACKLOG,
        proxy_headers=bool(forwarded), forwarded_allow_ips=[*forwarded],
    )  # fmt: skip
    config.load()
    config.ssl = None if tls is None else tls.context
    return _Server(config)

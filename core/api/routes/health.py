"""Liveness, readiness, and metrics for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from core.api.deps import ApiContext
from core.api.errors import problem, request_id
from core.api.openapi import answer_json, errors
from core.db import audit_log
from core.db import sqlite_file as database
from core.db.counters import EVER, bucket
from core.db.development import is_development
from core.db.queries import lanes
from core.db.transaction import Transaction
from core.errors import Unavailable
from core.services.control import readiness
from core.services.control.readiness import Fault
from core.settings import Settings

RECENTLY: Final = 10.0
"""Seconds after which a submission that could not be written no longer counts against readiness."""


class Health:
    """Routes without authentication: they show figures and the id of this gateway, never names or mail."""

    def __init__(self, desk: ApiContext, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
        self._development = False
        self.router = APIRouter(tags=["health"])
        add = self.router.add_api_route
        add("/healthz", self._alive, methods=["GET"])
        add("/readyz", self._ready, methods=["GET"], responses=errors(503))
        add("/metrics", self._metrics, methods=["GET"], response_class=Response, responses=errors(503))

    async def _alive(self) -> Response:
        """The process answers and names its gateway: there may be several behind one address."""
        return answer_json(200, {"ok": True, "gateway": self._desk.gateway})

    async def _ready(self, request: Request) -> Response:
        """The desk can accept, claim and deliver; 503 names what it cannot do."""
        faults = await asyncio.to_thread(lambda: list(self._faults()))
        if not faults:
            return answer_json(200, {"ok": True, "desk": self._settings.name, "development": self._development})
        problems = [{"what": one.what, "reason": one.reason, "fix": one.fix} for one in faults]
        reason = "; ".join(f"cannot {one.what}: {one.reason}" for one in faults)
        return problem(
            503, error="not_ready", reason=reason, fix=faults[0].fix, request_id=request_id(request), faults=problems
        )

    def _faults(self) -> Iterator[Fault]:
        desk = self._desk
        if (path := database.of(desk.store.engine.url)) is not None:
            yield from readiness.disk(Path(path).parent)
        trouble = desk.pulse() or desk.writer.trouble(RECENTLY)
        if trouble is not None:
            yield Fault("accept", trouble, "look at the database, its disk and its log")
        try:
            with desk.store.read() as conn:
                yield from list(readiness.delivery(conn, now=desk.store.clock.now()))
                self._development = is_development(conn)
        except Unavailable as error:
            yield Fault("claim", error.reason, "look at the database, its disk and its log")

    async def _metrics(self) -> Response:
        """Metrics, read from the counters that enforce the limits."""
        return Response(self._desk.store.look(self._collect), media_type=CONTENT_TYPE_LATEST)

    def _collect(self, tx: Transaction) -> bytes:
        registry = CollectorRegistry()

        def gauge(name: str, what: str, value: float) -> None:
            Gauge(f"postroom_{name}", what, registry=registry).set(value)

        gauge("pending", "actions that wait for a human", tx.counters.total("desk", "", "pending", since=EVER))
        scheduled = tx.counters.total("desk", "", "scheduled", since=EVER)
        gauge("scheduled", "messages that wait for their send_at", scheduled)
        queued, in_flight = lanes.totals(tx)
        gauge("queued", "recipients ready or waiting in lanes", queued)
        gauge("in_flight", "recipients claimed by a worker", in_flight)
        since = bucket(tx.now) - 15
        for kind in ("sent", "held", "deferred", "failed", "uncertain", "refused"):
            gauge(f"{kind}_15m", f"{kind} in the last 15 minutes", tx.counters.total("desk", "", kind, since=since))
        gauge("log_seq", "events in the log", audit_log.head(tx.conn)[0])
        Counter("postroom_commits", "verbs committed by this process", registry=registry).inc(
            self._desk.writer.committed
        )
        self._of_listeners(registry)
        return generate_latest(registry)

    def _of_listeners(self, registry: CollectorRegistry) -> None:
        labels = ["listener"]
        connections = Gauge("postroom_http_connections", "open connections", labels, registry=registry)
        bodies = Gauge("postroom_http_body_bytes", "memory held by unanswered requests", labels, registry=registry)
        refused = Counter(
            "postroom_http_refused", "connections refused or ended for what they did", [*labels, "reason"],
            registry=registry,
        )  # fmt: skip
        for one in self._desk.traffic.listeners:
            connections.labels(one.name).set(len(one))
            bodies.labels(one.name).set(one.bodies.held)
            for reason, count in one.refused.items():
                refused.labels(one.name, reason).inc(count)

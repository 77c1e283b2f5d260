"""The real application over a real store and writer, visited over HTTP without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from core.api import app as api_app
from core.api.auth import Authenticator
from core.api.deps import ApiContext
from core.api.listener import Traffic
from core.db.writer import Writer
from core.security.encryption import new_master_key
from core.settings import Settings
from tests.factories.desk import ADDRESS, Bench

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a token (or none) at a door of the desk."""

    app: FastAPI
    bench: Bench
    desk: ApiContext
    settings: Settings
    token: str | None

    def using(self, token: str | None) -> Visitor:
        return Visitor(self.app, self.bench, self.desk, self.settings, token)

    def operator(self, name: str) -> Visitor:
        return self.using(f"pro_{name}")

    def at(self, app: FastAPI) -> Visitor:
        return Visitor(app, self.bench, self.desk, self.settings, self.token)

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
            return await client.request(method, path, headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return asyncio.run(self.ask("GET", path, **more))

    def pages(self, path: str) -> list[JSON]:
        """Every page of a list (a path with a query), until no cursor follows."""
        found: list[JSON] = []
        cursor: str | None = ""
        while cursor is not None:
            found.append(self.get(f"{path}&cursor={cursor}").json())
            cursor = found[-1]["next_cursor"]
        return found

    def post(self, path: str, body: object = None, **more: Any) -> httpx.Response:
        return asyncio.run(self.ask("POST", path, **({} if body is None else {"json": body}), **more))

    def patch(self, path: str, body: object) -> httpx.Response:
        return asyncio.run(self.ask("PATCH", path, json=body))

    def delete(self, path: str) -> httpx.Response:
        return asyncio.run(self.ask("DELETE", path))

    def send(self, *, http: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return self.post("/emails/send", mail(**more), headers=http or {})


def mail(*, sender: str = ADDRESS, **more: Any) -> JSON:
    """A request to send, with members changed or added."""
    return {
        "from": sender, "to": ["jane@example.com"], "subject": "Your refund", "text": "It is on its way.",
        "run": {"id": "run-1", "user": "ann@acme.test"},
    } | more  # fmt: skip


def bearer(bench: Bench) -> str:
    """The token that `make_desk` issues."""
    return f"pra_test{bench.agent_id}False"


@contextmanager
def opened(bench: Bench, directory: Path, **settings: Any) -> Iterator[Visitor]:
    """A gateway's doors over a desk, its writer running; nobody delivers."""
    (directory / "master.key").write_text(new_master_key("k1"))
    (directory / "master.key").chmod(0o600)
    configured = Settings(dir=directory, organisation="Acme & Sons", **settings)
    writer = Writer(bench.store)
    writer.start()
    desk = ApiContext(bench.store, writer, bench.ctx, Authenticator(bench.store, writer), Traffic(configured.http))
    try:
        yield Visitor(api_app.build(desk, configured), bench, desk, configured, bearer(bench))
    finally:
        asyncio.run(writer.close())


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    """A body of undeclared length."""
    for part in parts:
        yield part


def problem(answer: httpx.Response, http: int, error: str) -> JSON:
    """The members of a problem, once it is seen to be one (RFC 9457)."""
    assert answer.status_code == http, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    members: JSON = answer.json()
    assert members["error"] == error
    assert members["type"] == f"urn:postroom:error:{error}"
    assert members["reason"]
    assert members["title"]
    assert members["request_id"] == answer.headers["x-request-id"]
    return members

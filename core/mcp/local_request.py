"""Send a request to the application of this process: no socket, but every middleware and the route itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson
from starlette.responses import Response

from core.api.middleware.request_limits import App, Message, Receive, Scope

_FORWARDED: Final = ("client", "server", "scheme", "http_version")


@dataclass(frozen=True, slots=True)
class Reply:
    """The status and the JSON body of an answer."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        return self.status < 300

    @classmethod
    def of(cls, response: Response) -> Reply:
        return cls(response.status_code, orjson.loads(bytes(response.body)))


@dataclass(frozen=True, slots=True)
class LocalApi:
    """The HTTP API as seen by the client whose request `outer` is: same address, same Host, same token."""

    app: App
    outer: Scope
    outer_receive: Receive
    headers: tuple[tuple[bytes, bytes], ...] = field(init=False)

    def __post_init__(self) -> None:
        passed = tuple((name, value) for name, value in self.outer["headers"] if name in (b"host", b"authorization"))
        object.__setattr__(self, "headers", passed)

    async def ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: bytes = b"",
        headers: Mapping[bytes, bytes] | None = None,
    ) -> Reply:  # fmt: skip
        """The answer to one request. `path` is not quoted; every part of it must have been checked."""
        more = {b"content-type": b"application/json", b"content-length": str(len(body)).encode()} if body else {}
        scope = {name: self.outer[name] for name in _FORWARDED if name in self.outer} | {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": method,
            "path": path,
            "raw_path": quote(path).encode(),
            "root_path": "",
            "query_string": urlencode(query or {}).encode(),
            "headers": [*self.headers, *(more | dict(headers or {})).items()],
        }
        exchange = _Exchange(body, self.outer_receive)
        await self.app(scope, exchange.receive, exchange.send)
        return exchange.reply()


class _Exchange:
    """The body on its way in, and the answer on its way out."""

    def __init__(self, body: bytes, outer_receive: Receive) -> None:
        self._body: bytes | None = body
        self._outer_receive = outer_receive
        self._status = 0
        self._parts: list[bytes] = []

    async def receive(self) -> Message:
        while self._body is None:  # a route that waits asks whether its client is gone
            message = await self._outer_receive()
            if message["type"] == "http.disconnect":
                return message
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))

    def reply(self) -> Reply:
        return Reply(self._status, orjson.loads(b"".join(self._parts)))

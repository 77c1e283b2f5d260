"""ASGI middleware: assign a request ID and limit the body size, before anything is parsed.

Each body has a limit, and all bodies of unanswered requests share another: a dozen clients that send 25 MB and never
finish must not exhaust the memory of the desk. Plain ASGI: Starlette's `BaseHTTPMiddleware` costs a task per request
and breaks cancellation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from starlette.requests import ClientDisconnect

from core.api.errors import of_error, problem
from core.api.listener import SMALL, Bodies
from core.errors import Overloaded
from core.ids import Chance
from core.text.numbers import whole_number

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY: Final = 26 * 2**20
"""Bytes of one request: 25 MB of mail, as the large receivers take, in JSON."""


class _TooMuch(Exception):
    """The body exceeded its limit while it was read."""


class _NoRoom(Exception):
    """The bodies of all requests together exceeded their limit."""


class _Body:
    """A body being read: its size so far, and the part of it charged to body memory."""

    def __init__(self, receive: Receive, bodies: Bodies, most: int) -> None:
        self._receive = receive
        self._bodies = bodies
        self._most = most
        self._seen = self._charged = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._most:
            raise _TooMuch
        more = self._seen - SMALL - self._charged
        if more > 0:
            if not self._bodies.take(more):
                raise _NoRoom
            self._charged += more
        return message

    def release(self) -> None:
        self._bodies.give(self._charged)


class RequestLimits:
    """Assign each request an ID and refuse bodies over the limits, with or without a declared size.

    `larger`: limits of paths that take more than `most`.
    """

    def __init__(
        self,
        app: App,
        *,
        chance: Chance,
        bodies: Bodies,
        most: int = MAX_BODY,
        larger: Mapping[str, int] | None = None,
    ) -> None:
        self._app = app
        self._larger = {path: limit for path, limit in (larger or {}).items() if limit > most}
        self._bodies = bodies
        self._chance = chance
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rid = scope["postroom.request_id"] = f"req_{self._chance(64):016x}"
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        most = self._larger.get(scope["path"], self._most) if self._larger else self._most
        if declared.isdigit() and whole_number(declared.decode(), most=most) is None:
            await self._refuse(scope, receive, send, rid, most)
            return
        started = False

        async def tagged(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", rid.encode())]
            await send(message)

        body = _Body(receive, self._bodies, most)
        try:
            await self._app(scope, body.receive, tagged)
        except _TooMuch:
            if started:
                raise
            await self._refuse(scope, receive, send, rid, most)
        except _NoRoom:
            if started:
                raise
            reason = "the requests that are under way take all the memory there is for them"
            await of_error(Overloaded(reason, retry_after=5), rid)(scope, receive, tagged)
        except ClientDisconnect:
            return  # the client is gone and nothing was written: its body never arrived
        finally:
            body.release()

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, rid: str, most: int) -> None:
        answer = problem(
            413, error="too_large", reason=f"the request is larger than {most:,} bytes", request_id=rid,
            fix="send large files as links",
        )  # fmt: skip
        answer.headers["x-request-id"] = rid
        await answer(scope, receive, send)

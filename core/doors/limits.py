"""The outermost wall of a door: a request id, a bound on the body, before anything is parsed.

Plain ASGI: Starlette's `BaseHTTPMiddleware` costs a task a request and breaks cancellation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from core.doors.problems import problem
from core.words import Chance

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY: Final = 26 * 2**20
"""Bytes of one request: 25 MB of mail, as the large receivers take, in JSON."""


class _TooMuch(Exception):
    """The body went over the bound while it was read."""


class Wall:
    """Gives each request an id and refuses bodies over the bound, declared or not."""

    def __init__(self, app: App, *, chance: Chance, most: int = MAX_BODY) -> None:
        self._app = app
        self._chance = chance
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rid = scope["postroom.request_id"] = f"req_{self._chance(64):016x}"
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if declared.isdigit() and int(declared) > self._most:
            await self._refuse(scope, receive, send, rid)
            return
        seen = 0
        started = False

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
                raise _TooMuch
            return message

        async def tagged(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", rid.encode())]
            await send(message)

        try:
            await self._app(scope, bounded, tagged)
        except _TooMuch:
            if started:
                raise
            await self._refuse(scope, receive, send, rid)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, rid: str) -> None:
        answer = problem(
            413, error="too_large", reason=f"the request is larger than {self._most:,} bytes", request_id=rid,
            fix="send large files as links",
        )  # fmt: skip
        answer.headers["x-request-id"] = rid
        await answer(scope, receive, send)

"""One HTTP connection within the limits of its listener: uvicorn's protocol plus timeouts on the client.

The client must send its headers, send its body and read the response. Each of these has a time limit that more bytes do
not reset. One periodic sweep of all connections enforces the limits, so no request needs a timer of its own.
"""

from __future__ import annotations

import asyncio
import enum
from typing import Any, Final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from core.api.listener import BODY_RATE, DRAIN, Listener

FIELD: Final = 32
"""Bytes that each header field counts in addition to its content, so that many tiny fields are also a large header."""
_LINES: Final = {
    400: b"HTTP/1.1 400 Bad Request",
    408: b"HTTP/1.1 408 Request Timeout",
    431: b"HTTP/1.1 431 Request Header Fields Too Large",
    503: b"HTTP/1.1 503 Service Unavailable",
}


class Stage(enum.Enum):
    """What the client is doing."""

    HEADER = enum.auto()
    BODY = enum.auto()
    ANSWERED = enum.auto()
    """The request is complete; the client waits for the response."""
    IDLE = enum.auto()
    """Between two requests; uvicorn's own keep-alive timer ends this."""


class Connection(HttpToolsProtocol):
    """A connection that its listener can close."""

    listener: Listener

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.address = ""
        self._stage = Stage.HEADER
        self._since = self.loop.time()
        self._octets = 0
        """Of the present header or body."""
        self._fields = 0
        self._oversized = False
        self._unread_since: float | None = None
        self._draining_since: float | None = None
        self._closing_since: float | None = None

    # --- called by the transport ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        if not self.listener.admit(self):
            self._answer(503)

    def connection_lost(self, exc: Exception | None) -> None:
        self.listener.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if self._stage is Stage.IDLE:
            self._begin_header()
        self._octets += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # upgrades are not supported; the request itself goes on
        except httptools.HttpParserError:
            self.listener.refused["malformed"] += 1
            self._answer(400)
            return
        in_header = self._stage is Stage.HEADER and self._octets > self.listener.limits.header_bytes
        if self._oversized or in_header:
            self.listener.refused["header too large"] += 1
            self._answer(431)

    def pause_writing(self) -> None:
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread_since = None
        super().resume_writing()

    # --- called by the parser ---

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._stage is not Stage.HEADER:
            self._begin_header()
            self._octets = 1  # at least one: they arrived together with the end of the previous request

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value) + FIELD)

    def on_headers_complete(self) -> None:
        self._stage, self._since, self._octets = Stage.BODY, self.loop.time(), 0
        self.listener.works(self)
        if not self._oversized:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._oversized:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._stage = Stage.ANSWERED
        if not self._oversized:
            super().on_message_complete()
            self._rest()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._stage is Stage.BODY and not self.pipeline:
            self._draining_since = self.loop.time()
        self._rest()

    def _rest(self) -> None:
        """Become idle, once this request is complete and answered."""
        if self._stage is Stage.ANSWERED and self.cycle.response_complete and not self.pipeline:
            self._stage, self._draining_since, self._since = Stage.IDLE, None, self.loop.time()
            self.listener.waits(self)

    def _begin_header(self) -> None:
        self._stage, self._since = Stage.HEADER, self.loop.time()
        self._octets = self._fields = 0
        self._draining_since = None

    def _count(self, octets: int) -> None:
        self._fields += octets
        self._oversized |= self._fields > self.listener.limits.header_bytes

    # --- called by the listener ---

    def overdue(self, now: float) -> str | None:
        limits = self.listener.limits
        if self.transport.is_closing():
            # The transport still buffers what was written before the close, for a client that may never read it.
            self._closing_since = self._closing_since or now
            return "answer not read" if now - self._closing_since > limits.write_seconds else None
        if self._unread_since is not None and now - self._unread_since > limits.write_seconds:
            return "answer not read"
        if self._draining_since is not None:
            return "body not wanted" if now - self._draining_since > DRAIN else None
        if self._stage is Stage.HEADER and now - self._since > limits.header_seconds:
            return "slow header"
        if self._stage is Stage.IDLE and now - self._since > 2 * self.timeout_keep_alive:
            return "idle"  # uvicorn loses its own timer if a body ends after its response
        if self._stage is Stage.BODY:
            if self.flow.read_paused:  # it waits for us
                self._since = now
            elif now - self._since > limits.body_seconds + self._octets / BODY_RATE:
                return "slow body"
        return None

    @property
    def streams(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's type annotation omits None
        return cycle is not None and not cycle.response_complete and "postroom.stream" in cycle.scope

    def drop(self, why: str) -> None:
        if why == "slow header" and self._octets:
            self._answer(408)
        else:
            self.transport.abort()

    def _answer(self, code: int) -> None:
        """Answer without calling the application, and close."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's type annotation omits None
        if cycle is None or cycle.response_complete:
            self.transport.write(_LINES[code] + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()

"""A desk through its gateway, for screens and commands: operations by `POST /v1/NAME`, the log by `GET /v1/events`.

With the standard library: httpx takes as long to import as all the rest of a command, and thrice the CPU for a request.
Where a proxy has to be passed, `DeskClient` does it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

from core.desk_client import event_stream, refusals
from core.desk_client.event_stream import LOST_AFTER
from core.desk_client.interface import Heartbeat, Json, LogLine
from core.desk_client.names import READS, OperationName
from core.desk_client.refusals import ANSWER_WITHIN, CLIENT, EVENTS, JSON, TRIES
from core.desk_client.urls import bearer, checked_url, crosses_network
from core.errors import Unavailable
from core.security.tls_roots import public_roots

if TYPE_CHECKING:
    from core.desk_client.http_desk import DeskClient
    from core.desk_client.reads import Read

T = TypeVar("T")

COMMAND: Final = "cli"
"""How the log names what commands do and read, as it does on the desk's own host."""
IDLE_MOST: Final = 4.0
"""Seconds after which an idle connection is not used again: a gateway closes it after five."""
PIECE: Final = 65_536
"""Bytes of the log read at once, at most."""
LOSSES: Final = (OSError, http.client.HTTPException)


def opened(
    url: str, token: str | None, *, name: str | None = None, client: str = COMMAND, guarded: bool = False,
    answer_within: float | None = None,
) -> DirectDesk | DeskClient:  # fmt: skip
    """The desk at this URL, as `DirectDesk`. Raises `Invalid`: the URL. `Unauthenticated`: the token."""
    if not _passes_a_proxy(checked_url(url)):
        return DirectDesk(url, token, name=name, client=client, guarded=guarded, answer_within=answer_within)
    from core.desk_client.http_desk import DeskClient  # noqa: PLC0415 - see above

    return DeskClient(url, token, name=name, client=client, guarded=guarded, answer_within=answer_within)


class DirectDesk:
    """A desk at a URL, for the operator who holds the token. Thread-safe."""

    local = False

    def __init__(
        self, url: str, token: str | None, *, name: str | None = None, client: str = COMMAND, guarded: bool = False,
        answer_within: float | None = None,
    ) -> None:  # fmt: skip
        """Raises `Invalid`: the URL. `Unauthenticated`: the token. `token`: None for a person who has none yet.

        `client` is `console` or `cli`, for the log. `answer_within`: seconds for every answer, instead of those that
        each operation has.
        """
        self.url = checked_url(url)
        self.name = name or urlsplit(self.url).netloc
        self.guarded = guarded
        self._admitted = False
        self._answer_within = answer_within
        self._headers = {CLIENT: client} | ({} if token is None else {"Authorization": bearer(token)})
        self._connections = _Connections(self.url, ANSWER_WITHIN if answer_within is None else answer_within)

    def call(self, operation: OperationName, /, **members: Any) -> Json:
        return refusals.members(self.url, self._post(operation, members))

    def read(self, read: Read[T], /, **members: Any) -> T:
        return read.decode(self._post(read.name, members))

    def _post(self, operation: OperationName, members: Json) -> bytes:
        body = json.dumps(members, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        sent, act = False, operation not in READS
        headers = self._headers | {"Content-Type": JSON}
        headers |= {"Idempotency-Key": uuid.uuid4().hex} if act else {}
        headers |= {refusals.TIGHTENS_ONLY: "1"} if self.guarded else {}
        within = self._answer_within or refusals.answer_within(operation)
        for left in reversed(range(TRIES)):
            try:
                with self._connections.one(within, kept=left > 0) as connection:
                    sent = True
                    connection.request("POST", f"{self._connections.path}/v1/{operation}", body=body, headers=headers)
                    answer = connection.getresponse()
                    content = answer.read()
            except LOSSES as error:
                if not left:
                    raise refusals.lost(self.name, self.url, error, done=act and sent) from error
            else:
                self._check(answer, content, act=act)
                return content
        raise AssertionError

    def events(self, *, after: int | None = None, outline: bool = False) -> Generator[LogLine | Heartbeat, None, None]:
        asked = ({} if after is None else {"after": str(after)}) | ({"outline": "true"} if outline else {})
        path = f"{self._connections.path}/v1/events?{urlencode(asked)}"
        try:
            with self._connections.one(LOST_AFTER, kept=False) as connection:
                connection.request("GET", path, headers=self._headers)
                answer = connection.getresponse()
                self._check(answer, b"" if answer.status == 200 else answer.read(), act=False, kind=EVENTS)
                yield from event_stream.heard(_lines(answer))
        except LOSSES as error:
            raise refusals.lost(self.name, self.url, error) from error
        raise Unavailable(f"{self.name} ended the stream", retry_after=1)

    def close(self) -> None:
        """Close the connections. What is being read on one of them ends with `Unavailable`."""
        self._connections.close()

    def _check(self, answer: http.client.HTTPResponse, content: bytes, *, act: bool, kind: str = JSON) -> None:
        headers = {name.lower(): value for name, value in answer.getheaders()}
        refusals.check(self.url, answer.status, headers, content, admitted=self._admitted, act=act, kind=kind)
        self._admitted = True


class _Connections:
    """The connections to one gateway: as many as there are requests at once, kept for the next ones."""

    def __init__(self, url: str, connects_within: float) -> None:
        parts = urlsplit(url)
        self.path = parts.path
        self._host, self._port = parts.hostname or "", parts.port
        self._connects_within = connects_within
        self._trusted = _trust() if parts.scheme == "https" else None
        self._closed = threading.Event()
        # each operation on these is atomic
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []
        self._used: set[http.client.HTTPConnection] = set()

    @contextlib.contextmanager
    def one(self, within: float, *, kept: bool) -> Iterator[http.client.HTTPConnection]:
        """A connection for one request; each read takes so many seconds at most. `kept`: it may be one of before.

        Raises `OSError`: it cannot be had, so nothing was sent.
        """
        connection = (self._take() if kept else None) or self._new()
        self._used.add(connection)
        try:
            self._connect(connection, within)
            yield connection
        except BaseException:
            connection.close()
            raise
        finally:
            self._used.discard(connection)
        if connection.sock is not None:  # the other side keeps it
            self._idle.append((time.monotonic(), connection))
            if self._closed.is_set():
                self._close_idle()

    def close(self) -> None:
        self._closed.set()
        self._close_idle()
        for connection in self._used.copy():
            if (sock := connection.sock) is not None:
                with contextlib.suppress(OSError):
                    # wakes the thread that reads from it, which then closes it; nothing of TLS may change under a read
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _connect(self, connection: http.client.HTTPConnection, within: float) -> None:
        if connection.sock is None and not self._closed.is_set():
            connection.connect()
        if self._closed.is_set():
            raise ConnectionAbortedError("closed")
        connection.sock.settimeout(within)

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()

    def _take(self) -> http.client.HTTPConnection | None:
        """The connection that was used last, unless the gateway has closed it."""
        while self._idle:
            since, connection = self._idle.pop()
            if time.monotonic() - since < IDLE_MOST and not _has_ended(connection.sock):
                return connection
            connection.close()
        return None

    def _new(self) -> http.client.HTTPConnection:
        if self._trusted is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._connects_within)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._connects_within, context=self._trusted)


def _has_ended(sock: socket.socket) -> bool:
    """Whether an idle connection was closed by the other side: it is readable although nothing was asked."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _lines(answer: http.client.HTTPResponse) -> Iterator[str]:
    rest = b""
    while piece := answer.read1(PIECE):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()


def _passes_a_proxy(url: str) -> bool:
    """Whether requests to this URL go through a proxy of the environment, as `DeskClient` sends them."""
    if not crosses_network(url):
        return False
    import urllib.request  # noqa: PLC0415 - only a desk beyond this machine needs it

    proxies = urllib.request.getproxies()
    host = urlsplit(url).hostname or ""
    return bool(proxies.get("https") or proxies.get("all")) and not urllib.request.proxy_bypass(host)


def _trust() -> ssl.SSLContext:
    """The roots that httpx trusts: those that the environment names, or else certifi's."""
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if directory := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=directory)
    return public_roots()

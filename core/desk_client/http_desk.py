"""A desk through its gateway behind a proxy of the environment, which the standard library cannot pass.

Each act has an Idempotency-Key, so it can be repeated after the connection broke: the desk then returns its first
answer.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

# httpx imports rich and pygments for a command line of its own, which takes twice as long as httpx itself. It does
# without them where they are not installed; so it is told that its command line cannot be imported.
if "httpx" not in sys.modules:
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None: cannot be imported
import httpx

from core.desk_client import event_stream, refusals
from core.desk_client.event_stream import LOST_AFTER
from core.desk_client.interface import Heartbeat, Json, LogLine
from core.desk_client.names import READS, OperationName
from core.desk_client.refusals import ANSWER_WITHIN, CLIENT, EVENTS, JSON, TRIES
from core.desk_client.urls import bearer, checked_url, crosses_network
from core.errors import Unavailable

if TYPE_CHECKING:
    from core.desk_client.reads import Read

T = TypeVar("T")

if sys.modules.get("httpx._main", httpx) is None:
    del sys.modules["httpx._main"]

NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Errors after which the desk has certainly not received the request."""


class DeskClient:
    """A desk at a URL, for the operator who holds the token. Thread-safe."""

    local = False

    def __init__(
        self, url: str, token: str | None, *, name: str | None = None, client: str | None = None, guarded: bool = False,
        answer_within: float | None = None, transport: httpx.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        """Raises `Invalid`: the URL. `Unauthenticated`: the token. `token`: None for a person who has none yet.

        `client` is `console` or `cli`, for the log. `answer_within`: seconds for every answer, instead of
        those that each operation has. `transport` replaces the network.
        """
        self.url = checked_url(url)
        self.name = name or urlsplit(self.url).netloc
        self.guarded = guarded
        self._admitted = False
        self._answer_within = answer_within
        self._http = httpx.Client(
            base_url=self.url + "/", timeout=ANSWER_WITHIN,
            headers=({} if token is None else {"Authorization": bearer(token)})
            | ({} if client is None else {CLIENT: client}),
            transport=transport, trust_env=crosses_network(self.url),
        )  # fmt: skip

    def call(self, operation: OperationName, /, **members: Any) -> Json:
        return refusals.members(self.url, self._post(operation, members).content)

    def read(self, read: Read[T], /, **members: Any) -> T:
        return read.decode(self._post(read.name, members).content)

    def _post(self, operation: OperationName, members: Json) -> httpx.Response:
        headers = {"Idempotency-Key": uuid.uuid4().hex}  # a read ignores it
        headers |= {refusals.TIGHTENS_ONLY: "1"} if self.guarded else {}
        most = self._answer_within
        timeout = httpx.Timeout(most or ANSWER_WITHIN, read=most or refusals.answer_within(operation))
        sent, act = False, operation not in READS
        for left in reversed(range(TRIES)):
            try:
                answer = self._http.post(f"v1/{operation}", json=members, headers=headers, timeout=timeout)
            except httpx.TransportError as error:
                sent = sent or not isinstance(error, NOT_SENT)
                if not left:
                    raise refusals.lost(self.name, self.url, error, done=act and sent) from error
            else:
                return self._accepted(answer, act=act)
        raise AssertionError

    def events(self, *, after: int | None = None, outline: bool = False) -> Generator[LogLine | Heartbeat, None, None]:
        params: dict[str, Any] = {} if after is None else {"after": after}
        if outline:
            params["outline"] = True
        timeout = httpx.Timeout(ANSWER_WITHIN, read=LOST_AFTER)
        try:
            with self._http.stream("GET", "v1/events", params=params, timeout=timeout) as answer:
                if answer.status_code != 200:
                    answer.read()
                self._accepted(answer, act=False, kind=EVENTS)
                yield from event_stream.heard(answer.iter_lines())
        except httpx.TransportError as error:
            raise refusals.lost(self.name, self.url, error) from error
        raise Unavailable(f"{self.name} ended the stream", retry_after=1)

    def close(self) -> None:
        self._http.close()

    def _accepted(self, answer: httpx.Response, *, act: bool, kind: str = JSON) -> httpx.Response:
        content = answer.content if answer.is_closed else b""  # a stream is read as it comes
        refusals.check(
            self.url, answer.status_code, answer.headers, content, kind=kind, act=act, admitted=self._admitted
        )  # fmt: skip
        self._admitted = True
        return answer

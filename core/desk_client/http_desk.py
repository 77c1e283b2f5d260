"""A desk through its gateway: operations by `POST /v1/NAME`, the log by `GET /v1/events`.

Each act has an Idempotency-Key, so it can be repeated after the connection broke: the desk then returns its first
answer.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

# httpx imports rich and pygments for a command line of its own, which takes twice as long as httpx itself. It does
# without them where they are not installed; so it is told that its command line cannot be imported.
if "httpx" not in sys.modules:
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None: cannot be imported
import httpx

from core.desk_client.interface import Heartbeat, Json, LogLine
from core.desk_client.names import OperationName
from core.desk_client.urls import checked_url, crosses_network
from core.errors import (
    AccessEnded,
    ChecklistOpen,
    Forbidden,
    Invalid,
    Overloaded,
    PostroomError,
    Unauthenticated,
    Unavailable,
    refusal_of,
)

if TYPE_CHECKING:
    from core.desk_client.reads import Read

T = TypeVar("T")

if sys.modules.get("httpx._main", httpx) is None:
    del sys.modules["httpx._main"]

ANSWER_WITHIN: Final = 30.0
"""Seconds for an answer: a signature waits for DNS."""
SLOW_WITHIN: Final = 600.0
"""Seconds for the operations in `SLOW`, which read a whole log or a month of decisions."""
SLOW: Final = frozenset({"policy.replay", "audit.verify", "audit.against", "recipient.erase", "stream.rotate"})
LOST_AFTER: Final = 3.0
"""Seconds without a line after which a stream is lost; the gateway's heartbeat comes every second."""
TRIES: Final = 2
PROBLEM: Final = "application/problem+json"
CLIENT: Final = "Postroom-Client"
"""The header that says which program of ours calls; the log shows it as the interface that was used."""


class DeskClient:
    """A desk at a URL, for the operator who holds the token. Thread-safe."""

    local = False

    def __init__(
        self, url: str, token: str | None, *, name: str | None = None, client: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        """Raises `Invalid`: the URL. `token`: None for a person who has none yet.

        `client` is `console` or `cli`, for the log. `transport` replaces the network.
        """
        self.url = checked_url(url)
        self.name = name or urlsplit(self.url).netloc
        self._admitted = False
        self._http = httpx.Client(
            base_url=self.url + "/", timeout=ANSWER_WITHIN,
            headers=({} if token is None else {"Authorization": f"Bearer {token}"})
            | ({} if client is None else {CLIENT: client}),
            transport=transport, trust_env=crosses_network(self.url),
        )  # fmt: skip

    def call(self, operation: OperationName, /, **members: Any) -> Json:
        found: Json = self._post(operation, members).json()
        return found

    def read(self, read: Read[T], /, **members: Any) -> T:
        return read.decode(self._post(read.name, members).content)

    def _post(self, operation: OperationName, members: Json) -> httpx.Response:
        headers = {"Idempotency-Key": uuid.uuid4().hex}  # a read ignores it
        timeout = httpx.Timeout(ANSWER_WITHIN, read=SLOW_WITHIN if operation in SLOW else ANSWER_WITHIN)
        for left in reversed(range(TRIES)):
            try:
                answer = self._http.post(f"v1/{operation}", json=members, headers=headers, timeout=timeout)
            except httpx.TransportError as error:
                if not left:
                    raise self._lost(error) from error
            else:
                return self._accepted(answer)
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
                    self._accepted(answer)
                self._admitted = True
                for members in _blocks(answer.iter_lines()):
                    yield self._event(members)
        except httpx.TransportError as error:
            raise self._lost(error) from error
        raise Unavailable(f"{self.name} ended the stream", retry_after=1)

    def close(self) -> None:
        self._http.close()

    # --- what it answers ---

    def _event(self, members: Mapping[str, str]) -> LogLine | Heartbeat:
        data = json.loads(members["data"])
        match members.get("event"):
            case None:
                return LogLine(int(members["id"]), data)
            case "ended":
                kind = Forbidden if data["error"] == Forbidden.error else AccessEnded
                raise kind(str(data["reason"]))
            case _:
                return Heartbeat(int(data["seq"]), data["at"])

    def _accepted(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code == 200:
            self._admitted = True
            return answer
        raise self._error(answer)

    def _error(self, answer: httpx.Response) -> PostroomError:
        """The error that the service raised, in the class that tells a caller what to do next."""
        if not answer.headers.get("content-type", "").startswith(PROBLEM):
            where = f"; it leads to {answer.headers['location']}" if answer.is_redirect else ""
            return Unavailable(f"{self.url} answers {answer.status_code} and is no desk{where}")
        found = answer.json()
        reason, code, fix = str(found["reason"]), str(found["error"]), found.get("fix")
        status = answer.status_code
        if status >= 500 or status == 429:
            busy = Overloaded if code == Overloaded.error else Unavailable
            return busy(reason, retry_after=int(found.get("retry_after_seconds", 5)))
        kind = refusal_of(status)
        if kind is Unauthenticated and self._admitted:
            return AccessEnded(reason, fix=fix)
        if code == ChecklistOpen.error:
            return ChecklistOpen(reason, fix=fix, open_items=found["open"], found_false=found["found_false"])
        if kind is Invalid:
            problems = tuple((one["field"], one["problem"]) for one in found.get("errors") or ())
            return Invalid(reason, error=code, fix=fix, problems=problems)
        return kind(reason, error=code, fix=fix)

    def _lost(self, error: httpx.TransportError) -> Unavailable:
        return Unavailable(
            f"{self.name} does not answer at {self.url} ({str(error) or type(error).__name__}); "
            "on its host, the same command with --dir works without a gateway"
        )


def _blocks(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """The members of each event of a stream; comments and `retry` make none."""
    members: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            members[name] = value
        else:
            if "data" in members:
                yield members
            members = {}

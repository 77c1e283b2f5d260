"""One call of a tool: its token, run and mailbox, and its requests to the HTTP API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.api.deps import ApiContext
from core.api.schemas.requests.mailboxes import mailbox_address
from core.db import directory
from core.db.directory import OwnMailbox
from core.db.gate_queries import TokenFacts
from core.errors import Conflict, Invalid, NotFound
from core.mcp.arguments import Run
from core.mcp.local_request import LocalApi, Reply
from core.mcp.repeated_calls import Repeats
from core.mcp.results import is_id
from core.services.sending import idempotency

Arguments = Mapping[str, Any]

_KEY: Final = b"idempotency-key"


@dataclass(frozen=True, slots=True)
class Call:
    """`nonce` is fresh for each call: it marks the fences in the answer."""

    api: LocalApi
    desk: ApiContext
    repeats: Repeats
    token: TokenFacts
    run: Run
    nonce: str

    async def get(self, path: str, query: Arguments | None = None, *, wait: int = 0, method: str = "GET") -> Reply:
        """Ask with these parameters; what is None is left out."""
        asked = {name: _spelled(value) for name, value in (query or {}).items() if value is not None}
        return await self.api.ask(method, path, query=asked, headers=_preferring(wait))

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, method: str = "POST") -> Reply:
        return await self.api.ask(method, path, body=b"" if body is None else encoded(body))

    async def send(self, path: str, body: Mapping[str, Any], *, key: object, wait: int) -> Reply:
        """Hand mail in, under the caller's idempotency key or one derived from the content."""
        run = self.run.as_member()
        content = encoded({**body, "run": run} if run else body)
        headers = _preferring(wait)
        if key is not None:
            return await self.api.ask("POST", path, body=content, headers=headers | {_KEY: _own_key(str(key))})
        now = self.desk.store.clock.now()
        with self.repeats.key(
            path.encode() + content, token=self.token, run=self.run, now=now, used_since=self._used_since
        ) as derived:
            return await self.api.ask("POST", path, body=content, headers=headers | {_KEY: derived.encode()})

    def mailbox(self, named: object) -> str:
        """The address to act from: the one named, or the agent's only one. Raises `Invalid`, `Conflict`."""
        if named is not None:
            address = mailbox_address(str(named))
            if "/" in address:
                raise NotFound(f"there is no mailbox {address[:100]!r}")
            return address
        open_ = [one.address for one in self.mailboxes() if one.status == "active"]
        if len(open_) == 1:
            return open_[0]
        if open_:
            listed = ", ".join(open_[:10])
            raise Invalid(
                f"you have {len(open_)} mailboxes", fix=f"name one of them in `mailbox`: {listed}",
                problems=(("mailbox", "is needed"),),
            )  # fmt: skip
        raise Conflict(
            "you have no active mailbox", error="mailbox_not_active", fix="call my_mailbox to see what it waits for"
        )

    def mailboxes(self) -> tuple[OwnMailbox, ...]:
        """The agent's mailboxes that are not retired, active ones first."""

        def load() -> tuple[OwnMailbox, ...]:
            with self.desk.store.read() as conn:
                return directory.own_mailboxes(conn, self.token.agent_id)

        return self.desk.store.recently(("own mailboxes", self.token.agent_id), load)

    def _used_since(self, key: str, at: int) -> bool:
        with self.desk.store.read() as conn:
            return idempotency.used_since(conn, at, agent_id=self.token.agent_id, test=self.token.test, key=key)


def checked_id(text: object, *, of: str = "message") -> str:
    """An ID that may become part of a path. Raises `NotFound`."""
    found = str(text).strip()
    if not is_id(found):
        raise NotFound(f"there is no {of} {found[:40]!r}", fix="use an id from another tool's answer")
    return found


def encoded(body: Mapping[str, Any]) -> bytes:
    """JSON, the same for the same content. A lone surrogate stays one, for the route to refuse. Raises `Invalid`."""
    try:
        return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    except (RecursionError, ValueError) as error:
        raise Invalid("the arguments cannot be encoded as JSON") from error


def _preferring(wait: int) -> dict[bytes, bytes]:
    return {b"prefer": f"wait={wait}".encode()} if wait else {}


def _own_key(key: str) -> bytes:
    try:
        return key.encode("latin-1")
    except UnicodeEncodeError as error:
        allowed = "printable ASCII characters"
        raise Invalid(
            f"the idempotency_key must have {allowed}", problems=(("idempotency_key", allowed),)
        ) from error  # fmt: skip


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

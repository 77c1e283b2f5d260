"""The desk on its own host, over the database: the interface of `core.desk_client` without a gateway.

For when the gateway is down. It requires the same token and roles, and what it does is logged.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import orjson

from core.db import audit_log
from core.db.store import Connection, Store
from core.db.transaction import Transaction
from core.desk_client.interface import Heartbeat, Json, LogLine
from core.desk_client.names import OperationName
from core.durations import stamp
from core.json_body import read
from core.operations import named
from core.operations.event_stream import HEARTBEAT, NEEDS, POLL
from core.operations.execution import Execution, run_locally
from core.operations.operation import Resources, TokenKind, check_token_kind
from core.rules import roles
from core.security import credentials
from core.services import access
from core.services.control import read_log
from core.services.control.read_log import EntryPoint, Shown, What


class LocalDesk:
    """A desk's database, for the operator who holds the token. The store belongs to the caller."""

    name = "LOCAL"
    local = True

    def __init__(
        self, store: Store, resources: Resources, token: str, *, entry_point: EntryPoint = EntryPoint.CLI
    ) -> None:
        self._store = store
        self._resources = resources
        self._kind = TokenKind.AGENT if credentials.is_agents(token) else TokenKind.OPERATOR
        self._digest = credentials.digest(token)
        self._entry_point = entry_point

    def call(self, operation: OperationName, /, **members: Any) -> Json:
        found = named(operation)
        check_token_kind(found, self._kind)
        request = read(found.request, orjson.dumps(members))
        return run_locally(
            self._store, Execution(found, request, self._digest, self._entry_point, self._resources)
        )  # fmt: skip

    def events(self, *, after: int | None = None) -> Generator[LogLine | Heartbeat, None, None]:
        self._store.transact(self._note_following)
        cursor, quiet = after, 0.0
        while True:
            with self._store.read() as conn:
                self._admit(conn)
                head = audit_log.head(conn)[0]
                cursor = head if cursor is None else cursor
                entries = audit_log.read(conn, after=cursor) if cursor < head else []
            for entry in entries:
                cursor = entry.seq
                yield LogLine(entry.seq, entry.as_json())
            if entries:
                quiet = 0.0
                continue
            if quiet <= 0:
                yield Heartbeat(cursor, stamp(self._store.clock.now()))
                quiet = HEARTBEAT
            time.sleep(POLL)
            quiet -= POLL

    def close(self) -> None:
        """Nothing to release."""

    def _note_following(self, tx: Transaction) -> None:
        actor = access.sign_in(tx.conn, self._digest, now=tx.now)
        read_log.by_operator(tx, Shown(What.LOG), entry_point=self._entry_point, actor=actor)

    def _admit(self, conn: Connection) -> None:
        roles.check(access.sign_in(conn, self._digest, now=self._store.clock.now()), NEEDS)

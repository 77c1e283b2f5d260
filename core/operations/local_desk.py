"""The desk on its own host, over the database: the interface of `core.desk_client` without a gateway.

For when the gateway is down. It requires the same token and roles, and what it does is logged.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

from core.db import audit_log
from core.db.counters import bucket
from core.db.store import Connection, Store
from core.db.transaction import Transaction
from core.desk_client.interface import Heartbeat, Json, LogLine
from core.desk_client.names import OperationName
from core.durations import stamp
from core.errors import AccessEnded, Unauthenticated
from core.json_body import read
from core.model import Actor
from core.operations import named
from core.operations.execution import Execution, run_locally
from core.operations.operation import Call, Kind, Resources, TokenKind, check_token_kind
from core.rules import roles
from core.rules.roles import Verb
from core.security import credentials
from core.services import access
from core.services.control import read_log
from core.services.control.read_log import EntryPoint, Shown, What
from core.views import codec

if TYPE_CHECKING:
    from core.desk_client.reads import Read

T = TypeVar("T")

HOST: Final = Actor("host", "")
"""Who reads on the host without a token."""


LOOK_EVERY: Final = 0.2
"""Seconds between looks at the log: what others decide shows within half a second."""


class LocalDesk:
    """A desk's database, for the operator who holds the token. The store belongs to the caller."""

    name = "LOCAL"
    local = True

    def __init__(
        self, store: Store, resources: Resources, token: str | None, *, entry_point: EntryPoint = EntryPoint.CLI,
        guarded: bool = False,
    ) -> None:  # fmt: skip
        """`token`: None for a person who has none yet."""
        self._store = store
        self._resources = resources
        self._kind = TokenKind.of(token)
        self._digest = credentials.digest(token or "")
        self._entry_point = entry_point
        self.guarded = guarded
        self._hour, self._shown = -1, set[str]()
        self._woken = threading.Event()
        self._closed = False
        self._actor: Actor | None = None

    @contextlib.contextmanager
    def _as_known(self) -> Iterator[None]:
        """Raise `AccessEnded` for an operator who was admitted before."""
        try:
            yield
        except AccessEnded:
            raise
        except Unauthenticated as error:
            if self._actor is None:
                raise
            with self._store.read() as conn:  # their token may be gone: by their name it can be said why
                access.require_reader(conn, self._actor, Verb.DESK_READ, now=self._store.clock.now())
            raise AccessEnded(error.reason, fix=error.fix) from error

    def call(self, operation: OperationName, /, **members: Any) -> Json:
        answer = self._run(operation, members)
        return orjson.loads(codec.encode(answer)) if operation.startswith("screen.") else answer

    def read(self, read: Read[T], /, **members: Any) -> T:
        view: T = self._run(read.name, members)["view"]
        return view

    def _run(self, operation: OperationName, members: Json) -> Json:
        found = named(operation)
        check_token_kind(found, self._kind)
        request = read(found.request, orjson.dumps(members))
        execution = Execution(
            found, request, self._digest, self._entry_point, self._resources, tightens_only=self.guarded
        )
        hour = bucket(self._store.clock.now(), read_log.WINDOW)
        if hour != self._hour:
            self._hour, self._shown = hour, set()
        try:
            with self._as_known():
                if self._actor is None and self._kind is TokenKind.OPERATOR:
                    with self._store.read() as conn:
                        self._actor = access.sign_in(conn, self._digest, now=self._store.clock.now())
                return run_locally(self._store, execution, logged=self._shown)
        finally:
            if found.kind is Kind.ACT:
                self._woken.set()

    def events(self, *, after: int | None = None, outline: bool = False) -> Generator[LogLine | Heartbeat, None, None]:
        # The stream of a gateway logs with structlog, and that imports rich: half a second for every command.
        from core.operations.event_stream import HEARTBEAT, RECHECK, another_log, needs, outlined  # noqa: PLC0415

        if not outline:
            self._store.transact(self._note_following)
        cursor, quiet, checked = after, 0.0, float("-inf")
        version: int | None = None
        while not self._closed:
            self._woken.clear()
            was, version = version, self._store.version()
            if version is not None and version == was and quiet > 0 and time.monotonic() - checked < RECHECK:
                self._woken.wait(LOOK_EVERY)  # nobody has committed since the last look
                quiet -= LOOK_EVERY
                continue
            checked = time.monotonic()
            with self._store.read() as conn:
                self._admit(conn, needs(outline=outline))
                head = audit_log.head(conn)[0]
                if cursor is not None and cursor > head:
                    raise another_log(cursor, head)
                cursor = head if cursor is None else cursor
                entries = audit_log.read(conn, after=cursor) if cursor < head else []
            for entry in entries:
                cursor = entry.seq
                yield LogLine(entry.seq, outlined(entry) if outline else entry.as_json())
            if entries:
                quiet = 0.0
                continue
            if quiet <= 0:
                yield Heartbeat(cursor, stamp(self._store.clock.now()))
                quiet = HEARTBEAT
            self._woken.wait(LOOK_EVERY)
            quiet -= LOOK_EVERY

    def close(self) -> None:
        """End what follows the log; the store belongs to the caller."""
        self._closed = True
        self._woken.set()

    def _note_following(self, tx: Transaction) -> None:
        actor = access.sign_in(tx.conn, self._digest, now=tx.now)
        read_log.by_operator(tx, Shown(What.LOG), entry_point=self._entry_point, actor=actor)

    def _admit(self, conn: Connection, verb: Verb) -> None:
        with self._as_known():
            self._actor = access.sign_in(conn, self._digest, now=self._store.clock.now())
            roles.check(self._actor, verb)


def read_on_host(store: Store, resources: Resources, operation: OperationName, members: Mapping[str, Any]) -> Json:
    """Read without a token, for a person on the host, who can read the desk's files anyway.

    Only for commands that `core.cli.authorization` declares free, and for reads that show neither mail nor people.
    """
    found = named(operation)
    assert found.kind is Kind.READ
    assert found.shown is None
    request = read(found.request, orjson.dumps(dict(members)))

    def call(tx: Transaction, prepared: object = None) -> Call:
        return Call(tx, HOST, EntryPoint.CLI, resources, prepared)

    work = None
    if found.prepare is not None:
        prepare = found.prepare
        work = store.look(lambda tx: prepare(call(tx), request))
    ready = None if work is None else work()
    return store.look(lambda tx: dict(found.run(call(tx, ready), request)))

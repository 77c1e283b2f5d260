"""A write transaction, as verbs see it.

What it hides: that many verbs share a commit. A verb's writes are staged, joined to the batch when it succeeds, dropped
when it fails, and written together, so that fifty messages cost a handful of statements; the log is appended last. A
read that could miss something staged writes it first.

Its parts: `staged` (pending writes), `counters` (read and changed through `CounterBook`), and two row caches,
`desk_cache` and `batch_cache`, which `write` invalidates.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Row, Table, UpdateBase, insert
from sqlalchemy.exc import DBAPIError

from core.db import audit_log, hot_statements, locks
from core.db.caches import BatchCache, DeskCache
from core.db.counters import CounterBook
from core.db.hot_statements import Compiled, NoSavepoint, Savepoint
from core.db.locks import Locks, NeedsDesk
from core.db.queue_changes import LaneChange
from core.db.staged_writes import Staged
from core.events import Event
from core.model import is_operator

T = TypeVar("T")
Values = dict[str, Any]


class VerbFailed(Exception):
    """The only verb of a transaction has failed: nothing of it is committed, and what it had cached is gone."""


class Transaction:
    """Reads state, collects writes and events. `now` is fixed for the whole transaction (UTC microseconds)."""

    def __init__(
        self, conn: Connection, *, now: int, sqlite: bool, desk_cache: DeskCache | None = None,
        held: Locks | None = None,
    ) -> None:  # fmt: skip
        self.conn = conn
        self.held = held
        """Locks of a transaction that shares the desk with others; None if it has the desk for itself."""
        self.now = now
        self.sqlite = sqlite
        self.desk_cache = desk_cache or DeskCache()
        self.batch_cache = BatchCache()
        self.counters = CounterBook(conn, sqlite=sqlite, own=None if held is None else held.counts)
        self.changed = False
        """Whether a verb wrote to rows that may be cached beyond this transaction."""
        self.made_due = False
        """Whether a verb put mail into the queue, or made room in a lane that had as much in flight as it may."""
        self.appended: tuple[int, int] | None = None
        """First and last seq appended by this transaction, once it is finished."""
        self.finished = False
        """Whether everything is written and only the commit remains."""
        self._batch = Staged()
        self._verb: Staged | None = None
        self._only_reads = False
        self._savepoint: Savepoint | NoSavepoint | None = None
        self._alone = self._undone = False

    # --- verbs ---

    def run(self, verb: Callable[[Transaction], T], *, alone: bool = False) -> T:
        """Run one verb; its writes, staged or not, count only if it returns.

        `alone`: it is the transaction's only one, so no savepoint is set (on PostgreSQL two round trips); if it fails,
        the transaction must be rolled back, and cannot be finished.
        """
        self._verb, self._alone = Staged(), alone
        try:
            answer = verb(self)
        except BaseException as error:
            self._undone = alone
            try:
                self._undo()
            except DBAPIError:
                # SQLITE_FULL has rolled back the savepoint too: raise the original error, not that one.
                if isinstance(error, DBAPIError):
                    raise error from None
                raise
            raise
        if self._savepoint is not None:
            self._savepoint.release()
        self._batch.join(self._verb)
        self.counters.keep()
        self._verb, self._savepoint = None, None
        return answer

    def finish(self) -> None:
        """Write everything staged, the log last."""
        if self._undone:
            raise RuntimeError("the only verb of this transaction has failed")
        self._write_batch()
        if self.held is not None and (self._batch.events or self.counters.late or self.changed):
            locks.log(self.conn)
            self.counters.write_late()
        self.appended = audit_log.append(self.conn, self._batch.events, now=self.now)
        self.finished = True

    # --- locks ---

    def holds(self, *, agent: int | None = None, stream: int | None = None) -> bool:
        """Whether no other transaction can work for this agent, or charge this stream's limits, until the commit."""
        held = self.held
        return held is None or ((agent is None or agent in held.agents) and (stream is None or stream in held.streams))

    def require_desk(self) -> None:
        """Have the desk alone from here on. Raises `NeedsDesk`, on which the writer runs the verb again."""
        if self.held is not None:
            raise NeedsDesk

    @contextlib.contextmanager
    def only_reading(self) -> Iterator[None]:
        """Let whatever would write need the desk, also where the transaction's locks would allow it."""
        self._only_reads = self.held is not None
        try:
            yield
        finally:
            self._only_reads = False

    # --- reading ---

    def one(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Row[Any] | None:
        self._settle()
        return self.conn.execute(statement, values).first()

    def all(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        self._settle()
        return self.conn.execute(statement, values).all()

    def fetch(self, statement: Executable | Compiled, values: Mapping[str, Any]) -> Sequence[Any]:
        """As `all`, for a module's constant statement: its rows are plain named tuples."""
        self._settle()
        return self.fetch_unflushed(statement, values)

    def fetch_unflushed(self, statement: Executable | Compiled, values: Mapping[str, Any]) -> Sequence[Any]:
        """As `fetch`, for rows that no verb of this batch can have staged: the staged ones are not written first."""
        if isinstance(statement, Compiled):
            return statement.all(self.conn, values)
        return hot_statements.fetch(self.conn, statement, values)

    def fetch_each_unflushed(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """As `fetch_unflushed`, for many sets of scalar parameters in one query."""
        return hot_statements.fetch_each(self.conn, statement, rows)

    def read_unflushed(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """As `fetch_unflushed`, for a statement made for this call."""
        return self.conn.execute(statement, values).all()

    # --- writing now ---

    def write(self, statement: Executable, values: Sequence[Mapping[str, Any]] | None = None) -> int:
        """Run a statement now; returns the number of rows affected. Invalidates all cached rows."""
        self._may_write(statement)
        self._settle(writing=True)
        self.batch_cache.row_changed()
        self.desk_cache.row_changed()
        self.changed = True
        result = self.conn.execute(statement, values) if values is not None else self.conn.execute(statement)
        return int(result.rowcount)

    def write_keeping_caches(self, statement: Executable, values: Sequence[Mapping[str, Any]]) -> int:
        """As `write` with many values, for columns that are never cached (states of recipients, leases)."""
        if not values:
            return 0
        self._may_write(statement, keeping_caches=True)
        self._settle(writing=True)
        return hot_statements.run(self.conn, statement, values)

    def create(self, table: Table, values: Values) -> int:
        """Insert a row whose id the database assigns; returns the id. Invalidates only cached absences."""
        locks.check(table, self.held, keeping_caches=False)
        if self._only_reads:
            raise NeedsDesk
        self._settle(writing=True)
        self.batch_cache.row_created()
        self.desk_cache.row_created()
        key = self.conn.execute(insert(table).values(values)).inserted_primary_key
        assert key is not None
        return int(key[0])

    # --- writing with the batch ---

    def add(self, table: Table, values: Values) -> None:
        """Insert a row together with those of the other verbs of this batch."""
        locks.check(table, self.held, keeping_caches=True)
        self._mine().add(table, (values,))

    def add_all(self, table: Table, rows: Iterable[Values]) -> None:
        locks.check(table, self.held, keeping_caches=True)
        self._mine().add(table, rows)

    def claim_key(self, key: Hashable) -> bool:
        """Claim `key` for a row that must be staged only once; returns False if a verb of this batch has claimed it."""
        if self.claimed(key):
            return False
        self._mine().keys.add(key)
        return True

    def claimed(self, key: Hashable) -> bool:
        """Return whether a verb of this batch, this one included, has claimed `key`."""
        return key in self._batch.keys or key in self._mine().keys

    def emit(self, event: Event) -> None:
        """Add an event to the transaction; it gets its position in the log at the commit.

        Every act emits one, so this is where a verb is stopped that acts for an operator without having checked that
        they still may (core.services.access). Otherwise a disabled operator could go on in any open session.
        """
        verb_writes = self._mine()
        if is_operator(event.actor) and event.actor not in verb_writes.vouched:
            raise RuntimeError(f"{event.type} names {event.actor}, and this verb never asked whether they may")
        verb_writes.events.append(event)

    def vouch(self, operator: str) -> None:
        """Record that this verb has looked up the operator: they are signed in, and it may act for them."""
        self._mine().vouched.add(operator)

    def bump(self, scope: str, key: str, kind: str, *, minute: int, n: int = 1) -> None:
        """Change a counter in the same transaction as the state it counts."""
        self._mine()
        self.counters.bump(scope, key, kind, minute=minute, n=n)

    def lane(self, lane_id: int) -> LaneChange:
        """Return this verb's pending change to a lane's depth, leases and wake time."""
        return self._mine().lane(lane_id)

    # --- how ---

    def _may_write(self, statement: Executable, *, keeping_caches: bool = False) -> None:
        if self._only_reads:
            raise NeedsDesk
        if self.held is not None:
            assert isinstance(statement, UpdateBase), "a statement whose table is unknown"
            assert isinstance(statement.table, Table)
            locks.check(statement.table, self.held, keeping_caches=keeping_caches)

    def _mine(self) -> Staged:
        assert self._verb is not None, "a write outside a verb"
        if self._only_reads:
            raise NeedsDesk
        return self._verb

    def _settle(self, *, writing: bool = False) -> None:
        """Make staged rows visible to SQL: earlier verbs' before our savepoint, so that our failure does not undo them.

        Our own counter changes stay staged: counters are read only through `counters`, which includes them.
        """
        self._write_batch()
        verb_writes = self._verb
        if verb_writes is not None and (writing or verb_writes.rows or verb_writes.lanes):
            if self._savepoint is None:
                self._savepoint = NoSavepoint() if self._alone else Savepoint(self.conn)
            verb_writes.write(self.conn)

    def _write_batch(self) -> None:
        self._batch.write(self.conn)
        self.counters.write()

    def _undo(self) -> None:
        """Drop the verb's staged writes, roll back the rest, and invalidate what it may have cached of either."""
        self._verb = None
        savepoint, self._savepoint = self._savepoint, None
        self.counters.drop()
        self.batch_cache.row_changed()
        if savepoint is not None:
            self.desk_cache.row_changed()
            savepoint.roll_back()

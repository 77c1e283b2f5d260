"""The one write transaction of the desk, as verbs see it.

What it hides: that many verbs share a commit. What a verb wants written is staged, joined to the batch when it
succeeds, dropped when it fails, and written together, so that fifty messages cost a handful of statements; the log is
appended last. A read that could miss something staged writes it first.

Its parts: `staged` (what waits to be written), `counters` (read and changed through `CounterBook`), and two caches of
rows, `desk_cache` and `batch_cache`, which `write` makes forget.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, NestedTransaction, Row, Table, insert
from sqlalchemy.exc import DBAPIError

from core.db import audit_log, bulk_insert
from core.db.bulk_insert import Compiled
from core.db.caches import BatchCache, DeskCache
from core.db.counters import CounterBook
from core.db.queue_changes import LaneChange
from core.db.staged import Staged
from core.events import Event
from core.model import is_operator

T = TypeVar("T")
Values = dict[str, Any]


class Transaction:
    """Facts in, state and events out. `now` is fixed for the whole transaction (UTC microseconds)."""

    def __init__(self, conn: Connection, *, now: int, sqlite: bool, desk_cache: DeskCache | None = None) -> None:
        self.conn = conn
        self.now = now
        self.sqlite = sqlite
        self.desk_cache = desk_cache or DeskCache()
        self.batch_cache = BatchCache()
        self.counters = CounterBook(conn, sqlite=sqlite)
        self.changed = False
        """Whether a verb wrote to rows that somebody may remember beyond this transaction."""
        self.appended: tuple[int, int] | None = None
        """First and last seq appended by this transaction, once it is finished."""
        self.finished = False
        """Whether all is written and only the commit is left."""
        self._batch = Staged()
        self._verb: Staged | None = None
        self._savepoint: NestedTransaction | None = None

    # --- verbs ---

    def run(self, verb: Callable[[Transaction], T]) -> T:
        """Run one verb; what it staged and wrote counts only if it returns."""
        self._verb = Staged()
        try:
            answer = verb(self)
        except BaseException as error:
            try:
                self._undo()
            except DBAPIError:
                # SQLITE_FULL has taken the savepoint with it; what broke the transaction is the news, not that.
                if isinstance(error, DBAPIError):
                    raise error from None
                raise
            raise
        if self._savepoint is not None:
            self._savepoint.commit()
        self._batch.join(self._verb)
        self.counters.keep()
        self._verb, self._savepoint = None, None
        return answer

    def finish(self) -> None:
        """Write all that is staged, the log last."""
        self._write_batch()
        self.appended = audit_log.append(self.conn, self._batch.events, now=self.now)
        self.finished = True

    # --- reading ---

    def one(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Row[Any] | None:
        self._settle()
        return self.conn.execute(statement, values).first()

    def all(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        self._settle()
        return self.conn.execute(statement, values).all()

    def compiled(self, statement: Compiled, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """As `all`, for a statement that is compiled already."""
        self._settle()
        return statement.all(self.conn, values)

    def read_unflushed(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Read what no verb of this batch can have staged, without writing what they did."""
        return self.conn.execute(statement, values).all()

    # --- writing now ---

    def write(self, statement: Executable, values: Sequence[Mapping[str, Any]] | None = None) -> int:
        """Run a statement now; returns the rows it touched. Whatever is remembered of rows is forgotten."""
        self._settle(writing=True)
        self.batch_cache.row_changed()
        self.desk_cache.row_changed()
        self.changed = True
        result = self.conn.execute(statement, values) if values is not None else self.conn.execute(statement)
        return int(result.rowcount)

    def write_keeping_caches(self, statement: Executable, values: Sequence[Mapping[str, Any]]) -> int:
        """As `write` with many values, for columns that nobody remembers (states of recipients, leases)."""
        if not values:
            return 0
        self._settle(writing=True)
        return bulk_insert.run(self.conn, statement, values)

    def create(self, table: Table, values: Values) -> int:
        """Insert a row whose id the database gives; returns the id. Only what was found absent is forgotten."""
        self._settle(writing=True)
        self.batch_cache.row_created()
        self.desk_cache.row_created()
        key = self.conn.execute(insert(table).values(values)).inserted_primary_key
        assert key is not None
        return int(key[0])

    # --- writing with the batch ---

    def add(self, table: Table, values: Values) -> None:
        """Insert a row together with those of the other verbs of this batch."""
        self._mine().add(table, (values,))

    def add_all(self, table: Table, rows: Iterable[Values]) -> None:
        self._mine().add(table, rows)

    def claim_key(self, key: Hashable) -> bool:
        """Whether no verb of this batch has claimed `key`: for rows that must be staged once only."""
        if self.claimed(key):
            return False
        self._mine().keys.add(key)
        return True

    def claimed(self, key: Hashable) -> bool:
        """Whether a verb of this batch, this one included, has claimed `key`."""
        return key in self._batch.keys or key in self._mine().keys

    def emit(self, event: Event) -> None:
        """Leave a fact with the transaction; it gets its place in the log at the commit.

        Every act leaves one, so here a verb is stopped that acts for an operator without having looked up whether they
        still may (core.services.access): a disabled one would otherwise go on in whatever was open.
        """
        mine = self._mine()
        if is_operator(event.actor) and event.actor not in mine.vouched:
            raise RuntimeError(f"{event.type} names {event.actor}, and this verb never asked whether they may")
        mine.events.append(event)

    def vouch(self, operator: str) -> None:
        """Keep that this verb has looked up the operator: they are signed in, and what it does may be theirs."""
        self._mine().vouched.add(operator)

    def bump(self, scope: str, key: str, kind: str, *, minute: int, n: int = 1) -> None:
        """Change a counter in the same transaction as the state it counts."""
        self._mine()
        self.counters.bump(scope, key, kind, minute=minute, n=n)

    def lane(self, lane_id: int) -> LaneChange:
        """The change this verb makes to a lane's depth, leases and wake time."""
        return self._mine().lane(lane_id)

    # --- how ---

    def _mine(self) -> Staged:
        assert self._verb is not None, "a write outside a verb"
        return self._verb

    def _settle(self, *, writing: bool = False) -> None:
        """Make staged rows visible to SQL; earlier verbs' before our savepoint, so that our failure leaves them.

        Our own counter changes stay: counters are read through `counters` alone, which knows them.
        """
        self._write_batch()
        mine = self._verb
        if mine is not None and (writing or mine.rows or mine.lanes):
            if self._savepoint is None:
                self._savepoint = self.conn.begin_nested()
            mine.write(self.conn)

    def _write_batch(self) -> None:
        self._batch.write(self.conn)
        self.counters.write()

    def _undo(self) -> None:
        """Drop what the verb staged, undo what it wrote, and forget what it may have read of both."""
        self._verb = None
        savepoint, self._savepoint = self._savepoint, None
        self.counters.drop()
        self.batch_cache.row_changed()
        if savepoint is not None:
            self.desk_cache.row_changed()
            if savepoint.is_active:
                savepoint.rollback()

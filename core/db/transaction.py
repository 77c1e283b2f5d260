"""The one write transaction of the desk, as verbs see it.

What it hides: that many verbs share a commit. Rows to insert, events, counter changes and lane changes are staged by
the verb, joined to the batch when it succeeds, dropped when it fails, and written together, so that fifty messages
cost a handful of statements. A read that could miss something staged flushes first; `memo` keeps what a batch reads
again and again (a mailbox, a policy) and forgets it as soon as any verb writes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Row, Table, insert
from sqlalchemy.exc import DBAPIError

from core.db import audit_log, bulk_insert, counters, queue_changes
from core.db.bulk_insert import Compiled
from core.db.counters import CounterKey
from core.db.queue_changes import LaneChange
from core.events import Event
from core.model import is_operator

T = TypeVar("T")
Values = dict[str, Any]


@dataclass(slots=True)
class _Staged:
    """What one verb, or the batch so far, wants written."""

    rows: dict[Table, list[Values]] = field(default_factory=dict)
    keys: set[Hashable] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    bumps: dict[CounterKey, int] = field(default_factory=lambda: defaultdict(int))
    lanes: dict[int, LaneChange] = field(default_factory=dict)
    vouched: set[str] = field(default_factory=set)
    """Operators whose token and roles this verb has looked up."""

    def join(self, other: _Staged) -> None:
        for table, rows in other.rows.items():
            self.rows.setdefault(table, []).extend(rows)
        self.keys |= other.keys
        self.events.extend(other.events)
        for key, n in other.bumps.items():
            self.bumps[key] += n
        for lane, change in other.lanes.items():
            self.lanes.setdefault(lane, LaneChange()).join(change)


class Transaction:
    """Facts in, state and events out. `now` is fixed for the whole transaction (UTC microseconds)."""

    def __init__(self, conn: Connection, *, now: int, sqlite: bool, cached: dict[Hashable, Any] | None = None) -> None:
        self.conn = conn
        self.now = now
        self.sqlite = sqlite
        self.changed = False
        """Whether a verb wrote to rows that somebody may remember beyond this transaction."""
        self._lasting: dict[Hashable, Any] = {} if cached is None else cached
        self._passing: dict[Hashable, Any] | None = None
        """Takes the place of `_lasting` once a row was written: what a failed commit undoes must not be remembered."""
        self._batch = _Staged()
        self._verb: _Staged | None = None
        self._savepoint: Any = None
        self._memo: dict[Hashable, Any] = {}
        self._prefetched: dict[Hashable, dict[str, list[Row[Any]]]] = {}
        self._buckets: dict[tuple[str, str, str], dict[int, int]] = {}
        self.appended: tuple[int, int] | None = None
        """First and last seq appended by this transaction, once it is finished."""
        self.finished = False
        """Whether all is written and only the commit is left."""

    # --- verbs ---

    def run(self, verb: Callable[[Transaction], T]) -> T:
        """Run one verb; what it staged and wrote counts only if it returns."""
        self._verb = _Staged()
        try:
            answer = verb(self)
        except BaseException as error:
            try:
                self._forget()
            except DBAPIError:
                # SQLITE_FULL has taken the savepoint with it; what broke the transaction is the news, not that.
                if isinstance(error, DBAPIError):
                    raise error from None
                raise
            raise
        if self._savepoint is not None:
            self._savepoint.commit()
        self._batch.join(self._verb)
        self._verb, self._savepoint = None, None
        return answer

    def finish(self) -> None:
        """Write all that is staged, the log last."""
        self._flush(self._batch)
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
        """Read what no verb of this batch can have staged, without flushing."""
        return self.conn.execute(statement, values).all()

    def cached(self, key: Hashable, load: Callable[[], T]) -> T:
        """What `load` returned for `key` in this or an earlier transaction, until anybody at the desk writes.

        Only for rows that are changed through `write` (identities, streams, tokens, runs, the policy).
        """
        for known in (self._passing, self._lasting):
            if known is not None and key in known:
                kept: T = known[key]
                return kept
        found = load()
        if found is not None:
            (self._lasting if self._passing is None else self._passing)[key] = found
        return found

    def memo(self, key: Hashable, load: Callable[[], T]) -> T:
        """What `load` returned for `key`, until a verb of this batch writes."""
        if key not in self._memo:
            self._memo[key] = load()
        found: T = self._memo[key]
        return found

    def prefetch(self, what: Hashable, keys: Collection[str], rows: Sequence[Row[Any]]) -> None:
        """Keep rows (with an `address`) that were read for many keys at once."""
        found: dict[str, list[Row[Any]]] = {key: [] for key in keys}
        for row in rows:
            found[row.address].append(row)
        self._prefetched[what] = found

    def prefetched(self, what: Hashable, keys: Collection[str]) -> list[Row[Any]] | None:
        """Those rows again, or None if some key was not read or a verb has written since."""
        found = self._prefetched.get(what)
        if found is None or not all(key in found for key in keys):
            return None
        return [row for key in keys for row in found[key]]

    def buckets(self, scope: str, key: str, kind: str, *, since: int) -> list[tuple[int, int]]:
        """(minute, n) from minute `since` on, in order, changes of this batch included."""
        first = max(since, 0)  # -1 is no minute: it says how far back was read
        return sorted((minute, n) for minute, n in self._known(scope, key, kind, since).items() if minute >= first)

    def _known(self, scope: str, key: str, kind: str, since: int) -> dict[int, int]:
        name = (scope, key, kind)
        found = self._buckets.get(name)
        if found is None or found.get(-1, 0) > since:
            # A wider window than was loaded: read it and lay this batch's changes over it.
            self._flush_bumps()
            found = self._buckets[name] = counters.load(self.conn, scope, key, kind, since=since) | {-1: since}
            self._overlay({name}, since)
        return found

    def prefetch_counters(self, scope: str, keys: Collection[str], kind: str, *, since: int) -> None:
        """Read the buckets of many keys at once, for `buckets` to find."""
        wanted = [key for key in keys if (scope, key, kind) not in self._buckets]
        if wanted:
            self._flush_bumps()
            loaded = counters.load_many(self.conn, scope, wanted, kind, since=since)
            for key in wanted:
                self._buckets[scope, key, kind] = loaded.get(key, {}) | {-1: since}
            self._overlay({(scope, key, kind) for key in wanted}, since)

    def total(self, scope: str, key: str, kind: str, *, since: int = 0) -> int:
        """The sum of a counter from minute `since` on."""
        first = max(since, 0)
        return sum(n for minute, n in self._known(scope, key, kind, since).items() if minute >= first)

    # --- writing ---

    def write(self, statement: Executable, values: Sequence[Mapping[str, Any]] | None = None) -> int:
        """Run a statement now; returns the rows it touched."""
        self._settle(writing=True)
        self._changed()
        self.changed = True
        result = self.conn.execute(statement, values) if values is not None else self.conn.execute(statement)
        return int(result.rowcount)

    def write_keeping_memo(self, statement: Executable, values: Sequence[Mapping[str, Any]]) -> int:
        """As `write` with many values, for columns that nobody remembers (states of recipients, leases)."""
        if not values:
            return 0
        self._settle(writing=True)
        return bulk_insert.run(self.conn, statement, values)

    def create(self, table: Table, values: Values) -> int:
        """Insert a row whose id the database gives; returns the id. Only what was found absent is forgotten."""
        self._settle(writing=True)
        self._memo = {name: value for name, value in self._memo.items() if value is not None}
        if self._passing is None:
            self._passing = {}
        key = self.conn.execute(insert(table).values(values)).inserted_primary_key
        assert key is not None
        return int(key[0])

    def add(self, table: Table, values: Values) -> None:
        """Insert a row together with those of the other verbs of this batch."""
        self._mine().rows.setdefault(table, []).append(values)

    def add_all(self, table: Table, rows: Iterable[Values]) -> None:
        self._mine().rows.setdefault(table, []).extend(rows)

    def claim_key(self, key: Hashable) -> bool:
        """Whether no verb of this batch has claimed `key`: for rows that must be staged once only."""
        if key in self._batch.keys or key in self._mine().keys:
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
        self._mine().bumps[scope, key, kind, minute] += n
        loaded = self._buckets.get((scope, key, kind))
        if loaded is not None and minute >= loaded.get(-1, 0):
            loaded[minute] = loaded.get(minute, 0) + n

    def lane(self, lane_id: int) -> LaneChange:
        """The change this verb makes to a lane's depth, leases and wake time."""
        return self._mine().lanes.setdefault(lane_id, LaneChange())

    @property
    def staged_events(self) -> int:
        return len(self._batch.events) + (len(self._verb.events) if self._verb else 0)

    # --- how ---

    def _mine(self) -> _Staged:
        assert self._verb is not None, "a write outside a verb"
        return self._verb

    def _settle(self, *, writing: bool = False) -> None:
        """Make staged rows visible to SQL; earlier verbs' before our savepoint, so that our failure leaves them."""
        self._flush(self._batch)
        mine = self._verb
        if mine is not None and (writing or mine.rows or mine.lanes):
            if self._savepoint is None:
                self._savepoint = self.conn.begin_nested()
            self._flush(mine, counters_too=False)

    def _flush(self, staged: _Staged, *, counters_too: bool = True) -> None:
        for table, rows in staged.rows.items():
            if rows:
                bulk_insert.insert_all(self.conn, table, rows)
        staged.rows.clear()
        if staged.lanes:
            queue_changes.apply(self.conn, staged.lanes)
            staged.lanes.clear()
        if counters_too and staged.bumps:
            counters.apply(self.conn, staged.bumps, sqlite=self.sqlite)
            staged.bumps.clear()

    def _changed(self) -> None:
        """Some row may be different now: forget what was remembered of rows."""
        self._memo.clear()
        self._prefetched.clear()
        self._lasting.clear()
        self._passing = {}

    def _flush_bumps(self) -> None:
        """Changes of verbs that succeeded become rows, so that what is read next includes them."""
        if self._batch.bumps:
            counters.apply(self.conn, self._batch.bumps, sqlite=self.sqlite)
            self._batch.bumps.clear()

    def _overlay(self, names: Collection[tuple[str, str, str]], since: int) -> None:
        """Lay this verb's own changes over buckets that were just read."""
        for (scope, key, kind, minute), n in self._verb.bumps.items() if self._verb else ():
            if (scope, key, kind) in names and minute >= since:
                found = self._buckets[scope, key, kind]
                found[minute] = found.get(minute, 0) + n

    def _forget(self) -> None:
        mine, self._verb = self._verb, None
        savepoint, self._savepoint = self._savepoint, None
        self._changed()
        self._buckets.clear()
        del mine
        if savepoint is not None and savepoint.is_active:
            savepoint.rollback()

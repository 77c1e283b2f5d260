"""One interface to the database: SQLite in WAL mode, or PostgreSQL.

What it hides: how each opens a transaction, how writers exclude each other, and which driver errors mean "not now".
Why they do: two workers must never both see 9 of 10, and the order of the log must be the order of commits. On SQLite
there is one writer (`BEGIN IMMEDIATE`); on PostgreSQL there are advisory locks (`core.db.locks`), each taken in a
statement of its own, so that later reads see what was committed before (READ COMMITTED).
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import Connection, Engine, Executable, Row, bindparam, create_engine, event, make_url, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.db import hot_statements, locks, postgresql
from core.db import sqlite_file as files
from core.db.caches import DeskCache
from core.db.locks import Locks, LockSession
from core.db.sqlite_file import File
from core.db.tables import DESK
from core.db.transaction import Transaction, VerbFailed
from core.db.write_lock import Turn
from core.durations import SECOND
from core.errors import NoAnswer, Unavailable
from core.model import Clock
from core.text import database_url

T = TypeVar("T")

__all__ = ["DATABASE_ERRORS", "Connection", "Store", "unavailable"]

DATABASE_ERRORS: Final = (DBAPIError, PoolTimeout)
"""SQLAlchemy's errors when the database does not answer, or refuses; `unavailable` translates them."""

RECENT: Final = SECOND
RECENT_MOST: Final = 10_000
BUSY_MS: Final = 15_000
"""How long a writer waits for another process's transaction: the stop button must work while a gateway is busy."""
CACHED: Final = 24_000
"""KiB of a SQLite file that each connection may keep in memory."""

OLDEST_SQLITE: Final = (3, 33, 0)


class Store:
    """The desk's database. Thread-safe; reads use pooled connections, writes run one at a time."""

    def __init__(self, url: str, *, clock: Clock, readers: int = 8, cached: int = CACHED) -> None:
        """`cached`: how much of a SQLite file each connection may keep in memory, in KiB."""
        self.clock = clock
        self.url = url
        self.engine = _engine(url, readers, cached)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self._recent: dict[Hashable, tuple[int, Any]] = {}
        self._kept: dict[Hashable, Any] = {}
        self._generation: int | None = None
        self._turn: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        self._file: File | None = None
        self._looked: int | None = None
        self._counting: sqlite3.Connection | None = None
        self._count_turn = threading.Lock()
        self._closed = False
        if (path := files.of(self.engine.url)) is not None:
            self._file = File(path)
            _watch(self.engine, self._file)
            self._turn = Turn(Path(f"{path}.turn"), patience=BUSY_MS / 1_000)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read-only connection: one snapshot (SQLite), or a snapshot a statement (PostgreSQL)."""
        self._regain()
        self._look()
        try:
            with self.engine.connect() as conn:
                yield conn
        except DATABASE_ERRORS as error:
            raise unavailable(error) from error

    def rows(self, statement: Executable) -> list[Row[Any]]:
        """Return all rows of one read."""
        with self.read() as conn:
            return list(conn.execute(statement).all())

    def row(self, statement: Executable) -> Row[Any] | None:
        """Return the first row of one read, or None."""
        with self.read() as conn:
            return conn.execute(statement).first()

    def fetch(self, statements: Sequence[Executable], values: Mapping[str, Any]) -> list[list[Any]]:
        """Return the rows of constant statements with the same parameters, in one read: plain named tuples."""
        with self.read() as conn:
            return [hot_statements.fetch(conn, statement, values) for statement in statements]

    def recently(self, key: Hashable, load: Callable[[], T]) -> T:
        """Return what `load` returned within the last second: for the API, where every verb checks the same state.

        None is never cached, so what was just created is found at once.
        """
        now = self.clock.now()
        known = self._recent.get(key)
        if known is not None and 0 <= now - known[0] < RECENT:
            remembered: T = known[1]
            return remembered
        if len(self._recent) > RECENT_MOST:
            self._recent.clear()
        found = load()
        if found is not None:
            self._recent[key] = (now, found)
        return found

    def transact(self, verb: Callable[[Transaction], T], *, first: Callable[[Connection], None] | None = None) -> T:
        """Run one verb in a transaction of its own, for the console and commands. `first` is as in `begin`."""
        try:
            with self.begin(first=first) as tx:
                return tx.run(verb, alone=True)
        except DATABASE_ERRORS as error:
            raise unavailable(error) from error

    def look(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb that only reads; anything it would have written is discarded."""
        with self.read() as conn:
            return Transaction(conn, now=self.clock.now(), sqlite=self.sqlite).run(verb)

    @contextlib.contextmanager
    def begin(
        self, *, first: Callable[[Connection], None] | None = None, share: Callable[[LockSession], None] | None = None
    ) -> Iterator[Transaction]:
        """Open a write transaction; commits at the end, rolls back on any error.

        It excludes all others, unless `share` takes locks: then those with other locks run beside it (`core.db.locks`).
        SQLite has one writer and does not ask. One thread of a process may share at a time: it caches rows.
        `first` runs before any row is read: it may migrate the schema in the same transaction.
        Raises `NoAnswer` if PostgreSQL may have committed before the connection broke.
        """
        self._regain()
        tx: Transaction | None = None
        try:
            with self._opened(first, share) as tx:
                yield tx
        except DATABASE_ERRORS as error:
            if tx is not None and tx.finished and not self.sqlite and not postgresql.is_answer(error):
                raise unanswered(error) from error
            raise

    @contextlib.contextmanager
    def _opened(
        self, first: Callable[[Connection], None] | None, share: Callable[[LockSession], None] | None
    ) -> Iterator[Transaction]:
        with self._turn, self.engine.connect() as plain:
            conn = plain.execution_options(postroom_writes=True)
            with conn.begin():
                held = None if self.sqlite else self._lock(conn, share)
                if first is not None:
                    first(conn)
                cache = DeskCache(self._still_true(conn))
                tx = Transaction(conn, now=self.clock.now(), sqlite=self.sqlite, desk_cache=cache, held=held)
                try:
                    yield tx
                    tx.finish()
                    if self._file is not None:
                        # A commit to a file that is no longer reachable would be lost, after it was promised.
                        self._file.check(conn.info[_FILE])
                except VerbFailed:
                    raise
                except BaseException:
                    self._kept.clear()
                    raise
                if tx.changed:
                    self._kept.clear()
                    conn.execute(_CHANGED, {"b_generation": _another(self._generation)})

    def prove_locks(self) -> None:
        """Prove that writers exclude each other, before a gateway serves. Raises `Invalid`."""
        if not self.sqlite:
            try:
                locks.prove(self.engine)
            except DATABASE_ERRORS as error:
                raise unavailable(error) from error

    def _lock(self, conn: Connection, share: Callable[[LockSession], None] | None) -> Locks | None:
        """Take the transaction's locks on PostgreSQL; returns None if it has the desk for itself.

        All before the desk's generation is read: a row that another transaction changes under one of these locks is
        not taken from the cache after it.
        """
        locks.desk(conn, shared=share is not None)
        if share is None:
            return None
        session = LockSession(conn, now=self.clock.now())
        share(session)
        return session.held

    def version(self) -> int | None:
        """Return a number that differs once any process has committed; None if there is none to be had now.

        SQLite only, a few microseconds; to be called from one thread. It says that a look at the database would find
        what the last one found, apart from what time alone makes due.
        """
        if self._file is None or self._file.lost:
            return None
        with self._count_turn:
            if self._closed:
                return None
            try:
                if self._counting is None:
                    self._counting = self._file.connect(timeout=0, check_same_thread=False, isolation_level=None)[0]
                (version,) = self._counting.execute("PRAGMA data_version").fetchone()
            except (sqlite3.Error, Unavailable):
                self._counting = None
                return None
            return int(version)

    def _stop_counting(self) -> None:
        """Close the connection of `version`, never while another thread asks it: the process would crash."""
        with self._count_turn:
            if self._counting is not None:
                self._counting.close()
                self._counting = None

    def _regain(self) -> None:
        """After the file was lost: resume if it, or a replacement, is back. Raises `Unavailable` until then."""
        if self._file is not None and self._file.lost and self._file.regain(self.engine):
            self._recent.clear()
            self._kept.clear()
            self._generation = None
            self._stop_counting()  # it is bound to the lost file

    def _look(self) -> None:
        """Check the file once a second: a screen must not go on reading a deleted one. Raises `Unavailable`."""
        now = self.clock.now()
        if self._file is not None and (self._looked is None or not 0 <= now - self._looked < RECENT):
            self._file.check()
            self._looked = now

    def _still_true(self, conn: Connection) -> dict[Hashable, Any]:
        """Return the rows cached by earlier transactions of this process, if no process has changed any since."""
        rows = hot_statements.fetch(conn, _GENERATION)
        generation = rows[0].generation if rows else None
        if generation != self._generation:
            self._kept.clear()
            self._generation = generation
        return self._kept

    def close(self) -> None:
        self._closed = True
        self._stop_counting()
        self.engine.dispose()
        if isinstance(self._turn, Turn):
            self._turn.close()


_FILE: Final = "postroom.file"
_GENERATION: Final = select(DESK.c.generation)
_CHANGED: Final = update(DESK).values(generation=bindparam("b_generation"))
_GENERATIONS: Final = 2**30


def _another(generation: int | None) -> int:
    """The next generation: one that nobody has seen.

    Not one more: after a failover that lost the last commits, or a database restored from a copy, the count would come
    to a number again under which other processes have cached rows that were lost.
    """
    return ((generation or 0) + 1 + secrets.randbelow(_GENERATIONS - 1)) % _GENERATIONS


def unanswered(error: Exception) -> NoAnswer:
    """Translate a driver's error in a commit: it may stand all the same."""
    return NoAnswer(f"the desk's database did not answer to a commit ({_said(error)}): it may have been done")


def _said(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def unavailable(error: Exception) -> Unavailable:
    """Translate a driver's error: nothing was written, try again."""
    said = _said(error)
    if "full" in said:
        return Unavailable(f"the desk's disk is full ({said}); free some space, nothing was written", retry_after=30)
    return Unavailable(f"the desk's database does not answer ({said}); nothing was written")


def require_sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raises `Unavailable` if Python's SQLite is too old: hot statements join an UPDATE with a list of values."""
    if version < OLDEST_SQLITE:
        needed, found = (".".join(map(str, one)) for one in (OLDEST_SQLITE, version))
        raise Unavailable(
            f"this Python has SQLite {found}, and Postroom needs {needed} or newer: use a newer Python, or PostgreSQL"
        )


def _engine(url: str, readers: int, cached: int) -> Engine:
    if not url.startswith("sqlite"):
        return postgresql.engine(make_url(database_url.spelled(url)), readers=readers, json_serializer=_json)
    require_sqlite()
    engine = create_engine(
        url,
        pool_size=readers,
        max_overflow=8,
        json_serializer=_json,
        json_deserializer=orjson.loads,
        # An error's text goes to logs and to `worker.trouble`; its statement's values include people's addresses.
        hide_parameters=True,
        connect_args={"timeout": BUSY_MS / 1_000, "cached_statements": postgresql.STATEMENTS},
    )
    event.listen(engine, "connect", lambda dbapi, _record: _prepare_sqlite(dbapi, cached))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _watch(engine: Engine, file: File) -> None:
    """Bind every new connection to this file."""

    def connect(_dialect: object, record: Any, _args: object, options: dict[str, Any]) -> sqlite3.Connection:
        dbapi, record.info[_FILE] = file.connect(**options)
        return dbapi

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", lambda _dbapi, _record: file.opened())


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _prepare_sqlite(dbapi: Any, cached: int) -> None:
    # The driver must not open transactions by itself: it would begin DEFERRED and fail on the upgrade.
    dbapi.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # an accepted message is durable before its 2xx answer, power cut included
        f"busy_timeout={BUSY_MS}",
        "foreign_keys=ON",
        f"cache_size=-{cached}",
        "wal_autocheckpoint=4000",
        "temp_store=MEMORY",
    ):
        dbapi.execute(f"PRAGMA {pragma}")


def _begin_sqlite(conn: Connection) -> None:
    writes = conn.get_execution_options().get("postroom_writes")
    hot_statements.control(conn, "BEGIN IMMEDIATE" if writes else "BEGIN")

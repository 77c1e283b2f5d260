"""Statements of the hot path: compiled once, executed by the driver directly.

Why: to execute a statement of 5 us, SQLAlchemy looks up its compiled form, binds its parameters, and builds a context,
a result and the result's metadata: 40 to 250 us. So each constant statement here is compiled once for each database,
its parameters are passed by position, and its rows are named tuples. SQLAlchemy still generates the SQL from the
tables, and converts what the driver does not (JSON; booleans, which SQLite stores as numbers).

    fetch        rows of a SELECT; lists in it are padded, so that few texts exist and stay prepared
    fetch_each   the same for many sets of parameters
    run          an UPDATE or upsert for each row, a DELETE
    insert_all   rows of one table
    Savepoint    of a verb
    control      BEGIN and the like

Many rows are one statement: `INSERT .. VALUES (..), (..)`, or an UPDATE or SELECT joined with such a list. SQLite's
driver releases the GIL at every row of an `executemany`, and a busy event loop then holds it for a while; psycopg
spends more on each row than PostgreSQL does.

Errors are SQLAlchemy's, as of any statement. Only constants of a module belong here: compiled forms are kept for good.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final, TypeVar

from sqlalchemy import (
    BindParameter,
    Column,
    Connection,
    Dialect,
    Executable,
    Insert,
    Table,
    bindparam,
    column,
    insert,
    select,
    values,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import visitors

T = TypeVar("T")
Values = Mapping[str, Any]

CHUNKS: Final = (64, 32, 16, 8, 4, 2, 1)
"""Rows of one statement: few distinct sizes, so that all fit the driver's cache of prepared statements."""
LONGEST: Final = 256
"""Lists are padded to a power of two up to this length, longer ones to a multiple of it."""


class Compiled:
    """A statement compiled for one database."""

    def __init__(self, statement: Executable, dialect: Dialect, keys: Sequence[str] | None = None) -> None:
        self._made: Any = statement.compile(dialect=_positional(dialect), column_keys=keys)  # type: ignore[attr-defined]  # all of ours can be
        binds: dict[str, Any] = self._made.binds
        self._lists = tuple(name for name, bind in binds.items() if bind.expanding)
        self._fixed = {name: bind.value for name, bind in binds.items() if not bind.required}
        self._fixed |= _defaults(self._made.insert_prefetch)
        self._binders: list[tuple[str, Callable[[Any], Any]]] = [
            (name, binder)
            for name, bind in binds.items()
            if not bind.expanding and (binder := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        ]
        self._texts: dict[tuple[int, ...], _Text] = {}
        self._as_given = not (self._lists or self._fixed or self._binders)
        """Whether parameters are passed on as they come."""
        columns = list(getattr(statement, "exported_columns", ()))
        row: Any = namedtuple("Row", [str(column.key) for column in columns], rename=True)  # type: ignore[misc]  # noqa: PYI024 - of this statement
        self._row: Callable[[Iterable[Any]], Any] = row._make
        self._readers: list[tuple[int, Callable[[Any], Any]]] = [
            (place, reader)
            for place, column in enumerate(columns)
            if (reader := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]

    def all(self, conn: Connection, values: Values) -> list[Any]:
        """Return the rows it finds, as named tuples."""
        return self._fetch(conn, *self._bind(values))

    def run(self, conn: Connection, values: Values) -> int:
        """Run it; returns the number of rows affected."""
        return _affected(conn, *self._bind(values))

    def all_of(self, conn: Connection, rows: Sequence[Values]) -> list[Any]:
        """As `all`, with many rows in its VALUES."""
        return self._fetch(conn, *self._bind_rows(rows))

    def run_of(self, conn: Connection, rows: Sequence[Values]) -> int:
        """As `run`, with many rows in its VALUES."""
        return _affected(conn, *self._bind_rows(rows))

    def _fetch(self, conn: Connection, sql: str, bound: Sequence[Any]) -> list[Any]:
        rows = _rows(conn, sql, bound)
        if self._readers:
            rows = [self._read(row) for row in rows]
        return [self._row(row) for row in rows]

    def _bind_rows(self, rows: Sequence[Values]) -> tuple[str, list[Any]]:
        """Return the SQL with as many rows in its VALUES, and its parameters in order."""
        bound = [self._bind(row) for row in rows]
        sql, place = _many(bound[0][0], len(rows))
        one = bound[0][1]
        every = chain.from_iterable(row[place] for _, row in bound)
        return sql, [*one[: place.start], *every, *one[place.stop :]]

    def _bind(self, values: Values) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL and its parameters in order."""
        if self._as_given and (only := self._texts.get(())) is not None:
            return only.sql, only.pick(values)
        named = {**self._fixed, **values}
        for name, binder in self._binders:
            named[name] = binder(named[name])
        for name in self._lists:
            named[name] = _padded(named[name])
        sizes = tuple(len(named[name]) for name in self._lists)
        text = self._texts.get(sizes)
        if text is None:
            text = self._texts[sizes] = _Text(self._made.construct_expanded_state(named))
        return text.sql, text.bind(named)

    def _read(self, row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for place, reader in self._readers:
            values[place] = reader(values[place])
        return values


def _rows(conn: Connection, sql: str, bound: Sequence[Any]) -> list[Any]:
    try:
        rows: list[Any] = _cursor(conn).execute(sql, bound).fetchall()
    except BaseException as error:
        _give_up(conn, sql, error)
        raise
    return rows


def _affected(conn: Connection, sql: str, bound: Sequence[Any]) -> int:
    try:
        return int(_cursor(conn).execute(sql, bound).rowcount)
    except BaseException as error:
        _give_up(conn, sql, error)
        raise


class _Text:
    """The SQL of a statement with lists of certain lengths. `state` is SQLAlchemy's `ExpandedState`."""

    def __init__(self, state: Any) -> None:
        self.sql: str = _KEYS.sub(r"IN (SELECT * FROM (\1))", state.statement)
        self._lists: list[tuple[str, list[str]]] = list(state.parameter_expansion.items())
        names: list[str] = state.positiontup
        self.pick: Callable[[Any], Any] = itemgetter(*names) if len(names) > 1 else _first_of(names)

    def bind(self, named: dict[str, Any]) -> tuple[Any, ...]:
        """Return the parameters by position."""
        for name, members in self._lists:
            flat = named[name]
            if len(flat) < len(members):  # of tuples
                flat = [value for one in flat for value in one]
            named.update(zip(members, flat, strict=True))
        bound: tuple[Any, ...] = self.pick(named)
        return bound


_KEYS: Final = re.compile(r"\bIN \((VALUES \(\?[?, ]*\)(?:, \(\?[?, ]*\))+)\)")
"""A list of keys as SQLAlchemy writes it for SQLite, whose planner uses no index for it but reads the whole table."""


def _first_of(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """As `itemgetter`, which returns no tuple for fewer than two names."""
    return lambda named: tuple(named[name] for name in names)


def _padded(values: Collection[T]) -> list[T]:
    """Repeat the last member until the list has one of few lengths: it finds the same rows."""
    padded = list(values)
    n = len(padded)
    if n:
        size = 1 << (n - 1).bit_length() if n <= LONGEST else -(-n // LONGEST) * LONGEST
        padded += padded[-1:] * (size - n)
    return padded


def _defaults(omitted: Iterable[Column[Any]]) -> dict[str, Any]:
    """Defaults from the tables for columns that rows omit: values, or factories of empty lists and the like."""
    found: dict[str, Any] = {}
    for one in omitted:
        default: Any = one.default
        found[one.key] = default.arg(None) if default.is_callable else default.arg
    return found


# --- the driver -------------------------------------------------------------------------------------------------------


def _cursor(conn: Connection) -> Any:
    """Return a cursor of the driver; psycopg's takes `$1` as it is."""
    if not conn.in_transaction():
        conn.begin()  # as SQLAlchemy does: the reads of one connection see one snapshot
    driver = _driver(conn)
    if conn.dialect.positional:
        return driver.cursor()
    psycopg: Any = conn.dialect.dbapi
    return psycopg.RawCursor(driver)


def _driver(conn: Connection) -> Any:
    """Return the driver's connection, which is the DBAPI's with both of our drivers."""
    return conn.connection.dbapi_connection


@lru_cache(maxsize=16)
def _positional(dialect: Dialect) -> Dialect:
    """Return the dialect with parameters by position: psycopg translates long texts with names again at every call."""
    if dialect.positional:
        return dialect
    numbered: Dialect = type(dialect)(paramstyle="numeric_dollar")  # type: ignore[call-arg]  # every dialect's
    return numbered


def _give_up(conn: Connection, sql: str, error: BaseException) -> None:
    """Raise the driver's error as SQLAlchemy does, and give up a connection that is lost. Returns for any other."""
    dialect = conn.dialect
    dbapi: Any = dialect.dbapi
    if not isinstance(error, dbapi.Error):
        if not isinstance(error, Exception) and not conn.closed:
            conn.invalidate(error)  # Ctrl-C: nobody knows how far the statement got
        return
    lost = not conn.closed and dialect.is_disconnect(error, conn.connection, None)
    if lost:
        conn.invalidate(error)
    raise DBAPIError.instance(
        sql, None, error, dbapi.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    ) from error


def plain(conn: Connection, sql: str, bound: Sequence[Any]) -> list[Any]:
    """Return the rows of a statement in PostgreSQL's own words, for what SQLAlchemy has no words for."""
    return _rows(conn, sql, bound)


def control(conn: Connection, sql: str) -> None:
    """Run a statement that controls the transaction: it has no parameters and no rows."""
    try:
        _driver(conn).cursor().execute(sql)
    except BaseException as error:
        _give_up(conn, sql, error)
        raise


class Savepoint:
    """A savepoint of a transaction; one at a time."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        control(conn, "SAVEPOINT verb")

    def release(self) -> None:
        control(self._conn, "RELEASE SAVEPOINT verb")

    def roll_back(self) -> None:
        """Undo what was written since; nothing to do on a connection that is lost."""
        if not self._conn.invalidated:
            control(self._conn, "ROLLBACK TO SAVEPOINT verb")
            self.release()


class NoSavepoint:
    """Of a verb that is alone in its transaction, which is rolled back instead."""

    def release(self) -> None:
        """Nothing to release."""

    def roll_back(self) -> None:
        """Nothing to roll back here."""


# --- statements -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _compiled(statement: Executable, dialect: Dialect) -> Compiled:
    return Compiled(statement, dialect)


@lru_cache(maxsize=512)
def _inserting(table: Table, dialect: Dialect, keys: tuple[str, ...]) -> Compiled:
    return Compiled(insert(table).inline(), dialect, keys)


@lru_cache(maxsize=512)
def _joined(statement: Executable, dialect: Dialect) -> Compiled:
    """Compile an UPDATE or SELECT for many sets of its parameters: joined with their VALUES, each set taken once."""
    plain: Any = statement
    types = {name: bind.type for name, bind in plain.compile(dialect=dialect).binds.items() if bind.required}
    listed = values(*(column(name, of) for name, of in types.items()))
    rows = listed.data([tuple(bindparam(name, type_=of) for name, of in types.items())])
    # Nested, as sqlite3 counts the rows only of a statement that begins with UPDATE.
    given = select(rows.cte("listed", nesting=True)).distinct().subquery("given")

    def from_given(element: Any, **_: object) -> Any:
        return given.c[element.key] if isinstance(element, BindParameter) and element.required else None

    return Compiled(visitors.replacement_traverse(plain, {}, from_given), dialect)


def fetch(conn: Connection, statement: Executable, parameters: Values | None = None) -> list[Any]:
    """Return the rows of a module's constant SELECT, as named tuples."""
    return _compiled(statement, conn.dialect).all(conn, parameters or {})


def fetch_each(conn: Connection, statement: Executable, rows: Sequence[Values]) -> list[Any]:
    """Return what a module's constant SELECT, with scalar parameters, finds for each of these sets of them."""
    if len(rows) == 1:
        return fetch(conn, statement, rows[0])
    joined = _joined(statement, conn.dialect)
    return [found for part in padded_parts(rows) for found in joined.all_of(conn, part)]


def run(conn: Connection, statement: Executable, rows: Sequence[Values]) -> int:
    """Run a module's constant UPDATE, DELETE or upsert once for each row; returns the number of rows affected.

    With several rows no two may write the same row of the table; a DELETE takes lists instead.
    """
    if len(rows) == 1:
        return _compiled(statement, conn.dialect).run(conn, rows[0])
    if isinstance(statement, Insert):
        one = _compiled(statement, conn.dialect)
        return sum(one.run_of(conn, part) for part in _parts(rows))
    joined = _joined(statement, conn.dialect)
    return sum(joined.run_of(conn, part) for part in padded_parts(rows))


def insert_all(conn: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert rows that all have the same keys."""
    one = _inserting(table, conn.dialect, tuple(rows[0]))
    if len(rows) == 1:
        one.run(conn, rows[0])
        return
    for part in _parts(rows):
        one.run_of(conn, part)


def _parts(rows: Sequence[Values]) -> Iterator[Sequence[Values]]:
    start = 0
    for size in CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


def padded_parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """As `_parts`, in fewer statements: the last row repeated, for a statement that takes it once."""
    for start in range(0, len(rows), CHUNKS[0]):
        yield _padded(rows[start : start + CHUNKS[0]])


_ROW: Final = re.compile(r"(?<=VALUES )\((?:[^()]|\([^()]*\))*\)")
_NUMBER: Final = re.compile(r"\$(\d+)")


@lru_cache(maxsize=2_048)
def _many(sql: str, rows: int) -> tuple[str, slice]:
    """Return the SQL with `rows` rows in its VALUES, and the place of the one row's parameters among all."""
    found = _ROW.search(sql)
    assert found is not None, sql
    row = found[0]
    numbers = [int(number) for number in _NUMBER.findall(row)]
    if not numbers:  # SQLite's parameters have no numbers
        start = sql.count("?", 0, found.start())
        return sql.replace(row, ", ".join([row] * rows), 1), slice(start, start + row.count("?"))
    place = slice(numbers[0] - 1, numbers[-1])
    width = len(numbers)

    def further(text: str, by: int) -> str:
        return _NUMBER.sub(lambda number: f"${int(number[1]) + by * (int(number[1]) >= numbers[0])}", text)

    repeated = ", ".join(further(row, n * width) for n in range(rows))
    more = width * (rows - 1)
    return further(sql[: found.start()], more) + repeated + further(sql[found.end() :], more), place

"""Statements of the hot path, compiled once and handed to the driver with many rows.

What it hides: SQLAlchemy looks up the compiled form of a statement at every call and binds every row in Python, which
costs more than the database's own work; and SQLite's driver releases the GIL at every row of an `executemany`, and a
busy event loop then holds it for a while. So rows are inserted by one multi-row statement, and everything else is
passed as the driver's tuples. SQLAlchemy still generates the SQL, for both databases, from the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Column, Connection, Dialect, Executable, Row, Table, insert

Values = Mapping[str, Any]

CHUNKS: Final = (64, 32, 16, 8, 4, 2, 1)
"""Rows per INSERT statement: few distinct sizes, so that all fit the driver's cache of prepared statements."""


class Compiled:
    """A statement compiled for one database. `keys` are the names of its parameters."""

    def __init__(self, statement: Executable, dialect: Dialect, keys: Sequence[str] | None = None) -> None:
        made: Any = statement.compile(dialect=dialect, column_keys=keys)  # type: ignore[attr-defined]  # all of ours can be
        self.sql: str = made.string
        self.positional: bool = made.positiontup is not None
        types = {name: parameter.type for parameter, name in made.bind_names.items()}
        self._names: list[str] = list(made.positiontup or types)
        self._fixed: dict[str, Any] = dict(made.params) | _defaults(made.insert_prefetch)
        self._binders: dict[str, Callable[[Any], Any]] = {}
        for name in self._names:
            binder = types[name].dialect_impl(dialect).bind_processor(dialect)
            if binder is not None:
                self._binders[name] = binder

    def run(self, conn: Connection, rows: Sequence[Values]) -> int:
        """Run it once for each row; returns the number of rows affected."""
        return int(conn.exec_driver_sql(self.sql, [self._bound(row) for row in rows]).rowcount)

    def all(self, conn: Connection, values: Values) -> Sequence[Row[Any]]:
        """Return the rows it finds, as the driver returns them."""
        return conn.exec_driver_sql(self.sql, self._bound(values)).all()

    def flat(self, rows: Sequence[Values]) -> tuple[Any, ...]:
        """Flatten the values of many rows, as a multi-row statement takes them."""
        return tuple(value for row in rows for value in self._bound(row))

    def _bound(self, row: Values) -> Any:
        fixed, binders = self._fixed, self._binders
        values = [row[name] if name in row else fixed[name] for name in self._names]
        if binders:
            values = [
                binders[name](value) if name in binders else value
                for name, value in zip(self._names, values, strict=True)
            ]
        return tuple(values) if self.positional else dict(zip(self._names, values, strict=True))


def _defaults(columns: Iterable[Column[Any]]) -> dict[str, Any]:
    """Defaults from the tables for columns that rows omit: values, or factories of empty lists and the like."""
    found: dict[str, Any] = {}
    for column in columns:
        default: Any = column.default
        found[column.key] = default.arg(None) if default.is_callable else default.arg
    return found


@lru_cache(maxsize=512)
def _compiled(statement: Executable, dialect: Dialect) -> Compiled:
    return Compiled(statement, dialect)


@lru_cache(maxsize=512)
def _inserting(table: Table, dialect: Dialect, keys: tuple[str, ...]) -> Compiled:
    return Compiled(insert(table), dialect, keys)


@lru_cache(maxsize=2_048)
def _many(sql: str, rows: int) -> str:
    head, values, row = sql.partition(" VALUES ")
    return head + values + ", ".join([row] * rows)


def run(conn: Connection, statement: Executable, rows: Sequence[Values]) -> int:
    """Run a module's constant UPDATE, DELETE or upsert once for each row; returns the number of rows affected."""
    return _compiled(statement, conn.dialect).run(conn, rows)


def fetch(conn: Connection, statement: Executable, values: Values | None = None) -> Sequence[Row[Any]]:
    """Return the rows of a module's constant SELECT.

    Its parameters are scalars (no lists); values are the driver's own.
    """
    return _compiled(statement, conn.dialect).all(conn, values or {})


def insert_all(conn: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert rows that all have the same keys."""
    one = _inserting(table, conn.dialect, tuple(rows[0]))
    if not one.positional:
        one.run(conn, rows)  # psycopg sends them all before it waits
        return
    for part in _parts(rows):
        conn.exec_driver_sql(_many(one.sql, len(part)), one.flat(part))


def _parts(rows: Sequence[Values]) -> Iterator[Sequence[Values]]:
    start = 0
    for size in CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size

"""Databases for tests, prepared once per process: a migrated SQLite file to copy, and compiled statements."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from core.db import migrate
from core.db.store import Store
from core.demo.clock import FakeClock
from core.model import Clock


@functools.cache
def migrated() -> bytes:
    """The file that `migrate.upgrade` makes of an empty one."""
    with tempfile.TemporaryDirectory(prefix="postroom-template-") as directory:
        file = Path(directory) / "postroom.db"
        made = Store(f"sqlite:///{file}", clock=FakeClock())
        migrate.upgrade(made.engine)
        made.close()  # closing the last connection merges the WAL into the one file
        return file.read_bytes()


def new_sqlite(directory: Path) -> str:
    """The URL of an empty, migrated `postroom.db` in this directory."""
    file = directory / "postroom.db"
    file.touch(mode=0o600)  # private to its owner, as the desk creates it
    file.write_bytes(migrated())
    return f"sqlite:///{file}"


def new_store(directory: Path, clock: Clock) -> Store:
    """An open store on a new SQLite file."""
    return Store(new_sqlite(directory), clock=clock)


@functools.cache
def lighten_engines() -> None:
    """Once a process: share compiled statements among its engines, and stop SQLite from waiting for the disk.

    Each test has its own engine, and compiling its statements again took a third of its time; a gateway's single engine
    also keeps them for life. Dialects that produce the same SQL compare equal, because statements are cached per
    dialect. These tests do not cover power cuts: they kill gateways, which flush as usual.
    """
    compiled: LRUCache[Any, Any] = LRUCache(4_000)
    for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        setattr(dialect, "__eq__", lambda one, other: _writes(one) == _writes(other))  # noqa: B010 - mypy: a method
        setattr(dialect, "__hash__", lambda one: hash(_writes(one)))  # noqa: B010

    @event.listens_for(Engine, "engine_connect")
    def lighten(conn: Connection) -> None:
        conn.engine._compiled_cache = compiled
        if conn.dialect.name == "sqlite" and _UNFLUSHED not in conn.info:
            conn.info[_UNFLUSHED] = True
            driver: Any = conn.connection.dbapi_connection
            driver.execute("PRAGMA synchronous=OFF")


@contextlib.contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """Record every statement that SQLite executes in the block, also those that bypass SQLAlchemy (hot_statements)."""
    assert store.sqlite, "psycopg cannot be traced"
    seen: list[str] = []

    def follow(driver: sqlite3.Connection, *_: object) -> None:
        driver.set_trace_callback(seen.append)

    def leave(driver: sqlite3.Connection, *_: object) -> None:
        driver.set_trace_callback(None)

    event.listen(store.engine, "checkout", follow)
    event.listen(store.engine, "checkin", leave)
    try:
        yield seen
    finally:
        event.remove(store.engine, "checkout", follow)
        event.remove(store.engine, "checkin", leave)


_UNFLUSHED = "tests.unflushed"


def _writes(dialect: Any) -> tuple[object, ...]:
    """Everything that a dialect's SQL and its value conversion depend on."""
    return (
        type(dialect), dialect._json_serializer, dialect._json_deserializer, dialect.server_version_info,
        dialect.paramstyle,
    )  # fmt: skip

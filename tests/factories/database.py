"""What a test's database needs, made once per process: a migrated SQLite file to copy, and statements compiled."""

from __future__ import annotations

import functools
import tempfile
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
def _migrated() -> bytes:
    """What `migrate.upgrade` leaves in an empty file."""
    with tempfile.TemporaryDirectory(prefix="postroom-template-") as directory:
        file = Path(directory) / "postroom.db"
        made = Store(f"sqlite:///{file}", clock=FakeClock())
        migrate.upgrade(made.engine)
        made.close()  # the last connection brings everything into the one file
        return file.read_bytes()


def new_sqlite(directory: Path) -> str:
    """The URL of an empty, migrated `postroom.db` in this directory."""
    file = directory / "postroom.db"
    file.touch(mode=0o600)  # as the desk makes it: nobody else may read it
    file.write_bytes(_migrated())
    return f"sqlite:///{file}"


def new_store(directory: Path, clock: Clock) -> Store:
    """An open store on a new SQLite file."""
    return Store(new_sqlite(directory), clock=clock)


def lighten_engines() -> None:
    """Let the engines of this process share what they compile, and SQLite write without waiting for the disk.

    Each test has an engine of its own; compiling its statements anew was a third of its time, and the one engine of a
    gateway keeps them over its life as well. Dialects that write the same SQL count as one, for statements are kept by
    dialect. What survives a power cut is not what these tests ask: they kill gateways, which flush as ever.
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


_UNFLUSHED = "tests.unflushed"


def _writes(dialect: Any) -> tuple[object, ...]:
    """What the SQL of a dialect, and how values come and go, depends on."""
    return (
        type(dialect), dialect._json_serializer, dialect._json_deserializer, dialect.server_version_info,
        dialect.paramstyle,
    )  # fmt: skip

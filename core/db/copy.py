"""Copy a whole database into one file and back, while gateways write: SQLite's backup API, or pg_dump and pg_restore.

Both copy one moment of the database. PostgreSQL's tools are the server's own: a dump written by anything else would
have to be kept in step with every version of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, create_engine, inspect, make_url, text

from core.db import audit_log, schema_revision, sqlite_file
from core.errors import Conflict, Invalid, Unavailable

PAGES: Final = 4_000
"""Pages of SQLite that are copied at once (16 MB); writers get their turn between two steps."""

Progress = Callable[[int, int], None]


def kind(url: str) -> str:
    """`sqlite` or `postgresql`."""
    return make_url(url).get_backend_name()


def dump(url: str, to: Path, *, progress: Progress) -> tuple[int, bytes, str | None]:
    """Write the database to a new file. Returns the log's head in it (seq, hash) and its schema's revision.

    `progress` gets pages done and pages in all (SQLite only). Raises `Unavailable`.
    """
    file = sqlite_file.of(url)
    return _dump_postgresql(make_url(url), to) if file is None else _dump_sqlite(file, to, progress)


def load(dumped: Path, url: str) -> None:
    """Make the database from a dump. The SQLite file must not exist, the PostgreSQL database must have no tables.

    Raises `Conflict`, `Unavailable`.
    """
    file = sqlite_file.of(url)
    if file is None:
        _load_postgresql(dumped, make_url(url))
        return
    if any(one.exists() for one in sqlite_file.beside(file)):
        raise Conflict(f"{file} exists already", fix="restore into an empty directory")
    sqlite_file.found(file)
    shutil.copyfile(dumped, file)


# --- SQLite -------------------------------------------------------------------------------------------------------


def _dump_sqlite(file: Path, to: Path, progress: Progress) -> tuple[int, bytes, str | None]:
    if not file.exists():
        raise Unavailable(f"there is no database at {file}")
    sqlite_file.found(to)
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(to)) as target,
        ):
            source.backup(target, pages=PAGES, progress=lambda _status, left, of: progress(of - left, of))
            target.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise Unavailable(f"the database could not be copied: {error}") from error
    with _reading(f"sqlite:///{to}") as conn:
        return *audit_log.head(conn), schema_revision.version(conn)


@contextlib.contextmanager
def _reading(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    try:
        with engine.connect() as conn:
            yield conn
    finally:
        engine.dispose()


# --- PostgreSQL ---------------------------------------------------------------------------------------------------


def _dump_postgresql(url: URL, to: Path) -> tuple[int, bytes, str | None]:
    program = _program("pg_dump")
    engine = create_engine(url, isolation_level="REPEATABLE READ")
    try:
        with engine.connect() as conn, conn.begin():
            # the dump and the head we note are of the same moment, whatever is written meanwhile
            snapshot = conn.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            head, revision = audit_log.head(conn), schema_revision.version(conn)
            options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
            with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                _run([program, *options], url, stdout=out)
    finally:
        engine.dispose()
    return *head, revision


def _load_postgresql(dumped: Path, url: URL) -> None:
    program = _program("pg_restore")
    with _reading(url.render_as_string(hide_password=False)) as conn:
        if inspect(conn).get_table_names():
            raise Conflict(f"the database {url.database} has tables already", fix="restore into an empty database")
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    _run([program, *options, f"--dbname={url.database}", str(dumped)], url)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is not installed: install PostgreSQL's client programs of the server's version")
    return found


def _run(command: list[str], url: URL, *, stdout: IO[bytes] | None = None) -> None:
    """Run one of PostgreSQL's programs; the password goes through the environment, where `ps` does not show it."""
    query = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    wanted = {
        "PGHOST": query.get("host") or url.host,
        "PGPORT": str(url.port) if url.port else query.get("port"),
        "PGUSER": url.username or query.get("user"),
        "PGPASSWORD": url.password or query.get("password"),
        "PGDATABASE": url.database,
        "PGSSLMODE": query.get("sslmode"),
        "PGSSLROOTCERT": query.get("sslrootcert"),
    }
    env = os.environ | {name: value for name, value in wanted.items() if value}
    done = subprocess.run(command, env=env, stdout=stdout, stderr=subprocess.PIPE, check=False)  # noqa: S603 - fixed options
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Unavailable(f"{Path(command[0]).name} failed: {said[0] if said else f'exit code {done.returncode}'}")


def require_kind(dumped: str, url: str) -> None:
    """Raises `Invalid` for a dump of the other database: SQLite and PostgreSQL copies are not exchangeable."""
    if dumped != kind(url):
        raise Invalid(f"the backup is of {dumped} and the database named is {kind(url)}", fix="name one of its kind")

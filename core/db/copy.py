"""Copy a whole database into one file and back, while gateways write: SQLite's backup API, or pg_dump and pg_restore.

Both copy a single point in time. PostgreSQL's tools are the server's own: any other dump format would have to be kept
in step with every version of it.

A loaded PostgreSQL database has everything but its schema's revision, and no gateway starts without one: the caller
decides when, and with what else, the database becomes a desk (`migrate.adopt`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, create_engine, inspect, make_url, text

from core.db import audit_log, postgresql, schema_revision, sqlite_file
from core.db.store import DATABASE_ERRORS, unavailable
from core.errors import Conflict, Invalid, Unavailable

PAGES: Final = 4_000
"""SQLite pages copied between two reports of progress (16 MB)."""

Progress = Callable[[str, int, int], None]
"""Called with the current step, the amount done and the total (0 if unknown)."""

_ENVIRONMENT: Final = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
    "target_session_attrs": "PGTARGETSESSIONATTRS", "connect_timeout": "PGCONNECT_TIMEOUT", "options": "PGOPTIONS",
}  # fmt: skip
"""What the server's own programs read from the environment, by its name in a URL."""

_REVISION: Final = re.compile(r"^\d+; .* TABLE DATA \S+ alembic_version .*\n", re.MULTILINE)
"""The line in pg_restore's list for the table that holds the schema's revision."""


def kind(url: str) -> str:
    """Return `sqlite` or `postgresql`."""
    return make_url(url).get_backend_name()


def dump(url: str, to: Path, *, progress: Progress) -> tuple[int, bytes, str | None]:
    """Write the database to a new file. Returns its log head (seq, hash) and its schema revision.

    A dump of SQLite is itself a database. Raises `Unavailable`, and `OSError` if there is no space for it.
    """
    file = sqlite_file.of(url)
    return _dump_postgresql(make_url(url), to, progress) if file is None else _dump_sqlite(file, to, progress)


def require_empty(url: str) -> None:
    """Raises `Conflict` if the SQLite file exists or the PostgreSQL database has tables, `Invalid`, `Unavailable`."""
    file = sqlite_file.of(url)
    if file is not None:
        if there := [one for one in sqlite_file.beside(file) if one.exists()]:
            raise Conflict(f"{there[0]} already exists", fix="name a file that does not exist yet")
        return
    if kind(url) == "sqlite":
        raise Invalid(f"{url} names no file", fix="write sqlite:////path/to/postroom.db")
    with _reading(url) as conn:
        if inspect(conn).get_table_names():
            raise Conflict(
                f"the database {make_url(url).database} has tables already",
                fix="name an empty one; drop and recreate it to remove what an interrupted restore left",
            )


def load(dumped: Path, url: str, *, progress: Progress) -> None:
    """Load a dump into an empty PostgreSQL database, all but its schema revision. Raises `Unavailable`."""
    program, target = _program("pg_restore"), make_url(url)
    engine = create_engine(target)
    try:
        postgresql.require_own_session(engine, "pg_restore")
    finally:
        engine.dispose()
    progress("loading the database with pg_restore", 0, 0)
    contents = dumped.with_name(dumped.name + ".list")
    contents.write_text(_REVISION.sub("", _run([program, "--list", str(dumped)], target)))
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", f"--use-list={contents}"]
    _run([program, *options, f"--dbname={target.database}", str(dumped)], target)
    contents.unlink()


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
            # Without a transaction SQLite restarts the copy whenever another process has written between two steps,
            # on a busy desk for ever. With one it copies the snapshot of this first read.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(
                target, pages=PAGES, progress=lambda _status, left, of: progress("copying the database", of - left, of)
            )
            target.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(to)) from error
        raise Unavailable(f"the database could not be copied: {error}") from error
    with _reading(f"sqlite:///{to}") as conn:
        return *audit_log.head(conn), schema_revision.version(conn)


def fold(file: Path) -> None:
    """Checkpoint the WAL into the database, so that the file alone is complete. Raises `Unavailable`."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        (mode,) = database.execute("PRAGMA journal_mode = DELETE").fetchone()
    if mode != "delete":
        raise Unavailable(f"{file} is in use by another process")


@contextlib.contextmanager
def _reading(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    try:
        with engine.connect() as conn:
            yield conn
    except DATABASE_ERRORS as error:
        raise unavailable(error) from error
    finally:
        engine.dispose()


# --- PostgreSQL ---------------------------------------------------------------------------------------------------


def _dump_postgresql(url: URL, to: Path, progress: Progress) -> tuple[int, bytes, str | None]:
    program = _program("pg_dump")
    progress("copying the database with pg_dump", 0, 0)
    engine = create_engine(url, isolation_level="REPEATABLE READ")
    try:
        postgresql.require_own_session(engine, "pg_dump")
        with engine.connect() as conn, conn.begin():
            # the dump and the head we note share one snapshot, whatever is written meanwhile
            snapshot = conn.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            head, revision = audit_log.head(conn), schema_revision.version(conn)
            options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
            with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                _run([program, *options], url, stdout=out)
    finally:
        engine.dispose()
    return *head, revision


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is not installed: install PostgreSQL's client programs of the server's version")
    return found


def _run(command: list[str], url: URL, *, stdout: IO[bytes] | None = None) -> str:
    """Run a PostgreSQL program and return its output.

    The password is passed in the environment, which `ps` does not show.
    """
    _, given = url.get_dialect()().create_connect_args(url)
    wanted = {variable: given.get(name) for name, variable in _ENVIRONMENT.items()}
    env = os.environ | {name: str(value) for name, value in wanted.items() if value}
    output = subprocess.PIPE if stdout is None else stdout
    done = subprocess.run(command, env=env, stdout=output, stderr=subprocess.PIPE, check=False)  # noqa: S603 - fixed options
    if done.returncode:
        stderr_lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise Unavailable(
            f"{Path(command[0]).name} failed: {stderr_lines[0] if stderr_lines else f'exit code {done.returncode}'}"
        )
    return "" if stdout is not None else done.stdout.decode()


def require_kind(dumped: str, url: str) -> None:
    """Raises `Invalid` for a dump of the other database: SQLite and PostgreSQL copies are not interchangeable."""
    if dumped != kind(url):
        raise Invalid(f"the backup is of {dumped} and the database named is {kind(url)}", fix="name one of its kind")

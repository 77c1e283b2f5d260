"""pgbouncer before the server of the tests (Debian: `apt-get install pgbouncer`); without it, tests are skipped."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests.factories.ports import free_port
from tests.factories.replication import open_to_servers, user_of_servers

_CONFIGURATION = """
[databases]
* = host={socket} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 30
server_round_robin = {round_robin}
"""


@contextlib.contextmanager
def pooler(directory: Path, server: str, mode: str, *, round_robin: bool = False) -> Iterator[str]:
    """The URL of the same database through a pooler of this mode."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin")
    if program is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    port, url = free_port(), make_url(server)
    open_to_servers(directory)
    file = directory / "pgbouncer.ini"
    file.write_text(_CONFIGURATION.format(socket=url.query["host"], port=port, mode=mode, round_robin=int(round_robin)))
    file.chmod(0o644)
    with (directory / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([program, str(file)], stdout=log, stderr=log, user=user_of_servers())
    place = f"postgres@127.0.0.1:{port}/{url.database}"
    try:
        _until_it_answers(f"postgresql://{place}", process)
        yield f"postgresql+psycopg://{place}"
    finally:
        process.kill()
        process.wait()


def _until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT 1")
            return
        time.sleep(0.05)
    raise AssertionError("pgbouncer ended while starting")

"""A restore that is killed, at whatever step, leaves no desk that sends: none at all, or one that is stopped."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from core.db import schema_revision
from core.db.store import Store
from core.demo.clock import FakeClock
from tests.cli.cli_runner import Clerk

KILLS = """
import os, signal, sys, traceback
from pathlib import Path
from sqlalchemy import Engine, event
from core.clock import SystemClock
from core.db.store import Store
from core.services.control.restore import restore

backup, root, steps, urls = Path(sys.argv[1]), Path(sys.argv[2]), set(sys.argv[3].split(",")), sys.argv[4:]


def killed(number):
    left = number

    def step(*_args):
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(lambda name, args: step() if name in steps else None)
    event.listen(Engine, "commit", step)
    restore(
        backup, root / str(number), database=urls[number - 1] if urls else None, master_key=None,
        open_store=lambda url: Store(url, clock=SystemClock()), progress=lambda what, done, of: None,
    )


for number in range(1, 100):
    child = os.fork()
    if not child:
        try:
            killed(number)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        print(number)
        sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A process for each step, which is killed before it, until one comes to the end; prints which."""


def killed_everywhere(backup: Path, root: Path, steps: str, *urls: str) -> int:
    """Restore into `root`/1, 2, ...; returns the number of the one that came to its end."""
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(backup), str(root), steps, *urls], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_restore_that_is_killed_at_any_step_leaves_no_desk_that_sends(clerk: Clerk, tmp_path: Path) -> None:
    clerk.ok("backup", str(tmp_path / "desk.zip"), "--with-key")
    last = killed_everywhere(
        tmp_path / "desk.zip", tmp_path / "back", "os.link,os.rename,os.remove,os.mkdir,os.rmdir,sqlite3.connect"
    )
    assert last > 12
    stages = set()
    for number in range(1, last + 1):
        left = tmp_path / "back" / str(number)
        there = {name: (left / name).exists() for name in ("postroom.db", "postroom.toml")}
        stages.add(tuple(there.values()))
        assert there["postroom.db"] or not there["postroom.toml"], number
        if there["postroom.db"]:
            with closing(sqlite3.connect(left / "postroom.db")) as database:
                assert database.execute("SELECT stopped_by FROM desk").fetchall() == [("restore",)], number
        else:
            assert "there is no desk" in Clerk(left).refused("queue", "pending", code=2)
    assert stages == {(False, False), (True, False), (True, True)}
    whole = tmp_path / "back" / str(last)
    assert sorted(file.name for file in whole.iterdir()) == [
        "master.key",
        "policy.toml",
        "postroom.db",
        "postroom.toml",
    ]


@pytest.mark.usefixtures("postgresql_programs")
def test_a_restore_to_postgresql_that_is_killed_at_any_step_leaves_no_desk_that_sends(
    empty_database: Callable[[], str], tmp_path: Path, clock: FakeClock
) -> None:
    clerk = Clerk(tmp_path / "desk")
    clerk.ok("init", "--database", empty_database())
    clerk.ok("backup", str(tmp_path / "desk.zip"), "--with-key")
    urls = [empty_database() for _ in range(10)]
    last = killed_everywhere(tmp_path / "desk.zip", tmp_path / "back", "subprocess.Popen,os.link", *urls)
    seen = []
    for url in urls[:last]:
        with closing(Store(url, clock=clock)) as store, store.read() as conn:
            desk = schema_revision.version(conn)
            loaded = conn.execute(text("SELECT to_regclass('event') IS NOT NULL")).scalar()
            stopped = desk and conn.execute(text("SELECT stopped_by FROM desk")).scalar()
        seen.append((bool(loaded), stopped))
    assert set(seen) == {(False, None), (True, None), (True, "restore")}


# --- Ctrl-C -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def interrupted_at_the_commit() -> Iterator[None]:
    """Ctrl-C as the loaded database is to be stopped."""

    def press(_conn: object) -> None:
        raise KeyboardInterrupt

    event.listen(Engine, "commit", press)
    try:
        yield
    finally:
        event.remove(Engine, "commit", press)


def test_an_interrupted_restore_to_a_file_leaves_nothing_and_can_be_repeated(clerk: Clerk, tmp_path: Path) -> None:
    clerk.ok("backup", str(tmp_path / "desk.zip"), "--with-key")
    back = Clerk(tmp_path / "back")
    with interrupted_at_the_commit():
        heard = back.run("restore", str(tmp_path / "desk.zip"), "--json")
    assert (heard.code, heard.err) == (130, "postroom: interrupted: nothing was restored\n")
    assert list(back.directory.iterdir()) == []
    back.ok("restore", str(tmp_path / "desk.zip"))


def test_a_restore_interrupted_while_it_tidies_up_leaves_no_desk(
    clerk: Clerk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk.ok("backup", str(tmp_path / "desk.zip"), "--with-key")
    back = Clerk(tmp_path / "back")

    def press(_folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", press)
    assert "nothing was restored" in back.run("restore", str(tmp_path / "desk.zip")).err
    monkeypatch.undo()
    assert [one.name for one in back.directory.iterdir() if not one.name.startswith(".restore-")] == []


@pytest.mark.usefixtures("postgresql_programs")
def test_an_interrupted_restore_to_postgresql_says_that_the_database_must_be_made_anew(
    empty_database: Callable[[], str], tmp_path: Path
) -> None:
    clerk = Clerk(tmp_path / "desk")
    clerk.ok("init", "--database", empty_database())
    clerk.ok("backup", str(tmp_path / "desk.zip"), "--with-key")
    back, half = Clerk(tmp_path / "back"), empty_database()
    with interrupted_at_the_commit():
        heard = back.run("restore", str(tmp_path / "desk.zip"), "--database", half, "--json")
    assert heard.code == 130
    assert "no usable desk was restored; empty the directory, recreate the PostgreSQL database" in heard.err
    assert "has tables already" in back.refused("restore", str(tmp_path / "desk.zip"), "--database", half)
    back.ok("restore", str(tmp_path / "desk.zip"), "--database", empty_database())

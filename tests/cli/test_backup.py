from __future__ import annotations

import base64
import json
import os
import signal
import sqlite3
import subprocess
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from core.cli import backup as backup_command
from core.db import migrate, schema_revision
from core.db.store import Store
from core.db.write_lock import Turn
from core.demo.clock import FakeClock
from tests.cli.cli_runner import Clerk
from tests.factories.fork_server import postroom
from tests.factories.mail import hand_in

PATIENCE = 200.0


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


def acts(clerk: Clerk) -> list[str]:
    """The log but for who looked at it."""
    return [line for line in exported(clerk) if json.loads(line)["type"] != "desk.read"]


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
    assert "not contain the master key" in target.refused("restore", str(tmp_path / "desk.zip"), code=2)
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
    assert "entry 2 does not match" in told


def test_a_log_that_ends_elsewhere_than_the_manifest_says_is_refused(office: Clerk, tmp_path: Path) -> None:
    """A database of another day, put into the archive with a digest to match."""
    office.ok("backup", str(tmp_path / "desk.zip"))
    with zipfile.ZipFile(tmp_path / "desk.zip") as good, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for name in good.namelist():
            raw = good.read(name)
            if name == "manifest.json":
                manifest = json.loads(raw)
                raw = json.dumps(manifest | {"log_seq": manifest["log_seq"] + 1}).encode()
            bad.writestr(name, raw)
    key = str(office.directory / "master.key")
    told = Clerk(tmp_path / "back").refused("restore", str(tmp_path / "bad.zip"), "--master-key", key)
    assert "does not end where its manifest says" in told
    assert list((tmp_path / "back").iterdir()) == []


def test_nothing_is_overwritten(office: Clerk, tmp_path: Path) -> None:
    file = tmp_path / "desk.zip"
    file.write_bytes(b"mine")
    assert "already exists" in office.refused("backup", str(file))
    assert file.read_bytes() == b"mine"
    file.unlink()
    office.ok("backup", str(file))
    assert "not empty" in office.refused("restore", str(file))


def test_what_is_no_backup_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "odd.zip").write_bytes(b"PK\x03\x04 not really")
    told = Clerk(tmp_path / "back").refused("restore", str(tmp_path / "odd.zip"), code=2)
    assert "not a backup" in told
    assert "there is no file" in Clerk(tmp_path / "back").refused("restore", str(tmp_path / "absent.zip"), code=2)


# --- elsewhere ----------------------------------------------------------------------------------------------------


def test_a_restore_leaves_the_desk_that_the_environment_names_as_it_is(clerk: Clerk, tmp_path: Path) -> None:
    clerk.ok("backup", str(tmp_path / "desk.zip"))
    live = acts(clerk)
    back = Clerk(tmp_path / "back", clerk.tokens, "victor")
    back.surroundings["POSTROOM_DATABASE"] = f"sqlite:///{clerk.directory}/postroom.db"
    key = str(clerk.directory / "master.key")
    heard = back.run("restore", str(tmp_path / "desk.zip"), "--master-key", key)
    assert heard.code == 0, heard.err
    assert "POSTROOM_DATABASE names another database" in heard.out
    assert acts(clerk) == live
    back.surroundings.clear()
    assert json.loads(exported(back)[-1])["type"] == "desk.stopped"


def test_a_desk_is_restored_into_a_database_elsewhere(
    clerk: Clerk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk.ok("backup", str(tmp_path / "desk.zip"))
    monkeypatch.chdir(tmp_path)
    back = restored(clerk, tmp_path / "desk.zip", tmp_path / "back", "--database", "sqlite:///elsewhere.db")
    assert not (tmp_path / "back" / "postroom.db").exists()
    monkeypatch.chdir("/")  # what is restored must not depend on where the command was typed
    assert json.loads(exported(back)[-1])["type"] == "desk.stopped"
    assert (tmp_path / "elsewhere.db").stat().st_mode & 0o077 == 0
    third = Clerk(tmp_path / "third")
    key, url = str(clerk.directory / "master.key"), f"sqlite:///{tmp_path}/elsewhere.db"
    said = third.refused("restore", str(tmp_path / "desk.zip"), "--master-key", key, "--database", url)
    assert "already exists" in said
    assert list(third.directory.iterdir()) == []


@pytest.mark.usefixtures("postgresql_programs")
def test_a_desk_on_postgresql_is_restored_into_another_database(
    empty_database: Callable[[], str], tmp_path: Path
) -> None:
    clerk = Clerk(tmp_path / "desk")
    clerk.tokens = {one["name"]: one["token"] for one in clerk.ok("init", "--database", empty_database())["operators"]}
    clerk.reader = "victor"
    clerk.ok("backup", str(tmp_path / "desk.zip"))
    key, url = str(clerk.directory / "master.key"), empty_database()
    away = Clerk(tmp_path / "away").refused("restore", str(tmp_path / "desk.zip"), "--master-key", key, code=2)
    assert "the backup is of postgresql" in away
    back = restored(clerk, tmp_path / "desk.zip", tmp_path / "back", "--database", url)
    assert json.loads(exported(back)[-1])["type"] == "desk.stopped"
    assert json.loads(exported(clerk)[-1])["type"] == "desk.backed_up"
    again = Clerk(tmp_path / "again")
    said = again.refused("restore", str(tmp_path / "desk.zip"), "--master-key", key, "--database", url)
    assert "has tables already" in said


def test_the_one_person_of_a_development_desk_has_a_token_after_a_restore(tmp_path: Path) -> None:
    trial = Clerk(tmp_path / "trial")
    trial.ok("init", "--dev")
    trial.ok("backup", str(tmp_path / "with.zip"), "--with-key")
    trial.ok("backup", str(tmp_path / "without.zip"))
    whole = Clerk(tmp_path / "whole")
    assert "token" not in whole.run("restore", str(tmp_path / "with.zip")).out
    assert whole.ok("audit", "verify")["ok"] is True
    assert (whole.directory / "operator.token").stat().st_mode & 0o077 == 0
    bare = Clerk(tmp_path / "bare")
    key = str(trial.directory / "master.key")
    heard = bare.run("restore", str(tmp_path / "without.zip"), "--master-key", key)
    assert f"copy operator.token from the desk that was backed up into {bare.directory}" in heard.out


# --- what goes wrong ----------------------------------------------------------------------------------------------

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from console.main import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("full", ["the copy", "the archive"])
def test_where_there_is_no_room_nothing_is_left_and_one_sentence_says_so(
    clerk: Clerk, tmp_path: Path, full: str
) -> None:
    target = tmp_path / "backups"
    target.mkdir()
    size = (clerk.directory / "postroom.db").stat().st_size
    if full == "the archive":
        noise = base64.b85encode(os.urandom(4 * size)).decode()
        (clerk.directory / "policy.toml").write_text(f"# {noise}\n")
    limit = str(size // 2 if full == "the copy" else 2 * size)
    arguments = ["backup", str(target / "desk.zip"), "--dir", str(clerk.directory)]
    done = subprocess.run([*postroom("-c"), LIMITED, limit, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert ("could not be copied" if full == "the copy" else "no backup was made: File too large") in done.stderr
    assert list(target.iterdir()) == []


def test_a_backup_ended_by_sigterm_leaves_nothing_and_says_so(clerk: Clerk, tmp_path: Path) -> None:
    target = tmp_path / "backups"
    target.mkdir()
    arguments = ["backup", str(target / "desk.zip"), "--dir", str(clerk.directory)]
    # Whoever has the turn to write keeps the backup waiting to be entered in the log.
    with Turn(Path(f"{clerk.directory}/postroom.db.turn"), patience=1):
        program = subprocess.Popen(
            [*postroom(), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with program:
            until = time.monotonic() + PATIENCE
            while program.poll() is None and not (target / "desk.zip").exists() and time.monotonic() < until:
                time.sleep(0.01)
            program.send_signal(signal.SIGTERM)
            try:
                _, said = program.communicate(timeout=PATIENCE)
            finally:
                program.kill()
    assert (program.returncode, said) == (143, "postroom: interrupted: no backup was made\n")
    assert list(target.iterdir()) == []
    assert json.loads(exported(clerk)[-1])["type"] != "desk.backed_up"


def test_long_work_says_how_far_it_is(clerk: Clerk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_command, "LINE_EVERY", 0)
    told = clerk.run("backup", str(tmp_path / "desk.zip"), "--with-key").err.splitlines()
    assert {"copying the database: 100%", "packing the backup: 100%"} <= set(told)
    told = Clerk(tmp_path / "back").run("restore", str(tmp_path / "desk.zip")).err.splitlines()
    assert {"unpacking the backup: 100%", "checking the log: 100%"} <= set(told)
    assert clerk.run("backup", str(tmp_path / "other.zip"), "--json").err == ""


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

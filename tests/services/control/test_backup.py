"""A finished file gets its name whole, once, and on every file system. A restored desk begins stopped and alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.db.store import Store
from core.db.tables import DESK, GATEWAY_PROCESS
from core.errors import Conflict
from core.services.control import emergency, restore
from core.services.control.backup import Manifest, placed
from tests.factories.desk import BOB, make_desk


@pytest.fixture(params=["hard links", "no hard links"])
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished file, on a file system with hard links and on one (FAT, some network shares) without."""
    if request.param == "no hard links":

        def refused(*_args: object, **_more: object) -> None:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "link", refused)
    folder = tmp_path / "staging"
    folder.mkdir()
    (folder / "made").write_text("whole")
    return folder / "made"


def test_a_finished_file_gets_its_name(made: Path, tmp_path: Path) -> None:
    with placed(made, tmp_path / "final"):
        assert (tmp_path / "final").read_text() == "whole"
    assert (tmp_path / "final").read_text() == "whole"


def test_a_file_that_is_there_is_not_overwritten(made: Path, tmp_path: Path) -> None:
    (tmp_path / "final").write_text("mine")
    with pytest.raises(Conflict, match="already exists"), placed(made, tmp_path / "final"):
        raise AssertionError("never entered")
    assert (tmp_path / "final").read_text() == "mine"


def test_the_name_is_given_up_if_what_follows_fails(made: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), placed(made, tmp_path / "final"):
        raise KeyboardInterrupt
    assert not (tmp_path / "final").exists()


def test_a_file_that_another_put_there_meanwhile_stays(made: Path, tmp_path: Path) -> None:
    def fail() -> None:
        (tmp_path / "theirs").write_text("theirs")
        (tmp_path / "theirs").replace(tmp_path / "final")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), placed(made, tmp_path / "final"):
        fail()
    assert (tmp_path / "final").read_text() == "theirs"


def test_a_file_that_cannot_be_named_leaves_no_empty_one(made: Path, tmp_path: Path) -> None:
    target = tmp_path / "absent" / "final"
    with pytest.raises(FileNotFoundError), placed(made, target):
        raise AssertionError("never entered")
    assert made.read_text() == "whole"


def test_a_restored_desk_is_stopped_and_knows_no_gateway_and_no_vote(store: Store) -> None:
    make_desk(store)
    gateway = {"id": 7, "host": "old", "pid": 1, "listen": "127.0.0.1:1", "started_at": 0, "beat_at": 0}
    store.transact(lambda tx: tx.add(GATEWAY_PROCESS, gateway))
    store.transact(lambda tx: tx.write(update(DESK).values(start_votes=["bob"])))
    manifest = Manifest(0, "1", "0001", "sqlite", 1, "00", {}, {})
    store.transact(lambda tx: restore.hold(tx, manifest))
    assert store.rows(select(GATEWAY_PROCESS)) == []
    assert store.row(select(DESK.c.start_votes, DESK.c.stopped_by)) == ([], restore.RESTORE)


def test_a_desk_that_was_stopped_at_its_backup_says_who_stopped_it(store: Store) -> None:
    make_desk(store)
    store.transact(lambda tx: emergency.stop(tx, reason="phishing", actor=BOB))
    store.transact(lambda tx: restore.hold(tx, Manifest(0, "1", "0001", "sqlite", 1, "00", {}, {})))
    assert store.row(select(DESK.c.stopped_by, DESK.c.stop_reason)) == ("bob", "phishing")

"""A SQLite desk's file: only its owner reads it, and a desk that lost it says so, loses nothing and goes on."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.db import migrate
from core.db.store import Store
from core.db.tables import AGENT, CONTACT
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.errors import Unavailable
from tests.factories.desk import make_desk


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "desk").mkdir()
    return tmp_path / "desk" / "postroom.db"


@pytest.fixture
def store(file: Path, clock: FakeClock) -> Iterator[Store]:
    opened = Store(f"sqlite:///{file}", clock=clock)
    migrate.upgrade(opened.engine)  # not a copy: how the file is made is what is tested
    make_desk(opened)
    yield opened
    opened.close()


def note(store: Store, name: str) -> None:
    store.transact(lambda tx: tx.add(CONTACT, {"agent_id": 1, "address": name, "first_at": tx.now}))


def noted(store: Store) -> set[str]:
    return {row.address for row in store.rows(select(CONTACT.c.address))}


def modes(file: Path) -> set[int]:
    return {stat.S_IMODE(one.stat().st_mode) for one in file.parent.iterdir()}


def test_nobody_else_can_read_the_database_or_what_lies_beside_it(store: Store, file: Path) -> None:
    note(store, "one")
    assert {one.name for one in file.parent.iterdir()} >= {"postroom.db", "postroom.db-wal", "postroom.db-shm"}
    assert modes(file) == {0o600}


def test_a_desk_that_others_may_read_by_its_owners_will_goes_on(store: Store, file: Path, clock: FakeClock) -> None:
    store.close()
    file.chmod(0o640)
    again = Store(f"sqlite:///{file}", clock=clock)
    migrate.upgrade(again.engine)
    note(again, "one")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    again.close()


def test_looking_at_a_desk_makes_no_database(file: Path, clock: FakeClock) -> None:
    opened = Store(f"sqlite:///{file}", clock=clock)
    with pytest.raises(Unavailable, match="there is no database at"):
        noted(opened)
    with pytest.raises(Unavailable, match="there is no database at"):
        migrate.upgrade(opened.engine, founding=False)
    assert not file.exists()


@pytest.mark.parametrize("whole", [True, False], ids=["with-what-lies-beside-it", "alone"])
def test_a_database_moved_away_is_refused_and_back_again_it_goes_on(
    store: Store, file: Path, clock: FakeClock, tmp_path: Path, *, whole: bool
) -> None:
    note(store, "before")
    assert noted(store) == {"before"}
    away = tmp_path / "away"
    away.mkdir()
    moved = [one for one in sorted(file.parent.iterdir()) if whole or one == file]
    for one in moved:
        one.rename(away / one.name)
    for name in ("first", "second"):
        with pytest.raises(Unavailable, match="no longer where it was") as told:
            note(store, name)
        assert told.value.retry_after > 0
    with pytest.raises(Unavailable):
        noted(store)
    assert not file.exists()
    for one in moved:
        (away / one.name).rename(one)
    note(store, "after")
    assert noted(store) == {"before", "after"}
    with sqlite3.connect(file) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    plain.close()


def test_a_reader_notices_within_a_second(store: Store, file: Path, clock: FakeClock) -> None:
    note(store, "before")
    assert noted(store) == {"before"}
    file.rename(file.with_name("away.db"))
    clock.advance(seconds=1)
    with pytest.raises(Unavailable):
        noted(store)
    file.with_name("away.db").rename(file)
    assert noted(store) == {"before"}


def test_a_backup_put_in_its_place_is_what_the_desk_goes_on_with(store: Store, file: Path, tmp_path: Path) -> None:
    note(store, "saved")
    backup = tmp_path / "backup.db"
    _back_up(file, backup)
    note(store, "lost")
    for one in list(file.parent.iterdir()):
        one.unlink()
    with pytest.raises(Unavailable):
        note(store, "refused")
    file.write_bytes(backup.read_bytes()[:-4_096])
    with pytest.raises(Unavailable, match="no whole database yet"):
        note(store, "refused")
    shutil.copy(backup, file)
    note(store, "after")
    assert noted(store) == {"saved", "after"}
    with sqlite3.connect(file) as plain:
        assert {row[0] for row in plain.execute("SELECT address FROM contact")} == {"saved", "after"}
    plain.close()


def test_a_backup_is_not_mixed_with_what_is_left_of_the_lost_database(store: Store, file: Path, tmp_path: Path) -> None:
    note(store, "saved")
    backup = tmp_path / "backup.db"
    _back_up(file, backup)
    note(store, "lost")
    backup.replace(file)
    for _ in range(2):
        with pytest.raises(Unavailable):
            note(store, "refused")
    with pytest.raises(Unavailable, match=r"move postroom\.db-wal and postroom\.db-shm away"):
        note(store, "refused")
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).rename(tmp_path / f"left{ending}")
    note(store, "after")
    assert noted(store) == {"saved", "after"}


def test_what_is_remembered_of_the_lost_database_is_forgotten(store: Store, file: Path, tmp_path: Path) -> None:
    def name(tx: Transaction) -> str:
        return str(tx.desk_cache.get(("name",), lambda: tx.all(select(AGENT.c.name))[0].name))

    backup = tmp_path / "backup.db"
    _back_up(file, backup)
    store.transact(lambda tx: tx.write(update(AGENT).values(name="renamed")))
    assert store.transact(name) == "renamed"
    for one in list(file.parent.iterdir()):
        one.unlink()
    shutil.copy(backup, file)
    with pytest.raises(Unavailable):
        store.transact(name)
    assert store.transact(name) == "support-bot"


def test_the_writer_refuses_a_whole_batch_and_goes_on_when_the_file_is_back(store: Store, file: Path) -> None:
    away = file.with_name("away.db")

    async def story() -> None:
        made = Writer(store)
        made.start()

        def verb(tx: Transaction) -> None:
            tx.add(CONTACT, {"agent_id": 1, "address": f"n{tx.conn.info['n']}", "first_at": tx.now})
            tx.conn.info["n"] += 1

        def begin(tx: Transaction) -> None:
            tx.conn.info["n"] = 0

        await made.do(begin)
        await asyncio.to_thread(file.rename, away)
        said = await asyncio.gather(*(made.do(verb) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(one, Unavailable) for one in said)
        await asyncio.to_thread(away.rename, file)
        await asyncio.gather(*(made.do(verb) for _ in range(5)))
        await made.close()

    asyncio.run(story())
    assert len(noted(store)) == 5


def test_a_store_is_closed_while_a_thread_asks_for_its_version(store: Store, clock: FakeClock) -> None:
    """As when the console ends while it follows the log. SQLite's connection in use, once closed, ends the process."""
    for _ in range(10):
        asked, last = Store(store.url, clock=clock), threading.Event()
        answers: list[int | None] = []

        def ask(asked: Store = asked, last: threading.Event = last, answers: list[int | None] = answers) -> None:
            while not last.is_set():
                answers.append(asked.version())
            answers.append(asked.version())

        thread = threading.Thread(target=ask)
        thread.start()
        while not any(answers):
            thread.join(timeout=0.001)
        asked.close()
        last.set()
        thread.join()
        assert answers[-1] is None


def _back_up(file: Path, to: Path) -> None:
    source, target = sqlite3.connect(file), sqlite3.connect(to)
    source.backup(target)
    target.execute("PRAGMA journal_mode=WAL")
    source.close()
    target.close()

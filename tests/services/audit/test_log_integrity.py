"""A log that is not what it was is noticed without a whole walk, and holds the desk until governance says so."""

from __future__ import annotations

import asyncio
import functools
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from core.db import audit_log
from core.db.queries import figures
from core.db.store import Store
from core.db.tables import DESK, LOG_ENTRY
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.durations import DAY
from core.errors import Forbidden, Unavailable
from core.model import Mode
from core.operations.screens.needs import needs
from core.operations.screens.overview import Overview
from core.security.encryption import new_key_pair
from core.services.audit import checkpoints, log_integrity
from core.services.audit.log_integrity import Seen
from core.services.control import emergency
from core.services.control.emergency import LOG_CHECK
from core.settings import Checkpoints, Settings
from core.workers import log_check
from core.workers.log_check import LogCheck
from tests.factories.database import new_store
from tests.factories.desk import ALICE, BOB, GAIL, WIDE, Bench, make_desk

VERIFY = "postroom audit verify"


def busy(store: Store, *, mails: int = 5) -> Bench:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for n in range(mails):
        desk.submit(f"r{n}@example.com")
    return desk


def fault(store: Store, *seen: Seen, **more: int) -> str | None:
    return store.look(lambda tx: log_integrity.fault(tx.conn, seen, **more))


def head(store: Store) -> Seen:
    return store.look(lambda tx: log_integrity.seen_now(tx.conn, now=tx.now))


def tamper(store: Store, seq: int) -> None:
    with store.engine.begin() as conn:
        if store.sqlite:
            for name in conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
                conn.execute(text(f"DROP TRIGGER {name}"))
        else:
            conn.execute(text("ALTER TABLE event DISABLE TRIGGER USER"))
        conn.execute(update(LOG_ENTRY).where(LOG_ENTRY.c.seq == seq).values(actor="mallory"))


def hold(store: Store, reason: str) -> bool:
    return store.transact(functools.partial(log_integrity.hold, reason=reason))


def start(store: Store, actor: Any) -> Any:
    return store.transact(lambda tx: emergency.start(tx, reason="it is the log we go on with", actor=actor))


def stopped_by(store: Store) -> str | None:
    row = store.row(DESK.select())
    assert row is not None
    return None if row.stopped_by is None else str(row.stopped_by)


def test_a_whole_log_has_no_fault_however_short_the_tail(store: Store) -> None:
    busy(store)
    assert fault(store, head(store)) is None
    for tail in (0, 1, 3, 1_000):
        assert fault(store, tail=tail) is None


def test_a_changed_entry_of_the_tail_is_a_fault_and_one_before_it_is_left_to_verify(store: Store) -> None:
    busy(store)
    last = head(store).seq
    tamper(store, last - 1)
    assert f"broken at entry {last - 1}" in (fault(store) or "")
    assert fault(store, tail=1) is None


def test_the_console_says_that_the_log_is_broken_and_once_it_is_held_why_the_desk_stands(store: Store) -> None:
    busy(store)

    def shown() -> list[tuple[str, str]]:
        found = store.look(lambda tx: needs(tx, Overview.fresh().refresh(tx, None), figures.head(tx.conn)))
        return [(one.subject, one.text) for one in found if one.subject in ("the log", "the desk")]

    assert shown() == []
    last = head(store).seq
    tamper(store, last)
    assert shown() == [("the log", f"the log is broken at entry {last}: it was changed in the database; {VERIFY}")]
    hold(store, fault(store) or "")
    [(about, said)] = shown()
    assert (about, said.startswith(f"ALL STOP by {LOG_CHECK}: the log is broken")) == ("the desk", True)


def test_a_desk_held_for_its_log_accepts_nothing_until_governance_says_so(store: Store, clock: FakeClock) -> None:
    desk = busy(store)
    known = Seen(head(store).seq + 100, "00" * 32, store.clock.now())
    found = fault(store, known)
    assert found is not None
    assert "older than it was" in found
    assert hold(store, found)
    assert not hold(store, found), "told once"
    assert desk.submit("late@example.com").error == "desk_stopped"
    for actor in (ALICE, BOB):
        with pytest.raises(Forbidden):
            start(store, actor)
    clock.advance(micros=DAY)
    assert start(store, GAIL).running
    assert stopped_by(store) is None
    assert fault(store, known) is None, "an old database cannot know of a later start"
    assert desk.submit("late@example.com").status == "queued"


def test_a_broken_entry_that_governance_has_accepted_holds_the_desk_no_more(store: Store) -> None:
    busy(store)
    tamper(store, head(store).seq)
    hold(store, fault(store) or "")
    start(store, GAIL)
    assert fault(store) is None


def test_a_log_written_anew_is_noticed_by_the_head_that_was_seen(store: Store) -> None:
    busy(store)
    seen = head(store)
    assert "rewritten" in (fault(store, Seen(seen.seq, "ab" * 32, seen.at)) or "")


def test_an_old_copy_of_the_database_is_held_at_the_next_start(tmp_path: Path, clock: FakeClock) -> None:
    settings = Settings(dir=tmp_path)
    store = new_store(tmp_path, clock)
    busy(store)
    store.close()
    shutil.copy(tmp_path / "postroom.db", tmp_path / "old.db")
    store = Store(f"sqlite:///{tmp_path}/postroom.db", clock=clock)
    store.transact(lambda tx: emergency.stop(tx, reason="a drill", actor=ALICE))
    writer = Writer(store)

    async def look() -> str | None:
        return await LogCheck(settings, store=store, writer=writer, clock=clock).look()

    assert asyncio.run(look()) is None
    assert (tmp_path / log_check.SEEN).stat().st_mode & 0o077 == 0
    log_check.at_start(settings, store)
    assert stopped_by(store) == "alice", "nothing is wrong with it"
    store.close()
    for file in tmp_path.glob("postroom.db*"):
        file.unlink()
    (tmp_path / "old.db").rename(tmp_path / "postroom.db")
    store = Store(f"sqlite:///{tmp_path}/postroom.db", clock=clock)
    log_check.at_start(settings, store)
    assert stopped_by(store) == LOG_CHECK
    store.close()


def test_the_newest_checkpoint_outside_is_asked_as_well(store: Store, tmp_path: Path) -> None:
    busy(store)
    pair = new_key_pair("ed25519")
    last, digest = store.look(lambda tx: audit_log.head(tx.conn))
    file = tmp_path / "checkpoints.jsonl"
    now = store.clock.now()
    right = checkpoints.sign(pair.private, seq=last, head=digest.hex(), at=now)
    ahead = checkpoints.sign(pair.private, seq=last + 9, head=digest.hex(), at=now)
    settings = Settings(dir=tmp_path, checkpoints=Checkpoints(file=file))
    file.write_text(f"{right.text()}\n")
    assert fault(store, *log_check.seen(settings)) is None
    file.write_text(f"{right.text()}\n{ahead.text()}\n")
    assert "older than it was" in (fault(store, *log_check.seen(settings)) or "")
    file.write_text(f"{right.text()}\n{ahead.text().replace(str(last + 9), str(last + 8))}\n")
    assert log_check.seen(settings) == (), "nobody signed that"


def test_a_damaged_file_is_not_written_to(tmp_path: Path, clock: FakeClock) -> None:
    store = new_store(tmp_path, clock)
    busy(store, mails=40)
    store.close()
    file = tmp_path / "postroom.db"
    raw = bytearray(file.read_bytes())
    page = 4_096
    for at in range(4 * page, len(raw), page):
        raw[at : at + 64] = b"\xff" * 64
    file.write_bytes(raw)
    store = Store(f"sqlite:///{file}", clock=clock)
    with pytest.raises(Unavailable):
        log_check.at_start(Settings(dir=tmp_path), store)
    store.close()

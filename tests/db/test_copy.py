from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from core.db import audit_log, copy, migrate, schema_revision
from core.db.store import Store
from core.demo.clock import FakeClock
from core.errors import Conflict, Unavailable
from core.events import GatewayStopped
from core.model import SYSTEM
from tests.factories.desk import make_desk


def silent(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


@pytest.mark.usefixtures("postgresql_programs")
def test_a_copy_holds_what_the_database_holds(store: Store, copy_url: str, tmp_path: Path, clock: FakeClock) -> None:
    make_desk(store)
    store.transact(lambda tx: tx.emit(GatewayStopped(actor=str(SYSTEM), host="h", pid=1)))
    seq, head, revision = copy.dump(store.url, tmp_path / "dumped", progress=silent)
    if store.sqlite:
        copy_url = f"sqlite:///{tmp_path}/dumped"
    else:
        copy.load(tmp_path / "dumped", copy_url, progress=silent)
    with closing(Store(copy_url, clock=clock)) as other, other.read() as conn, store.read() as first:
        for table in ("event", "mailbox", "operator", "stream_key"):
            rows = text(f"SELECT * FROM {table} ORDER BY 1")
            assert [tuple(row) for row in conn.execute(rows)] == [tuple(row) for row in first.execute(rows)], table
        assert (seq, revision) == (conn.execute(text("SELECT max(seq) FROM event")).scalar(), schema_revision.latest())
        assert head == bytes(conn.execute(text("SELECT hash FROM event ORDER BY seq DESC LIMIT 1")).scalar_one())


WRITES = """
import sys
from core.clock import SystemClock
from core.db.store import Store
from core.events import GatewayStopped
store = Store(f"sqlite:///{sys.argv[1]}", clock=SystemClock())
for _ in sys.stdin:
    store.transact(lambda tx: tx.emit(GatewayStopped(actor="system", host="h", pid=1)))
    print("written", flush=True)
"""


@contextmanager
def writer(database: Path) -> Iterator[Callable[[], None]]:
    """Another process of the desk; each call lets it commit once and returns when it has."""
    program = [sys.executable, "-c", WRITES, str(database)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        said, asked = process.stdout, process.stdin
        assert said is not None
        assert asked is not None

        def write() -> None:
            asked.write("\n")
            asked.flush()
            assert said.readline() == "written\n"

        yield write
        asked.close()


def test_a_copy_of_a_desk_that_is_written_to_ends_and_is_of_one_moment(
    sqlite_store: Store, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy, "PAGES", 8)
    make_desk(sqlite_store)
    with sqlite_store.read() as conn:
        before = audit_log.head(conn)
    steps = 0
    with writer(tmp_path / "postroom.db") as write:

        def progress(_what: str, _done: int, pages: int) -> None:
            nonlocal steps
            steps += 1
            assert steps <= pages, "the copy was begun again and again"
            write()

        seq, head, _ = copy.dump(sqlite_store.url, tmp_path / "dumped", progress=progress)
    assert steps > 4
    with closing(Store(f"sqlite:///{tmp_path}/dumped", clock=clock)) as copied, copied.read() as conn:
        found = audit_log.verify(conn)
    assert (found.ok, found.head_seq, found.head) == (True, *before)
    assert (seq, head) == before
    with sqlite_store.read() as conn:
        assert audit_log.head(conn)[0] == before[0] + steps


@pytest.mark.usefixtures("postgresql_programs")
def test_a_loaded_postgresql_database_is_no_desk_before_its_revision_is_entered(
    empty_database: Callable[[], str], tmp_path: Path, clock: FakeClock
) -> None:
    urls = [empty_database() for _ in range(2)]
    with closing(Store(urls[0], clock=clock)) as store:
        migrate.upgrade(store.engine)
        make_desk(store)
        copy.dump(urls[0], tmp_path / "dumped", progress=silent)
    copy.require_empty(urls[1])
    copy.load(tmp_path / "dumped", urls[1], progress=silent)
    with pytest.raises(Conflict, match="has tables already"):
        copy.require_empty(urls[1])
    with closing(Store(urls[1], clock=clock)) as store:
        with pytest.raises(Unavailable, match="holds no desk"):
            migrate.upgrade(store.engine, founding=False)
        with pytest.raises(Unavailable, match="holds no desk"), store.read() as conn:
            schema_revision.check(conn)
        with store.engine.begin() as conn:
            migrate.adopt(conn, schema_revision.latest())
        with store.read() as conn:
            schema_revision.check(conn)


def test_a_database_that_does_not_answer_is_said_to_be_that() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        copy.require_empty("postgresql+psycopg://nobody@127.0.0.1:1/none")

"""The writer: an answer means committed; one verb's trouble is nobody else's; it outlives its database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import OperationalError

from core.db import audit_log, writer
from core.db.store import Store
from core.db.tables import AGENT, CONTACT
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.errors import Conflict, NoAnswer, Overloaded, Unavailable
from core.events import AgentResumed
from tests.factories.database import new_store
from tests.factories.desk import leave, make_desk


def note(name: str) -> Callable[[Transaction], str]:
    """A verb with a row, an event and a count."""

    def verb(tx: Transaction) -> str:
        tx.add(CONTACT, {"agent_id": 1, "address": name, "first_at": tx.now})
        leave(tx, AgentResumed(actor="gail", agent=1, reason=name))
        tx.bump("test", "", "noted", minute=0)
        return name

    return verb


def kept(store: Store) -> set[str]:
    """What is noted, and that row, event and count agree."""
    names = {row.address for row in store.rows(select(CONTACT.c.address))}
    with store.read() as conn:
        said = {entry.event.reason for entry in audit_log.read(conn, after=0) if isinstance(entry.event, AgentResumed)}
        assert audit_log.verify(conn).ok
    assert said == names
    assert store.look(lambda tx: tx.counters.total("test", "", "noted")) == len(names)
    return names


def run(store: Store, story: Callable[[Writer], Coroutine[Any, Any, None]]) -> None:
    async def tell() -> None:
        made = Writer(store)
        made.start()
        try:
            await story(made)
        finally:
            await made.close()

    asyncio.run(tell())


@asynccontextmanager
async def one_batch(made: Writer) -> AsyncIterator[None]:
    """Whatever is asked inside goes into one batch, which runs when the block ends."""
    gate, entered = threading.Event(), threading.Event()

    def wait(tx: Transaction) -> None:
        entered.set()
        gate.wait()

    blocking = asyncio.create_task(made.do(wait))
    await asyncio.to_thread(entered.wait)
    yield
    await asyncio.sleep(0)  # let every task reach the queue
    await asyncio.sleep(0)
    gate.set()
    await blocking


async def together(made: Writer, *verbs: Callable[[Transaction], Any]) -> list[Any]:
    async with one_batch(made):
        tasks = [asyncio.create_task(made.do(verb)) for verb in verbs]
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_an_answer_comes_after_the_commit(store: Store) -> None:
    make_desk(store)

    async def story(made: Writer) -> None:
        for number in range(5):
            assert await made.do(note(f"n{number}")) == f"n{number}"
            # another connection sees it, so it is committed
            assert f"n{number}" in kept(store)

    run(store, story)


def test_what_queues_up_shares_one_commit(store: Store) -> None:
    make_desk(store)

    async def story(made: Writer) -> None:
        answers = await together(made, *(note(f"n{i}") for i in range(50)))
        assert answers == [f"n{i}" for i in range(50)]
        assert made.batches == 2  # the one that blocked, and all of ours
        assert len(kept(store)) == 50

    run(store, story)


def test_a_batch_holds_at_most_sixty_four(store: Store) -> None:
    make_desk(store)

    async def story(made: Writer) -> None:
        await together(made, *(note(f"n{i}") for i in range(writer.BATCH + 1)))
        assert made.batches == 3

    run(store, story)


class Patient:
    """A verb that waits for others of its burst."""

    patient = True

    def __init__(self, name: str) -> None:
        self._note = note(name)

    def __call__(self, tx: Transaction) -> str:
        return self._note(tx)


def test_a_verb_that_cannot_wait_takes_along_what_waits_before_it(store: Store) -> None:
    make_desk(store)

    async def story(made: Writer) -> None:
        assert await together(made, Patient("a"), Patient("b"), note("c")) == ["a", "b", "c"]
        assert made.batches == 2  # the one that blocked, and all of ours
        with store.read() as conn:
            noted = [one.event for one in audit_log.read(conn, after=0) if isinstance(one.event, AgentResumed)]
        assert [event.reason for event in noted] == ["a", "b", "c"]

    run(store, story)


def test_patient_verbs_are_answered_though_nothing_follows_them(store: Store) -> None:
    make_desk(store)

    async def story(made: Writer) -> None:
        for name in "ab":
            assert await made.do(Patient(name)) == name
        assert await asyncio.gather(*(made.do(Patient(name)) for name in "cde")) == ["c", "d", "e"]
        assert await made.do(Patient("f")) == "f"
        assert kept(store) == set("abcdef")

    run(store, story)


def test_what_waits_is_written_before_the_writer_stops(store: Store) -> None:
    make_desk(store)

    async def story(made: Writer) -> None:
        waiting = asyncio.create_task(made.do(Patient("late")))
        await asyncio.sleep(0)
        await made.close()
        assert await waiting == "late"

    run(store, story)
    assert kept(store) == {"late"}


def refuses(tx: Transaction) -> None:
    note("refused")(tx)
    tx.write(update(AGENT).values(status="suspended"))
    raise Conflict("not today")


def breaks_sql(tx: Transaction) -> None:
    note("broken")(tx)
    tx.conn.execute(text("SELECT nothing FROM nowhere"))


def stages_a_double(tx: Transaction) -> None:
    """Fails only when the batch is flushed."""
    note("double")(tx)
    note("double")(tx)


def stages_nonsense(tx: Transaction) -> None:
    """Fails with an error that is not the database's, when nobody's verb is running any more."""
    note("nonsense")(tx)
    leave(tx, AgentResumed(actor="gail", reason=object()))  # type: ignore[arg-type]  # what a bug would do


@pytest.mark.parametrize("bad", [refuses, breaks_sql, stages_a_double, stages_nonsense])
def test_one_verb_that_fails_costs_the_others_nothing(store: Store, bad: Callable[[Transaction], None]) -> None:
    make_desk(store)

    async def story(made: Writer) -> None:
        answers = await together(made, note("a"), bad, note("b"), bad, note("c"))
        assert [answers[0], answers[2], answers[4]] == ["a", "b", "c"]
        assert isinstance(answers[1], Exception)
        assert isinstance(answers[3], Exception)
        assert kept(store) == {"a", "b", "c"}
        assert store.rows(select(AGENT.c.status).where(AGENT.c.status != "active")) == []
        assert await made.do(note("afterwards")) == "afterwards"

    run(store, story)


def test_a_refusal_reaches_the_caller_as_it_was_raised(store: Store) -> None:
    make_desk(store)

    async def story(made: Writer) -> None:
        with pytest.raises(Conflict, match="not today"):
            await made.do(refuses)
        with pytest.raises(Unavailable):
            await made.do(breaks_sql)

    run(store, story)


def test_who_stops_waiting_does_not_stop_the_verb(store: Store) -> None:
    make_desk(store)

    async def story(made: Writer) -> None:
        async with one_batch(made):
            impatient = asyncio.create_task(made.do(note("kept anyway")))
            await asyncio.sleep(0)
            impatient.cancel()
        await made.do(lambda tx: None)
        assert kept(store) == {"kept anyway"}

    run(store, story)


def test_a_full_queue_is_said_at_once_instead_of_a_long_wait(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    make_desk(store)
    monkeypatch.setattr(writer, "QUEUE", 3)

    async def story(made: Writer) -> None:
        async with one_batch(made):
            taken = [asyncio.create_task(made.do(note(f"n{i}"))) for i in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await made.do(note("one too many"))
        await asyncio.gather(*taken)
        assert kept(store) == {"n0", "n1"}

    run(store, story)


def test_a_beat_finds_room_in_a_queue_that_is_full(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    make_desk(store)
    monkeypatch.setattr(writer, "QUEUE", 2)

    async def story(made: Writer) -> None:
        async with one_batch(made):
            taken = [asyncio.create_task(made.do(note("full")))]
            await asyncio.sleep(0)
            beat = made.put(note("beat"))  # as a thread would
        await asyncio.gather(*taken, asyncio.wrap_future(beat))
        assert kept(store) == {"full", "beat"}

    run(store, story)


def test_closing_writes_what_is_queued_and_refuses_what_comes_later(store: Store) -> None:
    make_desk(store)

    async def story(made: Writer) -> None:
        async with one_batch(made):
            tasks = [asyncio.create_task(made.do(note(f"n{i}"))) for i in range(70)]
            await asyncio.sleep(0)
            closing = asyncio.create_task(made.close())
        await closing
        assert len(await asyncio.gather(*tasks)) == 70
        with pytest.raises(Unavailable):
            await made.do(note("late"))
        assert len(kept(store)) == 70

    run(store, story)


def test_listeners_hear_of_commits_that_grew_the_log_only(store: Store) -> None:
    make_desk(store)
    heard: list[str] = []

    async def story(made: Writer) -> None:
        made.listeners.append(lambda: heard.append("grew"))
        await made.do(lambda tx: tx.bump("test", "", "x", minute=0))
        assert heard == []
        await made.do(note("a"))
        assert heard == ["grew"]
        with pytest.raises(Conflict):
            await made.do(refuses)
        assert heard == ["grew"]

    run(store, story)


class Quiet:
    """A verb after which no mail is due sooner."""

    makes_due = False

    def __init__(self, name: str) -> None:
        self._verb = note(name)

    def __call__(self, tx: Transaction) -> str:
        return self._verb(tx)


class Leaves:
    """A verb of delivery: what it does to the queue says whether other mail is due sooner."""

    only_queues = True

    def __init__(self, name: str, *, queues: bool) -> None:
        self._verb = note(name)
        self._queues = queues

    def __call__(self, tx: Transaction) -> str:
        tx.made_due |= self._queues
        return self._verb(tx)


def test_delivery_is_not_woken_by_what_makes_no_mail_due(store: Store) -> None:
    make_desk(store)
    woken: list[str] = []

    async def story(made: Writer) -> None:
        made.listeners.append(lambda: woken.append("all"))
        made.due_listeners.append(lambda: woken.append("delivery"))
        await made.do(Quiet("a"))
        assert woken == ["all"]
        await made.do(note("b"))
        assert woken == ["all", "all", "delivery"]
        woken.clear()
        await made.do(Leaves("c", queues=False))
        assert woken == ["all"]
        await made.do(Leaves("d", queues=True))
        assert woken == ["all", "all", "delivery"]

    run(store, story)
    assert kept(store) == {"a", "b", "c", "d"}


# --- a full disk ---------------------------------------------------------------------------------------------------


class Disk:
    """SQLite's own limit on pages stands for a disk: the error is the one a full disk gives."""

    def __init__(self, store: Store) -> None:
        self.limit: int | None = None
        event.listen(store.engine, "checkout", self._apply)

    def _apply(self, dbapi: Any, *_: object) -> None:
        dbapi.execute(f"PRAGMA max_page_count = {self.limit or 1_073_741_823}")

    def fill(self, store: Store, *, spare: int = 0) -> None:
        row = store.row(text("PRAGMA page_count"))
        assert row is not None
        self.limit = row[0] + spare


def heavy(name: str) -> Callable[[Transaction], str]:
    """A note that needs pages of its own, written in the middle of its verb."""

    def verb(tx: Transaction) -> str:
        answer = note(name)(tx)
        tx.write(update(AGENT).values(suspend_reason="x" * 40_000))
        return answer

    return verb


@pytest.fixture
def sqlite_store(tmp_path: Any, clock: FakeClock) -> Any:
    opened = new_store(tmp_path, clock)
    yield opened
    opened.close()


def test_a_full_disk_is_503_with_nothing_half_written_and_recovers_by_itself(sqlite_store: Store) -> None:
    store = sqlite_store
    disk = Disk(store)
    make_desk(store)

    async def story(made: Writer) -> None:
        await made.do(note("before"))
        disk.fill(store)
        with pytest.raises(Unavailable, match="disk is full") as told:
            await made.do(heavy("while full"))
        assert told.value.retry_after > 0
        assert kept(store) == {"before"}
        disk.limit = None
        assert await made.do(heavy("after")) == "after"
        assert kept(store) == {"before", "after"}

    run(store, story)


def test_a_disk_that_fills_in_the_middle_of_a_batch_costs_only_those_that_do_not_fit(sqlite_store: Store) -> None:
    """SQLITE_FULL rolls the whole transaction back: whoever went on in it would commit alone, without its batch."""
    store = sqlite_store
    disk = Disk(store)
    make_desk(store)

    async def story(made: Writer) -> None:
        async with one_batch(made):
            tasks = [
                asyncio.create_task(made.do(verb)) for verb in (note("a"), heavy("too much"), note("b"), note("c"))
            ]
            await asyncio.sleep(0)
            disk.fill(store, spare=3)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [answers[0], *answers[2:]] == ["a", "b", "c"]
        assert isinstance(answers[1], Unavailable)
        assert kept(store) == {"a", "b", "c"}

    run(store, story)


# --- a lost connection ----------------------------------------------------------------------------------------------


def terminate_others(store: Store) -> None:
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def cut(tx: Transaction) -> None:
    """The server goes away under this very transaction."""
    note("cut")(tx)
    tx.conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_a_lost_connection_is_503_and_the_next_caller_has_a_new_one(store: Store) -> None:
    if store.sqlite:
        return  # has no connection to lose
    make_desk(store)

    async def story(made: Writer) -> None:
        await made.do(note("before"))
        with pytest.raises(Unavailable):
            await made.do(cut)
        assert await made.do(note("at once")) == "at once"
        terminate_others(store)  # the pool's idle connections, as a restart of the server leaves them
        assert await made.do(note("after a restart")) == "after a restart"
        assert kept(store) == {"before", "at once", "after a restart"}

    run(store, story)


def test_others_of_a_batch_that_lost_its_connection_are_written_by_themselves(store: Store) -> None:
    if store.sqlite:
        return
    make_desk(store)

    async def story(made: Writer) -> None:
        answers = await together(made, note("a"), cut, note("b"))
        assert [answers[0], answers[2]] == ["a", "b"]
        assert isinstance(answers[1], Unavailable)
        assert kept(store) == {"a", "b"}

    run(store, story)


def test_a_commit_whose_answer_was_lost_is_not_run_again(store: Store) -> None:
    """PostgreSQL may have committed: 503 for all of the batch, each verb at most once in the log."""
    if store.sqlite:
        return
    make_desk(store)
    ran: list[str] = []

    def counted(name: str) -> Callable[[Transaction], str]:
        def verb(tx: Transaction) -> str:
            ran.append(name)
            return note(name)(tx)

        return verb

    async def story(made: Writer) -> None:
        async with one_batch(made):
            tasks = [asyncio.create_task(made.do(counted(name))) for name in ("a", "b")]
            await asyncio.sleep(0)
            lose = _lose_next_commit_of_two(store)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert lose.done
        assert [type(one) for one in answers] == [NoAnswer, NoAnswer], "nobody may say that nothing was written"
        assert ran == ["a", "b"]
        assert await made.do(note("afterwards")) == "afterwards"
        kept(store)

    run(store, story)


def test_a_server_that_is_gone_is_looked_for_once_a_batch(clock: FakeClock) -> None:
    """A machine that sends no word is waited for until it is given up: not once more for each verb that waits."""
    gate, asked = threading.Event(), list[None]()

    def connecting(*_: object) -> None:
        asked.append(None)
        gate.wait()

    async def story(made: Writer) -> None:
        tasks = [asyncio.create_task(made.do(note("first")))]
        while not asked:  # noqa: ASYNC110 - another thread's
            await asyncio.sleep(0.001)
        tasks += [asyncio.create_task(made.do(note(name))) for name in "abc"]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gate.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in answers] == [Unavailable] * 4
        assert len(asked) == 2  # for the first, and for all that came meanwhile

    with closing(Store("postgresql://postgres@127.0.0.1:1/desk", clock=clock)) as gone:
        event.listen(gone.engine, "do_connect", connecting)
        run(gone, story)


class _lose_next_commit_of_two:  # noqa: N801 - reads as an act
    """Cut the connection between the last statement of our batch and its COMMIT."""

    def __init__(self, store: Store) -> None:
        self.done = False
        self._store = store
        event.listen(store.engine, "commit", self._cut)

    def _cut(self, conn: Any) -> None:
        noted = conn.exec_driver_sql("SELECT count(*) FROM contact").scalar()
        if noted == 2 and not self.done:
            self.done = True
            pid = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            with self._store.engine.connect() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")


def test_what_a_failed_commit_undid_is_not_remembered(store: Store) -> None:
    """A run made by a batch whose commit failed does not exist: the next message must make it again."""
    from core.services.sending.submit import submit

    desk = make_desk(store)
    prepared = desk.prepared(run="fresh")
    second = desk.prepared(run="fresh")
    armed = [True]

    def fail(conn: Any) -> None:
        if armed:
            armed.clear()
            raise OperationalError("COMMIT", {}, Exception("disk I/O error"))

    event.listen(store.engine, "commit", fail)
    with pytest.raises(Unavailable):
        store.transact(lambda tx: [submit(tx, prepared), submit(tx, second)])
    other = desk.prepared(run="another")
    store.transact(lambda tx: submit(tx, other))
    store.transact(lambda tx: submit(tx, second))
    rows = store.rows(text("SELECT r.key FROM message m JOIN run r ON r.id = m.run_id ORDER BY r.key"))
    assert [row.key for row in rows] == ["another", "fresh"]

"""Locks by agent and stream on PostgreSQL: who waits for whom, and that no verb can do more than its locks allow."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import OperationalError

from core.db import audit_log, locks, queue
from core.db.counters import SITE_OF_DESK
from core.db.locks import Locks, LockSession, NeedsDesk, OfAgents, ReadFirst
from core.db.store import Store
from core.db.tables import AGENT, CONTACT, COUNTER, RUN, STREAM, SUPPRESSION
from core.db.transaction import Transaction
from core.db.writer import PATIENCE, Writer
from core.demo.clock import FakeClock
from core.errors import Conflict, Invalid
from core.events import AgentResumed
from core.model import Mode
from core.services.sending import delivery
from core.services.sending.submit import Submit
from tests.factories.database import new_store
from tests.factories.delivery import LATER, OK
from tests.factories.desk import WIDE, add_mailbox, leave, make_desk

ONE, TWO, THREE = (Locks(agents=frozenset({number})) for number in (1, 2, 3))


@pytest.fixture
def store(postgres_url: str, clock: FakeClock) -> Iterator[Store]:
    opened = Store(postgres_url, clock=clock)
    make_desk(opened, mode=Mode.AUTONOMOUS, **WIDE)
    yield opened
    opened.close()


@pytest.fixture
def other(store: Store, clock: FakeClock) -> Iterator[Store]:
    """Another gateway's store on the same database."""
    opened = Store(store.url, clock=clock)
    yield opened
    opened.close()


@contextmanager
def holding(store: Store, wanted: Locks) -> Iterator[Transaction]:
    """A shared transaction that is under way."""
    with store.begin(share=lambda session: session.wait_for(wanted)) as tx:
        assert tx.held == wanted
        yield tx


def note(name: str, agent: int = 1) -> Callable[[Transaction], str]:
    """A verb with a row of its agent, an event, and a count of the agent's and of the desk's."""

    def verb(tx: Transaction) -> str:
        tx.add(CONTACT, {"agent_id": agent, "address": name, "first_at": tx.now})
        leave(tx, AgentResumed(actor="gail", agent=agent, reason=name))
        tx.bump("agent", str(agent), "noted", minute=0)
        tx.bump("desk", "", "noted", minute=0)
        return name

    return verb


def for_agent(name: str, agent: int = 1) -> OfAgents:
    return OfAgents(note(name, agent), frozenset({agent}))


def in_time(store: Store, milliseconds: int = 200) -> None:
    """From here on, a statement of this store that waits for a lock for so long fails."""
    from sqlalchemy import event

    event.listen(store.engine, "checkout", lambda dbapi, *_: _limit(dbapi, milliseconds))


def _limit(dbapi: Any, milliseconds: int) -> None:
    dbapi.execute(f"SET lock_timeout = {milliseconds}")
    dbapi.commit()


def noted(store: Store) -> tuple[set[str], int, int]:
    """Who is noted, and the desk's count and number of entries; the log is whole."""
    with store.read() as conn:
        assert audit_log.verify(conn).ok
        entries = len(audit_log.read(conn, after=0))
        names = {row.address for row in conn.execute(select(CONTACT.c.address))}
        row = conn.execute(select(COUNTER.c.n).where(COUNTER.c.scope == "desk", COUNTER.c.kind == "noted")).first()
    return names, (row.n if row else 0), entries


# --- who waits for whom -------------------------------------------------------------------------------------------


def test_transactions_of_different_agents_do_not_wait_for_each_other(store: Store, other: Store) -> None:
    in_time(other)
    with holding(store, ONE) as first:
        first.run(note("a", 1))
        with holding(other, TWO) as second:
            second.run(note("b", 2))
        assert noted(store)[0] == {"b"}, "committed while the other is still open"
    assert noted(store) == ({"a", "b"}, 2, 2)


@pytest.mark.parametrize(
    "held", [ONE, ONE | TWO, Locks(streams=frozenset({1})), Locks(agents=frozenset({1 + locks.KEYS}))]
)
def test_what_is_held_makes_others_wait_and_a_try_go_without(store: Store, other: Store, held: Locks) -> None:
    in_time(other)
    wanted = held if held.streams else ONE
    with holding(store, held):
        with pytest.raises(OperationalError, match="lock timeout"), holding(other, wanted):
            pass
        with other.begin(share=lambda session: session.try_for(wanted | TWO)) as tx:
            assert tx.held is not None
            assert not tx.held.covers(wanted)


def test_the_desk_for_oneself_excludes_every_shared_transaction(store: Store, other: Store) -> None:
    in_time(other)
    with store.begin(), pytest.raises(OperationalError, match="lock timeout"), holding(other, Locks()):
        pass
    with holding(store, Locks()), pytest.raises(OperationalError, match="lock timeout"), other.begin():
        pass


def test_a_gateway_of_before_the_locks_excludes_and_is_excluded(store: Store, other: Store) -> None:
    """It takes one lock for each write, the desk's: an upgrade may go gateway by gateway."""
    in_time(other)
    earlier = text("SELECT pg_advisory_xact_lock(1886352244)")
    with holding(store, ONE), pytest.raises(OperationalError, match="lock timeout"), other.engine.begin() as conn:
        conn.execute(earlier)
    with store.engine.begin() as conn:
        conn.execute(earlier)
        with pytest.raises(OperationalError, match="lock timeout"), holding(other, ONE):
            pass


def test_no_lock_is_waited_for_while_others_are_held(store: Store) -> None:
    def share(session: LockSession) -> None:
        session.try_for(TWO)
        session.wait_for(ONE)

    with pytest.raises(AssertionError, match="while holding others"), store.begin(share=share):
        pass


def test_two_gateways_that_wait_for_many_of_the_same_agents_wait_for_each_other_in_turn(
    store: Store, other: Store
) -> None:
    """So many that two transactions that took them in different orders would meet half-way."""
    wanted = Locks(agents=frozenset(range(1, 600)), streams=frozenset(range(1, 100)))
    errors: list[Exception] = []

    def take(mine: Store) -> None:
        try:
            with holding(mine, wanted):
                pass
        except Exception as error:  # noqa: BLE001 - a deadlock, reported below
            errors.append(error)

    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    for _ in range(5):
        threads = [threading.Thread(target=take, args=(one,)) for one in (store, other)]
        with store.engine.connect() as conn, conn.begin():
            LockSession(conn, now=0).wait_for(wanted)
            for thread in threads:
                thread.start()
            while conn.execute(waiting).scalar() != len(threads):
                time.sleep(0.01)
        for thread in threads:  # let go at the same moment
            thread.join()
    assert errors == []


def test_counts_that_all_agents_share_are_added_up_and_keep_nobody_waiting(store: Store, other: Store) -> None:
    in_time(other)
    with holding(store, ONE) as first:
        first.run(note("a", 1))
        first.write_keeping_caches(update(RUN).where(RUN.c.id == -1).values(closed_at=None), [{}])  # flushes
        with holding(other, TWO) as second:
            second.run(note("b", 2))
    assert noted(store) == ({"a", "b"}, 2, 2)


def test_a_row_that_another_transaction_changed_under_the_lock_is_not_taken_from_the_cache(
    store: Store, other: Store
) -> None:
    def declared(tx: Transaction) -> str | None:
        return tx.desk_cache.get("purpose", lambda: tx.conn.execute(select(RUN.c.purpose)).scalar())

    store.transact(
        lambda tx: tx.create(
            RUN, {"agent_id": 1, "key": "r", "opened_at": 0, "via": [], "targets": [], "purpose": "before"}
        )
    )
    with holding(store, ONE) as tx:
        assert tx.run(declared) == "before"
    with holding(other, ONE) as tx:
        tx.run(lambda tx: tx.write(update(RUN).values(purpose="after")))
    with holding(store, ONE) as tx:
        assert tx.run(declared) == "after"


def test_the_proof_at_start_refuses_a_database_whose_locks_do_nothing(store: Store) -> None:
    store.prove_locks()
    with store.engine.begin() as conn:
        conn.exec_driver_sql("CREATE SCHEMA idle")
        conn.exec_driver_sql("CREATE FUNCTION idle.pg_advisory_xact_lock(bigint) RETURNS void LANGUAGE sql AS ''")
        conn.exec_driver_sql(f'ALTER DATABASE "{store.engine.url.database}" SET search_path = idle, public, pg_catalog')
    store.engine.dispose()  # new connections search there first
    with pytest.raises(Invalid, match=r"at once \(PostgreSQL"):
        store.prove_locks()


# --- what a shared transaction may write ----------------------------------------------------------------------------


FOREIGN: list[Callable[[Transaction], object]] = [
    lambda tx: tx.write(update(AGENT).values(status="suspended")),
    lambda tx: tx.write(update(STREAM).values(backoff_until=5)),
    lambda tx: tx.create(STREAM, {"domain": "x.test", "route": "direct", "created_at": 0, "owners": []}),
    lambda tx: tx.add(SUPPRESSION, {"address": "x@y.test"}),
    lambda tx: tx.add_all(SUPPRESSION, [{"address": "x@y.test"}]),
    lambda tx: tx.write_keeping_caches(update(STREAM).values(backoff_until=5), [{}]),
    lambda tx: tx.write(insert(SUPPRESSION).values(address="x@y.test")),
    lambda tx: tx.require_desk(),
]


@pytest.mark.parametrize("write", FOREIGN)
def test_a_shared_transaction_cannot_write_what_others_read(
    store: Store, write: Callable[[Transaction], object]
) -> None:
    with holding(store, ONE) as tx, pytest.raises(NeedsDesk):
        tx.run(write)


def test_a_verb_that_comes_to_need_the_desk_is_run_again_with_it(store: Store, other: Store) -> None:
    ran: list[Locks | None] = []

    def freezes(tx: Transaction) -> str:
        ran.append(tx.held)
        note("twice?")(tx)
        tx.write(update(AGENT).values(suspend_reason="looks odd"))
        return "done"

    async def story(made: Writer) -> None:
        answers = await asyncio.gather(
            made.do(OfAgents(freezes, frozenset({1}))), made.do(for_agent("beside")), return_exceptions=True
        )
        assert list(answers) == ["done", "beside"]

    run(store, story)
    assert ran == [ONE, None]
    assert noted(store) == ({"twice?", "beside"}, 2, 2)
    assert [row.suspend_reason for row in other.rows(select(AGENT.c.suspend_reason))] == ["looks odd"]


def test_a_look_takes_no_lock_until_it_writes(store: Store, other: Store) -> None:
    ran: list[Locks | None] = []

    def looks(tx: Transaction) -> int:
        ran.append(tx.held)
        names = [row.address for row in tx.all(select(CONTACT.c.address))]
        return len([note("found")(tx) for name in names if name != "found"])

    async def story(made: Writer) -> None:
        with ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, holding(other, ONE))
            assert await made.do(ReadFirst(looks)) == 0  # beside the other transaction
        await made.do(for_agent("something"))
        assert await made.do(ReadFirst(looks)) == 1

    run(store, story)
    assert ran == [Locks(), Locks(), None]
    assert noted(store) == ({"something", "found"}, 2, 2)


def test_no_counter_that_is_written_before_the_last_lock_is_shared_by_two_agents(
    store: Store, clock: FakeClock
) -> None:
    """Two transactions that write two such rows in opposite order would wait for each other forever."""
    made = _with_streams(store, 2)
    changed: dict[str, list[set[tuple[str, str]]]] = {}

    def stored() -> dict[tuple[str, str, str, int], int]:
        c = COUNTER.c
        rows = store.rows(select(c.scope, c.key, c.kind, c.minute, c.n))
        return {(row.scope, row.key, row.kind, row.minute): row.n for row in rows}

    @contextmanager
    def counting(name: str) -> Iterator[None]:
        before = stored()
        yield
        changed.setdefault(name, []).append({key[:2] for key, n in stored().items() if n != before.get(key, 0)})

    for seed, reply in enumerate((OK, LATER)):
        for agent, _ in made:
            with counting(f"submit {seed}"):
                _accept(store, agent, seed=10 * seed + agent)
            clock.advance(seconds=1)
            with counting(f"claim {seed}"):
                claimed = store.transact(delivery.Claim(1, 64)).claimed
            with counting(f"attempt {seed}"):
                assert store.transact(delivery.Attempt(claimed, 1)) == [True]
            with counting(f"settle {reply.outcome}"):
                store.transact(delivery.Settle([delivery.Settlement(one, reply) for one in claimed], 1))
    for name, (first, second) in changed.items():
        agent, stream = made[0]
        held = Locks(frozenset({agent}), frozenset({stream} if name.startswith("claim") else ()))
        assert [key for key in first & second if held.counts(*key)] == [], name
    assert {("desk", ""), (SITE_OF_DESK, "example.com")} <= set.intersection(*changed[f"settle {OK.outcome}"])
    assert any(scope == "site" for scope, _ in changed["claim 0"][0]), "a mailbox's own, for its limits"


# --- the writer -----------------------------------------------------------------------------------------------------


def run(store: Store, story: Callable[[Writer], Any]) -> None:
    async def tell() -> None:
        made = Writer(store)
        made.start()
        try:
            await story(made)
        finally:
            await made.close()

    asyncio.run(tell())


def test_verbs_of_free_agents_commit_while_another_gateway_holds_one(store: Store, other: Store) -> None:
    async def story(made: Writer) -> None:
        with ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, holding(other, TWO))
            kept = asyncio.create_task(made.do(for_agent("kept waiting", 2)))
            beside = [asyncio.create_task(made.do(for_agent(f"n{agent}", agent))) for agent in (1, 3, 4)]
            assert await asyncio.gather(*beside) == ["n1", "n3", "n4"]
            assert not kept.done()
        assert await kept == "kept waiting"

    run(store, story)


def test_an_agent_that_is_always_taken_is_waited_for_in_the_end(store: Store, other: Store) -> None:
    """Another gateway takes the agent again as soon as it has let go of it: a try alone would never find it free."""
    ended = threading.Event()
    taken = threading.Semaphore(0)

    def hammer() -> None:
        while not ended.is_set():
            with holding(other, TWO):
                taken.release()

    thread = threading.Thread(target=hammer)
    thread.start()

    async def story(made: Writer) -> None:
        await asyncio.to_thread(taken.acquire)
        answers = await asyncio.gather(*(made.do(for_agent(f"n{i}", 1 + i % 3)) for i in range(12)))
        assert answers == [f"n{i}" for i in range(12)]

    try:
        run(store, story)
    finally:
        ended.set()
        thread.join()
    assert PATIENCE < 10


def test_verbs_of_one_kind_are_one_verb_and_one_that_fails_costs_the_others_nothing(store: Store) -> None:
    together: list[int] = []

    @dataclass(frozen=True)
    class Kind:
        name: str
        locks: Locks = ONE

        def __call__(self, tx: Transaction) -> str:
            if self.name == "bad":
                raise Conflict("not today")
            return note(self.name)(tx)

        @staticmethod
        def together(verbs: list[Kind]) -> Callable[[Transaction], list[str]]:
            together.append(len(verbs))
            return lambda tx: [verb(tx) for verb in verbs]

    async def story(made: Writer) -> None:
        gate = threading.Event()
        blocking = asyncio.create_task(made.do(OfAgents(lambda tx: gate.wait())))
        tasks = [asyncio.create_task(made.do(Kind(name))) for name in ("a", "b")]
        await asyncio.sleep(0.01)
        gate.set()
        await blocking
        assert await asyncio.gather(*tasks) == ["a", "b"]
        answers = await asyncio.gather(*(made.do(Kind(name)) for name in ("c", "bad", "d")), return_exceptions=True)
        assert [answers[0], answers[2]] == ["c", "d"]
        assert isinstance(answers[1], Conflict)

    run(store, story)
    assert together[0] == 2
    assert noted(store) == ({"a", "b", "c", "d"}, 4, 4)


def test_on_sqlite_the_same_verbs_have_the_desk_for_themselves(tmp_path: Any, clock: FakeClock) -> None:
    store = new_store(tmp_path, clock)
    make_desk(store)
    held: list[Locks | None] = []

    async def story(made: Writer) -> None:
        await made.do(OfAgents(lambda tx: held.append(tx.held), frozenset({1})))

    run(store, story)
    store.close()
    assert held == [None]


# --- claims -----------------------------------------------------------------------------------------------------------


def test_a_claim_leaves_streams_and_agents_that_another_gateway_works_for(store: Store, other: Store) -> None:
    made = _with_streams(store, 3)
    for agent, _ in made:
        _accept(store, agent)
    claimed: list[set[int]] = []

    async def story(writer: Writer) -> None:
        async def claim() -> None:
            found = await writer.do(delivery.Claim(1, 64, breadth=_wide()))
            claimed.append({one.agent_id for one in found.claimed})

        busy_agent, busy_stream = made[0][0], made[1][1]
        with ExitStack() as stack:
            busy = Locks(agents=frozenset({busy_agent}), streams=frozenset({busy_stream}))
            await asyncio.to_thread(stack.enter_context, holding(other, busy))
            await claim()
        await claim()

    run(store, story)
    assert claimed == [{made[2][0]}, {made[0][0], made[1][0]}]


def _with_streams(store: Store, n: int) -> list[tuple[int, int]]:
    """Agents with a stream of their own each: (agent, stream)."""

    def more(tx: Transaction) -> list[tuple[int, int]]:
        made = []
        for number in range(n):
            stream = tx.create(
                STREAM,
                {"domain": f"s{number}.test", "route": "direct", "created_at": tx.now, "warm": True, "owners": []},
            )
            agent, _ = add_mailbox(
                tx, agent=f"a{number}", address=f"a{number}@s{number}.test", stream=stream, mode=Mode.AUTONOMOUS,
                **WIDE,
            )  # fmt: skip
            made.append((agent, stream))
        return made

    return store.transact(more)


def _wide() -> queue.Breadth:
    breadth = queue.Breadth()
    for _ in range(6):
        breadth.adapt(contended=False)
    return breadth


def _accept(store: Store, agent: int, *, seed: int | None = None) -> None:
    from core.ids import Ids
    from core.rules.addresses import parse_address
    from core.services.context import ServiceContext
    from core.services.sending.prepare import prepare
    from core.services.sending.submission import RunClaim, Submission
    from tests.factories.desk import KEYRING, issue

    token = issue(store, agent, secret=f"pra_{seed}")
    row = store.row(text(f"SELECT address FROM mailbox WHERE agent_id = {agent}"))
    assert row is not None
    ctx = ServiceContext(keyring=KEYRING, ids=Ids.seeded(seed or agent), chance=lambda bits: 0)
    submission = Submission(
        sender=parse_address(row.address), to=(parse_address("jane@example.com"),), subject="s", text="t", issued=b"{}",
        run=RunClaim(key="r", user="ann@acme.test"),
    )  # fmt: skip
    prepared = prepare(store, submission, token=token, ctx=ctx)
    answer = store.transact(Submit(prepared))
    assert answer.status == "queued"


def test_a_worker_locks_fewer_streams_while_others_claim_too_and_more_when_it_is_alone() -> None:
    breadth = _wide()
    assert breadth.streams == 32
    seen = []
    for _ in range(6):
        breadth.adapt(contended=True)
        seen.append(breadth.streams)
    assert seen == [16, 8, 4, 2, 2, 2]

"""What verbs of one batch see of each other, and what a failed one takes with it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from core.db import counters, gate_queries, queue
from core.db.queue import Slot
from core.db.store import Store
from core.db.tables import AGENT, CONTACT, COUNTER, DESK, LANE, RUN
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from tests.factories import effort
from tests.factories.desk import make_desk


def contact(tx: Transaction, name: str) -> None:
    tx.add(CONTACT, {"agent_id": 1, "address": name, "first_at": 0})


def contacts(tx: Transaction) -> set[str]:
    return {row.address for row in tx.all(select(CONTACT.c.address))}


def test_a_verb_reads_what_earlier_verbs_of_its_batch_staged(store: Store) -> None:
    make_desk(store)
    with store.begin() as tx:
        tx.run(lambda tx: contact(tx, "first"))
        assert tx.run(contacts) == {"first"}


def test_a_verb_that_is_alone_sets_no_savepoint_and_cannot_be_committed_once_it_failed(store: Store) -> None:
    make_desk(store)

    def write(tx: Transaction) -> None:
        contact(tx, "staged")
        tx.write(update(AGENT).values(status="suspended"))
        assert contacts(tx) == {"staged"}

    def bad(tx: Transaction) -> None:
        write(tx)
        tx.conn.exec_driver_sql("RELEASE SAVEPOINT verb")

    with pytest.raises(RuntimeError, match="has failed"), store.begin() as tx, pytest.raises(DBAPIError):
        tx.run(bad, alone=True)  # there is none to release
    assert [row.status for row in store.rows(select(AGENT.c.status))] == ["active"]
    assert store.transact(contacts) == set()
    store.transact(write)
    assert store.transact(contacts) == {"staged"}


def test_a_failed_verb_takes_its_own_rows_and_counts_and_leaves_those_before_it(store: Store) -> None:
    make_desk(store)

    def good(tx: Transaction) -> None:
        contact(tx, "good")
        tx.bump("test", "a", "n", minute=0, n=3)
        tx.claim_key("good")

    def bad(tx: Transaction) -> None:
        contact(tx, "staged")
        tx.bump("test", "a", "n", minute=0, n=100)
        tx.write(update(AGENT).values(status="suspended"))  # opens the savepoint: all before is in the database
        tx.create(AGENT, {"name": "ghost", "created_at": 0, "suspend_figures": {}, "warned": {}})
        tx.claim_key("bad")
        assert tx.counters.total("test", "a", "n") == 103
        raise ZeroDivisionError

    with store.begin() as tx:
        tx.run(good)
        with pytest.raises(ZeroDivisionError):
            tx.run(bad)
        assert tx.run(contacts) == {"good"}
        assert tx.run(lambda tx: tx.counters.total("test", "a", "n")) == 3
        assert tx.run(lambda tx: (tx.claim_key("good"), tx.claim_key("bad"))) == (False, True)
        tx.run(good_again)
    assert {row.name for row in store.rows(select(AGENT.c.name).where(AGENT.c.status == "active"))} == {"support-bot"}
    assert store.look(lambda tx: tx.counters.total("test", "a", "n")) == 8
    assert {row.address for row in store.rows(select(CONTACT.c.address))} == {"good", "again"}


def good_again(tx: Transaction) -> None:
    contact(tx, "again")
    tx.bump("test", "a", "n", minute=0, n=5)


def test_lane_changes_of_a_failed_verb_are_forgotten(store: Store) -> None:
    desk = make_desk(store)

    def lane(tx: Transaction) -> int:
        return queue.lane_for(tx, mailbox_id=desk.mailbox_id, domain="a.test", site="a.test").id

    def fails(tx: Transaction) -> None:
        queue.enqueue(tx, [Slot(8, 0, lane(tx), 10, charged=False)])
        assert tx.one(select(LANE.c.depth)) == (2,)
        raise ZeroDivisionError

    with store.begin() as tx:
        tx.run(lambda tx: queue.enqueue(tx, [Slot(7, 0, lane(tx), 10, charged=False)]))
        with pytest.raises(ZeroDivisionError):
            tx.run(fails)
    assert store.row(select(LANE.c.depth, LANE.c.next_at)) == (1, 10)


def test_a_cap_sees_the_changes_of_earlier_verbs_in_its_batch(store: Store) -> None:
    """Ten workers' claims in one commit must not each see nine of ten."""
    make_desk(store)

    def take_one_of_ten(tx: Transaction) -> bool:
        if tx.counters.total("agent", "1", "left", since=0) >= 10:
            return False
        tx.bump("agent", "1", "left", minute=5)
        return True

    with store.begin() as tx:
        granted = [tx.run(take_one_of_ten) for _ in range(25)]
    assert sum(granted) == 10
    with store.begin() as tx:
        assert not tx.run(take_one_of_ten)
    assert store.row(select(COUNTER.c.n).where(COUNTER.c.kind == "left")) == (10,)


@settings(
    max_examples=effort.times(15, 150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["bump", "read", "write", "wide", "prime"]),
            st.integers(1, 6),  # minute
            st.integers(-3, 5),
            st.booleans(),  # the verb fails
        ),
        max_size=14,
    ),
    cut=st.integers(0, 14),
)
def test_counters_read_the_sum_of_all_that_succeeded_however_they_are_read(  # noqa: C901 - a model beside the thing
    store: Store, steps: list[tuple[str, int, int, bool]], cut: int
) -> None:
    """Against a dictionary: reads in any order, windows that widen, verbs that fail, two transactions."""
    with store.engine.begin() as conn:
        conn.execute(text("DELETE FROM counter"))
        if conn.execute(text("SELECT count(*) FROM desk")).scalar() == 0:
            conn.execute(text("INSERT INTO desk (id, created_at, policy_version, generation, start_votes)"
                              " VALUES (1, 0, 1, 0, '[]')"))  # fmt: skip
    known: dict[int, int] = {}

    def expected(since: int, more: dict[int, int]) -> int:
        both = {m: known.get(m, 0) + more.get(m, 0) for m in known.keys() | more.keys()}
        return sum(n for minute, n in both.items() if minute >= since)

    def verb(tx: Transaction, kind: str, minute: int, n: int, *, fail: bool) -> dict[int, int]:
        mine: dict[int, int] = {}
        if kind == "prime":
            tx.counters.prefetch("t", ["k", "other"], "n", since=minute)
        elif kind == "write":
            tx.write(update(AGENT).values(status="active"))
        elif kind != "read":
            tx.bump("t", "k", "n", minute=minute, n=n)
            mine[minute] = n
        since = 0 if kind == "wide" else minute
        assert tx.counters.total("t", "k", "n", since=since) == expected(since, mine)
        if fail:
            raise ZeroDivisionError
        return mine

    for batch in (steps[:cut], steps[cut:]):
        with store.begin() as tx:
            for kind, minute, n, fail in batch:
                try:
                    mine = tx.run(lambda tx, a=(kind, minute, n), f=fail: verb(tx, *a, fail=f))  # type: ignore[misc]  # bound now
                except ZeroDivisionError:
                    continue
                for at, more in mine.items():
                    known[at] = known.get(at, 0) + more
    with store.read() as conn:
        found = counters.load(conn, {("t", "k", "n"): 0})["t", "k", "n"]
    assert {m: n for m, n in found.items() if n} == {m: n for m, n in known.items() if n}


def test_a_counter_written_by_two_stores_adds_up(store: Store, database_url: str, clock: FakeClock) -> None:
    make_desk(store)
    other = Store(database_url, clock=clock)
    for number in range(20):
        which = (store, other)[number % 2]
        which.transact(lambda tx: tx.bump("t", "k", "n", minute=3))
    other.close()
    assert store.look(lambda tx: tx.counters.total("t", "k", "n")) == 20


# --- facts that last --------------------------------------------------------------------------------------------------


def mode_of(store: Store, mailbox_id: int) -> str:
    return store.transact(lambda tx: gate_queries.gate(tx, mailbox_id).agent_status)


def test_facts_that_last_are_not_read_again_while_nothing_changes(store: Store) -> None:
    desk = make_desk(store)
    mode_of(store, desk.mailbox_id)
    # behind the desk's back, so that a second read would show
    with store.engine.begin() as conn:
        conn.execute(update(AGENT).values(status="suspended"))
    assert mode_of(store, desk.mailbox_id) == "active"


def test_another_process_changing_a_fact_is_seen_by_the_next_transaction(
    store: Store, database_url: str, clock: FakeClock
) -> None:
    desk = make_desk(store)
    other = Store(database_url, clock=clock)
    for status in ("suspended", "active", "suspended"):
        other.transact(lambda tx, s=status: tx.write(update(AGENT).values(status=s)))  # type: ignore[misc]  # bound now
        assert mode_of(store, desk.mailbox_id) == status
        assert mode_of(other, desk.mailbox_id) == status
    other.close()


def test_a_change_is_seen_though_the_one_before_it_was_lost_with_its_server(
    store: Store, database_url: str, clock: FakeClock
) -> None:
    """A standby without the last commit takes over, and another gateway is the first to change something there."""
    desk = make_desk(store)
    generation = select(DESK.c.generation)
    before = store.row(generation)
    assert before is not None
    store.transact(lambda tx: tx.write(update(AGENT).values(status="active")))
    assert mode_of(store, desk.mailbox_id) == "active"  # cached as of the commit that is lost now
    with store.engine.begin() as conn:
        conn.execute(update(DESK).values(generation=before.generation))
    other = Store(database_url, clock=clock)
    other.transact(lambda tx: tx.write(update(AGENT).values(status="suspended")))
    other.close()
    assert mode_of(store, desk.mailbox_id) == "suspended"


def test_a_change_is_seen_by_the_next_verb_of_the_same_batch(store: Store) -> None:
    desk = make_desk(store)
    with store.begin() as tx:
        assert tx.run(lambda tx: gate_queries.gate(tx, desk.mailbox_id).agent_status) == "active"
        tx.run(lambda tx: tx.write(update(AGENT).values(status="suspended")))
        assert tx.run(lambda tx: gate_queries.gate(tx, desk.mailbox_id).agent_status) == "suspended"


def test_a_change_that_was_rolled_back_was_never_a_fact(store: Store) -> None:
    desk = make_desk(store)

    def suspends_and_fails(tx: Transaction) -> None:
        tx.write(update(AGENT).values(status="suspended"))
        assert gate_queries.gate(tx, desk.mailbox_id).agent_status == "suspended"
        raise ZeroDivisionError

    with store.begin() as tx:
        with pytest.raises(ZeroDivisionError):
            tx.run(suspends_and_fails)
        assert tx.run(lambda tx: gate_queries.gate(tx, desk.mailbox_id).agent_status) == "active"
    assert mode_of(store, desk.mailbox_id) == "active"


def test_a_refused_verb_that_wrote_nothing_costs_nobody_a_fact(store: Store) -> None:
    """A mailbox over its limits, refused again and again, must not make the others read everything anew."""
    desk = make_desk(store)

    def refused(tx: Transaction) -> None:
        gate_queries.gate(tx, desk.mailbox_id)
        contact(tx, "staged")
        raise ZeroDivisionError

    with store.begin() as tx, pytest.raises(ZeroDivisionError):
        tx.run(refused)
    # behind the desk's back, so that a second read would show
    with store.engine.begin() as conn:
        conn.execute(update(AGENT).values(status="suspended"))
    assert mode_of(store, desk.mailbox_id) == "active"


def test_what_is_not_there_yet_is_never_remembered_as_missing(store: Store) -> None:
    desk = make_desk(store)
    assert store.transact(lambda tx: gate_queries.run(tx, agent_id=desk.agent_id, key="r")) is None
    values = {"agent_id": desk.agent_id, "key": "r", "opened_at": 0, "via": []}
    store.transact(lambda tx: tx.create(RUN, values))
    assert store.transact(lambda tx: gate_queries.run(tx, agent_id=desk.agent_id, key="r")) is not None


def test_a_row_that_a_failed_commit_took_back_is_not_remembered(store: Store) -> None:
    desk = make_desk(store)

    def found(tx: Transaction) -> object:
        return gate_queries.run(tx, agent_id=desk.agent_id, key="r")

    def made(tx: Transaction) -> None:
        tx.create(RUN, {"agent_id": desk.agent_id, "key": "r", "opened_at": 0, "via": []})
        assert found(tx) is not None

    def fail(_conn: object) -> None:
        raise ZeroDivisionError

    event.listen(store.engine, "commit", fail)
    with contextlib.suppress(ZeroDivisionError), store.begin() as tx:
        tx.run(made)
    event.remove(store.engine, "commit", fail)
    assert store.transact(found) is None


def test_a_look_writes_nothing(store: Store) -> None:
    desk = make_desk(store)

    def tries(tx: Transaction) -> None:
        contact(tx, "nobody")
        tx.bump("t", "k", "n", minute=0)

    store.look(tries)
    assert store.rows(select(CONTACT)) == []
    assert desk.store.look(lambda tx: tx.counters.total("t", "k", "n")) == 0


def test_memo_forgets_an_absence_when_a_row_is_made(store: Store) -> None:
    make_desk(store)

    def verb(tx: Transaction) -> tuple[object, object]:
        before = tx.batch_cache.get("nobody", lambda: None)
        tx.create(AGENT, {"name": "new", "created_at": 0, "suspend_figures": {}, "warned": {}})
        return before, tx.batch_cache.get("nobody", lambda: "found")

    assert store.transact(verb) == (None, "found")


def test_a_write_outside_a_verb_is_a_bug_that_shows(store: Store) -> None:
    make_desk(store)
    with store.begin() as tx, pytest.raises(AssertionError):
        contact(tx, "x")
    with store.engine.begin() as conn:  # and the connection is fit for use again
        conn.execute(insert(CONTACT).values(agent_id=1, address="y", first_at=0))

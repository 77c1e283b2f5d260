"""Statements that go to the driver directly return, write and raise what SQLAlchemy would."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    bindparam,
    column,
    delete,
    func,
    insert,
    select,
    table,
    tuple_,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from core.db import counters, hot_statements
from core.db.hot_statements import Savepoint
from core.db.store import Store, require_sqlite
from core.db.tables import AGENT, CONTACT, COUNTER, MAILBOX, MESSAGE, READY, RECIPIENT, REVIEW, RUN, STREAM
from core.db.transaction import Transaction
from core.errors import Unavailable
from core.model import Mode
from tests.factories.desk import make_desk

EDGES = (0, 1, 3, 64, 65, 300)
"""Lengths around every padded one."""


@pytest.mark.parametrize("source", [AGENT, MAILBOX, MESSAGE, READY, RECIPIENT, REVIEW, RUN, STREAM], ids=str)
def test_rows_have_the_names_and_values_that_sqlalchemy_returns(store: Store, source: Table) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS)
    desk.submit("jane@example.com", tags=("a", "b"), metadata={"ticket": "42"})
    statement = select(source)
    with store.read() as conn:
        direct = hot_statements.fetch(conn, statement)
        usual = conn.execute(statement).all()
    assert [row._asdict() for row in direct] == [row._asdict() for row in usual]
    assert [list(map(type, row)) for row in direct] == [list(map(type, row)) for row in usual]


@pytest.mark.parametrize("length", EDGES)
def test_a_list_of_any_length_finds_the_same_rows(store: Store, length: int) -> None:
    make_desk(store)
    store.transact(lambda tx: tx.add_all(CONTACT, [_contact(n) for n in range(length + 3)]))
    wanted = [_contact(n)["address"] for n in range(length)]
    with store.read() as conn:
        for condition in (_AMONG, ~_AMONG):
            statement = select(CONTACT.c.address).where(condition, CONTACT.c.agent_id == bindparam("b_agent"))
            values = {"b_addresses": wanted, "b_agent": 1}
            expected = sorted(conn.execute(statement, values).scalars())
            assert sorted(row.address for row in hot_statements.fetch(conn, statement, values)) == expected
            assert len(expected) == (length if condition is _AMONG else 3)


@pytest.mark.parametrize("length", EDGES[1:])
def test_many_rows_are_inserted_added_up_and_deleted_each_once(store: Store, length: int) -> None:
    make_desk(store)
    keys = [("t", str(n), "n", 0) for n in range(length)]
    with store.begin() as tx:
        tx.run(lambda tx: tx.add_all(CONTACT, [_contact(n) for n in range(length)]))
        for _ in range(2):
            counters.apply(tx.conn, dict.fromkeys(keys, 3), sqlite=store.sqlite)
    scope = COUNTER.c.scope == "t"
    assert sorted(row.n for row in store.rows(select(COUNTER.c.n).where(scope))) == [6] * length
    with store.begin() as tx:
        gone = [(1, _contact(n)["address"]) for n in range(1, length)]
        assert hot_statements.run(tx.conn, _FORGET, [{"b_keys": gone}]) == length - 1
    assert [row.address for row in store.rows(select(CONTACT.c.address))] == [_contact(0)["address"]]


@pytest.mark.parametrize("length", EDGES[1:])
def test_many_rows_are_changed_each_by_its_own_values(store: Store, length: int) -> None:
    """One statement joined with a padded list: a change that adds must not add twice."""
    make_desk(store)
    store.transact(lambda tx: tx.add_all(CONTACT, [_contact(n) for n in range(length + 2)]))
    rows = [{"b_address": _contact(n)["address"], "b_more": n} for n in range(length)]
    with store.begin() as tx:
        assert hot_statements.run(tx.conn, _LATER, rows) == length
    found = {row.address: row for row in store.rows(select(CONTACT))}
    changed = [found[str(_contact(n)["address"])] for n in range(length)]
    assert [(row.first_at, row.left_at) for row in changed] == [(2 * n, 7) for n in range(length)]
    assert [found[str(_contact(n)["address"])].left_at for n in (length, length + 1)] == [None, None]


@pytest.mark.parametrize("length", EDGES[1:])
def test_many_sets_of_parameters_find_what_each_of_them_finds(store: Store, length: int) -> None:
    make_desk(store)
    names = [("t", str(n), "n") for n in range(length)]
    with store.begin() as tx:
        bumps = {(*name, minute): minute for name in names for minute in (3, 4, 5)}
        counters.apply(tx.conn, bumps, sqlite=store.sqlite)
    with store.read() as conn:
        found = counters.load(conn, {name: 3 + n % 4 for n, name in enumerate(names)})
    assert found == {name: {m: m for m in (3, 4, 5) if m >= 3 + n % 4} for n, name in enumerate(names)}


@pytest.mark.parametrize("length", [1, 2, 64])
def test_a_list_of_keys_is_looked_up_in_the_index(store: Store, length: int) -> None:
    """Else each claim would read the whole queue: 100 ms with 300,000 rows."""
    if not store.sqlite:
        pytest.skip("SQLite's planner")
    sent: list[str] = []
    with store.begin() as tx:
        driver: Any = tx.conn.connection.driver_connection
        driver.set_trace_callback(sent.append)
        hot_statements.run(tx.conn, _TAKE, [{"b_keys": [(1, n) for n in range(length)]}])
        driver.set_trace_callback(None)
        plan = driver.execute(f"EXPLAIN QUERY PLAN {sent[0]}").fetchall()
    assert plan[0][-1] == "SEARCH ready USING PRIMARY KEY (lane_id=? AND due=?)"


def test_an_old_sqlite_is_refused_with_what_to_do() -> None:
    require_sqlite((3, 33, 0))
    with pytest.raises(Unavailable, match=r"SQLite 3\.31\.1, and Postroom needs 3\.33\.0 or newer: use a newer Python"):
        require_sqlite((3, 31, 1))


def test_an_error_of_the_driver_is_the_one_that_sqlalchemy_raises(store: Store) -> None:
    make_desk(store)
    with pytest.raises(IntegrityError), store.begin() as tx:
        hot_statements.insert_all(tx.conn, CONTACT, [_contact(1), _contact(1)])
    with pytest.raises(DBAPIError), store.begin() as tx:
        hot_statements.fetch(tx.conn, _NO_SUCH_TABLE)
    with store.begin() as tx:  # the connection goes on
        hot_statements.insert_all(tx.conn, CONTACT, [_contact(1)])
    assert len(store.rows(select(CONTACT))) == 1


def test_an_error_names_no_address(store: Store) -> None:
    """Its text goes to logs."""
    make_desk(store)
    with pytest.raises(IntegrityError) as raised, store.begin() as tx:
        hot_statements.insert_all(tx.conn, CONTACT, [_contact(1), _contact(2), _contact(1)])
    assert "@" not in str(raised.value).partition("DETAIL")[0]


def test_a_lost_connection_is_given_up_and_the_next_one_works(store: Store) -> None:
    if store.sqlite:
        pytest.skip("SQLite has no connection to lose")
    make_desk(store)

    def cut_off(tx: Transaction) -> None:
        (mine,) = hot_statements.fetch(tx.conn, _BACKEND)
        with store.engine.connect() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({mine.pid})")
        hot_statements.fetch(tx.conn, _BACKEND)

    with pytest.raises(OperationalError) as raised, store.begin() as tx:
        tx.run(cut_off)
    assert raised.value.connection_invalidated
    store.transact(lambda tx: tx.add(CONTACT, _contact(1)))


def test_a_savepoint_undoes_what_followed_it_and_can_be_set_again(store: Store) -> None:
    make_desk(store)
    with store.begin() as tx:
        for n, kept in enumerate((True, False, True)):
            savepoint = Savepoint(tx.conn)
            tx.conn.execute(insert(CONTACT).values(_contact(n)))
            savepoint.release() if kept else savepoint.roll_back()
    found = {row.address for row in store.rows(select(CONTACT.c.address))}
    assert found == {_contact(0)["address"], _contact(2)["address"]}


def test_the_reads_of_one_connection_see_one_snapshot(store: Store) -> None:
    """On SQLite; on PostgreSQL each statement sees a snapshot of its own."""
    make_desk(store)
    with store.read() as conn:
        before = hot_statements.fetch(conn, _ALL)
        store.transact(lambda tx: tx.add(CONTACT, _contact(1)))
        after = hot_statements.fetch(conn, _ALL)
    assert (len(before), len(after)) == (0, 0 if store.sqlite else 1)


def _contact(n: int) -> dict[str, object]:
    return {"agent_id": 1, "address": f"user{n}@example.com", "first_at": n, "left_at": None}


_AMONG: ColumnElement[bool] = CONTACT.c.address.in_(bindparam("b_addresses", expanding=True))
_ALL = select(CONTACT)
_LATER = (
    update(CONTACT)
    .where(CONTACT.c.address == bindparam("b_address"))
    .values(first_at=CONTACT.c.first_at + bindparam("b_more"), left_at=7)
)
_FORGET = delete(CONTACT).where(tuple_(CONTACT.c.agent_id, CONTACT.c.address).in_(bindparam("b_keys", expanding=True)))
_TAKE = delete(READY).where(tuple_(READY.c.lane_id, READY.c.due).in_(bindparam("b_keys", expanding=True)))
_NO_SUCH_TABLE: Select[Any] = select(column("nothing")).select_from(table("nowhere"))
_BACKEND = select(func.pg_backend_pid().label("pid"))

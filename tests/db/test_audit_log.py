"""The log is gap-free, chained, closed to UPDATE and DELETE, and says where somebody touched it."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from core.db import audit_log
from core.db.store import Store
from core.db.tables import LOG_ENTRY
from core.db.transaction import Transaction
from core.errors import Unavailable
from core.events import CATALOGUE, OWN, SUBJECTS, AgentResumed, DeskStopped, Event, StreamResumed
from tests.factories import effort
from tests.factories.desk import leave, make_desk

_SAMPLES: dict[object, object] = {int: 7, str: "text é \u2028", float: 0.25, bool: True}


def example(kind: type[Event]) -> Event:
    """An event with every member set to something that is not its default."""
    hints = typing.get_type_hints(kind)
    values: dict[str, object] = {}
    for member in dataclasses.fields(kind):
        values[member.name] = sample(hints[member.name])
    return kind(**values)  # type: ignore[arg-type]  # by the members' own types


def sample(hint: object) -> object:
    if isinstance(hint, types.UnionType):
        return sample(next(one for one in typing.get_args(hint) if one is not type(None)))
    if typing.get_origin(hint) is list:
        return ["a", "b"]
    if typing.get_origin(hint) is dict:
        return {"k": [1, None, 0.5], "é": {"deep": True}}
    return _SAMPLES[hint]


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_event_of_the_catalogue_round_trips(name: str) -> None:
    event = example(CATALOGUE[name])
    subjects = {one: getattr(event, one) for one in SUBJECTS}
    again = _recalled(name, event, subjects)
    assert again == event


def _recalled(name: str, event: Event, subjects: dict[str, int | None]) -> Event:
    import orjson

    from core.events import recall

    data = orjson.loads(orjson.dumps(event.data(), option=orjson.OPT_SORT_KEYS))
    return recall(name, actor=event.actor, subjects=subjects, data=data)


def test_every_event_of_the_catalogue_stands_in_the_log_as_it_was_said(store: Store) -> None:
    make_desk(store)
    said = [example(kind) for _, kind in sorted(CATALOGUE.items())]

    def tell(tx: Transaction) -> None:
        for event in said:
            leave(tx, event)

    store.transact(tell)
    with store.read() as conn:
        assert [entry.event for entry in audit_log.read(conn, after=0, limit=1_000)] == said
        assert audit_log.verify(conn).ok


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_no_text_of_an_entry_holds_an_address_but_what_names_the_desk_itself(name: str) -> None:
    """Reasons are typed by people and the log cannot be erased; a stop must never be refused for its reason either."""
    members = [one.name for one in dataclasses.fields(CATALOGUE[name]) if one.name not in {"actor", *SUBJECTS}]
    typed = CATALOGUE[name](actor="gail", **{one: {"k": ["for jane@example.com"]} for one in members})  # type: ignore[arg-type]  # any text
    assert {member for member, text in typed.redacted().items() if "jane" in str(text)} == set(members) & OWN


def test_an_entry_keeps_its_reason_without_the_addresses_in_it(store: Store) -> None:
    make_desk(store)
    store.transact(lambda tx: leave(tx, DeskStopped(actor="gail", reason="spam to Jane <jane@example.com>")))
    with store.read() as conn:
        (entry,) = audit_log.read(conn, after=0)
        assert audit_log.verify(conn).ok
    assert isinstance(entry.event, DeskStopped)
    assert entry.event.reason == "spam to Jane <[address]>"


def fill(store: Store, n: int = 5) -> None:
    for number in range(n):
        store.transact(lambda tx, n=number: leave(tx, AgentResumed(actor="gail", agent=n, reason=f"number {n}")))  # type: ignore[misc]  # bound now


def test_an_empty_log_verifies_and_its_head_is_the_genesis(store: Store) -> None:
    make_desk(store)
    with store.read() as conn:
        verified = audit_log.verify(conn)
    assert (verified.ok, verified.events, verified.head) == (True, 0, audit_log.GENESIS)


def test_events_of_a_failed_verb_leave_no_gap(store: Store) -> None:
    make_desk(store)
    fill(store, 2)

    def fails(tx: Transaction) -> None:
        leave(tx, AgentResumed(actor="gail", reason="never happened"))
        raise ZeroDivisionError

    with store.begin() as tx:
        tx.run(lambda tx: leave(tx, StreamResumed(actor="gail", reason="third")))
        with pytest.raises(ZeroDivisionError):
            tx.run(fails)
        tx.run(lambda tx: leave(tx, StreamResumed(actor="gail", reason="fourth")))
    with store.read() as conn:
        entries = audit_log.read(conn, after=0)
        assert [entry.seq for entry in entries] == [1, 2, 3, 4]
        assert "never happened" not in str(entries)
        assert audit_log.verify(conn).ok


@pytest.mark.parametrize(
    "forbidden",
    [
        update(LOG_ENTRY).where(LOG_ENTRY.c.seq == 2).values(actor="somebody"),
        delete(LOG_ENTRY).where(LOG_ENTRY.c.seq == 5),
        delete(LOG_ENTRY),
        update(LOG_ENTRY).values(data=b"{}"),
    ],
    ids=["update", "delete the last", "delete all", "update all"],
)
def test_the_database_refuses_to_change_or_to_cut_the_log(store: Store, forbidden: typing.Any) -> None:
    make_desk(store)
    fill(store)
    with pytest.raises(Unavailable):
        store.transact(lambda tx: tx.write(forbidden))
    with pytest.raises(DBAPIError), store.engine.begin() as conn:
        conn.execute(forbidden)
    with store.read() as conn:
        assert audit_log.verify(conn).events == 5


def test_the_database_refuses_to_replace_an_entry_by_inserting_it_again(store: Store) -> None:
    make_desk(store)
    fill(store)
    rest = "message, mailbox, agent, run, stream, data, prev, hash"
    values = f"SELECT seq, at, type, 'mallory', {rest} FROM event WHERE seq = 3"
    columns = f"event (seq, at, type, actor, {rest})"
    ways = [f"INSERT INTO {columns} {values} ON CONFLICT (seq) DO UPDATE SET actor = 'mallory'"]
    if store.sqlite:
        ways += [f"INSERT OR REPLACE INTO {columns} {values}", f"REPLACE INTO {columns} {values}"]
    for way in ways:
        with pytest.raises(DBAPIError), store.engine.begin() as conn:
            conn.execute(text(way))
    with store.read() as conn:
        assert audit_log.verify(conn).ok
        assert conn.execute(text("SELECT count(*) FROM event WHERE actor = 'mallory'")).scalar() == 0


def test_postgresql_refuses_to_truncate_the_log(store: Store) -> None:
    make_desk(store)
    fill(store)
    if store.sqlite:
        return  # SQLite has no TRUNCATE; DELETE without WHERE is tried above
    with pytest.raises(DBAPIError), store.engine.begin() as conn:
        conn.execute(text("TRUNCATE event"))


def unguarded(store: Store, *statements: typing.Any) -> None:
    """What somebody with the database's own password could do."""
    with store.engine.begin() as conn:
        if store.sqlite:
            names = conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in names:
                conn.execute(text(f"DROP TRIGGER {name}"))
        else:
            conn.execute(text("ALTER TABLE event DISABLE TRIGGER USER"))
        for statement in statements:
            conn.execute(statement)


def _swap() -> list[typing.Any]:
    c = LOG_ENTRY.c.seq
    return [update(LOG_ENTRY).where(c == old).values(seq=new) for old, new in ((3, 99), (4, 3), (99, 4))]


@pytest.mark.parametrize(
    ("edit", "first_bad"),
    [
        (lambda: [update(LOG_ENTRY).where(LOG_ENTRY.c.seq == 3).values(actor="mallory")], 3),
        (lambda: [update(LOG_ENTRY).where(LOG_ENTRY.c.seq == 4).values(data=b'{"reason":"number 9"}')], 4),
        (lambda: [update(LOG_ENTRY).where(LOG_ENTRY.c.seq == 2).values(at=LOG_ENTRY.c.at + 1)], 2),
        (lambda: [update(LOG_ENTRY).where(LOG_ENTRY.c.seq == 5).values(agent=None, mailbox=4)], 5),
        (lambda: [update(LOG_ENTRY).where(LOG_ENTRY.c.seq == 1).values(type="agent.suspended")], 1),
        (lambda: [update(LOG_ENTRY).where(LOG_ENTRY.c.seq == 2).values(hash=bytes(32))], 2),
        (lambda: [update(LOG_ENTRY).where(LOG_ENTRY.c.seq == 3).values(prev=bytes(32))], 3),
        (lambda: [delete(LOG_ENTRY).where(LOG_ENTRY.c.seq == 1)], 1),
        (lambda: [delete(LOG_ENTRY).where(LOG_ENTRY.c.seq == 3)], 3),
        (_swap, 3),
    ],
    ids=["actor", "data", "time", "subject moved", "type", "hash", "prev", "first cut", "one cut out", "two swapped"],
)
def test_tampering_is_found_at_the_first_entry_it_touches(
    store: Store, edit: Callable[[], list[typing.Any]], first_bad: int
) -> None:
    make_desk(store)
    fill(store)
    unguarded(store, *edit())
    with store.read() as conn:
        verified = audit_log.verify(conn)
    assert verified.first_bad_seq == first_bad
    assert verified.head_seq == first_bad - 1


@pytest.mark.parametrize("seq", [0, -5, 6])
def test_an_entry_smuggled_in_shows_wherever_it_is(store: Store, seq: int) -> None:
    make_desk(store)
    fill(store)
    row = {
        "seq": seq, "at": 1, "type": "agent.resumed", "actor": "mallory", "data": b"{}", "prev": bytes(32),
        "hash": bytes(32),
    }  # fmt: skip
    unguarded(store, insert(LOG_ENTRY).values(row))
    with store.read() as conn:
        assert not audit_log.verify(conn).ok


def test_an_entry_that_is_rewritten_with_a_right_hash_breaks_the_next_one(store: Store) -> None:
    make_desk(store)
    fill(store)
    with store.read() as conn:
        row = conn.execute(select(LOG_ENTRY).where(LOG_ENTRY.c.seq == 3)).one()
    data = b'{"reason":"forged"}'
    subjects = (row.message, row.mailbox, row.agent, row.run, row.stream)
    forged = audit_log.digest(
        bytes(row.prev), seq=3, at=row.at, kind=row.type, actor=row.actor, subjects=subjects, data=data
    )
    unguarded(store, update(LOG_ENTRY).where(LOG_ENTRY.c.seq == 3).values(data=data, hash=forged))
    with store.read() as conn:
        assert audit_log.verify(conn).first_bad_seq == 4


def test_a_gap_is_found_where_the_entry_behind_it_was_hashed_anew(store: Store) -> None:
    """Numbers without a gap are what a reader's cursor, and a checkpoint's count, stand on."""
    make_desk(store)
    fill(store)
    with store.read() as conn:
        row = conn.execute(select(LOG_ENTRY).where(LOG_ENTRY.c.seq == 5)).one()
    subjects = (row.message, row.mailbox, row.agent, row.run, row.stream)
    forged = audit_log.digest(
        bytes(row.prev), seq=7, at=row.at, kind=row.type, actor=row.actor, subjects=subjects, data=bytes(row.data)
    )
    unguarded(store, update(LOG_ENTRY).where(LOG_ENTRY.c.seq == 5).values(seq=7, hash=forged))
    with store.read() as conn:
        assert audit_log.verify(conn).first_bad_seq == 5


def test_a_cut_tail_verifies_but_its_head_is_not_the_checkpoint(store: Store) -> None:
    make_desk(store)
    fill(store)
    with store.read() as conn:
        checkpoint = audit_log.head(conn)
    unguarded(store, delete(LOG_ENTRY).where(LOG_ENTRY.c.seq == 5))
    with store.read() as conn:
        verified = audit_log.verify(conn)
    assert (verified.head_seq, verified.head) != checkpoint


@settings(max_examples=effort.times(8, 60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.booleans(), max_size=5), max_size=6))
def test_whatever_fails_the_log_has_no_gap_and_only_what_succeeded(store: Store, batches: list[list[bool]]) -> None:
    if (
        store.row(select(LOG_ENTRY.c.seq).limit(1)) is None
        and store.row(select(text("1")).select_from(text("desk"))) is None
    ):
        make_desk(store)
    with store.read() as conn:
        before, _ = audit_log.head(conn)

    def verb(tx: Transaction, *, good: bool) -> None:
        leave(tx, DeskStopped(actor="alice", reason="good" if good else "bad"))
        if not good:
            raise ZeroDivisionError

    for batch in batches:
        with store.begin() as tx:
            for good in batch:
                try:
                    tx.run(lambda tx, g=good: verb(tx, good=g))  # type: ignore[misc]  # bound now
                except ZeroDivisionError:
                    assert not good
    with store.read() as conn:
        entries = audit_log.read(conn, after=before)
        assert [entry.seq for entry in entries] == list(range(before + 1, before + 1 + len(entries)))
        assert len(entries) == sum(sum(batch) for batch in batches)
        assert "bad" not in str(entries)
        assert audit_log.verify(conn).ok

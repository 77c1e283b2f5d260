"""Filters in SQL mean what they mean in Python: for any terms, on both databases, negated or not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from core import filter_fields
from core.db.queries import agents, events, queue
from core.db.store import Store
from core.db.tables import MAILBOX, MESSAGE, REVIEW, RUN, SUPPRESSION
from core.demo.clock import FakeClock
from core.durations import MINUTE
from core.errors import Invalid
from core.filters import Kind, Values, Want, matches, parse
from core.ids import spell_id
from core.model import ContentClass
from tests.db.test_queries import held
from tests.factories import effort
from tests.factories.desk import ADDRESS, WIDE, Bench, make_desk

SETTINGS = settings(
    max_examples=effort.times(15, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SUBJECTS = ("Your refund", "100% sure_thing \\o/", "ÄRGER über K", "[b]wire* [/]", "")


def furnish(store: Store, clock: FakeClock) -> Bench:
    """Ten held messages that differ in everything a filter may name."""
    desk = make_desk(store, **WIDE)
    people: list[str | list[str]] = [
        "jane@gmail.com", "BOB@acme.example", ["a_b@gmail.com", "ann@beta.example"], "j%e@x.example", "zoe@Gmail.com",
    ]  # fmt: skip
    for n in range(10):
        item = held(desk, people[n % 5], subject=SUBJECTS[n // 2], run=f"run-{n % 3}", text="x" * (n + 1) * 900)
        store.transact(
            lambda tx, n=n, item=item: tx.write(  # type: ignore[misc]  # bound now
                update(REVIEW).where(REVIEW.c.id == item).values(
                    failed_checks=n % 4,
                    reasons=[{"code": code, "text": 'a "code":"x" b'} for code in ("mode", "run_cap")[: 1 + n % 2]],
                )
            )
        )  # fmt: skip
        clock.advance(seconds=61)
    return desk


def values(store: Store, now: int) -> Mapping[int, Values]:
    """Each pending item as `core.filters.matches` takes it."""
    with store.read() as conn:
        rows = queue.pending_rows(conn, list(queue.pending_ids(conn)))
        runs = {row.id: row for row in conn.execute(select(RUN))}
        messages = {row.id: row for row in conn.execute(select(MESSAGE))}
        people = queue.recipients(conn, list(rows))
        (stream,) = {box.stream_id for box in conn.execute(select(MAILBOX))}
    assert stream
    found: dict[int, Values] = {}
    for item, row in rows.items():
        mail = messages[item]
        addresses = [one.lower() for one in people[item]]
        found[item] = {
            "agent": row.agent, "to": addresses, "domain": [one.rpartition("@")[2] for one in addresses],
            "subject": row.subject, "class": row.content_class, "check": row.failed_checks,
            "reason": [reason.code for reason in row.reasons], "age": now - row.submitted_at,
            "expires": row.expires_at - now, "run": runs[mail.run_id].key, "user": runs[mail.run_id].user,
            "mailbox": row.mailbox, "stream": row.mailbox.rpartition("@")[2], "rcpt": mail.recipients, "size": row.size,
            "kind": row.kind, "id": item, "from": None,
            "sev": "error" if row.failed_checks else "warn" if row.cautions else "info",
            "state": "opened" if row.opened_at is not None else "unopened",
        }  # fmt: skip
    return found


_TEXTS = st.one_of(
    st.sampled_from(["jane", "*@gmail.com", "GMAIL", "a_b", "j%e", "support*", "100%", "sure_thing", "\\o/", "über",
                     "[b]", "run-1", "ann", "mode", "run*", "cap", "*", "K", '"wire*"', "acme.example", "refund"]),
    st.text(alphabet='abGm%_*\\"@.[]ä', min_size=1, max_size=5),
)  # fmt: skip
_BY_KIND = {
    Kind.TEXT: _TEXTS,
    Kind.NUMBER: st.sampled_from(["0", "1", "2", "3", "!", "9", "x"]),
    Kind.DURATION: st.sampled_from(["3m", "10m", "72h", "71h", "0s", "soon"]),
    Kind.SIZE: st.sampled_from(["2k", "1.9k", "9000", "1m", "big"]),
    Kind.CHOICE: st.sampled_from(["send", "reply", "transactional", "trans*", "error", "warn", "email*", "nothing"]),
    Kind.ID: st.sampled_from(["m0000000000000", "m1"]),
}


@st.composite
def lines(draw: st.DrawFn, fields: Mapping[str, object]) -> str:
    """One to three terms, most of which can be read."""
    terms = []
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(["", *fields]))
        bang = draw(st.sampled_from(["", "!"]))
        if not name:
            terms.append(bang + draw(_TEXTS))
            continue
        known = filter_fields.known(name)
        sign = draw(st.sampled_from([":", "=", ">", "<", ">=", "<=", ":>=", "!="]))
        terms.append(f"{bang}{name}{sign}{draw(_BY_KIND[known.kind])}")
        if draw(st.integers(0, 4)) == 0:
            terms.append("OR")
    return " ".join(terms)


def test_held_mail_is_filtered_as_in_python(store: Store, clock: FakeClock) -> None:
    furnish(store, clock)
    now = clock.now()
    known = values(store, now)

    @SETTINGS
    @given(lines(queue.FIELDS))
    def agree(line: str) -> None:
        try:
            wants = parse(line, queue.FIELDS)
        except Invalid:
            return
        with store.read() as conn:
            found = set(queue.pending_ids(conn, wants, now=now))
        bare = ("agent", "to", "subject")
        expected = {
            item
            for item, line_ in known.items()
            if all(any(_holds(line_, one, bare) for one in want.either) for want in wants)
        }
        assert found == expected, line

    agree()


def _holds(line: Values, want: Want, bare: Collection[str]) -> bool:
    """One term alone; a bare word is looked for in what a line shows."""
    alone = replace(want, others=())
    return matches(line if want.field else {name: line[name] for name in bare}, [alone])


@pytest.mark.parametrize(
    ("line", "shown"),
    [("check:>=3", 2), ("!to:*@gmail.com", 4), ("check:!", 7), ("age>5m", 6), ("!age>5m", 4), ("rcpt>1", 2),
     ("domain=gmail.com", 6), ("reason:run_cap", 5), ("run=run-1 check:0", 1), ("check:3 OR check:0", 5),
     ("check:3 OR check:0 domain=gmail.com", 3), ("sev:crit", 7), ("state:opened", 1),
     ("!state:unopened OR check:3", 3)],
)  # fmt: skip
def test_what_misread_a_value_before_shows_what_it_says(store: Store, clock: FakeClock, line: str, shown: int) -> None:
    furnish(store, clock)
    opened = select(REVIEW.c.id).where(REVIEW.c.failed_checks == 0).order_by(REVIEW.c.id).limit(1).scalar_subquery()
    store.transact(lambda tx: tx.write(update(REVIEW).where(REVIEW.c.id == opened).values(opened_at=tx.now)))
    with store.read() as conn:
        wants = parse(line, queue.FIELDS)
        assert len(queue.pending_ids(conn, wants, now=clock.now())) == shown
        assert queue.count(conn, wants, now=clock.now(), most=100) == shown
        assert queue.count(conn, wants, now=clock.now(), most=1) == min(shown, 1)


def test_an_item_is_found_by_its_id(store: Store, clock: FakeClock) -> None:
    furnish(store, clock)
    with store.read() as conn:
        first, *rest = queue.pending_ids(conn)
        line = f"id:{spell_id('m', first)}"
        assert list(queue.pending_ids(conn, parse(line, queue.FIELDS))) == [first]
        assert set(queue.pending_ids(conn, parse(f"!{line}", queue.FIELDS))) == set(rest)


def test_events_are_filtered_as_in_python(store: Store, clock: FakeClock) -> None:
    desk = furnish(store, clock)
    with store.read() as conn:
        rows = events.page(conn, limit=1_000).rows
    assert len(rows) == 20
    now = clock.now()
    items = values(store, now)
    known: dict[int, Values] = {}
    for row in rows:
        name = row.actor.partition(":")[2]
        mail = items.get(row.message or 0, {})
        of_message = ("to", "domain", "subject", "user", "class", "size", "rcpt", "run")
        known[row.seq] = {name: mail.get(name) for name in of_message} | {
            "type": row.type, "event": row.type, "sev": row.severity.value,
            "actor": [row.actor, name] if name else [row.actor], "id": row.message,
            "agent": "support-bot" if desk.agent_id == row.agent or row.mailbox else None, "mailbox": ADDRESS,
            "stream": ADDRESS.partition("@")[2], "age": now - row.at,
        }  # fmt: skip

    @SETTINGS
    @given(lines(events.FIELDS))
    def agree(line: str) -> None:
        try:
            wants = parse(line, events.FIELDS)
        except Invalid:
            return
        with store.read() as conn:
            found = {row.seq for row in events.page(conn, events.filtered(conn, wants, now=now), limit=1_000).rows}
        shown = ("type", "actor", "agent", "mailbox")
        assert found == {
            seq
            for seq, line_ in known.items()
            if all(any(_holds(line_, one, shown) for one in want.either) for want in wants)
        }, line

    agree()


def test_suppressions_are_filtered_as_in_python_beyond_the_first_page(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    known: dict[int, Values] = {}
    for address, cause in (("jane@gmail.com", "complaint"), ("a_b@gmail.com", "bounce"), ("bob@x.example", "manual")):
        record = {
            "address": address, "cause": cause, "source": "report", "added_by": "alice", "added_at": clock.now(),
        }  # fmt: skip
        made = store.transact(lambda tx, record=record: tx.create(SUPPRESSION, record))  # type: ignore[misc]  # bound now
        known[made] = {
            "address": address, "to": address, "domain": address.partition("@")[2], "cause": cause, "by": "alice",
            "stream": "desk", "class": tuple(one.value for one in ContentClass), "age": 0,
        }  # fmt: skip

    @SETTINGS
    @given(lines(agents.SUPPRESSION_FIELDS))
    def agree(line: str) -> None:
        try:
            wants = parse(line, agents.SUPPRESSION_FIELDS)
        except Invalid:
            return
        with store.read() as conn:
            found = {row.id for row in agents.suppressions(conn, now=clock.now(), wants=wants)}
        shown = ("address", "cause", "by", "stream")
        assert found == {
            item
            for item, line_ in known.items()
            if all(any(_holds(line_, one, shown) for one in want.either) for want in wants)
        }, line

    agree()
    with store.read() as conn:
        wants = parse("address:jane", agents.SUPPRESSION_FIELDS)
        assert [row.address for row in agents.suppressions(conn, now=clock.now(), wants=wants, limit=1)] == [
            "jane@gmail.com"
        ]


def test_ages_are_measured_from_now(store: Store, clock: FakeClock) -> None:
    furnish(store, clock)
    with store.read() as conn:
        wants = parse("age>=1h", queue.FIELDS)
        assert not len(queue.pending_ids(conn, wants, now=clock.now()))
        assert len(queue.pending_ids(conn, wants, now=clock.now() + 60 * MINUTE)) == 10

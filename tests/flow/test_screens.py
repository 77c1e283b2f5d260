"""What screens show where a rule is needed: the same figures as the gate, and the worst first."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from core.errors import NotFound
from core.flow import cohorts, controls, depart
from core.flow.screens import agents, desk, identities, lanes
from core.flow.screens.desk import Level, Problem
from core.ledger.counters import bucket
from core.ledger.store import Store
from core.ledger.tables import Lane, Mailbox, table
from core.ledger.transaction import Transaction
from core.words import DAY, HOUR, Mode, Outcome, Reply
from tests.desk import ADDRESS, ALICE, DOMAIN, WIDE, Bench, add_mailbox, make_desk

OK = Reply(Outcome.SENT, 250, "2.0.0", "queued", "dot", "mx.example")


def working(store: Store) -> None:
    """A process that delivers, so that its absence is not the news."""
    store.transact(lambda tx: depart.enlist(tx, worker=9, pid=1))


def found(store: Store) -> list[Problem]:
    return list(store.look(desk.desk).problems)


def deliver_one(store: Store) -> None:
    claimed = store.transact(lambda tx: depart.claim(tx, worker=1, limit=1))
    store.transact(lambda tx: depart.attempt(tx, claimed, worker=1))
    store.transact(lambda tx: depart.settle(tx, [depart.Settlement(one, OK) for one in claimed], worker=1))


def came_back(store: Store, bench: Bench, *, sent: int, complained: int) -> None:
    def verb(tx: Transaction) -> None:
        hour = bucket(tx.now - HOUR, 60)
        tx.bump("agent", str(bench.agent_id), cohorts.SENT, minute=hour, n=sent)
        tx.bump("agent", str(bench.agent_id), cohorts.COMPLAINED, minute=hour, n=complained)

    store.transact(verb)


def test_a_calm_desk_needs_nobody(store: Store) -> None:
    make_desk(store)
    working(store)
    assert found(store) == []


def test_the_gauge_is_the_gate(store: Store) -> None:
    bench = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_hour": 2, "limit_day": 5}))
    for n in range(3):
        bench.submit(f"u{n}@example{n}.com")
    while claimed := store.transact(lambda tx: depart.claim(tx, worker=1, limit=1)):
        assert claimed
    (row,) = store.look(agents.table)
    assert row.hour is not None
    assert row.day is not None
    assert (row.hour.used, row.hour.cap, row.day.used, row.day.cap) == (2, 2, 2, 5)
    assert row.hour.next_at is not None
    assert row.waiting == 1
    assert row.severity == 2
    working(store)
    assert [one.code for one in found(store)] == ["hour_budget"]


def test_sent_mail_shows_in_hour_and_trend(store: Store) -> None:
    bench = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    bench.submit()
    deliver_one(store)
    (row,) = store.look(agents.table)
    assert (row.sent_hour, row.trend) == (1, (0, 0, 0, 0, 0, 1))
    assert row.last is not None
    assert row.last.type == "email.sent"
    store.clock.advance(seconds=2 * 3_600)  # type: ignore[attr-defined]  # the tests' clock
    (row,) = store.look(agents.table)
    assert (row.sent_hour, sum(row.trend)) == (0, 0)


def test_agents_stand_worst_first(store: Store) -> None:
    bench = make_desk(store)
    for name in ("a-bot", "b-bot", "c-bot"):
        store.transact(
            lambda tx, one=name: add_mailbox(tx, agent=one, address=f"{one}@{DOMAIN}", stream=bench.stream_id)  # type: ignore[misc]  # bound now
        )
    bench.submit()
    store.transact(lambda tx: controls.suspend_agent(tx, "c-bot", reason="odd", actor=ALICE))
    assert [row.name for row in store.look(agents.table)] == ["c-bot", "support-bot", "a-bot", "b-bot"]
    only = store.look(lambda tx: agents.table(tx, only={bench.agent_id}))
    assert [row.name for row in only] == ["support-bot"]


def test_an_agent_shows_its_loosest_mode_and_how_many_more_mailboxes(store: Store) -> None:
    bench = make_desk(store, mode=Mode.GATED_ALL)
    store.transact(
        lambda tx: add_mailbox(tx, agent="x", address=f"x@{DOMAIN}", stream=bench.stream_id, mode=Mode.MONITORED)
    )
    store.transact(lambda tx: tx.write(update(table(Mailbox)).values(agent_id=bench.agent_id)))
    row = next(row for row in store.look(agents.table) if row.name == "support-bot")
    assert (row.mode, row.further) == (Mode.MONITORED, 1)
    other = next(row for row in store.look(agents.table) if row.name == "x")
    assert (other.mode, other.hour) == (None, None)


def test_a_rate_over_its_line_is_a_problem_with_its_figures(store: Store) -> None:
    bench = make_desk(store)
    working(store)
    came_back(store, bench, sent=1_000, complained=1)
    (one,) = found(store)
    assert (one.level, one.code, one.subject) == (Level.WARN, "complaints", "support-bot")
    assert "complaints 0.1 %" in one.text
    came_back(store, bench, sent=0, complained=1)
    assert found(store)[0].level is Level.CRIT


def test_problems_come_worst_first_and_say_what_to_open(store: Store) -> None:
    bench = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    bench.submit()
    store.transact(lambda tx: tx.write(update(table(Lane)).values(failures=4, last_reply="451 busy")))
    store.transact(lambda tx: controls.suspend_agent(tx, "support-bot", reason="odd", actor=ALICE))
    store.transact(lambda tx: controls.stop(tx, reason="fire", actor=ALICE))
    store.transact(lambda tx: tx.write(update(table(Mailbox)).values(expires_at=tx.now + 3 * DAY)))
    problems = found(store)
    assert [(one.level.value, one.code) for one in problems] == [
        ("crit", "stopped"), ("crit", "suspended"), ("crit", "no_worker"), ("warn", "lane_failing"),
        ("info", "expiring"),
    ]  # fmt: skip
    suspended = problems[1]
    assert (suspended.screen, suspended.key) == ("agent", "support-bot")
    header = store.look(desk.desk).header
    assert (header.crit, header.warn) == (3, 1)


def test_held_mail_that_waits_too_long_is_a_problem(store: Store) -> None:
    bench = make_desk(store, **WIDE)
    bench.submit()
    store.clock.advance(seconds=5 * 3_600)  # type: ignore[attr-defined]  # the tests' clock
    working(store)
    assert [one.code for one in found(store)] == ["pending_old"]


def test_the_header_counts_held_mail_by_the_minute(store: Store) -> None:
    bench = make_desk(store, **WIDE)
    for _ in range(10):
        bench.submit()
    header = store.look(desk.desk).header
    assert (header.head.held, header.held_per_minute, header.default_mode) == (10, 2.0, Mode.GATED_SEND)


def test_the_page_of_an_agent_has_ladder_gauges_series_runs_and_events(store: Store) -> None:
    bench = make_desk(store, **WIDE)
    bench.submit()
    came_back(store, bench, sent=100, complained=5)
    page = store.look(lambda tx: agents.page(tx, "support-bot"))
    (box,) = page.boxes
    assert box.held == 1
    assert box.evidence.mode is Mode.GATED_SEND
    assert {"agent_hour", "mailbox_day", "new_recipients_day"} <= {limit.name for limit in box.gauges}
    assert max(page.complaint_series) == pytest.approx(0.05)
    assert [run.key for run in page.runs] == ["run-1"]
    assert [row.type for row in page.events] == ["email.submitted", "email.pending"]
    with pytest.raises(NotFound):
        store.look(lambda tx: agents.page(tx, "nobody"))


def test_lanes_show_pace_and_ceiling_of_the_gate(store: Store) -> None:
    bench = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_site_minute": 50, "limit_site_hour": 600}))
    for n in range(3):
        bench.submit(f"u{n}@gmail.com")
    deliver_one(store)
    view = store.look(lambda tx: lanes.view(tx, limit=1))
    (lane,) = view.lanes
    assert (lane.per_minute, lane.ceiling.used, lane.ceiling.cap, lane.row.depth) == (50, 1, 600, 2)
    assert lane.row.waits_for == "site_minute"
    assert view.shape[0].site == "gmail.com"
    assert view.below is None


def test_a_request_says_what_it_lacks_and_who_must_still_sign(store: Store) -> None:
    make_desk(store)
    store.transact(lambda tx: tx.write(update(table(Mailbox)).values(status="requested", owner="alice")))
    view = store.look(identities.view)
    (asked,) = view.requests
    assert "purpose" in asked.missing
    assert [one.role for one in asked.waiting] == ["owner", "governance", "deliverability"]
    assert asked.waiting[1].checklist
    assert asked.stuck is not None
    assert view.identities == ()
    assert len(view.tokens) == 1


def test_living_identities_owe_nothing(store: Store) -> None:
    make_desk(store)
    view = store.look(identities.view)
    assert [(one.record.address, one.waiting) for one in view.identities] == [(ADDRESS, ())]

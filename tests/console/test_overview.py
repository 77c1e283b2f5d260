"""What the desk shows of its agents and what needs somebody: the same figures as the gate, and the worst first."""

from __future__ import annotations

from sqlalchemy import update

from core.db import gate_queries
from core.db.counters import bucket
from core.db.queries import figures
from core.db.store import Store
from core.db.tables import AGENT, LANE, MAILBOX
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR
from core.model import Mode, Outcome, Reply
from core.operations.screens.needs import needs
from core.operations.screens.overview import Overview
from core.services.control import emergency, guard_rates
from core.services.sending import delivery, limit_gauges
from core.views.live import AgentLine, Level, Need
from tests.factories.database import statements
from tests.factories.desk import ALICE, DOMAIN, WIDE, Bench, add_mailbox, make_desk

OK = Reply(Outcome.SENT, 250, "2.0.0", "queued", "dot", "mx.example")


def table_of(store: Store) -> tuple[AgentLine, ...]:
    return store.look(lambda tx: Overview.fresh().refresh(tx, None))


def line_of(store: Store, name: str = "support-bot") -> AgentLine:
    return next(line for line in table_of(store) if line.name == name)


def found(store: Store) -> tuple[Need, ...]:
    return store.look(lambda tx: needs(tx, Overview.fresh().refresh(tx, None), figures.head(tx.conn)))


def working(store: Store) -> None:
    """A process that delivers, so that its absence is not the news."""
    store.transact(lambda tx: delivery.register_worker(tx, worker=9, pid=1))


def deliver_one(store: Store) -> None:
    claimed = store.transact(lambda tx: delivery.claim(tx, worker=1, limit=1))
    store.transact(lambda tx: delivery.attempt(tx, claimed, worker=1))
    store.transact(lambda tx: delivery.settle(tx, [delivery.Settlement(one, OK) for one in claimed], worker=1))


def came_back(store: Store, bench: Bench, *, sent: int, complained: int) -> None:
    def verb(tx: Transaction) -> None:
        hour = bucket(tx.now - HOUR, 60)
        tx.bump("agent", str(bench.agent_id), guard_rates.SENT, minute=hour, n=sent)
        tx.bump("agent", str(bench.agent_id), guard_rates.COMPLAINED, minute=hour, n=complained)

    store.transact(verb)


def add_agents(store: Store, bench: Bench, *names: str) -> None:
    for name in names:

        def build(tx: Transaction, name: str = name) -> tuple[int, int]:
            return add_mailbox(tx, agent=name, address=f"{name}@{DOMAIN}", stream=bench.stream_id)

        store.transact(build)


# --- agents -------------------------------------------------------------------------------------------------------


def test_the_gauge_is_the_gate(store: Store) -> None:
    bench = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_hour": 2, "limit_day": 5}))
    for n in range(3):
        bench.submit(f"u{n}@example{n}.com")
    while claimed := store.transact(lambda tx: delivery.claim(tx, worker=1, limit=1)):
        assert claimed
    line = line_of(store)
    asked = store.look(
        lambda tx: {one.name: one for one in limit_gauges.gauges(tx, gate_queries.gate(tx, bench.mailbox_id))}
    )
    assert (line.hour, line.day) == (asked["agent_hour"], asked["agent_day"])
    assert line.hour is not None
    assert (line.hour.used, line.hour.cap) == (2, 2)
    working(store)
    assert [one.text for one in found(store)] == ["hour budget 100 %: 2 of 2"]


def test_a_table_of_agents_takes_as_many_statements_as_one(sqlite_store: Store) -> None:
    store = sqlite_store
    bench = make_desk(store)
    with statements(store) as of_one:
        table_of(store)
    add_agents(store, bench, *(f"bot-{n}" for n in range(12)))
    with statements(store) as of_many:
        table_of(store)
    assert len(of_many) == len(of_one)


def test_sent_mail_shows_in_hour_and_trend(store: Store) -> None:
    bench = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    bench.submit()
    deliver_one(store)
    line = line_of(store)
    assert (line.sent_hour, line.trend, line.last[:4]) == (1, (0, 0, 0, 0, 0, 1), "sent")
    store.clock.advance(seconds=2 * 3_600)  # type: ignore[attr-defined]  # the tests' clock
    line = line_of(store)
    assert (line.sent_hour, sum(line.trend)) == (0, 0)


def test_agents_stand_worst_first_and_only_those_touched_are_read_again(store: Store) -> None:
    bench = make_desk(store)
    add_agents(store, bench, "a-bot", "b-bot", "c-bot")
    bench.submit()
    overview = Overview.fresh()
    assert [line.held for line in store.look(lambda tx: overview.refresh(tx, None))] == [1, 0, 0, 0]
    bench.submit("joe@example.com")
    store.transact(lambda tx: emergency.suspend_agent(tx, "c-bot", reason="odd", actor=ALICE))
    stale = store.look(lambda tx: overview.refresh(tx, set()))
    assert [(line.name, line.held) for line in stale[:1]] == [("support-bot", 1)]
    fresh = store.look(lambda tx: overview.refresh(tx, {bench.agent_id}))
    assert [(line.name, line.held) for line in fresh[:1]] == [("support-bot", 2)]
    assert [line.name for line in table_of(store)] == ["c-bot", "support-bot", "a-bot", "b-bot"]


def test_an_agent_shows_its_loosest_mode_and_its_longest_waiting_mail(store: Store) -> None:
    bench = make_desk(store, mode=Mode.GATED_ALL)
    bench.submit()
    began = store.clock.now()
    store.transact(
        lambda tx: add_mailbox(tx, agent="x", address=f"x@{DOMAIN}", stream=bench.stream_id, mode=Mode.MONITORED)
    )
    store.transact(lambda tx: tx.write(update(MAILBOX).values(agent_id=bench.agent_id)))
    line = line_of(store)
    assert (line.mode, len(line.mailboxes), line.oldest) == (Mode.MONITORED, 2, began)
    other = line_of(store, "x")
    assert (other.mode, other.hour, other.oldest) == (None, None, None)


# --- what needs somebody ------------------------------------------------------------------------------------------


def test_a_calm_desk_needs_nobody(store: Store) -> None:
    make_desk(store)
    working(store)
    assert found(store) == ()


def test_a_drill_that_is_due_incomplete_or_failed_needs_somebody_and_one_that_passed_does_not(
    store: Store, clock: FakeClock
) -> None:
    make_desk(store)
    clock.advance(micros=90 * DAY)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(expires_at=tx.now + 90 * DAY)))
    working(store)

    def said() -> list[tuple[Level, str, str]]:
        return [(one.level, one.subject, one.text) for one in found(store)]

    assert said() == [(Level.WARN, "support-bot", "a revocation drill is due: postroom drill support-bot")]
    change = update(AGENT).values(drilled_at=clock.now(), drill_failures=["a door opens"])
    store.transact(lambda tx: tx.write(change))
    assert said() == [(Level.FAULT, "support-bot", "the last revocation drill failed: postroom drill support-bot")]
    change = update(AGENT).values(drill_failures=[], drill_unreached=["127.0.0.1:8025 on b.test"])
    store.transact(lambda tx: tx.write(change))
    text = "the last revocation drill did not reach every gateway: postroom drill support-bot"
    assert said() == [(Level.WARN, "support-bot", text)]
    store.transact(lambda tx: tx.write(update(AGENT).values(drill_unreached=[])))
    assert said() == []


def test_a_rate_over_its_line_needs_somebody_with_its_figures(store: Store) -> None:
    bench = make_desk(store)
    working(store)
    came_back(store, bench, sent=1_000, complained=1)
    (one,) = found(store)
    assert (one.level, one.subject, one.text) == (Level.WARN, "support-bot", "complaints 0.10 % > 0.03 %")
    came_back(store, bench, sent=0, complained=1)
    assert found(store)[0].level is Level.FAULT


def test_needs_come_worst_first_and_say_where_to_look(store: Store) -> None:
    bench = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    bench.submit()
    store.transact(lambda tx: tx.write(update(LANE).values(failures=4, last_reply="451 busy")))
    store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="odd", actor=ALICE))
    store.transact(lambda tx: emergency.stop(tx, reason="fire", actor=ALICE))
    store.transact(lambda tx: tx.write(update(MAILBOX).values(expires_at=tx.now + 3 * DAY)))
    listed = found(store)
    assert [(one.level.name, one.go) for one in listed] == [
        ("FAULT", "desk"), ("FAULT", "events"), ("FAULT", "agent"), ("WARN", "lanes"), ("INFO", "identities"),
    ]  # fmt: skip
    assert (listed[2].key, listed[2].text) == ("support-bot", "suspended by alice: odd")
    assert listed[3].text == "4 deferrals in a row: 451 busy"


def test_held_mail_that_waits_too_long_needs_somebody(store: Store) -> None:
    bench = make_desk(store, **WIDE)
    bench.submit()
    store.clock.advance(seconds=5 * 3_600)  # type: ignore[attr-defined]  # the tests' clock
    working(store)
    assert [(one.subject, one.go) for one in found(store)] == [("queue", "queue")]


def test_reviewers_who_reject_much_suggest_a_lower_mode(store: Store) -> None:
    bench = make_desk(store, mode=Mode.MONITORED)
    working(store)

    def rejected(tx: Transaction) -> None:
        hour = bucket(tx.now, 60)
        for kind in ("decided_1h", "rejected_1h"):
            tx.bump("mailbox", str(bench.mailbox_id), kind, minute=hour, n=40)

    store.transact(rejected)
    (one,) = found(store)
    assert (one.level, one.go, one.key) == (Level.WARN, "agent", "support-bot")
    assert "gated_send" in one.text

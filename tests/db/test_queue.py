"""Lanes: claims are fair over mailboxes and domains, and what is stuck costs one row."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from core.db.queue_changes import LaneChange
from core.db.store import Store
from core.db.tables import IN_FLIGHT, LANE, MAILBOX, READY
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import FAR_FUTURE
from core.model import Mode
from core.services.control import emergency
from core.services.sending import delivery
from tests.db.empty_database import Fresh
from tests.factories import effort
from tests.factories.delivery import claim
from tests.factories.desk import ADDRESS, ALICE, DORA, WIDE, Bench, add_mailbox, make_desk

OTHER = "other@support-bot.acme.test"


def filled(store: Store, clock: FakeClock, *, lanes: int, each: int) -> Bench:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for place in range(each):
        for lane in range(lanes):
            desk.submit(f"r{place}@d{lane}.test")
        clock.advance(micros=100)
    return desk


def test_a_claim_takes_something_of_every_due_lane(store: Store, clock: FakeClock) -> None:
    filled(store, clock, lanes=5, each=3)
    assert Counter(one.domain for one in claim(store, limit=5)) == Counter(f"d{lane}.test" for lane in range(5))


def test_a_deep_lane_does_not_keep_a_shallow_one_waiting(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for place in range(60):
        desk.submit(f"r{place}@deep.test")
    clock.advance(micros=100)
    desk.submit("one@shallow.test")
    assert "shallow.test" in {one.domain for one in claim(store, limit=2)}


def test_a_busy_mailbox_does_not_keep_another_waiting(store: Store, clock: FakeClock) -> None:
    desk = filled(store, clock, lanes=4, each=10)

    def second(tx: Transaction) -> None:
        add_mailbox(tx, agent="other", address=OTHER, stream=desk.stream_id, mode=Mode.AUTONOMOUS, **WIDE)
        tx.add(LANE, {"mailbox_id": 2, "domain": "z.test", "site": "z.test", "next_at": 0, "depth": 0})

    store.transact(second)
    served = []
    for _ in range(4):
        clock.advance(micros=100)
        claim(store, limit=4)
        served.append(store.rows(select(MAILBOX.c.served_at).order_by(MAILBOX.c.id)))
    assert all(rows[1].served_at > 0 for rows in served[1:])


def test_a_throttled_lane_gets_one_write_and_its_messages_none(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_site_minute": 1}))
    for place in range(20):
        desk.submit(f"r{place}@slow.test")
    before = store.rows(select(READY).order_by(READY.c.message_id))
    (first,) = claim(store)
    after = store.rows(select(READY).order_by(READY.c.message_id))
    assert after == [row for row in before if row.message_id != first.message_id]
    lane = store.row(select(LANE.c.next_at, LANE.c.waits_for, LANE.c.depth, LANE.c.in_flight))
    assert lane == (clock.now() + 60_000_000, "site_minute", 19, 1)
    clock.advance(seconds=59)
    assert claim(store) == []
    clock.advance(seconds=1)
    assert len(claim(store)) == 1


def test_what_comes_into_a_paused_lane_does_not_wake_it(store: Store, clock: FakeClock) -> None:
    desk = filled(store, clock, lanes=2, each=2)
    store.transact(lambda tx: emergency.pause_lane(tx, 1, reason="odd", actor=ALICE))
    desk.submit("late@d0.test")
    for _ in range(5):
        clock.advance(seconds=600)
        assert {one.domain for one in claim(store)} <= {"d1.test"}
    assert store.row(select(LANE.c.next_at).where(LANE.c.id == 1)) == (FAR_FUTURE,)
    store.transact(lambda tx: emergency.resume_lane(tx, 1, reason="fine", actor=DORA))
    assert {one.domain for one in claim(store)} == {"d0.test"}


def test_suspending_an_agent_is_one_row_whatever_is_queued(store: Store, clock: FakeClock) -> None:
    filled(store, clock, lanes=3, each=20)
    queued = store.rows(select(READY).order_by(READY.c.message_id, READY.c.n))
    lanes = store.rows(select(LANE).order_by(LANE.c.id))
    frozen = store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="odd", actor=ALICE))
    assert frozen.queued == 60
    assert store.rows(select(READY).order_by(READY.c.message_id, READY.c.n)) == queued
    assert store.rows(select(LANE).order_by(LANE.c.id)) == lanes
    assert claim(store) == []


def test_the_earliest_of_several_added_to_a_lane_says_when_it_wakes() -> None:
    change = LaneChange(depth=1, due=10)
    change.join(LaneChange(depth=2, in_flight=-1, due=20))
    assert change == LaneChange(depth=3, in_flight=-1, due=10)
    change.join(LaneChange(due=5))
    assert change.due == 5


@settings(max_examples=effort.times(10, 100), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["submit", "claim", "drop", "land", "pause", "resume", "wait"]), st.integers(0, 3)),
        max_size=30,
    )
)
def test_kept_depths_are_what_counting_would_say(steps: list[tuple[str, int]]) -> None:
    clock = FakeClock()
    fresh = Fresh(clock)
    store = fresh.store
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    held = []
    for step, place in steps:
        clock.advance(micros=100)
        match step:
            case "submit":
                desk.submit([f"r{n}@d{n}.test" for n in range(place + 1)], sender=ADDRESS)
            case "claim":
                held += claim(store, limit=place + 1)
            case "drop":
                clock.advance(micros=delivery.LEASE)
                store.transact(delivery.reclaim)
                held.clear()
            case "land":
                store.transact(lambda tx, some=held[:place]: delivery.attempt(tx, some, worker=1))  # type: ignore[misc]  # bound now
                held = held[place:]
            case "pause" | "resume":
                paused = store.row(select(LANE.c.paused_at).where(LANE.c.id == 1))
                if paused is not None and (paused.paused_at is None) == (step == "pause"):
                    verb = emergency.pause_lane if step == "pause" else emergency.resume_lane
                    store.transact(lambda tx, v=verb: v(tx, 1, reason="test", actor=DORA))  # type: ignore[misc]  # bound now
            case _:
                clock.advance(seconds=60 * place)
        for lane in store.rows(select(LANE)):
            ready = store.row(
                select(func.count().label("n"), func.min(READY.c.due).label("due")).where(READY.c.lane_id == lane.id)
            )
            flying = store.row(select(func.count()).select_from(IN_FLIGHT).where(IN_FLIGHT.c.lane_id == lane.id))
            assert ready is not None
            assert ready.n == lane.depth
            assert flying == (lane.in_flight,)
            if lane.paused_at is None and ready.n:
                assert lane.next_at <= max(ready.due, lane.not_before, clock.now())  # nothing sleeps beyond its time
    fresh.close()

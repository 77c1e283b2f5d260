"""The machine's clock is set back: no cap is exceeded for it, and nothing sleeps until the clock has caught up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, insert, select, update

from core.db import queue
from core.db.store import Store
from core.db.tables import HOOK, IN_FLIGHT, LANE, MAILBOX, READY, RECIPIENT, STREAM
from core.demo.clock import FakeClock
from core.durations import DAY, FAR_FUTURE, HOUR, MINUTE, SECOND
from core.model import Mode, Outcome, Reply
from core.services.notify import webhook_outbox
from core.services.sending import clock_skew, delivery, review
from core.services.sending.clock_skew import Watch
from core.services.sending.review import Decision
from tests.db.empty_database import Fresh
from tests.factories import effort
from tests.factories.delivery import attempt, claim, many, number, pass_a_moment, settle
from tests.factories.desk import ALICE, WIDE, Bench, make_desk
from tests.services.sending.test_submit import most_in_any

BUSY = Reply(Outcome.DEFERRED, 450, "4.2.1", "try later", "rcpt", "mx.example")


def free(store: Store, **limits: Any) -> Bench:
    return make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | limits))


def soon(store: Store) -> int:
    """How many leave at the second look: after a step the first one only finds out how far ahead the pace had been."""
    first = len(claim(store))
    pass_a_moment(store)
    return first + len(claim(store))


def set_back(store: Store, watch: Watch, *, micros: int) -> int:
    """The clock goes back; the chore looks before and after."""
    assert isinstance(store.clock, FakeClock)
    store.transact(watch)
    store.clock.advance(micros=-micros)
    return store.transact(watch)


def only(store: Store, table: Table) -> Any:
    """The one row of a table."""
    return store.row(select(table))


def lane(store: Store) -> Any:
    return only(store, LANE)


def test_mail_handed_in_under_the_hour_taken_back_leaves_at_once(store: Store) -> None:
    desk = free(store)
    desk.submit(many(3))
    assert set_back(store, Watch(), micros=DAY) == 3
    assert soon(store) == 2
    assert lane(store).next_at <= store.clock.now() + MINUTE


def test_a_lane_held_back_by_a_spent_cap_is_looked_at_and_the_cap_still_binds(store: Store, clock: FakeClock) -> None:
    desk = free(store, limit_site_hour=2, limit_site_minute=10**6)
    for one in many(4):
        desk.submit(one)
    for _ in range(3):
        clock.advance(micros=100)
        claim(store)
    assert lane(store).waits_for == "site_hour"
    set_back(store, Watch(), micros=3 * HOUR)
    assert lane(store).next_at <= clock.now()
    assert claim(store) == []
    clock.advance(micros=HOUR + 2 * MINUTE)
    assert len(claim(store)) == 1


def test_a_retry_waits_its_turn_and_no_longer(store: Store, clock: FakeClock) -> None:
    desk = free(store)
    desk.submit("jane@example.com")
    flying = claim(store)
    attempt(store, flying)
    settle(store, flying, reply=BUSY)
    set_back(store, Watch(), micros=DAY)
    due = only(store, READY).due
    assert clock.now() < due <= clock.now() + 7 * MINUTE
    assert only(store, RECIPIENT).next_at == due
    clock.advance(micros=7 * MINUTE)
    assert soon(store) == 1


def test_a_retry_that_is_due_by_its_own_rule_is_left_alone(store: Store, clock: FakeClock) -> None:
    desk = free(store)
    desk.submit("jane@example.com")
    flying = claim(store)
    attempt(store, flying)
    settle(store, flying, reply=BUSY)
    before = only(store, READY).due
    assert set_back(store, Watch(), micros=10 * SECOND) == 0
    assert only(store, READY).due == before


def test_what_a_dead_worker_held_comes_back(store: Store, clock: FakeClock) -> None:
    desk = free(store)
    desk.submit("jane@example.com")
    claim(store)
    watch = Watch()
    set_back(store, watch, micros=DAY)
    clock.advance(micros=delivery.LEASE + SECOND)
    assert store.transact(delivery.reclaim) == 1
    store.transact(watch)
    assert soon(store) == 1


def test_a_route_and_a_mailbox_asleep_wake(store: Store, clock: FakeClock) -> None:
    desk = free(store, limit_hour=1)
    desk.submit(many(2))
    claim(store)
    clock.advance(micros=100)
    claim(store)
    store.transact(lambda tx: tx.write(update(STREAM).values(backoff_until=clock.now() + 10 * MINUTE)))
    set_back(store, Watch(), micros=7 * DAY)
    assert only(store, MAILBOX).wake_at == 0
    assert only(store, STREAM).backoff_until <= clock.now() + HOUR


def test_a_webhook_that_waits_for_its_next_try_is_tried_and_a_dead_speaker_lets_go(store: Store) -> None:
    desk = free(store)
    now = store.clock.now()
    values = {"mailbox_id": desk.mailbox_id, "attempt": 1, "next_at": now + 5 * SECOND, "leased_by": 7}
    store.transact(lambda tx: tx.write(insert(HOOK).values(lease_until=now + webhook_outbox.LEASE, **values)))
    set_back(store, Watch(), micros=DAY)
    hook = only(store, HOOK)
    assert hook.next_at == store.clock.now()
    assert hook.lease_until == store.clock.now() + webhook_outbox.LEASE


def test_a_webhook_that_backs_off_by_its_own_rule_is_left_alone(store: Store) -> None:
    desk = free(store)
    due = store.clock.now() + 4 * HOUR
    store.transact(lambda tx: tx.write(insert(HOOK).values(mailbox_id=desk.mailbox_id, attempt=14, next_at=due)))
    assert store.transact(Watch()) == 0
    assert only(store, HOOK).next_at == due


def test_approved_mail_keeps_its_release_delay(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    item = number(desk.submit("jane@example.com").message_id)
    store.transact(lambda tx: review.decide(tx, Decision(item, approve=True, delay=10 * SECOND), actor=ALICE))
    watch = Watch()
    set_back(store, watch, micros=DAY)
    clock.advance(micros=MINUTE)
    assert store.transact(review.release_due) == 1
    store.transact(watch)
    assert soon(store) == 1


def test_a_paused_lane_stays_asleep(store: Store, clock: FakeClock) -> None:
    desk = free(store)
    desk.submit("jane@example.com")
    c = LANE.c
    paused = {c.paused_at: clock.now(), c.not_before: FAR_FUTURE, c.next_at: FAR_FUTURE}
    store.transact(lambda tx: tx.write(update(LANE).values(paused)))
    set_back(store, Watch(), micros=DAY)
    assert (lane(store).next_at, lane(store).not_before) == (FAR_FUTURE, FAR_FUTURE)


def test_the_first_look_after_a_start_mends_only_what_a_step_left(store: Store, clock: FakeClock) -> None:
    desk = free(store, limit_site_hour=1, limit_site_minute=10**6)
    for one in many(2):
        desk.submit(one)
    claim(store)
    asleep = lane(store).next_at
    assert asleep > clock.now()
    store.transact(Watch())
    assert lane(store).next_at == asleep
    clock.advance(micros=-DAY)
    store.transact(Watch())
    assert lane(store).next_at <= clock.now() + HOUR


def test_a_clock_that_only_runs_is_never_mended(store: Store, clock: FakeClock) -> None:
    watch, desk = Watch(), free(store)
    for _ in range(5):
        store.transact(watch)
        clock.advance(seconds=5)
    desk.submit("jane@example.com")
    clock.advance(micros=-SECOND)  # within the skew
    assert store.transact(watch) == 0


@settings(max_examples=effort.times(4, 40), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    hour=st.integers(2, 6),
    site=st.integers(2, 6),
    moves=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 3), st.sampled_from([0, 0, 1, 30, 90, 2_000])),
        min_size=3,
        max_size=10,
    ),
)
@pytest.mark.parametrize("restarts", [False, True])
def test_however_the_clock_is_set_back_no_cap_is_exceeded_and_nothing_starves(
    hour: int, site: int, moves: list[tuple[int, int, int]], *, restarts: bool
) -> None:
    """Moves of (looks, messages handed in, minutes the clock is set back). Windows are of time that really passes."""
    clock = FakeClock()
    fresh = Fresh(clock)
    store, watch, real, left, handed = fresh.store, Watch(), 0, [], 0
    desk = free(store, limit_hour=hour, limit_site_hour=site)

    def look(times: int) -> None:
        nonlocal real, watch
        for _ in range(times):
            clock.advance(micros=7 * MINUTE)
            real += 7 * MINUTE
            watch = Watch() if restarts else watch
            store.transact(watch)
            taken = claim(store)
            left.extend([real] * len(taken))
            if taken:
                store.transact(lambda tx, taken=taken: queue.land(tx, taken))  # type: ignore[misc]  # bound now

    for looks, messages, back in moves:
        look(looks)
        for _ in range(messages):
            handed += 1
            desk.submit(f"r{handed}@example.com")
        store.transact(watch)
        clock.advance(micros=-back * MINUTE)
        store.transact(watch)
    rounds = 0
    while len(left) < handed and rounds < 10 + handed:
        look(11)
        rounds += 1
    fresh.close()
    assert len(left) == handed
    assert most_in_any(left, HOUR) <= min(hour, site)
    # Each round of an hour and a quarter lets at least one cap's worth go.
    assert rounds <= 3 + -(-handed // min(hour, site))


def test_leases_of_the_living_are_not_touched(store: Store) -> None:
    desk = free(store)
    desk.submit("jane@example.com")
    claim(store)
    before = only(store, IN_FLIGHT).lease_until
    store.transact(lambda tx: clock_skew.mend(tx, stepped=True))
    assert only(store, IN_FLIGHT).lease_until == before

"""From acceptance to settlement, on both databases: the gate is asked again, and nothing gets lost in between."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select, update

from core.db import audit_log
from core.db.queries import message as messages
from core.db.queue import LANE_WINDOW, Claimed
from core.db.store import Store
from core.db.tables import (
    DESK,
    IN_FLIGHT,
    LANE,
    MAILBOX,
    MESSAGE,
    POLICY_VERSION,
    READY,
    RECIPIENT,
    REVIEW,
    STREAM,
    SUPPRESSION,
    TOKEN,
)
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import FAR_FUTURE, HOUR, MINUTE, SECOND
from core.errors import Conflict
from core.ids import Ids, read_id
from core.model import ContentClass, Mode, Outcome, Reason, Reply, Status
from core.rules import policy as policies
from core.rules.policy import Policy
from core.rules.policy.sections import Delivery, HeldClasses
from core.rules.policy.sections import Review as ReviewPolicy
from core.services.audit import status
from core.services.audit.trace import trace
from core.services.control import emergency
from core.services.identity import retirement
from core.services.notify import webhook_outbox
from core.services.sending import delivery, review
from core.services.sending.delivery import departure_check, finish
from core.services.sending.review import Decision
from tests.factories.delivery import NOBODY, OK, attempt, claim, events, leave, many, number, pass_a_moment, settle
from tests.factories.desk import (
    ADDRESS,
    ALICE,
    BOB,
    DOMAIN,
    DORA,
    GAIL,
    KEYRING,
    WIDE,
    Bench,
    add_mailbox,
    issue,
    make_desk,
)

LATER = Reply(Outcome.DEFERRED, 451, "4.7.1", "later", "rcpt", "mx.example")
LOST = Reply(Outcome.UNCERTAIN, None, None, "connection lost", "dot", "mx.example")
DOWN = Reply(Outcome.ROUTE_DOWN, None, None, "connection refused", "connect", "relay.example")


def states(store: Store) -> list[str]:
    c = RECIPIENT.c
    return [row.status for row in store.rows(select(c.status).order_by(c.message_id, c.n))]


def force(store: Store, policy: Policy) -> None:
    """Another policy is in force from now on."""
    content = policies.to_json(policy)
    digest = hashlib.sha256(content.encode()).hexdigest()

    def verb(tx: Transaction) -> None:
        values = {"content": content, "digest": digest, "applied_at": tx.now, "applied_by": "gail", "reason": "test"}
        version = tx.create(POLICY_VERSION, values)
        tx.write(update(DESK).values(policy_version=version))

    store.transact(verb)


def depths_agree(store: Store) -> None:
    """The kept figures are what counting would say."""
    for lane in store.rows(select(LANE)):
        ready = store.row(select(func.count()).select_from(READY).where(READY.c.lane_id == lane.id))
        flying = store.row(select(func.count()).select_from(IN_FLIGHT).where(IN_FLIGHT.c.lane_id == lane.id))
        assert ready == (lane.depth,)
        assert flying == (lane.in_flight,)
    r = RECIPIENT.c
    waiting = store.row(
        select(func.count()).select_from(RECIPIENT).where(r.status.in_(["queued", "deferred"]), r.charged.is_(False))
    )
    pending = store.row(select(func.count()).select_from(REVIEW).where(REVIEW.c.status == "pending"))
    assert waiting == (store.look(lambda tx: tx.counters.total("agent", "1", "waiting")),)
    assert pending == (store.look(lambda tx: tx.counters.total("desk", "", "pending")),)


@pytest.mark.both_databases
def test_an_executed_message_is_claimed_attempted_and_settled(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    assert desk.submit().status == "queued"
    claimed = store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10))
    assert [c.address for c in claimed] == ["jane@example.com"]
    going = store.transact(lambda tx: delivery.attempt(tx, claimed, worker=1))
    assert going == {claimed[0].key}
    store.transact(lambda tx: delivery.settle(tx, [delivery.Settlement(claimed[0], OK)], worker=1))
    with store.read() as conn:
        kinds = [entry.event.type for entry in audit_log.read(conn, after=0)]
        assert audit_log.verify(conn).ok
    assert kinds == ["email.submitted", "email.queued", "email.sent"]
    assert store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10)) == []
    depths_agree(store)


def test_delivery_looks_again_only_where_more_can_leave(store: Store, clock: FakeClock) -> None:
    """A claim says when another may find more; the end of a delivery, whether other mail may leave sooner."""
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    taken: list[Claimed] = []

    def claim_some() -> int:
        clock.advance(micros=60)
        haul = store.transact(delivery.Claim(1, 64))
        taken.extend(haul.claimed)
        return haul.next_at

    def made_due(verb: delivery.Attempt | delivery.Settle) -> bool:
        assert verb.only_queues
        with store.begin() as tx:
            tx.run(verb)
            return tx.made_due or tx.changed

    desk.submit("r0@example.com")
    assert claim_some() == FAR_FUTURE
    assert not made_due(delivery.Attempt(taken, 1))
    assert not made_due(delivery.Settle([delivery.Settlement(taken.pop(), OK)], 1))
    for address in many(LANE_WINDOW + 1, start=1):
        desk.submit(address)
    while len(taken) < LANE_WINDOW:
        assert clock.now() < claim_some() <= clock.now() + 60  # the site's pace
    assert claim_some() == FAR_FUTURE  # the lane is full
    assert made_due(delivery.Settle([delivery.Settlement(taken.pop(), OK)], 1))
    assert claim_some() == FAR_FUTURE
    assert len(taken) == LANE_WINDOW
    assert not delivery.Settle([delivery.Settlement(taken[0], LATER)], 1).only_queues


def test_held_mail_leaves_only_after_a_human_approved_it(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    answer = desk.submit()
    assert answer.status == "pending"
    assert store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10)) == []
    item = read_id("m", answer.message_id or "")
    assert item is not None
    store.transact(lambda tx: review.decide(tx, review.Decision(item, approve=True), actor=ALICE))
    assert [c.message_id for c in store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10))] == [item]


def test_ids_rise_within_a_process() -> None:
    ids = Ids.seeded(1)
    assert ids.mint(10**15) < ids.mint(10**15) < ids.mint(10**15 + 1_000)
    assert Status.SENT.final


# --- the gate at departure ------------------------------------------------------------------------------------------


def suspend(tx: Transaction) -> None:
    emergency.suspend_agent(tx, "support-bot", reason="looks odd", actor=ALICE)


def pause(tx: Transaction) -> None:
    emergency.pause_stream(tx, DOMAIN, reason="looks odd", actor=ALICE)


def pause_lane(tx: Transaction) -> None:
    emergency.pause_lane(tx, 1, reason="looks odd", actor=ALICE)


def stop(tx: Transaction) -> None:
    emergency.stop(tx, reason="looks odd", actor=ALICE)


GO_ON: dict[Callable[[Transaction], None], Callable[[Transaction], Any]] = {
    suspend: lambda tx: emergency.resume_agent(tx, "support-bot", reason="fine", actor=GAIL),
    pause: lambda tx: emergency.resume_stream(tx, DOMAIN, reason="fine", actor=DORA),
    pause_lane: lambda tx: emergency.resume_lane(tx, 1, reason="fine", actor=DORA),
    stop: lambda tx: emergency.start(tx, reason="fine", actor=GAIL),
}


@pytest.mark.both_databases
@pytest.mark.parametrize("brake", list(GO_ON))
def test_a_brake_between_claim_and_attempt_stops_the_delivery_and_loses_nothing(
    store: Store, brake: Callable[[Transaction], None]
) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    first = number(desk.submit().message_id)
    taken = claim(store)
    store.transact(brake)
    assert attempt(store, taken) == set()
    assert states(store) == ["queued"]
    pass_a_moment(store)
    assert claim(store) == []
    depths_agree(store)
    store.transact(GO_ON[brake])
    pass_a_moment(store)
    taken = claim(store)
    assert [one.message_id for one in taken] == [first]
    assert attempt(store, taken) == {(first, 0)}


@pytest.mark.parametrize("brake", list(GO_ON))
def test_what_had_started_before_the_brake_is_settled_and_the_rest_of_the_batch_stays(
    store: Store, brake: Callable[[Transaction], None]
) -> None:
    """Attempt and brake in one commit: the order within it decides."""
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("a@example.com")
    pass_a_moment(store)
    desk.submit("b@example.com")
    before = claim(store)
    pass_a_moment(store)
    after = claim(store)
    with store.begin() as tx:
        assert len(tx.run(lambda tx: delivery.attempt(tx, before, worker=1))) == 1
        tx.run(brake)
        assert tx.run(lambda tx: delivery.attempt(tx, after, worker=1)) == set()
    settle(store, before)
    assert states(store) == ["sent", "queued"]
    depths_agree(store)


def test_a_mailbox_that_has_expired_or_was_retired_sends_nothing_more(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE, expires_at=clock.now() + HOUR)
    desk.submit("a@example.com")
    taken = claim(store)
    clock.advance(micros=HOUR)
    assert attempt(store, taken) == set()
    pass_a_moment(store)
    assert claim(store) == [], "else it would be claimed and put back for ever"
    store.transact(retirement.expire_due)
    assert states(store) == ["cancelled"]


def test_a_suppression_recorded_while_it_waited_ends_a_recipient(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit(["jane@example.com", "joe@example.com"])
    taken = claim(store)
    pass_a_moment(store)
    taken += claim(store)
    values = {"address": "jane@example.com", "cause": "complaint", "source": "arf", "added_by": "system", "added_at": 0}
    store.transact(lambda tx: tx.create(SUPPRESSION, values))
    going = attempt(store, taken)
    assert going == {one.key for one in taken if one.address == "joe@example.com"}
    settle(store, [one for one in taken if one.key in going])
    assert sorted(states(store)) == ["blocked", "sent"]
    assert store.row(select(MESSAGE.c.status, MESSAGE.c.open)) == ("sent", 0)
    assert len(events(store, "email.suppressed")) == 1


@pytest.mark.parametrize("change", ["mode", "class"])
def test_a_tighter_policy_or_mode_sends_queued_mail_back_to_pending_all_of_it(store: Store, change: str) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    answer = desk.submit(["a@one.test", "b@two.test", "c@three.test"])
    message = number(answer.message_id)
    store.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the test's own clock
    taken = claim(store)
    if change == "mode":
        later = update(MAILBOX).values(mode="gated_send", mode_since=store.clock.now())
        store.transact(lambda tx: tx.write(later))
    else:
        force(store, Policy(classes=HeldClasses(hold=(ContentClass.TRANSACTIONAL,))))
    assert attempt(store, taken) == set()
    assert states(store) == ["pending"] * 3
    assert len(events(store, "email.pending")) == 1
    depths_agree(store)
    store.transact(lambda tx: review.decide(tx, review.Decision(message, approve=True), actor=ALICE))
    pass_a_moment(store)
    again = claim(store)
    assert len(attempt(store, again)) == 3
    settle(store, again)
    assert states(store) == ["sent"] * 3
    depths_agree(store)


@pytest.mark.both_databases
def test_leases_on_what_was_sent_back_do_not_come_free_with_the_approval(store: Store) -> None:
    """Another worker holds a second recipient while the first is sent back and approved: it leaves once."""
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    message = number(desk.submit(["a@one.test", "b@two.test"]).message_id)
    store.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the test's own clock
    a, b = claim(store)
    force(store, Policy(classes=HeldClasses(hold=(ContentClass.TRANSACTIONAL,))))
    assert attempt(store, [a]) == set()
    store.transact(lambda tx: review.decide(tx, review.Decision(message, approve=True), actor=ALICE))
    pass_a_moment(store)
    again = claim(store)
    assert sorted(one.address for one in again) == ["a@one.test", "b@two.test"]
    started = attempt(store, again)
    assert len(started) == 2
    settle(store, again)
    assert attempt(store, [b]) == set()
    assert states(store) == ["sent", "sent"]
    depths_agree(store)


def test_mail_sent_back_needs_as_many_people_as_the_policy_in_force_says(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    message = number(desk.submit().message_id)
    held = (ContentClass.TRANSACTIONAL,)
    force(store, Policy(classes=HeldClasses(hold=held), review=ReviewPolicy(four_eyes=held)))
    assert attempt(store, claim(store)) == set()
    first = store.transact(lambda tx: review.decide(tx, review.Decision(message, approve=True), actor=ALICE))
    assert (first.status, first.approvals_missing) == ("pending", 1)
    store.transact(lambda tx: review.decide(tx, review.Decision(message, approve=True), actor=BOB))
    pass_a_moment(store)
    assert len(claim(store)) == 1


def test_mail_of_a_test_token_is_accepted_and_gated_but_counts_as_sent_nowhere(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    store.transact(lambda tx: tx.write(update(TOKEN).values(test=True)))
    desk.submit()
    taken = claim(store)
    assert [one.test for one in taken] == [True]  # what tells the courier's side to keep it here
    attempt(store, taken)
    settle(store, taken)
    assert [getattr(one, "test", None) for one in events(store, "email.sent")] == [True]
    assert store.look(lambda tx: tx.counters.total("desk", "", "sent")) == 0


# --- what receivers say ---------------------------------------------------------------------------------------------


def test_deferrals_double_from_five_minutes_to_four_hours_until_two_days_are_over(
    store: Store, clock: FakeClock
) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    waits: list[int] = []
    while states(store) == ["queued"] or states(store) == ["deferred"]:
        taken = claim(store)
        if not taken:
            clock.advance(seconds=300)
            continue
        at = clock.now()
        attempt(store, taken)
        settle(store, taken, reply=LATER)
        row = store.row(select(RECIPIENT.c.next_at))
        if row is not None and row.next_at is not None:
            waits.append((row.next_at - at) // MINUTE)
    assert waits[:8] == [5, 10, 20, 40, 80, 160, 240, 240]
    assert set(waits[6:]) == {240}
    assert states(store) == ["failed"]
    (failed,) = events(store, "email.failed")
    assert getattr(failed, "cause", None) == "give_up"
    depths_agree(store)


def test_a_route_that_is_down_spends_no_retries_of_any_message(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("a@one.test")
    desk.submit("b@two.test")
    for _ in range(12):
        taken = claim(store)
        attempt(store, taken)
        settle(store, taken, reply=DOWN)
        clock.advance(seconds=3_600)
    rows = store.rows(select(RECIPIENT.c.attempts, RECIPIENT.c.status))
    assert rows == [(0, "queued"), (0, "queued")]
    assert events(store, "email.deferred", "email.failed") == []
    taken = claim(store)
    attempt(store, taken)
    settle(store, taken)
    assert states(store) == ["sent", "sent"]
    depths_agree(store)


def test_a_route_is_told_once_when_it_goes_down_and_once_when_it_answers(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    told: list[str | None] = []
    for reply in (DOWN, DOWN, DOWN, LATER, OK, DOWN):
        desk.submit(f"r{len(told)}-{clock.now()}@one.test")
        taken = claim(store)
        attempt(store, taken)
        done = [delivery.Settlement(one, reply) for one in taken]
        told += [turn.error for turn in store.transact(lambda tx, these=done: delivery.settle(tx, these, worker=1))]  # type: ignore[misc]  # bound now
        clock.advance(seconds=3_600)
    assert len(told) == 3
    assert told[0] == told[2] is not None
    assert told[1] is None


@pytest.mark.both_databases
def test_one_outage_is_one_failure_of_the_route_however_many_were_under_way(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for domain in ("one.test", "two.test", "three.test"):
        desk.submit(f"a@{domain}")
    taken = claim(store)
    attempt(store, taken)
    settle(store, taken, reply=DOWN)
    assert len(taken) == 3
    assert store.row(select(STREAM.c.route_failures)) == (1,)


def test_a_route_that_has_answered_begins_its_backing_off_anew(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for reply in (DOWN, DOWN, DOWN, DOWN, DOWN, OK, DOWN):
        desk.submit(f"r{clock.now()}@one.test")
        taken = claim(store)
        attempt(store, taken)
        settle(store, taken, reply=reply)
        at = clock.now()
        clock.advance(seconds=3_600)
    row = store.row(select(STREAM.c.backoff_until, STREAM.c.route_failures))
    assert row is not None
    assert row.route_failures == 1
    assert row.backoff_until - at <= 3 * SECOND


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "shown"),
    [
        (250, "2.0.0", "2.0.0 Ok", "250 2.0.0 Ok"),
        (451, "4.7.1", "4.7.1 later", "451 4.7.1 later"),
        (450, "4.2.0", "try later", "450 4.2.0 try later"),
        (250, "2.0.0", "2.0.01 is no code", "250 2.0.0 2.0.01 is no code"),
        (None, "4.4.1", "refused", "4.4.1 refused"),
        (250, None, "", "250"),
    ],
)
def test_a_reply_says_its_codes_once(code: int | None, enhanced: str | None, text: str, shown: str) -> None:
    assert finish.line(Reply(Outcome.DEFERRED, code, enhanced, text, "dot")) == shown


@pytest.mark.both_databases
def test_a_lane_that_defers_backs_off_and_its_neighbour_does_not_notice(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for place in range(30):
        desk.submit(f"r{place}@bad.test")
        desk.submit(f"r{place}@good.test")
        clock.advance(seconds=1)
    for _ in range(120):
        taken = claim(store)
        attempt(store, taken)
        settle(store, [one for one in taken if one.domain == "good.test"])
        settle(store, [one for one in taken if one.domain == "bad.test"], reply=LATER)
        clock.advance(seconds=1)
    sent = store.rows(select(RECIPIENT.c.address).where(RECIPIENT.c.status == "sent"))
    assert len(sent) == 30
    tries = store.row(select(func.sum(RECIPIENT.c.attempts)).where(RECIPIENT.c.address.like("%bad.test")))
    assert tries is not None
    assert tries[0] < 15  # two minutes: a knock, then longer and longer rests
    depths_agree(store)


@pytest.mark.both_databases
def test_an_address_that_is_deferred_again_and_again_does_not_hold_back_its_lane(
    store: Store, clock: FakeClock
) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("full@one.test")
    for _ in range(6):
        taken = claim(store)
        attempt(store, taken)
        settle(store, taken, reply=LATER)
        clock.advance(seconds=5 * 3_600)
    assert store.row(select(RECIPIENT.c.attempts)) == (6,)
    assert store.row(select(LANE.c.failures)) == (1,)


# --- leases ---------------------------------------------------------------------------------------------------------


def reclaim(store: Store, clock: FakeClock) -> None:
    clock.advance(micros=delivery.LEASE)
    store.transact(delivery.reclaim)


@pytest.mark.both_databases
def test_a_claim_without_an_attempt_goes_back_to_its_place(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    ids = []
    for address in ("a@x.test", "b@x.test"):
        ids.append(number(desk.submit(address).message_id))
        clock.advance(seconds=1)
    first = claim(store, limit=1)
    reclaim(store, clock)
    assert attempt(store, first) == set()
    depths_agree(store)
    assert [one.message_id for one in (*claim(store), *claim(_moved(store)))] == ids
    assert events(store, "email.uncertain") == []


@pytest.mark.both_databases
def test_what_was_paid_for_and_goes_back_does_not_wait_for_a_spent_cap(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_hour": 1}))
    for address in ("a@x.test", "b@x.test"):
        desk.submit(address)
        clock.advance(seconds=1)
    first = claim(store, limit=1)
    clock.advance(micros=delivery.LEASE)
    assert claim(store) == []  # from now on the mailbox rests, for the cap is spent
    store.transact(delivery.reclaim)
    assert [one.message_id for one in claim(store)] == [first[0].message_id]


def _moved(store: Store) -> Store:
    pass_a_moment(store)
    return store


@pytest.mark.both_databases
def test_a_worker_starts_nothing_that_another_holds(store: Store) -> None:
    """Its lease lapsed and another has claimed it since: both would send it."""
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    claimed = claim(store)
    assert store.transact(lambda tx: delivery.attempt(tx, claimed, worker=2)) == set()
    assert store.row(select(RECIPIENT.c.attempts)) == (0,)
    assert len(attempt(store, claimed)) == 1


@pytest.mark.both_databases
def test_one_lease_starts_one_delivery_of_two_that_the_same_worker_claimed(store: Store) -> None:
    """Sent back, approved and claimed again while the earlier delivery waits for its host: both would send it."""
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = number(desk.submit().message_id)
    earlier = claim(store)
    store.transact(lambda tx: departure_check.to_review(tx, item, [Reason("mode", "the mode asks for it")]))
    assert attempt(store, earlier) == set()
    store.transact(lambda tx: review.decide(tx, Decision(item, approve=True), actor=BOB))
    pass_a_moment(store)
    later = claim(store)
    both = [delivery.Attempt(later, 1), delivery.Attempt(earlier, 1)]
    assert store.transact(delivery.Attempt.together(both)) == [[True], [False]]
    assert attempt(store, later) == set()
    store.transact(lambda tx: delivery.release_claims(tx, later, worker=1, unattempted=True))
    store.transact(delivery.reclaim)
    assert states(store) == ["sending"]
    settle(store, later, reply=LATER)
    assert states(store) == ["deferred"], "none is left without a lease"
    depths_agree(store)


@pytest.mark.both_databases
def test_a_lease_that_has_lapsed_starts_no_delivery(store: Store, clock: FakeClock) -> None:
    """A worker that was stopped for a minute must not send what another may have claimed meanwhile."""
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    claimed = claim(store)
    clock.advance(micros=delivery.LEASE)
    assert attempt(store, claimed) == set()
    assert store.row(select(RECIPIENT.c.attempts)) == (0,)
    assert store.transact(delivery.reclaim) == 1
    (again,) = claim(store)
    assert attempt(store, [again]) == {again.key}


@pytest.mark.both_databases
def test_an_attempt_without_a_settlement_is_uncertain_and_tried_again(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    attempt(store, claim(store))
    reclaim(store, clock)
    (said,) = events(store, "email.uncertain")
    assert getattr(said, "then", None) == "retry"
    assert states(store) == ["deferred"]
    assert claim(store) == []
    clock.advance(seconds=400)
    again = claim(store)
    attempt(store, again)
    settle(store, again)
    assert states(store) == ["sent"]
    depths_agree(store)


@pytest.mark.both_databases
def test_a_beat_keeps_a_workers_leases_and_nobody_elses(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("a@one.test")
    alive = claim(store)
    desk.submit("b@two.test")
    pass_a_moment(store)
    dead = store.transact(lambda tx: delivery.claim(tx, worker=2, limit=10))
    clock.advance(micros=delivery.LEASE - SECOND)
    store.transact(lambda tx: delivery.heartbeat(tx, worker=1))
    clock.advance(micros=SECOND)
    store.transact(delivery.reclaim)
    assert store.transact(lambda tx: delivery.attempt(tx, dead, worker=2)) == set()
    assert attempt(store, alive) == {alive[0].key}


def test_a_lease_that_was_let_go_is_not_kept_by_its_workers_beats(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    taken = claim(store)
    store.transact(lambda tx: delivery.release_claims(tx, taken, worker=1))
    store.transact(lambda tx: delivery.heartbeat(tx, worker=1))
    store.transact(delivery.reclaim)
    pass_a_moment(store)
    assert len(claim(store)) == 1


def test_a_settlement_that_comes_late_ends_what_was_taken_for_uncertain(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    taken = claim(store)
    attempt(store, taken)
    reclaim(store, clock)
    settle(store, taken)
    assert states(store) == ["sent"]
    clock.advance(seconds=400)
    assert claim(store) == []
    settle(store, taken)  # and said once more, it counts once
    assert len(events(store, "email.sent")) == 1
    depths_agree(store)


@pytest.mark.parametrize("by", [1, 2])
def test_a_late_success_counts_although_another_attempt_was_deferred_since(
    store: Store, clock: FakeClock, by: int
) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    first = claim(store)
    attempt(store, first)
    reclaim(store, clock)
    clock.advance(seconds=400)
    second = store.transact(lambda tx: delivery.claim(tx, worker=by, limit=1))
    assert len(store.transact(lambda tx: delivery.attempt(tx, second, worker=by))) == 1
    settle(store, first)
    assert states(store) == ["sending"], "the attempt under way has an answer of its own"
    deferred = [delivery.Settlement(one, LATER) for one in second]
    store.transact(lambda tx: delivery.settle(tx, deferred, worker=by))
    assert states(store) == ["deferred"]
    settle(store, first)
    assert states(store) == ["sent"]
    clock.advance(seconds=86_400)
    assert claim(store) == []
    depths_agree(store)


def test_a_late_success_ends_what_another_worker_has_claimed_and_not_started(store: Store, clock: FakeClock) -> None:
    """A claim may wait for minutes for a slow host; its attempt would be a duplicate."""
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    first = claim(store)
    attempt(store, first)
    reclaim(store, clock)
    clock.advance(seconds=400)
    second = store.transact(lambda tx: delivery.claim(tx, worker=2, limit=1))
    assert len(second) == 1
    settle(store, first)
    assert states(store) == ["sent"]
    assert store.transact(lambda tx: delivery.attempt(tx, second, worker=2)) == set()
    assert states(store) == ["sent"]
    depths_agree(store)


# --- uncertain, where policy asks a human ---------------------------------------------------------------------------

HOLD = Policy(delivery=Delivery(uncertain="hold"))


def uncertain(store: Store) -> tuple[Bench, int, list[Claimed]]:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=HOLD, **WIDE)
    message = number(desk.submit().message_id)
    taken = claim(store)
    attempt(store, taken)
    settle(store, taken, reply=LOST)
    assert states(store) == ["uncertain"]
    depths_agree(store)
    return desk, message, taken


@pytest.mark.parametrize(
    ("content_class", "further", "state"),
    [
        ("commitment", ["commitment"], "uncertain"),
        ("cold_outreach", ["cold_outreach", "commitment"], "uncertain"),
        ("cold_outreach", ["cold_outreach"], "deferred"),
    ],
)
def test_a_promise_is_never_sent_twice_without_a_humans_word(
    store: Store, content_class: str, further: list[str], state: str
) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=Policy(classes=HeldClasses(hold=())), **WIDE)
    desk.submit()
    taken = claim(store)
    attempt(store, taken)
    store.transact(lambda tx: tx.write(update(MESSAGE).values(facts={"classes": further})))
    settle(store, [dataclasses.replace(one, content_class=content_class) for one in taken], reply=LOST)
    assert states(store) == [state]


def test_an_uncertain_delivery_is_sent_again_only_by_a_humans_word(store: Store, clock: FakeClock) -> None:
    _, message, _ = uncertain(store)
    clock.advance(seconds=7_200)
    assert claim(store) == []
    store.transact(lambda tx: review.decide(tx, review.Decision(message, approve=True), actor=ALICE))
    again = claim(store)
    attempt(store, again)
    settle(store, again)
    assert states(store) == ["sent"]
    depths_agree(store)


@pytest.mark.parametrize("end", ["rejected", "expired"])
def test_an_uncertain_delivery_nobody_wants_again_comes_to_an_end_and_frees_its_followers(
    store: Store, clock: FakeClock, end: str
) -> None:
    desk, message, _ = uncertain(store)
    row = store.row(select(MESSAGE.c.rfc_message_id).where(MESSAGE.c.id == message))
    assert row is not None
    follower = number(desk.submit(in_reply_to=row.rfc_message_id).message_id)
    pass_a_moment(store)
    assert claim(store) == []
    if end == "rejected":
        store.transact(lambda tx: review.decide(tx, review.Decision(message, approve=False), actor=ALICE))
    else:
        clock.advance(seconds=73 * 3_600)
        store.transact(review.expire_due)
    assert states(store)[0] == end
    assert store.row(select(MESSAGE.c.status, MESSAGE.c.open).where(MESSAGE.c.id == message)) == (end, 0)
    assert [one.message_id for one in claim(store)] == [follower]
    depths_agree(store)


def test_an_answer_that_comes_after_all_takes_the_question_back(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=HOLD, **WIDE)
    message = number(desk.submit().message_id)
    taken = claim(store)
    attempt(store, taken)
    reclaim(store, clock)
    assert states(store) == ["uncertain"]
    settle(store, taken)
    assert states(store) == ["sent"]
    depths_agree(store)
    with pytest.raises(Conflict, match="no longer pending"):
        store.transact(lambda tx: review.decide(tx, review.Decision(message, approve=True), actor=ALICE))
    assert store.row(select(MESSAGE.c.status)) == ("sent",)


# --- many recipients ------------------------------------------------------------------------------------------------


def test_a_message_is_sent_if_any_recipient_was_whatever_became_of_the_others(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    message = number(desk.submit(["a@one.test", "b@two.test", "c@three.test"]).message_id)
    taken = {one.address: one for one in claim(store)}
    attempt(store, [taken["a@one.test"], taken["b@two.test"]])
    settle(store, [taken["a@one.test"]])
    settle(store, [taken["b@two.test"]], reply=NOBODY)
    store.transact(lambda tx: review.cancel(tx, message, actor=ALICE))
    assert states(store) == ["sent", "failed", "cancelled"]
    assert store.row(select(MESSAGE.c.status, MESSAGE.c.open)) == ("sent", 0)
    assert attempt(store, [taken["c@three.test"]]) == set()
    depths_agree(store)


@pytest.mark.both_databases
def test_every_recipient_of_many_ends_exactly_once(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    leave(desk, *many(40))
    assert states(store) == ["sent"] * 40
    sent = [(one.message, getattr(one, "n", None)) for one in events(store, "email.sent")]
    assert len(sent) == len(set(sent)) == 40
    depths_agree(store)


@pytest.mark.both_databases
def test_a_retry_goes_on_while_what_is_ahead_of_it_waits_for_a_spent_cap(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_hour": 1}))
    message = number(desk.submit("first@example.com").message_id)
    flying = claim(store)
    attempt(store, flying)
    settle(store, flying, reply=Reply(Outcome.DEFERRED, 450, "4.2.1", "try later", "rcpt", "mx.example"))
    for one in many(50):
        desk.submit(one)
    clock.advance(seconds=400)
    again = claim(store, limit=8)
    assert [one.message_id for one in again] == [message]
    attempt(store, again)
    settle(store, again)
    assert claim(store) == []
    clock.advance(seconds=3_700)
    assert len(claim(store)) == 1


# --- what the receiver said is shown --------------------------------------------------------------------------------

ADVICE = "please contact your provider since part of their network is on our list; " * 4
BLOCKED = Reply(
    Outcome.FAILED, 550, "5.7.1", f"5.7.1 <jane@example.com>: {ADVICE}block list (S3150)\u202e", "rcpt", "mx.example"
)


def test_what_the_receiver_said_is_shown_to_people_and_stays_out_of_the_log(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    answer = desk.submit()
    message = number(answer.message_id)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(webhook_url="https://hooks.example.com/x")))
    taken = claim(store)
    attempt(store, taken)
    settle(store, taken, reply=BLOCKED)
    now = store.clock.now()
    said = f"550 {BLOCKED.text[:-1]}⟨U+202E⟩"
    with store.read() as conn:
        assert status.message(conn, message, caller=ALICE, now=now)["recipients"][0]["reply"] == said
        # Its words are a stranger's: an agent gets the codes.
        codes = f"550 {BLOCKED.enhanced or ''}".strip() + " the receiving server refused it"
        assert [one.reason for one in status.outcome(conn, message, answer, now=now).recipients] == [codes]
        assert status.message(conn, message, caller=desk.token, now=now)["recipients"][0]["reply"] == codes
        view = messages.message(conn, message, now=now)
        assert view is not None
        assert [one.reply for one in view.recipients] == [said]
        story = trace(conn, answer.message_id or "", KEYRING, now=now)
        assert [step.text for step in story.steps if said in step.text] != []
        entries = [orjson.dumps(entry.event.data()).decode() for entry in audit_log.read(conn, after=0)]
    assert "S3150" not in "".join(entries)
    store.transact(lambda tx: webhook_outbox.claim(tx, webhook_outbox.due(tx, limit=1), worker=1))
    told = []
    while isinstance(
        letter := store.look(lambda tx: webhook_outbox.next_delivery(tx, desk.mailbox_id)), webhook_outbox.Delivery
    ):
        told.append(orjson.loads(letter.body))
        store.transact(functools.partial(webhook_outbox.mark_delivered, delivery=letter, worker=1))
    assert {one["data"]["reply"] for one in told if one["type"] == "email.failed"} == {said}


def test_a_reply_is_shown_with_the_attempt_it_answers(store: Store, clock: FakeClock) -> None:
    """A second attempt under way, or a route that is down, leaves the words of the first attempt where they are."""
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = desk.submit().message_id or ""

    def shown() -> list[bool]:
        with store.read() as conn:
            steps = trace(conn, item, KEYRING, now=clock.now()).steps
        return ["451 4.7.1 later" in step.text for step in steps if ": deferred" in step.text]

    attempt(store, taken := claim(store))
    settle(store, taken, reply=LATER)
    assert shown() == [True]
    clock.advance(seconds=400)
    attempt(store, taken := claim(store))
    assert shown() == [True]
    settle(store, taken, reply=DOWN)
    assert shown() == [True]
    clock.advance(seconds=400)
    attempt(store, taken := claim(store))
    settle(store, taken, reply=Reply(Outcome.DEFERRED, 452, "4.3.1", "disk full", "rcpt"))
    assert shown() == [False, False]
    assert store.rows(select(RECIPIENT.c.attempts)) == [(2,)]


# --- the pace of a route --------------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.parametrize("limit", [6, *(pytest.param(many, marks=pytest.mark.thorough) for many in (60, 600))])
def test_a_route_takes_no_more_a_minute_than_it_may_whoever_sends_and_however_often_it_is_asked(
    store: Store, clock: FakeClock, limit: int
) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    other = f"news@{DOMAIN}"
    agent, _ = store.transact(
        lambda tx: add_mailbox(tx, agent="news-bot", address=other, stream=1, mode=Mode.AUTONOMOUS, **WIDE)
    )
    second = dataclasses.replace(desk, token=issue(store, agent))
    store.transact(lambda tx: tx.write(update(STREAM).values(minute_messages=limit)))
    for place in range(limit):
        desk.submit(f"a{place}@one{place % 7}.test")
        second.submit(f"b{place}@two{place % 7}.test", sender=other)
    left: list[int] = []
    boxes: set[int] = set()
    for _ in range(90 * 4):
        clock.advance(seconds=0.25)
        taken = claim(store, limit=64)
        left += [clock.now()] * len(taken)
        boxes |= {one.mailbox_id for one in taken}
        attempt(store, taken)
        settle(store, taken, reply=OK)
    assert len(boxes) == 2
    assert max(sum(at <= one < at + MINUTE for one in left) for at in left) <= limit + 1
    assert len(left) >= limit  # and it is used: a minute and a half is enough for a minute's share
    gauges = store.look(lambda tx: status.mailbox(tx, ADDRESS, caller=ALICE)).budgets
    assert [one.cap for one in gauges if one.name == "route_minute"] == [limit]

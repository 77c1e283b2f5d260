"""How long a reviewer had what before their eyes is kept for each of them; approving faster than reading is a fact."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.db import gate_queries
from core.db.store import Store
from core.db.tables import READING, REVIEW
from core.demo.clock import FakeClock
from core.durations import DAY
from core.errors import Conflict, Forbidden
from core.events import EmailApproved, ReviewHurried
from core.model import Actor, Mode
from core.rules.policy import Policy
from core.rules.policy.sections import Review as ReviewPolicy
from core.services.control import retention
from core.services.sending import review
from core.services.sending.review import Decision, DecisionResult
from tests.factories.delivery import events, number
from tests.factories.desk import ALICE, BOB, ROOT, WIDE, Bench, make_desk


def desk_with(store: Store, n: int, **review_policy: int) -> tuple[Bench, list[int]]:
    policy = Policy(review=ReviewPolicy(**review_policy))  # type: ignore[arg-type]  # figures only
    desk = make_desk(store, mode=Mode.GATED_SEND, policy=policy, **WIDE)
    return desk, [number(desk.submit(f"r{i}@one.test").message_id) for i in range(n)]


def opened(store: Store, item: int, by: Actor = ALICE) -> None:
    store.transact(lambda tx: review.opened(tx, item, actor=by))


def approve(
    store: Store, item: int, by: Actor = ALICE, *, batch: str | None = None, watched: bool = True
) -> DecisionResult:
    decision = Decision(item, approve=True, batch=batch, watched=watched)
    return store.transact(lambda tx: review.decide(tx, decision, actor=by))


def dwells(store: Store) -> list[int | None]:
    return [one.dwell_ms for one in events(store, "email.approved") if isinstance(one, EmailApproved)]


def hurried(store: Store) -> list[ReviewHurried]:
    return [one for one in events(store, "review.hurried") if isinstance(one, ReviewHurried)]


# --- how long ---------------------------------------------------------------------------------------------------------


def test_each_reviewer_has_a_time_of_their_own(store: Store, clock: FakeClock) -> None:
    _, (item,) = desk_with(store, 1)
    opened(store, item, ALICE)
    clock.advance(seconds=10)
    opened(store, item, BOB)
    clock.advance(seconds=2)
    approve(store, item, ALICE)
    assert dwells(store) == [12_000]
    row = store.row(select(REVIEW.c.opened_by, REVIEW.c.dwell_ms))
    assert tuple(row or ()) == ("alice", 12_000)


def test_what_another_reviewer_read_says_nothing_of_who_decides(store: Store, clock: FakeClock) -> None:
    _, (item,) = desk_with(store, 1)
    opened(store, item, BOB)
    clock.advance(seconds=10)
    approve(store, item, ALICE)
    assert dwells(store) == [None]


def test_opening_the_next_closes_the_one_before(store: Store, clock: FakeClock) -> None:
    _, items = desk_with(store, 3)
    for item in items:  # leafed through in one go, then left lying
        opened(store, item)
        clock.advance(seconds=1)
    clock.advance(seconds=60)
    for item in items:
        approve(store, item)
    assert dwells(store) == [1_000, 1_000, 61_000]


def test_times_add_up_over_several_openings(store: Store, clock: FakeClock) -> None:
    _, (first, other) = desk_with(store, 2)
    for item, seconds in ((first, 4), (other, 1), (first, 5)):
        opened(store, item)
        clock.advance(seconds=seconds)
    store.transact(lambda tx: review.closed(tx, actor=ALICE))
    clock.advance(seconds=600)  # away from the desk
    approve(store, first)
    assert dwells(store) == [9_000]


def test_what_is_decided_already_is_not_read(store: Store, clock: FakeClock) -> None:
    _, (item,) = desk_with(store, 1)
    approve(store, item, BOB)
    opened(store, item)
    assert store.row(select(READING).where(READING.c.operator == "alice")) is None


def test_who_may_not_read_opens_nothing(store: Store) -> None:
    _, (item,) = desk_with(store, 1)
    with pytest.raises(Forbidden):
        opened(store, item, ROOT)


def test_a_question_asked_again_has_not_been_read(store: Store, clock: FakeClock) -> None:
    desk, (item,) = desk_with(store, 1)
    opened(store, item)
    clock.advance(seconds=10)
    approve(store, item)
    store.transact(
        lambda tx: review.send_back(
            tx, item, gate_queries.gate(tx, desk.mailbox_id), reasons=[], expires_at=tx.now + DAY
        )
    )
    approve(store, item)
    assert dwells(store) == [10_000, None]


def test_times_are_forgotten_with_the_counters_they_serve(store: Store, clock: FakeClock) -> None:
    _, (item,) = desk_with(store, 1)
    opened(store, item)
    clock.advance(micros=101 * DAY)
    store.transact(retention.forget_old)
    assert store.row(select(READING)) is None


# --- how fast ---------------------------------------------------------------------------------------------------------


def test_one_more_a_minute_than_policy_allows_is_one_event_in_the_same_transaction(
    store: Store, clock: FakeClock
) -> None:
    _, items = desk_with(store, 6, messages_per_minute=3, seconds_per_message=0)
    answers = []
    for item in items:
        opened(store, item)
        clock.advance(seconds=5)
        answers.append(approve(store, item).hurried)
    assert answers[:3] == [None] * 3
    assert answers[3:] == ["alice approved 4 in a minute"] * 3  # said again with each, in the log once
    (event,) = hurried(store)
    assert (event.actor, event.approved, event.unread, event.seconds) == ("alice", 4, 0, 20)
    assert (event.seconds_per_message, event.messages_per_minute) == (0, 3)
    kinds = [one.type for one in events(store, "email.approved", "review.hurried")]
    assert kinds == ["email.approved"] * 4 + ["review.hurried"] + ["email.approved"] * 2


def test_a_reviewer_who_goes_on_is_told_again_after_a_minute(store: Store, clock: FakeClock) -> None:
    _, items = desk_with(store, 9, messages_per_minute=2, seconds_per_message=0)
    for item in items:
        clock.advance(seconds=10)
        approve(store, item)
    assert [event.approved for event in hurried(store)] == [3, 6]


def test_a_careful_reviewer_is_left_alone(store: Store, clock: FakeClock) -> None:
    _, items = desk_with(store, 8)
    for item in items:
        opened(store, item)
        clock.advance(seconds=4)
        assert approve(store, item).hurried is None
    assert hurried(store) == []


def test_three_that_were_hardly_open_raise_the_alarm(store: Store, clock: FakeClock) -> None:
    _, items = desk_with(store, 4)
    for item in items:
        opened(store, item)
        clock.advance(seconds=1)
        approve(store, item)
    (event,) = hurried(store)
    assert (event.approved, event.unread, event.seconds) == (3, 3, 3)


def test_a_batch_that_was_never_opened_counts_as_read_for_no_time(store: Store) -> None:
    _, items = desk_with(store, 3)
    answers = [approve(store, item, batch="b1", watched=False) for item in items]
    assert answers[-1].hurried == "alice approved 3 in a minute, 3 of them read for less than 3 s"


def test_single_decisions_of_a_door_that_shows_nothing_are_held_against_nobody(store: Store) -> None:
    _, items = desk_with(store, 21)
    told = [approve(store, item, watched=False).hurried for item in items]
    assert told == [None] * 20 + ["alice approved 21 in a minute"]  # so many cannot have been read by anybody


def test_two_reviewers_are_two_paces(store: Store) -> None:
    _, items = desk_with(store, 6, messages_per_minute=3, seconds_per_message=0)
    for turn, item in enumerate(items):
        approve(store, item, ALICE if turn % 2 else BOB)
    assert hurried(store) == []


def test_an_approval_that_fails_counts_for_nothing(store: Store) -> None:
    _, items = desk_with(store, 4, messages_per_minute=3, seconds_per_message=0)
    for item in items[:3]:
        approve(store, item)
    for item in items[:3]:
        with pytest.raises(Conflict):
            approve(store, item)
    assert hurried(store) == []

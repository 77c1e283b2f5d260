"""Within one conversation and recipient nothing overtakes; approved mail leaves in the order it was handed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.db.queue import Claimed
from core.db.store import Store
from core.db.tables import RECIPIENT
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR
from core.model import Actor, Mode, Outcome, Reply, Status
from core.services.sending import delivery, review
from core.services.sending.submit_result import Answer
from tests.db.empty_database import Fresh
from tests.factories import effort
from tests.factories.delivery import OK, attempt, claim, number, pass_a_moment, settle
from tests.factories.desk import ALICE, WIDE, Bench, make_desk

pytestmark = pytest.mark.both_databases

LATER = Reply(Outcome.DEFERRED, 451, "4.7.1", "later", "rcpt", "mx.example")
AGENT = Actor("agent", "support-bot")


def follow_up(desk: Bench, first: Answer, to: str | list[str] = "jane@example.com", **more: Any) -> Answer:
    desk.store.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the test's own clock
    return desk.submit(to, in_reply_to=first.rfc_message_id, **more)


def claimed_ids(store: Store) -> list[int]:
    pass_a_moment(store)
    return [one.message_id for one in claim(store)]


def decide(store: Store, message: int, *, approve: bool) -> None:
    store.transact(lambda tx: review.decide(tx, review.Decision(message, approve=approve), actor=ALICE))


def test_a_follow_up_says_what_it_waits_for_and_stays_out_of_its_lane(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    first = desk.submit()
    second = follow_up(desk, first)
    assert [one.reason for one in second.recipients] == ["conversation"]
    assert claimed_ids(store) == [number(first.message_id)]
    assert claimed_ids(store) == []
    row = store.row(select(RECIPIENT.c.waits_for).where(RECIPIENT.c.message_id == number(second.message_id)))
    assert row == (number(first.message_id),)


def test_a_follow_up_to_somebody_else_waits_for_nobody(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    first = desk.submit()
    second = follow_up(desk, first, "joe@example.com")
    pass_a_moment(store)
    third = desk.submit("jane@example.com", in_reply_to="<somebody.elses@thread.test>")
    ids: list[int] = []
    for _ in range(3):
        ids += claimed_ids(store)
    assert set(ids) == {number(one.message_id) for one in (first, second, third)}


def test_a_deferred_message_holds_back_its_follow_up_until_it_is_final(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    first = desk.submit()
    second = follow_up(desk, first)
    taken = claim(store)
    attempt(store, taken)
    settle(store, taken, reply=LATER)
    assert claimed_ids(store) == []
    store.clock.advance(seconds=600)  # type: ignore[attr-defined]  # the test's own clock
    taken = claim(store)
    assert [one.message_id for one in taken] == [number(first.message_id)]
    attempt(store, taken)
    settle(store, taken)
    assert claimed_ids(store) == [number(second.message_id)]


@pytest.mark.parametrize("end", ["sent", "failed", "rejected", "expired", "cancelled"])
def test_whatever_ends_the_earlier_lets_the_later_go(store: Store, clock: FakeClock, end: str) -> None:
    gated = end in ("rejected", "expired", "cancelled")
    desk = make_desk(store, mode=Mode.GATED_SEND if gated else Mode.AUTONOMOUS, **WIDE)
    first = number((answer := desk.submit()).message_id)
    second = number(follow_up(desk, answer).message_id)
    if gated:
        decide(store, second, approve=True)
        assert claimed_ids(store) == []
        match end:
            case "rejected":
                decide(store, first, approve=False)
            case "cancelled":
                store.transact(lambda tx: review.cancel(tx, first, actor=AGENT))
            case _:
                clock.advance(seconds=73 * 3_600)
                store.transact(review.expire_due)
    else:
        taken = claim(store)
        attempt(store, taken)
        failed = Reply(Outcome.FAILED, 550, "5.7.1", "policy", "data", "mx.example")
        settle(store, taken, reply=OK if end == "sent" else failed)
    assert claimed_ids(store) == [second]


def test_a_message_in_the_middle_that_ends_first_does_not_let_the_third_overtake_the_first(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    first = desk.submit()
    second = follow_up(desk, first)
    third = follow_up(desk, first)
    decide(store, number(third.message_id), approve=True)
    decide(store, number(second.message_id), approve=False)
    assert claimed_ids(store) == []
    decide(store, number(first.message_id), approve=True)
    taken = claim(store)
    assert [one.message_id for one in taken] == [number(first.message_id)]
    attempt(store, taken)
    settle(store, taken)
    assert claimed_ids(store) == [number(third.message_id)]


def test_approved_mail_leaves_in_the_order_it_was_handed_in_not_in_that_of_the_approvals(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    ids = []
    for number_ in range(6):
        store.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the test's own clock
        ids.append(number(desk.submit(f"r{number_}@example.com").message_id))
    for place in (4, 1, 5, 0, 3, 2):
        store.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the test's own clock
        decide(store, ids[place], approve=True)
    left: list[int] = []
    while len(left) < 6:
        left += claimed_ids(store)
    assert left == ids


def test_mail_approved_late_goes_before_younger_mail_that_still_waits(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    old = number(desk.submit("old@example.com").message_id)
    store.clock.advance(seconds=5)  # type: ignore[attr-defined]  # the test's own clock
    young = number(desk.submit("young@example.com").message_id)
    decide(store, young, approve=True)
    store.clock.advance(seconds=5)  # type: ignore[attr-defined]  # the test's own clock
    decide(store, old, approve=True)
    assert claimed_ids(store) + claimed_ids(store) == [old, young]


def test_each_recipient_waits_for_its_own_predecessor_only(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    first = desk.submit(["a@one.test", "b@two.test"])
    follow_up(desk, first, ["a@one.test", "b@two.test"])
    taken = claim(store)
    attempt(store, taken)
    to_a = [one for one in taken if one.address == "a@one.test"]
    to_b = [one for one in taken if one.address == "b@two.test"]
    settle(store, to_a)
    settle(store, to_b, reply=LATER)
    pass_a_moment(store)
    assert [one.address for one in claim(store)] == ["a@one.test"]


class Conversation:
    """One thread to one person, every way a message can go on. A step's number stands for every choice in it."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.clock = clock
        self.store = store
        self.desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
        self.root: Answer | None = None
        self.pending: list[int] = []
        self.in_hand: list[Claimed] = []
        self.started: list[int] = []

    def hand_in(self, dice: int) -> None:
        self.clock.advance(seconds=1)
        answer = self.desk.submit(in_reply_to=self.root.rfc_message_id if self.root else None)
        self.root = self.root or answer
        self.pending.append(number(answer.message_id))

    def decide(self, dice: int) -> None:
        if self.pending:
            decide(self.store, self.pending.pop(dice % len(self.pending)), approve=dice % 3 > 0)

    def attempt(self, dice: int) -> None:
        self.clock.advance(seconds=1)
        taken = claim(self.store)
        going = attempt(self.store, taken)
        for one in taken:
            if one.key in going:
                self.started += [one.message_id] if one.attempts == 0 else []
                self.in_hand.append(one)

    def hear(self, dice: int) -> None:
        if self.in_hand:
            settle(self.store, [self.in_hand.pop(0)], reply=(OK, LATER)[dice % 2])

    def hours_pass(self, dice: int) -> None:
        self.in_hand.clear()  # as if their worker had died
        self.clock.advance(micros=HOUR)
        self.store.transact(delivery.reclaim)
        if dice % 5 == 0:
            self.clock.advance(micros=4 * DAY)
            self.store.transact(review.expire_due)
            self.pending.clear()

    def check(self) -> None:
        assert self.started == sorted(self.started)
        waiting = [s.value for s in Status if not s.final]
        open_now = self.store.rows(select(RECIPIENT.c.message_id).where(RECIPIENT.c.status.in_(waiting)))
        first_open = min((row.message_id for row in open_now), default=None)
        assert all(one.message_id == first_open for one in self.in_hand)


STEPS = (
    Conversation.hand_in, Conversation.hand_in, Conversation.decide, Conversation.decide, Conversation.attempt,
    Conversation.attempt, Conversation.hear, Conversation.hours_pass,
)  # fmt: skip


@settings(max_examples=effort.times(12, 150), deadline=None, suppress_health_check=list(HealthCheck))
@given(walk=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 10_000)), min_size=15, max_size=35))
def test_whatever_happens_a_conversation_leaves_in_the_order_it_was_handed_in(
    walk: list[tuple[Callable[[Conversation, int], None], int]],
) -> None:
    clock = FakeClock()
    fresh = Fresh(clock)
    talk = Conversation(fresh.store, clock)
    for step, dice in walk:
        step(talk, dice)
        talk.check()
    fresh.close()

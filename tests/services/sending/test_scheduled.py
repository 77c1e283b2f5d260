"""Mail that leaves at a time its agent chose: nothing before it, every gate and every budget then."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from core.db.counters import EVER
from core.db.queries import message as messages
from core.db.queries import scheduled
from core.db.store import Store
from core.db.tables import BODY, CONTACT, MAILBOX, MESSAGE, RECIPIENT
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR, MINUTE, SECOND, stamp
from core.errors import Conflict, Invalid
from core.model import Actor, Mode, Outcome, Reply
from core.rules import policy as policies
from core.rules.policy import Policy
from core.services.audit import status
from core.services.control import emergency
from core.services.feedback import suppressions
from core.services.feedback.suppressions import Entry
from core.services.identity import retirement
from core.services.sending import delivery, review
from core.services.sending.delivery import release_scheduled
from core.services.sending.submit_result import Answer
from tests.factories.delivery import attempt, claim, events, number, pass_a_moment, settle
from tests.factories.desk import ALICE, GAIL, OLIVE, WIDE, Bench, make_desk

SUPPORT_BOT = Actor("agent", "support-bot")
LATER = Reply(Outcome.DEFERRED, 451, "4.7.1", "later", "rcpt", "mx.example")


def free(store: Store, **more: Any) -> Bench:
    return make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | more))


def schedule(desk: Bench, to: str | list[str] = "jane@example.com", *, after: int = HOUR, **more: Any) -> Answer:
    return desk.submit(to, send_at=desk.store.clock.now() + after, **more)


def wait(store: Store, micros: int) -> int:
    """The clock goes on, and the chore that looks for what is due runs; returns how many messages it let go."""
    clock = store.clock
    assert isinstance(clock, FakeClock)
    clock.advance(micros=micros)
    return store.transact(release_scheduled)


def state(store: Store, answer: Answer) -> str:
    row = store.row(select(MESSAGE.c.status).where(MESSAGE.c.id == number(answer.message_id)))
    assert row is not None
    return str(row.status)


def leaving(store: Store) -> list[int]:
    """Who a worker may hand over now, in order."""
    pass_a_moment(store)
    claimed = claim(store)
    return [one.message_id for one in claimed if one.key in attempt(store, [one])]


def decide(store: Store, answer: Answer, *, approve: bool = True) -> None:
    decision = review.Decision(number(answer.message_id), approve=approve, reason="seen")
    store.transact(lambda tx: review.decide(tx, decision, actor=ALICE))


def counted(store: Store) -> int:
    return store.look(lambda tx: tx.counters.total("desk", "", "scheduled", since=EVER))


def test_scheduled_mail_leaves_at_its_time_and_not_a_moment_before(store: Store) -> None:
    desk = free(store)
    answer = schedule(desk)
    at = store.clock.now() + HOUR
    assert (answer.status, answer.http, answer.send_at, answer.departs_at) == ("scheduled", 202, at, at)
    assert [one.status for one in answer.recipients] == ["scheduled"]
    assert wait(store, HOUR - SECOND) == 0
    assert leaving(store) == []
    assert wait(store, SECOND) == 1
    assert leaving(store) == [number(answer.message_id)]
    [told] = events(store, "email.scheduled")
    assert told.data() == {"recipients": 1, "send_at": at}
    assert [event.type for event in events(store, "email.queued")] == ["email.queued"]


def test_the_date_header_says_when_it_left_and_not_when_it_was_handed_in(store: Store) -> None:
    desk = free(store)
    answer = schedule(desk, after=2 * DAY)
    wait(store, 2 * DAY)
    row = store.row(select(MESSAGE.c.dated_at).where(MESSAGE.c.id == number(answer.message_id)))
    assert row is not None
    assert row.dated_at == store.clock.now()


def test_a_deferral_of_mail_that_was_scheduled_weeks_ahead_is_tried_again(store: Store) -> None:
    desk = free(store)
    answer = schedule(desk, after=20 * DAY)
    wait(store, 20 * DAY)
    pass_a_moment(store)
    claimed = claim(store)
    attempt(store, claimed)
    settle(store, claimed, reply=LATER)
    assert [event.type for event in events(store, "email.failed", "email.deferred")] == ["email.deferred"]
    assert state(store, answer) == "queued"


def test_mail_that_waited_for_its_reviewer_longer_than_give_up_is_tried_again_too(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    answer = desk.submit()
    store.clock.advance(micros=60 * HOUR)  # type: ignore[attr-defined]  # the test's own clock
    decide(store, answer)
    pass_a_moment(store)
    claimed = claim(store)
    attempt(store, claimed)
    settle(store, claimed, reply=LATER)
    assert [event.type for event in events(store, "email.failed", "email.deferred")] == ["email.deferred"]


def test_budgets_are_charged_when_it_leaves_and_not_when_it_is_handed_in(store: Store) -> None:
    desk = free(store, limit_day=2)
    scheduled_ones = [schedule(desk, f"s{n}@example.com", after=30 * HOUR) for n in range(2)]
    now = [desk.submit(f"n{n}@example.com") for n in range(2)]
    assert sorted(leaving(store) + leaving(store)) == sorted(number(one.message_id) for one in now)
    wait(store, 30 * HOUR)
    late = desk.submit("late@example.com")
    ids = leaving(store) + leaving(store) + leaving(store)
    assert sorted(ids) == sorted(number(one.message_id) for one in scheduled_ones)
    assert number(late.message_id) not in ids


def test_a_budget_that_refuses_does_not_count_what_is_scheduled(store: Store) -> None:
    refusing = policies.parse('[budgets.agent]\nday = 2\non_exceed = "refuse"\n')
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=refusing)
    answers = [schedule(desk, f"s{n}@example.com") for n in range(4)]
    assert {one.status for one in answers} == {"scheduled"}
    now = [desk.submit(f"n{n}@example.com").status for n in range(3)]
    assert now == ["queued", "queued", "rate_limited"]
    assert schedule(desk, "then@example.com").status == "scheduled", "today's budget says nothing about that day's"


def test_first_time_recipients_of_many_days_do_not_meet_in_one_moment(store: Store) -> None:
    desk = free(store, limit_new_recipients_day=2)
    answers = []
    for day in range(3):
        answers += [schedule(desk, f"d{day}n{n}@example.com", after=(10 - day) * DAY) for n in range(2)]
        wait(store, DAY)
    assert {one.status for one in answers} == {"scheduled"}
    wait(store, 7 * DAY)
    states = [state(store, one) for one in answers]
    assert sorted(states) == ["pending"] * 4 + ["queued"] * 2
    held = [event.data()["reasons"] for event in events(store, "email.pending")]
    assert held == [["new_recipients"]] * 4
    assert counted(store) == 0


def test_what_time_held_for_a_person_leaves_at_once_when_it_is_approved(store: Store) -> None:
    desk = free(store, limit_new_recipients_day=0)
    answer = schedule(desk)
    wait(store, HOUR)
    assert state(store, answer) == "pending"
    decide(store, answer)
    assert leaving(store) == [number(answer.message_id)]


def test_mail_that_is_approved_before_its_time_waits_for_it(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    answer = schedule(desk)
    assert (answer.status, answer.send_at) == ("pending", store.clock.now() + HOUR)
    decide(store, answer)
    assert state(store, answer) == "scheduled"
    assert leaving(store) == []
    assert wait(store, HOUR) == 1
    assert leaving(store) == [number(answer.message_id)]
    assert counted(store) == 0


def test_mail_that_is_approved_after_its_time_leaves_at_once(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    answer = schedule(desk, after=MINUTE)
    assert wait(store, HOUR) == 0
    assert state(store, answer) == "pending"
    decide(store, answer)
    assert leaving(store) == [number(answer.message_id)]


def test_mail_that_nobody_approved_in_time_expires_whatever_its_time(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    answer = schedule(desk, after=10 * DAY)
    wait(store, 4 * DAY)
    assert store.transact(review.expire_due) == 1
    assert state(store, answer) == "expired"
    assert wait(store, 10 * DAY) == 0


def test_its_agent_takes_scheduled_mail_back_until_its_time(store: Store) -> None:
    desk = free(store)
    answer = schedule(desk)
    store.transact(lambda tx: review.cancel(tx, number(answer.message_id), actor=SUPPORT_BOT))
    assert state(store, answer) == "cancelled"
    assert (wait(store, HOUR), leaving(store), counted(store)) == (0, [], 0)
    assert store.look(lambda tx: tx.counters.total("agent", str(desk.agent_id), "waiting", since=EVER)) == 0
    with pytest.raises(Conflict):
        store.transact(lambda tx: review.cancel(tx, number(answer.message_id), actor=SUPPORT_BOT))


def test_an_operator_takes_scheduled_mail_back_too(store: Store) -> None:
    answer = schedule(free(store))
    store.transact(lambda tx: review.cancel(tx, number(answer.message_id), actor=ALICE, reason="wrong day"))
    assert [event.actor for event in events(store, "email.cancelled")] == ["alice"]


def test_a_retired_mailbox_takes_its_scheduled_mail_with_it(store: Store) -> None:
    answer = schedule(free(store))
    store.transact(lambda tx: retirement.retire(tx, "help@support-bot.acme.test", reason="over", actor=OLIVE))
    assert (state(store, answer), counted(store)) == ("cancelled", 0)


def test_a_mode_that_was_lowered_meanwhile_holds_it_at_its_time(store: Store) -> None:
    desk = free(store)
    answer = schedule(desk)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(mode=Mode.GATED_SEND.value)))
    wait(store, HOUR)
    assert leaving(store) == []
    assert state(store, answer) == "pending"


def test_a_suspended_agent_keeps_what_it_scheduled(store: Store) -> None:
    desk = free(store)
    answer = schedule(desk)
    store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="odd", actor=ALICE))
    wait(store, HOUR)
    assert (leaving(store), state(store, answer)) == ([], "queued")
    store.transact(lambda tx: emergency.resume_agent(tx, "support-bot", reason="seen", actor=GAIL))
    assert leaving(store) == [number(answer.message_id)]


def test_an_address_that_is_suppressed_meanwhile_is_left_out(store: Store) -> None:
    desk = free(store)
    answer = schedule(desk, ["jane@example.com", "joe@example.com"])
    store.transact(lambda tx: suppressions.add(tx, Entry("jane@example.com", reason="asked by phone"), actor=ALICE))
    wait(store, HOUR)
    assert leaving(store) + leaving(store) == [number(answer.message_id)]
    rows = store.rows(select(RECIPIENT.c.address, RECIPIENT.c.status).order_by(RECIPIENT.c.n))
    assert [tuple(row) for row in rows] == [("jane@example.com", "blocked"), ("joe@example.com", "sending")]


def test_a_clock_that_is_set_back_makes_it_wait_for_its_time_again(store: Store) -> None:
    desk = free(store)
    answer = schedule(desk)
    clock = store.clock
    assert isinstance(clock, FakeClock)
    wait(store, HOUR - SECOND)
    clock.advance(micros=-2 * HOUR)
    assert wait(store, SECOND) == 0
    assert wait(store, 2 * HOUR) == 1
    assert leaving(store) == [number(answer.message_id)]


def test_another_gateway_that_starts_after_a_crash_finds_what_is_due(store: Store, database_url: str) -> None:
    answer = schedule(free(store))
    clock = store.clock
    assert isinstance(clock, FakeClock)
    clock.advance(micros=5 * HOUR)
    again = Store(database_url, clock=clock)
    try:
        assert again.transact(release_scheduled) == 1
        assert leaving(again) == [number(answer.message_id)]
    finally:
        again.close()


def test_answers_of_today_do_not_wait_for_what_is_scheduled_for_next_week(store: Store) -> None:
    desk = free(store)
    first = schedule(desk, after=7 * DAY)
    pass_a_moment(store)
    answer = desk.submit(in_reply_to=first.rfc_message_id)
    assert leaving(store) == [number(answer.message_id)]


def test_scheduled_mail_of_one_conversation_leaves_in_the_order_it_was_handed_in(store: Store) -> None:
    desk = free(store)
    first = schedule(desk, after=HOUR)
    pass_a_moment(store)
    second = schedule(desk, after=HOUR, in_reply_to=first.rfc_message_id)
    assert wait(store, HOUR + SECOND) == 2
    pass_a_moment(store)
    claimed = claim(store)
    assert [one.message_id for one in claimed] == [number(first.message_id)]
    attempt(store, claimed)
    settle(store, claimed)
    assert leaving(store) == [number(second.message_id)]


def test_a_follow_up_that_is_scheduled_waits_for_what_is_still_held(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    first = desk.submit()
    pass_a_moment(store)
    second = schedule(desk, after=HOUR, in_reply_to=first.rfc_message_id)
    decide(store, second)
    wait(store, HOUR)
    assert leaving(store) == []
    decide(store, first, approve=False)
    assert leaving(store) == [number(second.message_id)]


@pytest.mark.parametrize(("after", "problem"), [(31 * DAY, "is too far ahead"), (-2 * MINUTE, "has passed")])
def test_a_time_that_policy_does_not_allow_is_refused(store: Store, after: int, problem: str) -> None:
    desk = free(store)
    with pytest.raises(Invalid, match=problem) as refused:
        schedule(desk, after=after)
    assert [field for field, _ in refused.value.problems] == ["send_at"]
    assert store.rows(select(MESSAGE.c.id)) == []


def test_a_time_that_passed_on_the_way_is_now(store: Store) -> None:
    desk = free(store)
    answer = schedule(desk, after=-SECOND)
    assert (answer.status, answer.send_at) == ("queued", None)


def test_policy_bounds_how_far_ahead_mail_is_scheduled(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=policies.parse('[delivery]\nschedule_ahead = "1h"\n'))
    assert schedule(desk, after=HOUR).status == "scheduled"
    with pytest.raises(Invalid, match="within 1h"):
        schedule(desk, after=HOUR + SECOND)
    tighter = policies.changes(Policy(), policies.parse('[delivery]\nschedule_ahead = "0s"\n'))
    assert [(one.path, one.direction) for one in tighter] == [("delivery.schedule_ahead", "tightens")]


def test_the_same_key_gives_the_same_answer_also_after_its_time(store: Store) -> None:
    desk = free(store)
    at = store.clock.now() + HOUR
    first = desk.submit(send_at=at, idempotency_key="k")
    wait(store, 3 * HOUR)
    assert desk.submit(send_at=at, idempotency_key="k").body() == first.body()


def test_its_bytes_outlive_its_retention_while_it_waits(store: Store) -> None:
    desk = make_desk(
        store, mode=Mode.AUTONOMOUS, policy=policies.parse('[retention]\nbodies = "2h"\n[delivery]\ngive_up = "1h"\n')
    )
    answer = schedule(desk, after=10 * DAY)
    row = store.row(select(BODY.c.purge_at).where(BODY.c.message_id == number(answer.message_id)))
    assert row is not None
    assert row.purge_at == store.clock.now() + 10 * DAY + 2 * HOUR


def test_everybody_who_asks_hears_that_it_is_scheduled_and_for_when(store: Store) -> None:
    desk = free(store)
    answer = schedule(desk, ["jane@example.com", "joe@example.com"])
    second = schedule(desk, after=2 * HOUR)
    at = store.clock.now() + HOUR
    with store.read() as conn:
        told = status.message(conn, number(answer.message_id), caller=desk.token, now=store.clock.now())
        view = messages.message(conn, number(answer.message_id), now=store.clock.now())
        summary, page = scheduled.summary(conn), scheduled.page(conn, limit=1)
        rest = scheduled.page(conn, "help@support-bot.acme.test", cursor=page.next_cursor)
    assert (told["status"], told["send_at"], told["departs_at"]) == ("scheduled", *[stamp(at)] * 2)
    assert view is not None
    assert {(one.waits.code, one.waits.until) for one in view.recipients if one.waits} == {("schedule", at)}
    assert (summary.count, summary.next_at) == (2, at)
    assert [(one.id, one.to, one.send_at) for one in page.messages] == [
        (answer.message_id, ("jane@example.com", "joe@example.com"), at)
    ]
    assert [one.id for one in rest.messages] == [second.message_id]
    assert rest.next_cursor is None


def test_a_place_of_first_time_recipients_is_taken_at_its_time_and_not_before(store: Store) -> None:
    desk = free(store)
    schedule(desk)
    assert store.rows(select(CONTACT.c.address)) == []
    wait(store, HOUR)
    assert [tuple(row) for row in store.rows(select(CONTACT.c.address, CONTACT.c.left_at))] == [
        ("jane@example.com", None)
    ]


def test_a_worker_that_claims_in_between_takes_only_what_is_due(store: Store) -> None:
    desk = free(store)
    schedule(desk)
    assert store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10)) == []

"""Acceptance: what is refused, what is answered again, and budgets that no timeline of claims exceeds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from core.db import queue
from core.db.store import Store
from core.db.tables import LOG_ENTRY, MAILBOX, MESSAGE, READY, RUN
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR, MINUTE
from core.errors import Invalid
from core.model import Mode
from core.rules.budgets import DAY_BUCKET, DAY_MINUTES, HOUR_BUCKET, HOUR_MINUTES
from core.rules.policy import Policy
from core.rules.policy.sections import AgentBudget, Budgets
from core.services.control import emergency, retention
from core.services.sending import delivery, review
from core.services.sending.limits import Cap
from core.services.sending.submit import Submit
from tests.db.empty_database import Fresh
from tests.factories import effort
from tests.factories.delivery import claim, events, many, number
from tests.factories.desk import ALICE, WIDE, add_mailbox, issue, make_desk

# --- answered once ---------------------------------------------------------------------------------------------------


def test_a_key_of_test_mail_is_not_one_of_live_mail(store: Store) -> None:
    desk = make_desk(store)
    trial = replace(desk, token=issue(store, desk.agent_id, test=True))
    tried = trial.submit(idempotency_key="k1")
    live = desk.submit(idempotency_key="k1")
    assert live.message_id not in (None, tried.message_id), "the live message is one of its own"
    assert desk.submit(idempotency_key="k1").body() == live.body()
    assert trial.submit(idempotency_key="k1").body() == tried.body()
    c = MESSAGE.c
    assert sorted(row.test for row in store.rows(select(c.test))) == [False, True]


def test_an_empty_message_hears_of_a_mode_that_was_changed_a_moment_ago(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()  # from now on the sender is remembered for a second
    with pytest.raises(Invalid):
        desk.submit(text=None)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(mode="read_only")))
    assert desk.submit(text=None).error == "action_blocked", "not: write more"


@pytest.mark.both_databases
def test_the_same_key_and_body_get_the_first_answer_and_nothing_new(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    first = desk.submit(idempotency_key="k1")
    again = desk.submit(idempotency_key="k1")
    assert (again.http, again.body()) == (first.http, first.body())
    assert store.row(select(func.count()).select_from(MESSAGE)) == (1,)
    assert len(events(store, "email.submitted")) == 1


def test_the_same_key_with_another_body_is_a_bug_that_is_said(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit(idempotency_key="k1")
    with pytest.raises(Invalid) as told:
        desk.submit(idempotency_key="k1", issued=b'{"another": 1}')
    assert told.value.error == "idempotency_mismatch"
    assert store.row(select(func.count()).select_from(MESSAGE)) == (1,)


def test_the_first_answer_is_given_again_even_after_the_agent_was_suspended(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    first = desk.submit(idempotency_key="k1")
    store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="odd", actor=ALICE))
    assert desk.submit(idempotency_key="k1").body() == first.body()
    assert desk.submit(idempotency_key="k2").error == "agent_suspended"


def test_a_key_is_remembered_as_long_as_its_message_lives_and_a_day(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    first = desk.submit(idempotency_key="k1")
    clock.advance(micros=2 * DAY)
    store.transact(retention.forget_old)
    assert desk.submit(idempotency_key="k1").body() == first.body()  # it is still pending


def test_a_key_is_remembered_for_a_day_though_its_message_has_ended(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    first = desk.submit(idempotency_key="k1")
    decision = review.Decision(number(first.message_id), approve=False, reason="no")
    store.transact(lambda tx: review.decide(tx, decision, actor=ALICE))
    clock.advance(micros=DAY - 1)
    store.transact(retention.forget_old)
    assert desk.submit(idempotency_key="k1").body() == first.body()
    clock.advance(micros=1)
    store.transact(retention.forget_old)
    assert desk.submit(idempotency_key="k1").message_id != first.message_id


@pytest.mark.both_databases
def test_two_of_one_key_in_one_batch_are_one_message(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    verbs = [Submit(desk.prepared(idempotency_key="k1")) for _ in range(2)]
    with store.begin() as tx:
        Submit.prefetch(tx, verbs)
        first, again = (tx.run(verb) for verb in verbs)
    assert again.body() == first.body()
    assert store.row(select(func.count()).select_from(MESSAGE)) == (1,)


# --- caps ------------------------------------------------------------------------------------------------------------


def most_in_any(times: list[int], window: int) -> int:
    """The fullest window of this length, wherever it starts."""
    times = sorted(times)
    return max((sum(1 for other in times if at <= other < at + window) for at in times), default=0)


@pytest.mark.both_databases
@settings(max_examples=effort.times(8, 60), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    hour=st.integers(1, 7),
    day=st.integers(1, 15),
    site=st.integers(1, 9),
    steps=st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 3), st.integers(0, 4), st.sampled_from(["a", "b"])),
        min_size=3,
        max_size=35,
    ),
)
def test_no_window_ever_sees_more_than_a_cap_however_the_claims_fall(
    hour: int, day: int, site: int, steps: list[tuple[int, int, int, str]]
) -> None:
    """Steps of (minutes that pass, worker, messages handed in, mailbox): two mailboxes of one agent, three workers."""
    clock = FakeClock()
    fresh = Fresh(clock)
    store = fresh.store
    senders = {"a": "help@support-bot.acme.test", "b": "b@support-bot.acme.test"}
    limits = WIDE | {"limit_hour": hour, "limit_day": day, "limit_site_hour": site}
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **limits)

    def second(tx: Transaction) -> None:
        _, box = add_mailbox(tx, agent="x", address=senders["b"], stream=1, mode=Mode.AUTONOMOUS, **limits)
        tx.write(update(MAILBOX).where(MAILBOX.c.id == box).values(agent_id=desk.agent_id))

    store.transact(second)
    left: list[int] = []
    at_site: dict[tuple[int, str], list[int]] = {}
    n = 0
    for minutes, worker, messages, box in steps:
        clock.advance(micros=minutes * MINUTE + 7)
        for _ in range(messages):
            n += 1
            desk.submit(f"r{n}@site{n % 2}.test", sender=senders[box])
        with store.begin() as tx:  # two claims in one commit, as two workers' may be
            taken = tx.run(lambda tx, w=worker: delivery.claim(tx, worker=w, limit=64))  # type: ignore[misc]  # bound now
            taken += tx.run(lambda tx, w=worker + 1: delivery.claim(tx, worker=w, limit=2))  # type: ignore[misc]  # bound now
        for one in taken:
            left.append(clock.now())
            at_site.setdefault((one.mailbox_id, one.site), []).append(clock.now())
    fresh.close()
    assert most_in_any(left, HOUR) <= hour
    assert most_in_any(left, DAY) <= day
    assert all(most_in_any(times, HOUR) <= site for times in at_site.values())


@pytest.mark.both_databases
@pytest.mark.parametrize(("window", "width"), [(HOUR_MINUTES, HOUR_BUCKET), (DAY_MINUTES, DAY_BUCKET)])
def test_a_cap_counts_until_its_whole_window_has_passed(
    store: Store, clock: FakeClock, window: int, width: int
) -> None:
    cap = Cap("some", "agent", "1", "left", 1, window, width)
    store.transact(lambda tx: cap.charge(tx, 1))
    opens = store.look(cap.room).next_at
    assert opens is not None
    assert opens - clock.now() >= window * MINUTE
    clock.advance(micros=opens - clock.now() - 1)
    assert store.look(cap.room).left == 0
    clock.advance(micros=1)
    assert store.look(cap.room).left == 1


@pytest.mark.both_databases
def test_caps_hold_over_a_restart(store: Store, database_url: str, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_hour": 3}))
    for address in many(10):
        desk.submit(address)
        clock.advance(micros=100)
    taken = 0
    for _ in range(6):
        reopened = Store(database_url, clock=clock)
        taken += len(claim(reopened))
        reopened.close()
        clock.advance(seconds=61)
    assert taken == 3
    clock.advance(seconds=3_600)
    for _ in range(10):
        taken += len(claim(store))
        clock.advance(micros=100)
    assert taken == 6


@pytest.mark.both_databases
def test_many_to_one_site_leave_at_fifty_a_minute(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_site_minute": 50}))
    start = clock.now()
    recipients = [f"r{i}@gmail.com" for i in range(200)]
    for at in range(0, 200, 50):
        desk.submit(recipients[at : at + 50])
    left: list[int] = []
    while len(left) < 200:
        taken = claim(store, limit=64)
        left += [clock.now()] * len(taken)
        store.transact(lambda tx, t=taken: queue.land(tx, t))  # type: ignore[misc]  # bound now
        clock.advance(micros=1_200_000)
    assert most_in_any(left, MINUTE) <= 50
    minutes = Counter((at - start) // MINUTE for at in left)
    assert [minutes[minute] for minute in range(4)] == [50] * 4


def test_under_refuse_what_would_not_fit_is_429_and_says_when(store: Store) -> None:
    policy = Policy(budgets=Budgets(agent=AgentBudget(hour=3, day=100, on_exceed="refuse", new_recipients_day=100)))
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=policy)
    answers = [desk.submit(address) for address in many(5)]
    assert [one.http for one in answers] == [202, 202, 202, 429, 429]
    refused = answers[-1]
    assert refused.error == "rate_limited"
    assert refused.retry_after_seconds is not None
    assert refused.retry_after_seconds > 0
    assert refused.limit is not None
    assert refused.limit["cap"] == 3
    assert store.row(select(func.count()).select_from(READY)) == (3,)


def test_a_run_over_its_cap_is_held_and_an_invented_run_buys_nothing(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_run": 2}))
    statuses = [desk.submit(address, run="r").status for address in many(3)]
    assert statuses == ["queued", "queued", "pending"]
    invented = [desk.submit(f"x{place}@example.com", run=f"invented-{place}") for place in range(30)]
    runs = store.rows(select(RUN.c.implicit, func.count().label("n")).group_by(RUN.c.implicit).order_by(RUN.c.implicit))
    assert runs == [(False, 20), (True, 1)]  # twenty fresh keys an hour; the rest shares one run and its cap
    assert [one.status for one in invented] == ["queued"] * 21 + ["pending"] * 9


def test_first_time_recipients_beyond_the_days_allowance_are_held(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_new_recipients_day": 2}))
    answers = [desk.submit(address) for address in (*many(3), "r0@example.com")]
    assert [one.status for one in answers] == ["queued", "queued", "pending", "queued"]
    assert [reason.code for reason in answers[2].reasons] == ["new_recipients"]
    clock.advance(micros=DAY + 15 * MINUTE)
    assert desk.submit("another@example.com").status == "queued"


def test_mail_refused_leaves_an_event_and_nothing_of_its_content(store: Store) -> None:
    desk = make_desk(store, mode=Mode.READ_ONLY, **WIDE)
    answer = desk.submit("secret@example.com", subject="SECRET")
    assert answer.http == 403
    assert store.row(select(func.count()).select_from(MESSAGE)) == (0,)
    (said,) = events(store, "email.blocked")
    assert "secret" not in repr(said).lower()


def test_the_log_holds_no_address_subject_or_body(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("jane.secret@example.com", subject="SECRET subject", text="SECRET body")
    assert claim(store)
    rows = store.rows(select(LOG_ENTRY.c.data, LOG_ENTRY.c.actor))
    assert all(b"ecret" not in bytes(row.data) and b"SECRET" not in bytes(row.data) for row in rows)
    assert number(desk.submit().message_id)

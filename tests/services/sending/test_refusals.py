"""An agent that is refused in a loop fills neither the log nor the desk."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from core.db.store import Store
from core.db.tables import MAILBOX, MESSAGE
from core.demo.clock import FakeClock
from core.durations import HOUR
from core.model import Mode
from core.rules.policy import Policy
from core.services.control import emergency
from core.services.sending import gated_actions, refusals, review
from tests.factories.delivery import events, many
from tests.factories.desk import ADDRESS, ALICE, WIDE, Bench, make_desk

MANY = 150


def suspend(desk: Bench) -> str:
    desk.store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="odd", actor=ALICE))
    return "agent_suspended"


def retire(desk: Bench) -> str:
    desk.store.transact(lambda tx: tx.write(update(MAILBOX).values(status="retired")))
    return "mailbox_not_active"


def forbid(desk: Bench) -> str:
    desk.store.transact(lambda tx: tx.write(update(MAILBOX).values(mode="read_only")))
    return "action_blocked"


def exhaust(desk: Bench) -> str:
    desk.store.transact(lambda tx: tx.write(update(MAILBOX).values(limit_hour=0)))
    return "rate_limited"


@pytest.mark.parametrize("stop", [suspend, retire, forbid, exhaust])
def test_refusals_of_a_kind_are_ten_entries_and_a_figure_whatever_their_number(
    store: Store, clock: FakeClock, stop: Callable[[Bench], str]
) -> None:
    policy = Policy.model_validate({"budgets": {"agent": {"on_exceed": "refuse"}}})
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=policy, **WIDE)
    error = stop(desk)
    clock.advance(seconds=2)
    for _ in range(MANY):
        assert desk.submit(["a@one.test", "b@one.test"]).error == error
    assert len(events(store, "email.blocked")) == 10
    assert store.transact(refusals.tell) == 1
    assert store.transact(refusals.tell) == 0, "what was told is not told again"
    told = events(store, "email.blocked")
    assert len(told) == 11
    assert sum(getattr(one, "refusals", 0) for one in told) == MANY
    assert sum(getattr(one, "recipients", 0) for one in told) == 2 * MANY
    assert {getattr(one, "error", None) for one in told} == {error}
    clock.advance(micros=HOUR)
    desk.submit()
    assert len(events(store, "email.blocked")) == 12, "the first of another hour is told by itself again"


def test_refused_reads_are_counted_too(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    suspend(desk)
    for _ in range(MANY):
        store.transact(lambda tx: gated_actions.read(tx, ADDRESS, "x", token=desk.token, ctx=desk.ctx))
    store.transact(refusals.tell)
    assert len(events(store, "email.blocked")) == 11


@pytest.mark.parametrize("quota", [{"messages": 5}, {"megabytes": 1}])
def test_an_agent_that_lets_mail_pile_up_is_refused_until_some_of_it_ends(store: Store, quota: dict[str, int]) -> None:
    policy = Policy.model_validate({"quota": quota})
    desk = make_desk(store, mode=Mode.GATED_SEND, policy=policy, **WIDE)
    text = "x" * 200_000
    answers = [desk.submit(to, text=text) for to in many(8)]
    assert [answer.status for answer in answers] == ["pending"] * 5 + ["rate_limited"] * 3
    assert (answers[-1].http, answers[-1].error) == (429, "rate_limited")
    assert answers[-1].fix
    assert answers[-1].retry_after_seconds
    assert answers[-1].limit is not None
    assert answers[-1].limit["used"] <= answers[-1].limit["cap"]
    row = store.row(select(MESSAGE.c.id))
    assert row is not None
    store.transact(lambda tx: review.cancel(tx, row.id, actor=ALICE))
    assert desk.submit("again@example.com", text=text).status == "pending"

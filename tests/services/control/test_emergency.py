"""The brakes: each stops everything behind it with one row, and goes on only by whom it may."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from core.db.store import Store
from core.db.tables import AGENT, LANE, MAILBOX, OPERATOR
from core.durations import FAR_FUTURE
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events import AgentSuspended, DeskStarted, StreamPaused
from core.model import Actor, Mode, Role
from core.services.control import emergency
from tests.factories.delivery import OK, attempt, claim, events, leave, pass_a_moment, settle
from tests.factories.desk import ALICE, BOB, DOMAIN, DORA, GAIL, OLIVE, ROOT, WIDE, hire, make_desk, person

SUPPORT_BOT = "support-bot"
FAITH = person("faith", Role.GOVERNANCE, Role.ONCALL)


def suspend(store: Store, *, actor: Actor = ALICE, reason: str = "it shouts") -> emergency.Frozen:
    return store.transact(lambda tx: emergency.suspend_agent(tx, SUPPORT_BOT, reason=reason, actor=actor))


def resume(store: Store, *, actor: Actor = GAIL) -> None:
    store.transact(lambda tx: emergency.resume_agent(tx, SUPPORT_BOT, reason="talked to its owner", actor=actor))


def lane(store: Store) -> Any:
    return store.row(select(LANE))


# --- agents -------------------------------------------------------------------------------------------------------


def test_a_suspension_freezes_what_waits_and_shows_what_had_started(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for to in ("a@one.example", "b@two.example", "c@one.example"):
        desk.submit(to)
    first = claim(store)
    assert len(first) == 2
    assert len(attempt(store, first[:1])) == 1
    frozen = suspend(store)
    assert (frozen.in_flight, frozen.queued, frozen.pending) == (1, 1, 0)
    [told] = events(store, "agent.suspended")
    assert isinstance(told, AgentSuspended)
    assert (told.actor, told.guard, told.in_flight, told.queued) == ("alice", None, 1, 1)
    assert attempt(store, first[1:]) == set(), "claimed, and not started"
    assert claim(store) == []
    settle(store, first[:1], reply=OK)
    assert len(events(store, "email.sent")) == 1
    assert desk.submit("d@one.example").error == "agent_suspended"


def test_resumed_mail_leaves_although_its_mailbox_slept(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    suspend(store)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(wake_at=FAR_FUTURE)))
    resume(store)
    assert len(claim(store)) == 1
    row = store.row(select(AGENT))
    assert row is not None
    assert (row.status, row.guard_since, row.warned, row.suspended_by) == ("active", store.clock.now(), {}, None)
    assert [event.type for event in events(store, "agent.suspended", "agent.resumed")] == [
        "agent.suspended",
        "agent.resumed",
    ]


def test_whoever_suspended_an_agent_never_resumes_it(store: Store) -> None:
    make_desk(store)
    hire(store, FAITH)
    suspend(store, actor=FAITH)
    with pytest.raises(Forbidden, match="the same person"):
        resume(store, actor=FAITH)
    with pytest.raises(Forbidden, match="governance may"):
        resume(store, actor=ALICE)
    resume(store, actor=GAIL)


@pytest.mark.parametrize("actor", [ALICE, OLIVE, GAIL, DORA])
def test_everybody_who_watches_mail_may_suspend(store: Store, actor: Actor) -> None:
    make_desk(store)
    suspend(store, actor=actor)


@pytest.mark.parametrize("actor", [ROOT, Actor("agent", SUPPORT_BOT), person("audrey", Role.AUDITOR)])
def test_nobody_else_may(store: Store, actor: Actor) -> None:
    make_desk(store)
    hire(store, person("audrey", Role.AUDITOR))
    with pytest.raises(Forbidden):
        suspend(store, actor=actor)
    assert events(store, "agent.suspended") == []


def test_a_reason_is_needed_and_a_second_suspension_is_none(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Invalid):
        suspend(store, reason=" \n ")
    with pytest.raises(Conflict):
        resume(store)
    suspend(store)
    with pytest.raises(Conflict, match="by alice: it shouts"):
        suspend(store, actor=BOB)
    with pytest.raises(NotFound):
        store.transact(lambda tx: emergency.suspend_agent(tx, "nobody", reason="x", actor=ALICE))


# --- streams and lanes --------------------------------------------------------------------------------------------


def test_nothing_of_a_paused_stream_starts_until_it_is_resumed(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("a@one.example")
    desk.submit("b@two.example")
    claimed = claim(store)
    attempt(store, claimed[:1])
    assert store.transact(lambda tx: emergency.pause_stream(tx, DOMAIN, reason="listed", actor=ALICE)) == 1
    assert attempt(store, claimed[1:]) == set()
    assert claim(store) == []
    with pytest.raises(Forbidden):
        store.transact(lambda tx: emergency.resume_stream(tx, DOMAIN, reason="fine again", actor=ALICE))
    store.transact(lambda tx: emergency.resume_stream(tx, DOMAIN, reason="delisted", actor=DORA))
    pass_a_moment(store)
    assert len(claim(store)) == 1
    told = events(store, "stream.paused", "stream.resumed")
    assert isinstance(told[0], StreamPaused)
    assert [event.actor for event in told] == ["alice", "dora"]


def test_a_paused_lane_is_not_woken_by_new_mail_nor_by_its_own_deliveries(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("a@one.example")
    claimed = claim(store)
    attempt(store, claimed)
    lane_id = lane(store).id
    store.transact(lambda tx: emergency.pause_lane(tx, lane_id, reason="they defer", actor=ALICE))
    settle(store, claimed)
    desk.submit("b@one.example")
    pass_a_moment(store)
    assert claim(store) == []
    assert (lane(store).next_at, lane(store).depth) == (FAR_FUTURE, 1)
    desk.submit("c@two.example")
    assert [one.domain for one in claim(store)] == ["two.example"], "other lanes do not notice"
    with pytest.raises(Conflict):
        store.transact(lambda tx: emergency.pause_lane(tx, lane_id, reason="again", actor=ALICE))
    store.transact(lambda tx: emergency.resume_lane(tx, lane_id, reason="they take it", actor=DORA))
    assert [one.address for one in claim(store)] == ["b@one.example"]
    assert len(events(store, "lane.paused", "lane.resumed")) == 2


def test_a_lane_paused_after_the_claim_starts_nothing(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    claimed = claim(store)
    store.transact(lambda tx: emergency.pause_lane(tx, lane(store).id, reason="wait", actor=ALICE))
    assert attempt(store, claimed) == set()
    assert lane(store).next_at == FAR_FUTURE
    with pytest.raises(Forbidden):
        store.transact(lambda tx: emergency.resume_lane(tx, lane(store).id, reason="go", actor=ALICE))


# --- the desk -----------------------------------------------------------------------------------------------------


def stop(store: Store, *, actor: Actor = ALICE) -> int:
    return store.transact(lambda tx: emergency.stop(tx, reason="something is wrong", actor=actor))


def start(store: Store, *, actor: Actor) -> emergency.Started:
    return store.transact(lambda tx: emergency.start(tx, reason="it was a drill", actor=actor))


def test_the_all_stop_starts_nothing_and_one_governance_ends_it(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    leave(desk, "a@example.com")
    desk.submit("b@example.com")
    pass_a_moment(store)
    claimed = claim(store)
    assert stop(store) == 0
    assert attempt(store, claimed) == set()
    assert claim(store) == []
    assert desk.submit("c@example.com").error == "desk_stopped"
    assert start(store, actor=GAIL) == emergency.Started(running=True, by=("gail",))
    pass_a_moment(store)
    assert len(claim(store)) == 1
    with pytest.raises(Conflict):
        start(store, actor=GAIL)


def test_two_on_call_end_the_all_stop_and_one_of_them_twice_does_not(store: Store) -> None:
    make_desk(store)
    stop(store)
    assert not start(store, actor=ALICE).running
    assert start(store, actor=ALICE) == emergency.Started(running=False, by=("alice",))
    with pytest.raises(Forbidden):
        start(store, actor=OLIVE)
    assert start(store, actor=BOB) == emergency.Started(running=True, by=("alice", "bob"))
    [told] = events(store, "desk.started")
    assert isinstance(told, DeskStarted)
    assert told.by == ["alice", "bob"]
    assert [(one.actor, one.data()["by"]) for one in events(store, "desk.start_voted")] == [("alice", ["alice"])] * 2


def test_a_second_stop_takes_back_the_word_for_starting(store: Store) -> None:
    make_desk(store)
    stop(store)
    start(store, actor=ALICE)
    stop(store, actor=OLIVE)
    assert not start(store, actor=BOB).running
    assert len(events(store, "desk.stopped")) == 2


def test_the_word_of_an_operator_disabled_since_does_not_count(store: Store) -> None:
    make_desk(store)
    stop(store)
    start(store, actor=ALICE)
    store.transact(lambda tx: tx.write(update(OPERATOR).where(OPERATOR.c.name == "alice").values(disabled_at=tx.now)))
    assert not start(store, actor=BOB).running

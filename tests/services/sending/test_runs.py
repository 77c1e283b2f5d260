"""A run is capped for life; a human's word lifts that hold up to a number, and no other."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import pytest
from sqlalchemy import select, update

from core.db.store import Store
from core.db.tables import MAILBOX, MESSAGE, REVIEW
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events import RunClosed, RunConfirmed, RunDeclared
from core.model import SYSTEM, Actor, Mode
from core.services.sending import review, runs
from core.services.sending.submission import RunClaim
from tests.factories.delivery import attempt, claim, events, many, number, pass_a_moment, settle
from tests.factories.desk import ALICE, GAIL, OLIVE, WIDE, Bench, issue, make_desk

AGENT = "support-bot"


def capped(store: Store, *, cap: int = 3, mode: Mode = Mode.AUTONOMOUS, **more: Any) -> Bench:
    return make_desk(store, mode=mode, **(WIDE | {"limit_run": cap} | more))


def confirm(store: Store, up_to: int, *, actor: Actor = OLIVE, key: str = "run-1") -> runs.Confirmed:
    return store.transact(
        lambda tx: runs.confirm_run(tx, agent=AGENT, key=key, up_to=up_to, reason="the list is right", actor=actor)
    )


def statuses(store: Store) -> list[str]:
    rows = store.rows(select(MESSAGE.c.status).order_by(MESSAGE.c.id))
    return [row.status for row in rows]


def pending_reasons(store: Store) -> list[list[str]]:
    rows = store.rows(select(REVIEW.c.reasons).where(REVIEW.c.status == "pending").order_by(REVIEW.c.id))
    return [[reason["code"] for reason in row.reasons] for row in rows]


def pending(store: Store, desk: Bench) -> int:
    return store.transact(lambda tx: tx.counters.total("agent", str(desk.agent_id), "pending"))


def test_a_confirmation_releases_in_order_what_fits_and_no_more(store: Store) -> None:
    desk = capped(store)
    for to in many(8):
        desk.submit(to)
    assert statuses(store) == ["queued"] * 3 + ["pending"] * 5
    assert confirm(store, 6) == runs.Confirmed(up_to=6, released=3, still_pending=2)
    assert statuses(store) == ["queued"] * 6 + ["pending"] * 2
    assert pending_reasons(store) == [["run_cap"], ["run_cap"]]
    assert pending(store, desk) == 2
    [told] = events(store, "run.confirmed")
    assert isinstance(told, RunConfirmed)
    assert (told.actor, told.up_to, told.released) == ("olive", 6, 3)
    assert confirm(store, 8, actor=GAIL).released == 2
    assert desk.submit("one@more.example").status == "pending"


def test_released_mail_leaves_once_and_may_not_be_decided_again(store: Store) -> None:
    desk = capped(store, cap=0)
    held = number(desk.submit().message_id)
    confirm(store, 1)
    with pytest.raises(Conflict, match="no longer pending"):
        store.transact(lambda tx: review.decide(tx, review.Decision(held, approve=False), actor=ALICE))
    claimed = claim(store)
    assert attempt(store, claimed) == {(held, 0)}
    settle(store, claimed)
    assert store.transact(runs.release_confirmed) == 0
    assert statuses(store) == ["sent"]


def test_what_a_human_must_read_for_another_reason_stays_pending(store: Store) -> None:
    desk = capped(store, cap=1, mode=Mode.GATED_SEND)
    for to in many(3):
        desk.submit(to)
    assert [sorted(codes) for codes in pending_reasons(store)] == [["mode"], ["mode", "run_cap"], ["mode", "run_cap"]]
    assert confirm(store, 2) == runs.Confirmed(up_to=2, released=0, still_pending=2)
    assert [sorted(codes) for codes in pending_reasons(store)] == [["mode"], ["mode"], ["mode", "run_cap"]]
    assert claim(store) == []
    assert pending(store, desk) == 3


def test_nothing_overtakes_a_message_that_does_not_fit(store: Store) -> None:
    desk = capped(store, cap=1)
    desk.submit("a@example.com")
    desk.submit(many(3))
    desk.submit("b@example.com")
    assert confirm(store, 3).released == 0
    assert statuses(store) == ["queued", "pending", "pending"]
    assert confirm(store, 5).released == 2


def test_what_reviewers_let_go_takes_room_and_what_they_reject_gives_it_back(store: Store) -> None:
    desk = capped(store, cap=0)
    ids = [number(desk.submit(to).message_id) for to in many(4)]
    store.transact(lambda tx: review.decide(tx, review.Decision(ids[3], approve=True), actor=ALICE))
    store.transact(lambda tx: review.decide(tx, review.Decision(ids[0], approve=False), actor=ALICE))
    assert confirm(store, 2).released == 1
    assert statuses(store) == ["rejected", "queued", "pending", "queued"]


def test_a_cap_lowered_to_what_the_run_still_has_holds_nothing(store: Store) -> None:
    desk = capped(store, mode=Mode.GATED_SEND, cap=4)
    first, second = (number(desk.submit(to).message_id) for to in many(2))
    store.transact(lambda tx: review.decide(tx, review.Decision(first, approve=False), actor=ALICE))
    store.transact(lambda tx: review.decide(tx, review.Decision(second, approve=True), actor=ALICE))
    store.transact(lambda tx: tx.write(update(MAILBOX).values(limit_run=1)))
    pass_a_moment(store)
    assert len(attempt(store, claim(store))) == 1, "one recipient accepted, one allowed"


def test_confirmed_mail_is_judged_again_where_the_mode_was_lowered_since(store: Store) -> None:
    desk = capped(store, cap=0)
    desk.submit()
    confirm(store, 1)
    pass_a_moment(store)
    lowered = {"mode": Mode.GATED_SEND.value, "mode_since": store.clock.now()}
    store.transact(lambda tx: tx.write(update(MAILBOX).values(**lowered)))
    assert attempt(store, claim(store)) == set()
    assert pending_reasons(store) == [["mode"]], "no human has read it"
    assert pending(store, desk) == 1


def test_a_large_release_goes_by_the_hand(store: Store) -> None:
    desk = capped(store, cap=0)
    for to in many(5):
        desk.submit(to)
    confirm(store, 2)
    store.transact(lambda tx: tx.write(update(REVIEW).where(REVIEW.c.status == "pending").values(
        status=runs.CONFIRMED, due_at=tx.now
    )))  # fmt: skip
    assert store.transact(lambda tx: runs.release_confirmed(tx, limit=2)) == 2
    assert statuses(store) == ["queued"] * 4 + ["pending"]
    assert store.transact(runs.release_confirmed) == 1
    assert statuses(store) == ["queued"] * 5


def test_cancelled_mail_is_not_let_go_by_the_clock(store: Store) -> None:
    desk = capped(store, cap=0)
    held = number(desk.submit().message_id)
    store.transact(lambda tx: tx.write(update(REVIEW).values(status=runs.CONFIRMED, due_at=tx.now)))
    store.transact(lambda tx: review.cancel(tx, held, actor=ALICE))
    store.transact(runs.release_confirmed)
    assert statuses(store) == ["cancelled"]
    assert claim(store) == []


def test_who_may_confirm_and_what_a_confirmation_must_say(store: Store) -> None:
    desk = capped(store)
    desk.submit()
    for actor in (ALICE, Actor("agent", AGENT)):
        with pytest.raises(Forbidden):
            confirm(store, 10, actor=actor)
    with pytest.raises(NotFound):
        confirm(store, 10, key="no-such-run")
    with pytest.raises(Invalid):
        confirm(store, 0)
    confirm(store, 10)
    with pytest.raises(Conflict, match="up to 10 already"):
        confirm(store, 10)
    assert len(events(store, "run.confirmed")) == 1


def test_a_closed_run_s_mail_joins_the_implicit_run(store: Store) -> None:
    desk = capped(store)
    desk.submit()
    assert store.transact(lambda tx: runs.close_run(tx, agent=AGENT, key="run-1", actor=Actor("agent", AGENT))) == 1
    [told] = events(store, "run.closed")
    assert isinstance(told, RunClosed)
    assert (told.actor, told.accepted) == (f"agent:{AGENT}", 1)
    with pytest.raises(Conflict):
        store.transact(lambda tx: runs.close_run(tx, agent=AGENT, key="run-1", actor=SYSTEM))
    for actor in (Actor("agent", "another"), Actor("recipient", "")):
        with pytest.raises(Forbidden):
            store.transact(functools.partial(runs.close_run, agent=AGENT, key="run-1", actor=actor))


def test_runs_are_shown_with_what_they_had_accepted(store: Store) -> None:
    desk = capped(store)
    for n, to in enumerate(many(5)):
        desk.submit(to, run=f"run-{n % 2}")
    with store.read() as conn:
        shown = runs.show(conn, agent=AGENT, key="run-0")
        newest, *_ = runs.listed(conn, agent=AGENT, limit=1)
        older = runs.listed(conn, before=newest.id)
        assert runs.listed(conn, agent="nobody") == []
        with pytest.raises(NotFound):
            runs.show(conn, agent=AGENT, key="run-9")
    assert (shown.accepted, shown.user, shown.implicit, shown.agent) == (3, "ann@acme.test", False, AGENT)
    assert (newest.key, newest.accepted) == ("run-1", 2)
    assert [one.key for one in older] == ["run-0"]


# --- what a run declares ------------------------------------------------------------------------------------------


def declared(store: Store) -> list[tuple[str, int]]:
    return [(one.actor, one.targets) for one in events(store, "run.declared") if isinstance(one, RunDeclared)]


def test_a_change_of_the_task_is_logged_by_one_rule_whoever_declares_it(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)

    def opened(**members: Any) -> None:
        claim = RunClaim(key="run-1", **members)
        store.transact(lambda tx: runs.open_run(tx, agent=AGENT, claim=claim, actor=OLIVE))

    desk.submit(run=RunClaim(key="run-1", user="ann"))
    desk.submit(run=RunClaim(key="run-1", via=("planner",)))
    assert declared(store) == [], "what an agent says beside its task comes with a message's own event"
    desk.submit(run=RunClaim(key="run-1", targets=("*@example.com",)))
    opened(purpose="renewals")
    assert declared(store) == [("agent:support-bot", 1), ("olive", 1)]
    opened(purpose="renewals", prompt_version="p1")
    assert declared(store)[2:] == [("olive", 1)], "an operator leaves a trace of whatever they change"
    opened(purpose="renewals", prompt_version="p1")
    assert len(declared(store)) == 3, "what stands already is no news"
    with store.read() as conn:
        one = runs.show(conn, agent=AGENT, key="run-1")
    assert (one.user, one.via, one.prompt_version, one.purpose, one.targets) == (
        "ann", ("planner",), "p1", "renewals", ("*@example.com",),
    )  # fmt: skip


def test_the_user_of_a_bound_token_is_the_user_of_its_run_whatever_its_mail_says(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    token = issue(store, desk.agent_id, secret="pra_bound", run_key="run-1", run_user="ann@acme.test")
    claim = RunClaim(key="run-1", purpose="renewals")
    store.transact(lambda tx: runs.open_run(tx, agent=AGENT, claim=claim, actor=OLIVE))
    dataclasses.replace(desk, token=token).submit(run=RunClaim(user="eve@evil.test"))
    with store.read() as conn:
        assert runs.show(conn, agent=AGENT, key="run-1").user == "ann@acme.test"

"""Policies change whole, by whom they may; edits tighten at once."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from core.db.store import Store
from core.db.tables import LANE, MAILBOX, POLICY_VERSION
from core.durations import FAR_FUTURE
from core.errors import Conflict, Forbidden, Invalid
from core.events import PolicyChanged, PolicyRefused
from core.model import SYSTEM, Actor, Mode
from core.rules.policy import Policy, parse
from core.services import context
from core.services.control import policy as control_policy
from core.services.control.policy import Applied
from tests.factories.delivery import claim, events
from tests.factories.desk import ALICE, GAIL, WIDE, make_desk

TIGHTER = parse("[budgets.run]\ncap = 50")
LOOSER = parse("[budgets.agent]\nhour = 500")
MIXED = parse("[budgets.run]\ncap = 50\n[budgets.agent]\nhour = 500")


def apply(store: Store, policy: Policy, *, actor: Actor = GAIL, reason: str = "the quarter's review") -> Applied:
    return store.transact(lambda tx: control_policy.apply_policy(tx, policy, reason=reason, actor=actor))


def edit(store: Store, policy: Policy) -> Applied:
    return store.transact(lambda tx: control_policy.watch_edit(tx, policy))


def in_force(store: Store) -> tuple[int, Policy]:
    return store.transact(context.current_policy)


def changed(store: Store) -> list[PolicyChanged]:
    return [event for event in events(store, "policy.changed") if isinstance(event, PolicyChanged)]


# --- applying -----------------------------------------------------------------------------------------------------


def test_a_looser_policy_is_governance_s_and_a_tighter_one_any_watcher_s(store: Store) -> None:
    make_desk(store)
    for policy in (LOOSER, MIXED):
        with pytest.raises(Forbidden):
            apply(store, policy, actor=ALICE)
    assert in_force(store) == (1, Policy())
    assert apply(store, TIGHTER, actor=ALICE).version == 2
    assert apply(store, MIXED).version == 3
    assert in_force(store) == (3, MIXED)
    with pytest.raises(Forbidden):
        apply(store, TIGHTER, actor=Actor("agent", "support-bot"))
    with pytest.raises(Invalid):
        apply(store, Policy(), reason=" ")
    first, second = changed(store)
    assert first.changes == [{"path": "budgets.run.cap", "old": 100, "new": 50, "direction": "tightens"}]
    assert (second.actor, second.version, second.waiting) == ("gail", 3, [])
    assert second.changes == [{"path": "budgets.agent.hour", "old": 10, "new": 500, "direction": "loosens"}]


def test_every_version_is_kept_whole_and_the_same_again_is_no_new_one(store: Store) -> None:
    make_desk(store)
    apply(store, MIXED)
    assert apply(store, MIXED) == Applied(2)
    kept = store.rows(select(POLICY_VERSION).order_by(POLICY_VERSION.c.version))
    assert [context.parsed(row.content) for row in kept] == [Policy(), MIXED]
    assert kept[1].applied_by == "gail"
    assert len(changed(store)) == 1


def test_widened_budgets_wake_what_slept_on_them(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, limit_run=9, limit_new_recipients_day=9)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(limit_hour=None, limit_day=99)))
    apply(store, parse("[budgets.agent]\nhour = 1"))
    desk.submit("a@one.example")
    desk.submit("b@two.example")
    assert len(claim(store)) == 1
    assert claim(store) == []
    apply(store, LOOSER)
    assert len(claim(store)) == 1


def test_a_new_pace_wakes_throttled_lanes_and_no_paused_one(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | {"limit_site_minute": None}))
    for to in ("a@one.example", "b@one.example", "a@two.example", "b@two.example"):
        desk.submit(to)
    claim(store)
    paused = {"paused_at": 1, "next_at": FAR_FUTURE, "not_before": FAR_FUTURE}
    store.transact(lambda tx: tx.write(update(LANE).where(LANE.c.domain == "two.example").values(**paused)))
    apply(store, parse("[budgets.site]\nminute = 60"))
    rows = {row.domain: row for row in store.rows(select(LANE))}
    assert rows["one.example"].next_at == store.clock.now()
    assert rows["two.example"].next_at == FAR_FUTURE


# --- edits --------------------------------------------------------------------------------------------------------


def test_an_edit_tightens_at_once_and_its_loosening_waits(store: Store) -> None:
    make_desk(store)
    applied = edit(store, MIXED)
    assert (applied.version, [one.path for one in applied.waiting]) == (2, ["budgets.agent.hour"])
    assert in_force(store) == (2, TIGHTER)
    [told] = changed(store)
    assert told.actor == str(SYSTEM)
    assert [one["path"] for one in told.changes if isinstance(one, dict)] == ["budgets.run.cap"]
    assert [one["path"] for one in told.waiting if isinstance(one, dict)] == ["budgets.agent.hour"]
    apply(store, MIXED)
    assert in_force(store) == (3, MIXED)


def test_an_edit_that_only_loosens_changes_nothing_and_is_seen(store: Store) -> None:
    make_desk(store)
    assert edit(store, LOOSER).version == 1
    assert in_force(store) == (1, Policy())
    [told] = changed(store)
    assert (told.version, told.changes, len(told.waiting)) == (1, [], 1)


def test_governance_confirms_what_waits_as_it_was_read(store: Store) -> None:
    make_desk(store)
    edit(store, MIXED)
    found = store.look(control_policy.waiting)
    assert found is not None
    assert [(one.path, one.direction) for one in found.changes] == [("budgets.agent.hour", "loosens")]
    with pytest.raises(Forbidden):
        store.transact(lambda tx: control_policy.confirm_waiting(tx, found.digest, reason="spring", actor=ALICE))
    with pytest.raises(Conflict, match="edited again"):
        store.transact(lambda tx: control_policy.confirm_waiting(tx, "0" * 64, reason="spring", actor=GAIL))
    done = store.transact(lambda tx: control_policy.confirm_waiting(tx, found.digest, reason="spring", actor=GAIL))
    assert (done.version, in_force(store)) == (3, (3, MIXED))
    assert store.look(control_policy.waiting) is None
    with pytest.raises(Conflict, match="no loosening"):
        store.transact(lambda tx: control_policy.confirm_waiting(tx, found.digest, reason="spring", actor=GAIL))


def test_what_waits_can_be_withdrawn_and_waits_again_once_the_file_is_edited(store: Store) -> None:
    make_desk(store)
    edit(store, LOOSER)
    found = store.look(control_policy.waiting)
    assert found is not None
    assert store.transact(lambda tx: control_policy.withdraw_waiting(tx, found.digest, reason="no", actor=ALICE)) == 1
    assert store.look(control_policy.waiting) is None
    assert changed(store)[-1].waiting == []
    edit(store, LOOSER)
    assert store.look(control_policy.waiting) is None, "the same file is no new edit"
    edit(store, MIXED)
    assert store.look(control_policy.waiting) is not None


def test_a_policy_that_is_applied_leaves_nothing_waiting(store: Store) -> None:
    make_desk(store)
    edit(store, LOOSER)
    apply(store, TIGHTER)
    assert store.look(control_policy.waiting) is None


def test_many_gateways_see_one_edit_once(store: Store) -> None:
    make_desk(store)
    for _ in range(3):
        edit(store, MIXED)
    assert len(changed(store)) == 1
    assert in_force(store)[0] == 2


def test_a_file_that_did_not_change_takes_nothing_back_that_governance_applied(store: Store) -> None:
    make_desk(store)
    edit(store, TIGHTER)
    apply(store, LOOSER)
    assert edit(store, LOOSER).version == 3, "the applied file is known, too"
    assert in_force(store) == (3, LOOSER)
    assert edit(store, TIGHTER).version == 4, "now somebody did edit it"


def test_a_bad_edit_changes_nothing_and_is_told_once_for_each_content(store: Store) -> None:
    make_desk(store)
    bad = [("budgets.run.cap", "must be at least 0, not -1")]
    assert store.transact(lambda tx: control_policy.refuse_edit(tx, bad))
    assert not store.transact(lambda tx: control_policy.refuse_edit(tx, bad))
    assert store.transact(lambda tx: control_policy.refuse_edit(tx, [*bad, ("x", "is not a key")]))
    told = events(store, "policy.refused")
    assert isinstance(told[0], PolicyRefused)
    assert told[0].problems == [{"key": "budgets.run.cap", "problem": "must be at least 0, not -1"}]
    assert len(told) == 2
    assert in_force(store) == (1, Policy())
    assert edit(store, TIGHTER).version == 2, "mended, it counts"

"""Revocation drills by their verbs, on both databases: what is probed, revoked, restored, kept and asked for."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from core.db import directory
from core.db.directory import TokenRecord
from core.db.store import Store
from core.db.tables import AGENT, MAILBOX, TOKEN
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR
from core.errors import Conflict, Forbidden
from core.model import Actor, Scope
from core.rules.policy import Policy
from core.security.credentials import NewSecret, digest, new_agent_token
from core.services.identity import drills, inventory, tokens
from core.services.identity.drills import RUNNING, Drill, Fresh, Outcome
from core.services.identity.tokens import Grant
from tests.factories.desk import ALICE, DORA, GAIL, ROOT, add_mailbox, make_desk
from tests.factories.records import last, told

SUPPORT_BOT = Actor("agent", "support-bot")
NUMBERS = itertools.count(1)
PASSED = Outcome(
    failures=(), revoked=(), gateways=("http://127.0.0.1:8025",), unreached=(), closed_ms=3, records=(), remaining=(),
    restored=(),
)  # fmt: skip


def mint() -> NewSecret:
    number = next(NUMBERS)
    return NewSecret(f"pra_{number}", number.to_bytes(32, "big"))


def start(store: Store, *, actor: Actor = GAIL, agent: str = "support-bot") -> Drill:
    return store.transact(lambda tx: drills.start(tx, agent, mint=mint, actor=actor))


def revoke(store: Store, drill: Drill) -> tuple[TokenRecord, ...]:
    return store.transact(lambda tx: drills.revoke(tx, drill, actor=GAIL))


def restore(store: Store, drill: Drill, revoked: tuple[TokenRecord, ...]) -> tuple[Fresh, ...]:
    return store.transact(lambda tx: drills.restore(tx, drill, revoked, mint=mint, actor=GAIL))


def finish(store: Store, drill: Drill, outcome: Outcome = PASSED) -> None:
    store.transact(lambda tx: drills.finish(tx, drill, outcome, actor=GAIL))


def drilled(store: Store) -> None:
    one = start(store)
    revoked = revoke(store, one)
    restore(store, one, revoked)
    finish(store, one)


def in_force(store: Store, agent_id: int) -> list[TokenRecord]:
    with store.read() as conn:
        return directory.tokens_alive(conn, now=store.clock.now(), agent_id=agent_id)


def asked(store: Store) -> int:
    return store.transact(drills.ask_due)


# --- the drill ----------------------------------------------------------------------------------------------------


def test_each_token_in_force_has_a_probe_of_its_scopes_and_binding_that_is_a_test_and_ends_soon(store: Store) -> None:
    desk = make_desk(store)
    grant = Grant(scopes=(Scope.READ,), run="run-9", user="ann")
    bound = store.transact(
        lambda tx: tokens.issue(tx, agent="support-bot", grant=grant, token_hash=b"b", actor=GAIL).token
    )
    drill = start(store)
    assert [probe.stands_for for probe in drill.probes] == [desk.token.id, bound]
    made = {one.id: one for one in in_force(store, desk.agent_id)}
    of_bound = made[drill.probes[1].token]
    assert (of_bound.scopes, of_bound.run_key, of_bound.run_user) == (("read",), "run-9", "ann")
    for probe in drill.probes:
        assert made[probe.token].test
        assert made[probe.token].expires_at <= store.clock.now() + drills.PROBE_LIFE
    assert told(store)[-2:] == ["token.issued", "token.issued"], "a probe is a token like any other, and in the log"


def test_a_drill_revokes_what_is_in_force_delegated_tokens_and_probes_too(store: Store) -> None:
    desk = make_desk(store)
    child = store.transact(
        lambda tx: (
            tokens.delegate(
                tx, parent=desk.token.id, grant=Grant(run="run-1"), token_hash=b"c", actor=SUPPORT_BOT
            ).token
        )
    )
    drill = start(store)
    revoked = revoke(store, drill)
    assert [one.id for one in revoked] == [desk.token.id, child]
    assert in_force(store, desk.agent_id) == []
    every = [desk.token.id, child, *(probe.token for probe in drill.probes)]
    assert store.look(lambda tx: drills.still_open(tx, every)) == []
    (fresh,) = restore(store, drill, revoked)
    assert fresh.replaces == desk.token.id, "the agent delegates anew from its fresh token"


def test_a_fresh_token_is_no_wider_and_ends_no_later_than_the_one_it_replaces(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store)
    store.transact(lambda tx: tx.write(update(TOKEN).values(expires_at=tx.now + 5 * HOUR, scopes=["send"])))
    drill = start(store)
    clock.advance(micros=HOUR)
    (fresh,) = restore(store, drill, revoke(store, drill))
    assert (fresh.replaces, fresh.scopes, fresh.test) == (desk.token.id, (Scope.SEND,), False)
    assert fresh.expires_at == store.clock.now() + 4 * HOUR
    assert [one.id for one in in_force(store, desk.agent_id)] == [fresh.token]


def test_a_token_that_somehow_stays_in_force_is_found(store: Store) -> None:
    desk = make_desk(store)
    drill = start(store)
    revoke(store, drill)
    store.transact(lambda tx: tx.write(update(TOKEN).where(TOKEN.c.id == desk.token.id).values(revoked_at=None)))
    assert store.look(lambda tx: drills.still_open(tx, [desk.token.id])) == [desk.token.id]


def test_the_result_stays_with_the_agent_and_in_the_log(store: Store) -> None:
    desk = make_desk(store)
    drill = start(store)
    revoked = revoke(store, drill)
    finish(store, drill, Outcome(
        failures=("a door still opens",), revoked=tuple(one.id for one in revoked), gateways=("http://x",),
        unreached=(), closed_ms=None, records=("TXT a",), remaining=("MX b",), restored=(),
    ))  # fmt: skip
    event = last(store, "identity.drilled")
    assert (event.actor, event.agent, event.passed, event.failures) == (
        "gail", desk.agent_id, False, ["a door still opens"],
    )  # fmt: skip
    assert (event.revoked, event.probes) == ([desk.token.id], [probe.token for probe in drill.probes])
    with store.read() as conn:
        agent = directory.agent(conn, "support-bot")
    assert agent is not None
    assert (agent.drilled_at, agent.drilled_by, agent.drill_failures, agent.drill_started_at) == (
        store.clock.now(), "gail", ["a door still opens"], None,
    )  # fmt: skip


def test_a_drill_that_did_not_reach_every_gateway_has_not_passed(store: Store) -> None:
    make_desk(store)
    drill = start(store)
    revoke(store, drill)
    finish(store, drill, replace(PASSED, unreached=("127.0.0.1:8025 on b.test",)))
    event = last(store, "identity.drilled")
    assert (event.passed, event.unreached) == (False, ["127.0.0.1:8025 on b.test"])
    with store.read() as conn:
        agent = directory.agent(conn, "support-bot")
        entry = next(inventory.everything(conn, now=store.clock.now()))
    assert inventory.drill_result(agent) == "incomplete"
    assert "drill_incomplete" in [one.code for one in entry.findings]
    drilled(store)
    with store.read() as conn:
        assert inventory.drill_result(directory.agent(conn, "support-bot")) == "passed"


def test_what_broke_off_is_asked_of_the_database(store: Store) -> None:
    """Whoever lost the answer of a commit finds out which tokens are revoked, and which fresh ones open the desk."""
    make_desk(store)
    drill = start(store)
    with store.read() as conn:
        held = directory.tokens_alive(conn, now=store.clock.now())
    held = [one for one in held if one.id not in {probe.token for probe in drill.probes}]
    at = store.clock.now()
    assert store.look(lambda tx: drills.revoked_since(tx, drill, at)) == ()
    revoked = revoke(store, drill)
    assert [one.id for one in store.look(lambda tx: drills.revoked_since(tx, drill, at))] == [one.id for one in held]
    kept: list[Fresh] = []

    def in_vain(tx: Transaction) -> None:
        kept.extend(drills.restore(tx, drill, revoked, mint=new_agent_token, actor=GAIL))
        raise RuntimeError("the commit never came")

    with pytest.raises(RuntimeError, match="never came"):
        store.transact(in_vain)
    kept.extend(store.transact(lambda tx: drills.restore(tx, drill, revoked, mint=new_agent_token, actor=GAIL)))
    accepted = [store.look(lambda tx, one=one: drills.accepted(tx, digest(one.secret))) for one in kept]  # type: ignore[misc]
    assert accepted == [None, kept[1].token]


def test_a_drill_that_ends_leaves_no_probe_in_force(store: Store) -> None:
    desk = make_desk(store)
    drill = start(store)
    finish(store, drill, replace(PASSED, failures=("the revocation was interrupted",)))
    assert [one.id for one in in_force(store, desk.agent_id)] == [desk.token.id]


def test_an_abandoned_drill_ends_its_probes_and_touches_nothing_else(store: Store) -> None:
    desk = make_desk(store)
    drill = start(store)
    store.transact(lambda tx: drills.abandon(tx, drill, actor=GAIL))
    assert [one.id for one in in_force(store, desk.agent_id)] == [desk.token.id]
    start(store)


def test_two_drills_of_one_agent_do_not_run_at_once_but_one_that_died_keeps_no_other_out(
    store: Store, clock: FakeClock
) -> None:
    make_desk(store)
    start(store)
    with pytest.raises(Conflict, match="is running"):
        start(store)
    clock.advance(micros=RUNNING)
    start(store)


@pytest.mark.parametrize("actor", [ALICE, DORA, ROOT, SUPPORT_BOT], ids=str)
def test_no_step_of_a_drill_is_for_anybody_but_governance(store: Store, actor: Actor) -> None:
    desk = make_desk(store)
    drill = start(store)
    before = told(store)
    steps: list[Any] = [
        lambda tx: drills.start(tx, "support-bot", mint=mint, actor=actor),
        lambda tx: drills.revoke(tx, drill, actor=actor),
        lambda tx: drills.restore(tx, drill, [], mint=mint, actor=actor),
        lambda tx: drills.abandon(tx, drill, actor=actor),
        lambda tx: drills.finish(tx, drill, PASSED, actor=actor),
    ]
    for step in steps:
        with pytest.raises(Forbidden):
            store.transact(step)
    assert told(store) == before
    assert len(in_force(store, desk.agent_id)) == 2


def test_an_agent_that_was_suspended_meanwhile_is_not_given_a_token(store: Store) -> None:
    make_desk(store)
    drill = start(store)
    revoked = revoke(store, drill)
    store.transact(lambda tx: tx.write(update(AGENT).values(status="suspended")))
    with pytest.raises(Conflict, match="suspended"):
        restore(store, drill, revoked)


# --- when one is due ----------------------------------------------------------------------------------------------


def test_people_are_asked_once_when_a_drill_is_due_and_nothing_is_revoked(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store)
    clock.advance(micros=90 * DAY - 1)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(expires_at=tx.now + 900 * DAY)))
    assert asked(store) == 0
    clock.advance(micros=1)
    held = in_force(store, desk.agent_id)
    assert asked(store) == 1
    event = last(store, "identity.drill_due")
    assert (event.actor, event.agent, event.last_at, event.due_at) == (
        "system", desk.agent_id, None, store.clock.now(),
    )  # fmt: skip
    assert asked(store) == 0
    clock.advance(micros=10 * DAY)
    assert asked(store) == 0
    assert in_force(store, desk.agent_id) == held
    assert "token.revoked" not in told(store)


def test_a_drill_moves_the_next_one_by_what_policy_says(store: Store, clock: FakeClock) -> None:
    make_desk(store, policy=Policy.model_validate({"identities": {"drill_every": 30 * DAY}}))
    store.transact(lambda tx: tx.write(update(MAILBOX).values(expires_at=tx.now + 900 * DAY)))
    clock.advance(micros=30 * DAY)
    assert asked(store) == 1
    drilled(store)
    at = store.clock.now()
    clock.advance(micros=30 * DAY - 1)
    assert asked(store) == 0
    clock.advance(micros=1)
    assert asked(store) == 1
    assert last(store, "identity.drill_due").last_at == at


@pytest.mark.parametrize("values", [{"status": "retired"}, {"status": "requested", "activated_at": None}], ids=str)
def test_nobody_is_asked_of_an_identity_that_is_not_active(
    store: Store, clock: FakeClock, values: dict[str, Any]
) -> None:
    make_desk(store)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(**values)))
    clock.advance(micros=91 * DAY)
    assert asked(store) == 0


def test_nobody_is_asked_of_an_agent_that_is_suspended(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    store.transact(lambda tx: tx.write(update(AGENT).values(status="suspended")))
    clock.advance(micros=91 * DAY)
    assert asked(store) == 0


# --- the plan -----------------------------------------------------------------------------------------------------


def test_the_plan_names_whoever_signs_with_the_same_keys_and_what_still_leaves(store: Store) -> None:
    desk = make_desk(store)
    store.transact(lambda tx: add_mailbox(tx, agent="billing-bot", address="bill@x.test", stream=desk.stream_id))
    desk.submit()
    with store.read() as conn:
        found = drills.plan(conn, "support-bot", now=store.clock.now())
    assert found.shared_with == ("billing-bot",)
    assert [one.id for one in found.tokens] == [desk.token.id]

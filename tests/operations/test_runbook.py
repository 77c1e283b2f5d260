"""What needs attention says since when, what the desk did by itself, what it refused since, and the next step."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import update

from core.db.queries import figures
from core.db.store import Store
from core.db.tables import DESK
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import HOUR
from core.operations.screens.needs import needs
from core.operations.screens.overview import Overview
from core.rules import policy as policies
from core.services import context
from core.services.control import acknowledgements, emergency
from core.views.live import Level, Need
from tests.factories.desk import ALICE, WIDE, make_desk


def runbook(store: Store) -> Mapping[str, Need]:
    found = store.look(lambda tx: needs(tx, Overview.fresh().refresh(tx, None), figures.head(tx.conn)))
    assert len({need.id for need in found}) == len(found), "each has an id of its own"
    assert all(found[n].quiet <= found[n + 1].quiet for n in range(len(found) - 1))
    return {need.id: need for need in found}


def test_a_suspension_says_what_was_refused_since_and_who_ends_it(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    desk.submit()
    at = clock.now()
    store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="complaints 0.41 %", actor=ALICE))
    clock.advance(seconds=7_200)
    for n in range(3):
        desk.submit(f"p{n}@example.com")
    need = runbook(store)["agent:support-bot:suspended"]
    assert (need.level, need.since, need.refused, need.next) == (Level.FAULT, at, 3, "agent.resume")
    assert need.did == "starts no delivery of it; keeps 1 held"


def test_the_all_stop_names_who_voted_to_end_it(store: Store) -> None:
    make_desk(store, **WIDE)
    store.transact(lambda tx: emergency.stop(tx, reason="wrong list", actor=ALICE))
    assert "two on-call end it" in runbook(store)["desk:stopped"].step
    store.transact(lambda tx: emergency.start(tx, reason="corrected", actor=ALICE))
    assert runbook(store)["desk:stopped"].step == "alice voted to start: one more on-call operator, or governance"


def test_runs_at_their_cap_and_a_waiting_loosening_are_among_it(store: Store) -> None:
    desk = make_desk(store, **(WIDE | {"limit_run": 2}))
    for n in range(4):
        desk.submit(f"p{n}@example.com", run="run-9")
    waits = runbook(store)["run:support-bot:run-9"]
    assert (waits.text, waits.key) == ("run run-9 is at its cap: 2 held", "run=run-9 agent=support-bot")
    assert waits.next == "run.confirm"

    def loosen(tx: Transaction) -> None:
        _, policy = context.current_policy(tx)
        agent = policy.budgets.agent.model_copy(update={"day": policy.budgets.agent.day + 5})
        budgets = policy.budgets.model_copy(update={"agent": agent})
        content = policies.to_json(policy.model_copy(update={"budgets": budgets}))
        tx.write(update(DESK).where(DESK.c.id == 1).values(policy_waiting=content))

    store.transact(loosen)
    (policy,) = [need for id_, need in runbook(store).items() if id_.startswith("policy:")]
    assert policy.text == "1 loosening of policy.toml waits"
    assert policy.did == "keeps the policy that was in force"

    unreadable = update(DESK).where(DESK.c.id == 1).values(policy_waiting='{"of": "another version"}')
    store.transact(lambda tx: tx.write(unreadable))
    assert not [id_ for id_ in runbook(store) if id_.startswith("policy:")]


def test_what_is_acknowledged_comes_last_until_it_gets_worse(store: Store) -> None:
    make_desk(store, **WIDE)
    store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="a loop", actor=ALICE))
    id_ = "agent:support-bot:suspended"
    for level, quiet in ((Level.FAULT, True), (Level.WARN, False)):
        store.transact(
            lambda tx, level=level: acknowledgements.acknowledge(tx, id_, level=level, span=HOUR, actor=ALICE)  # type: ignore[misc]
        )
        need = runbook(store)[id_]
        assert (need.quiet, need.quiet_by) == (quiet, "alice" if quiet else None)

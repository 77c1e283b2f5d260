"""Evaluate an agent's guards on each complaint and bounce as it arrives.

The transaction of the feedback that crosses the line also suspends the agent, through the same function as an
operator's suspension: no timer, no second check. A warning is emitted once for each guard and window.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, assert_never

from sqlalchemy import Row, select, update

from core.db.tables import AGENT
from core.db.transaction import Transaction
from core.events import AgentWarned, Data
from core.model import GUARD
from core.rules import guards
from core.rules.guards import Figures, Fine, Measure, Suspend, Warn
from core.rules.policy import Guard
from core.services import context
from core.services.control import emergency, guard_rates


def guard_since(tx: Transaction, agent_id: int) -> int:
    """Start of the agent's measuring window."""
    return int(_agent(tx, agent_id).guard_since)


def judge(tx: Transaction, agent_id: int, measure: Measure) -> None:
    """Compare the agent's rate with its lines; warn or suspend."""
    agent = _agent(tx, agent_id)
    if agent.status != "active":
        return
    line = guard_of(tx, measure)
    events, delivered = guard_rates.figures(
        tx, measure, agent_id=agent_id, window=line.window, guard_since=agent.guard_since
    )
    aside = guard_rates.aside(tx, measure, agent_id=agent_id, window=line.window, guard_since=agent.guard_since)
    verdict_of = functools.partial(
        guards.judge, measure, delivered=delivered, warn=line.warn, suspend=line.suspend, min_events=line.min_events,
        window=line.window,
    )  # fmt: skip
    verdict = verdict_of(events=events, aside=aside)
    if aside and not isinstance(verdict, Suspend) and isinstance(verdict_of(events=events + aside), Suspend):
        # Enough events to suspend, from too few recipients: people decide. The first warning does not hide this one.
        _warn(tx, agent, verdict.figures, key=f"{measure.value}_aside")
        return
    match verdict:
        case Suspend(figures=figures):
            emergency.freeze(
                tx, agent_id, reason=figures.sentence, actor=GUARD, guard=measure.value, figures=_event_data(figures)
            )
        case Warn(figures=figures):
            _warn(tx, agent, figures, key=measure.value)
        case Fine():
            pass
        case _:
            assert_never(verdict)


def _warn(tx: Transaction, agent: Row[Any], figures: Figures, *, key: str) -> None:
    warned: dict[str, Any] = dict(agent.warned or {})
    last = warned.get(key)
    if last is not None and tx.now - int(last["at"]) < figures.window:
        return
    figures_data = _event_data(figures)
    warned[key] = {"at": tx.now, "sentence": figures.sentence}
    tx.write(update(AGENT).where(AGENT.c.id == agent.id).values(warned=warned))
    tx.emit(
        AgentWarned(
            actor=str(GUARD), agent=agent.id, guard=figures.measure.value, figures=figures_data, reason=figures.sentence
        )
    )


def guard_of(tx: Transaction, measure: Measure) -> Guard:
    """Return the guard's two lines in the policy in force."""
    _, policy = context.current_policy(tx)
    match measure:
        case Measure.COMPLAINTS:
            return policy.guards.complaints
        case Measure.BOUNCES:
            return policy.guards.bounces
        case _:
            assert_never(measure)


def _event_data(figures: Figures) -> dict[str, Data]:
    return dataclasses.asdict(figures) | {
        "measure": figures.measure.value,
        "rate": figures.rate,
        "sentence": figures.sentence,
    }


def _agent(tx: Transaction, agent_id: int) -> Row[Any]:
    c = AGENT.c
    row = tx.one(select(c.id, c.status, c.guard_since, c.warned).where(c.id == agent_id))
    assert row is not None, f"agent {agent_id} is gone"
    return row

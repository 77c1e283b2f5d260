"""The run that a message belongs to, what it declares, and which recipients it is for.

A run declares who started it, with which prompt and tools, and may declare its purpose and recipients. The first
declaration stays: an agent that could change it in its next message could leave its task. Anything not declared yet may
still be added.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from core.db import gate_queries
from core.db.gate_queries import RunFacts, TokenFacts
from core.db.tables import RUN
from core.db.transaction import Transaction
from core.durations import HOUR
from core.events import RunDeclared
from core.model import RUN_MEMBERS, Actor, RunMembers
from core.rules import addresses
from core.rules.budgets import HOUR_BUCKET, HOUR_MINUTES
from core.rules.gate import Task
from core.services.sending.limits import OPEN_RUNS_HOUR, Cap
from core.services.sending.submission import RunClaim


def implicit_run(token: TokenFacts, now: int) -> str:
    """Key of the run of mail that names none: one per token and hour, so that the run's cap cannot be avoided."""
    return f"implicit:{token.id}:{now // HOUR}"


def open_run(tx: Transaction, token: TokenFacts, claim: RunClaim) -> RunFacts:
    """The run a submission belongs to, created on first use. Every submission has one.

    A bound token has its run. Without a key, or with too many fresh keys within an hour, it is the implicit run of this
    token and hour, so that inventing run ids gains nothing.
    """
    if token.run_user is not None:
        claim = dataclasses.replace(claim, user=token.run_user)
    key = token.run_key or claim.key
    implicit = implicit_run(token, tx.now)
    if key is None:
        return _implicit(tx, token, claim, key=implicit)
    known = gate_queries.run(tx, agent_id=token.agent_id, key=key)
    if known is not None and known.closed_at is None:
        return known if known.implicit else fill(tx, known, claim, agent_id=token.agent_id, actor=_agent(token))
    opened = Cap(
        "runs_hour", "token", str(token.id), "runs", OPEN_RUNS_HOUR, HOUR_MINUTES, HOUR_BUCKET
    )  # fmt: skip
    if known is not None or (token.run_key is None and opened.room(tx).left == 0):
        return _implicit(tx, token, claim, key=implicit)
    opened.charge(tx, 1)
    return create(tx, claim, agent_id=token.agent_id, key=key, actor=_agent(token), token_id=token.id)


def _implicit(tx: Transaction, token: TokenFacts, claim: RunClaim, *, key: str) -> RunFacts:
    known = gate_queries.run(tx, agent_id=token.agent_id, key=key)
    if known is not None:
        return known
    # It is shared by all mail that names none: a single message cannot give it a task.
    members = dataclasses.replace(claim, purpose=None, targets=())
    return create(
        tx, members, agent_id=token.agent_id, key=key, actor=_agent(token), token_id=token.id, implicit=True
    )  # fmt: skip


def create(
    tx: Transaction,
    members: RunMembers,
    *,
    agent_id: int,
    key: str,
    actor: Actor,
    token_id: int | None = None,
    implicit: bool = False,
) -> RunFacts:
    """Create a run with what is declared so far; `token_id` is None if no token opened it."""
    declared = said(members)
    values = {"agent_id": agent_id, "key": key, "token_id": token_id, "implicit": implicit, "opened_at": tx.now}
    run_id = tx.create(RUN, values | _as_row({"via": (), "targets": ()} | declared))
    run = RunFacts(id=run_id, key=key, implicit=implicit, closed_at=None, confirmed_up_to=None, **declared)
    _log_declared(tx, run, before=RunMembers(), agent_id=agent_id, actor=actor)
    return run


def fill(tx: Transaction, run: RunFacts, members: RunMembers, *, agent_id: int, actor: Actor) -> RunFacts:
    """Add what the run has not declared yet. Declared values stay: an agent must not widen its own task."""
    late = {name: value for name, value in said(members).items() if not getattr(run, name)}
    if not late:  # repeating declared values changes nothing, and emits no event
        return run
    tx.write(update(RUN).where(RUN.c.id == run.id).values(**_as_row(late)))
    whole = dataclasses.replace(run, **late)
    _log_declared(tx, whole, before=run, agent_id=agent_id, actor=actor)
    return whole


def _log_declared(tx: Transaction, run: RunFacts, *, before: RunMembers, agent_id: int, actor: Actor) -> None:
    """Log a change of the run's task by anyone, and whatever an operator changed.

    What else an agent declares comes with a message, which has an event of its own; an operator's declaration would
    leave no trace. `targets` is how many the run names now, whoever named them.
    """
    task_changed = (run.purpose, run.targets) != (before.purpose, before.targets)
    if task_changed or actor.kind == "operator":
        tx.emit(RunDeclared(actor=str(actor), agent=agent_id, run=run.id, targets=len(run.targets)))


def said(members: RunMembers) -> dict[str, Any]:
    """The members that are declared."""
    return {name: value for name in RUN_MEMBERS if (value := getattr(members, name))}


def _as_row(members: Mapping[str, Any]) -> dict[str, Any]:
    """Declared members as column values of a run: lists are JSON."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in members.items()}


def _agent(token: TokenFacts) -> Actor:
    return Actor("agent", token.agent_name)


def contradicted(run: RunFacts, claim: RunClaim) -> list[str]:
    """Names of the members that the claim declares differently from the run."""
    return [name for name, value in said(claim).items() if getattr(run, name) not in (None, (), value)]


def unsaid(run: RunFacts, claim: RunClaim) -> tuple[str, ...]:
    """Members that neither the run nor this message declares. An implicit run is shared and declares nothing."""
    known = claim if run.implicit else run
    return tuple(name for name in RUN_MEMBERS if not (getattr(known, name) or getattr(claim, name)))


def task(run: RunFacts, claim: RunClaim, *, required: tuple[str, ...], missing: str) -> Task:
    """What the gate checks of the run that this message is submitted under."""
    lacks = tuple(name for name in unsaid(run, claim) if name in required) if required else ()
    other = not run.implicit and any(_wider(run.targets, pattern) for pattern in claim.targets)
    return Task(
        run=run.key, purpose=run.purpose or claim.purpose, unsaid=lacks, refuses=missing == "refuse",
        declares_other=other,
    )  # fmt: skip


def _wider(targets: tuple[str, ...], pattern: str) -> bool:
    """Whether a message names a target that its run is not for. A single address may lie within a pattern."""
    return pattern not in targets and ("*" in pattern or not on_task(targets, pattern))


def on_task(targets: tuple[str, ...], address: str) -> bool:
    """Whether the run is for this address; one without targets is for everybody."""
    return not targets or addresses.allowed(targets, address)

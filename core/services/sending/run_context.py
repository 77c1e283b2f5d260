"""The run that a message belongs to, what it declares, and which recipients it is for.

A run declares who started it, with which prompt and tools, and may declare its purpose and recipients. The first
declaration stays: an agent that could change it in its next message could leave its task. Anything not declared yet may
still be added.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import update

from core.db import gate_queries
from core.db.gate_queries import RunFacts, TokenFacts
from core.db.tables import RUN
from core.db.transaction import Transaction
from core.durations import HOUR
from core.events import RunDeclared
from core.model import Actor
from core.rules import addresses
from core.rules.budgets import HOUR_BUCKET, HOUR_MINUTES
from core.rules.gate import Task
from core.services.sending.limits import OPEN_RUNS_HOUR, Cap
from core.services.sending.submission import RunClaim

RUN_MEMBERS: Final = ("user", "via", "agent_version", "prompt_version", "tools_version", "purpose", "targets")
"""What a run may declare; the policy can require each."""


def implicit_run(token: TokenFacts, now: int) -> str:
    """Key of the run of mail that names none: one per token and hour, so that the run's cap cannot be avoided."""
    return f"implicit:{token.id}:{now // HOUR}"


def open_run(tx: Transaction, token: TokenFacts, claim: RunClaim) -> RunFacts:
    """The run a submission belongs to, created on first use. Every submission has one.

    A bound token has its run. Without a key, or with too many fresh keys within an hour, it is the implicit run of this
    token and hour, so that inventing run ids gains nothing.
    """
    key = token.run_key or claim.key
    implicit = implicit_run(token, tx.now)
    if key is None:
        return _run(tx, token, claim, key=implicit, implicit=True)
    known = gate_queries.run(tx, agent_id=token.agent_id, key=key)
    if known is not None and known.closed_at is None:
        return known if known.implicit else _complete(tx, token, known, claim)
    opened = Cap(
        "runs_hour", "token", str(token.id), "runs", OPEN_RUNS_HOUR, HOUR_MINUTES, HOUR_BUCKET
    )  # fmt: skip
    if known is not None or (token.run_key is None and opened.room(tx).left == 0):
        return _run(tx, token, claim, key=implicit, implicit=True)
    opened.charge(tx, 1)
    return _run(tx, token, claim, key=key, implicit=False)


def _complete(tx: Transaction, token: TokenFacts, run: RunFacts, claim: RunClaim) -> RunFacts:
    """Add what this message is the first to declare for the run; a change of its task emits an event."""
    whole = fill(tx, run, claim)
    if (whole.purpose, whole.targets) != (run.purpose, run.targets):
        actor = Actor("agent", token.agent_name)
        declare(tx, run.id, agent_id=token.agent_id, targets=len(whole.targets), actor=actor)
    return whole


def fill(tx: Transaction, run: RunFacts, claim: RunClaim) -> RunFacts:
    """Add what the run has not declared yet. Declared values stay: an agent must not widen its own task."""
    late = {name: value for name, value in said(claim).items() if not getattr(run, name)}
    if not late:
        return run
    tx.write(update(RUN).where(RUN.c.id == run.id).values(**as_row(late)))
    return dataclasses.replace(run, **late)


def said(claim: RunClaim) -> dict[str, Any]:
    """The members that a claim declares."""
    return {name: getattr(claim, name) for name in RUN_MEMBERS if getattr(claim, name)}


def as_row(members: Mapping[str, Any]) -> dict[str, Any]:
    """Declared members as column values of a run: lists are JSON."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in members.items()}


def contradicted(run: RunFacts, claim: RunClaim) -> list[str]:
    """Names of the members that the claim declares differently from the run."""
    return [name for name, value in said(claim).items() if getattr(run, name) not in (None, (), value)]


def declare(tx: Transaction, run_id: int, *, agent_id: int, targets: int, actor: Actor) -> None:
    """Log that a run declares its task; `targets` is how many it names now, whoever named them."""
    tx.emit(RunDeclared(actor=str(actor), agent=agent_id, run=run_id, targets=targets))


def unsaid(run: RunFacts, claim: RunClaim) -> tuple[str, ...]:
    """Members that neither the run nor this message declares. An implicit run is shared and declares nothing."""
    known = claim if run.implicit else run
    return tuple(name for name in RUN_MEMBERS if not (getattr(known, name) or getattr(claim, name)))


def _run(tx: Transaction, token: TokenFacts, claim: RunClaim, *, key: str, implicit: bool) -> RunFacts:
    known = gate_queries.run(tx, agent_id=token.agent_id, key=key)
    if known is not None:
        return known
    # An implicit run is shared by all mail that names none: a single message cannot give it a task.
    purpose = None if implicit else claim.purpose
    targets = () if implicit else claim.targets
    values: dict[str, Any] = {
        "agent_id": token.agent_id,
        "key": key,
        "token_id": token.id,
        "implicit": implicit,
        "user": token.run_user or claim.user,
        "via": list(claim.via),
        "agent_version": claim.agent_version,
        "prompt_version": claim.prompt_version,
        "tools_version": claim.tools_version,
        "purpose": purpose,
        "targets": list(targets),
        "opened_at": tx.now,
    }
    run_id = tx.create(RUN, values)
    if purpose or targets:
        actor = Actor("agent", token.agent_name)
        declare(tx, run_id, agent_id=token.agent_id, targets=len(targets), actor=actor)
    return RunFacts(
        id=run_id, key=key, implicit=implicit, closed_at=None, confirmed_up_to=None, user=values["user"],
        via=claim.via, agent_version=claim.agent_version, prompt_version=claim.prompt_version,
        tools_version=claim.tools_version, purpose=purpose, targets=targets,
    )  # fmt: skip


def task(run: RunFacts, claim: RunClaim, *, required: tuple[str, ...], missing: str) -> Task:
    """What the gate checks of the run that this message is submitted under."""
    lacks = tuple(name for name in unsaid(run, claim) if name in required)
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

"""Runs: one execution of an agent each, capped for life unless a person confirms how far it may go.

A confirmation lifts the hold of the run's cap and nothing else: a message held for another reason as well stays
pending, and a released one is judged again at departure like any mail that no person has read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select, update

from core.db import gate_queries
from core.db.due import NOW, spelled
from core.db.tables import AGENT, COUNTER, MESSAGE, REVIEW, RUN
from core.db.transaction import Transaction
from core.errors import Conflict, Invalid, NotFound
from core.events import RunClosed, RunConfirmed
from core.model import Actor, RunMembers, Status
from core.rules.roles import Verb
from core.services import access
from core.services.context import require_reason
from core.services.sending import limits, review, run_context
from core.services.sending.submission import RunClaim

RUN_CAP: Final = "run_cap"
CONFIRMED: Final = "confirmed"
"""State of a held message released by the run's confirmation. Not `released`: no person has read it."""
CONFIRMED_DUE: Final = exists().where(REVIEW.c.status == spelled(CONFIRMED), REVIEW.c.due_at <= NOW)
MOST: Final = 10_000_000
BATCH_SIZE: Final = 200
"""Messages released in one transaction; the scheduler does the rest, so that the writer is never held up for long."""
CHUNK: Final = 500
PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Result of a confirmation. `still_pending`: held for another reason as well, or beyond `up_to`."""

    up_to: int
    released: int
    still_pending: int


@dataclass(frozen=True, slots=True)
class RunView(RunMembers):
    """A run as operators see it. `accepted` counts recipients, less those rejected, expired or cancelled."""

    id: int
    agent_id: int
    agent: str
    key: str
    implicit: bool
    opened_at: int
    closed_at: int | None
    confirmed_up_to: int | None
    confirmed_by: str | None
    accepted: int


# --- verbs --------------------------------------------------------------------------------------------------------


def confirm_run(tx: Transaction, *, agent: str, key: str, up_to: int, reason: str, actor: Actor) -> Confirmed:
    """Let a run reach `up_to` recipients. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    actor = access.require(tx, actor, Verb.RUN_CONFIRM)
    run = _run(tx, agent, key)
    why = require_reason(reason)
    if not 0 < up_to <= MOST:
        raise Invalid(f"--up-to is 1 to {MOST:,}", problems=(("up_to", f"is not 1 to {MOST:,}"),))
    if run.confirmed_up_to is not None and up_to <= run.confirmed_up_to:
        raise Conflict(
            f"the run is confirmed up to {run.confirmed_up_to:,} already, by {run.confirmed_by}",
            fix="confirm it up to more than that",
        )
    tx.write(update(RUN).where(RUN.c.id == run.id).values(confirmed_up_to=up_to, confirmed_by=actor.name))
    held = _held(tx, run.id)
    fitting = _fitting(tx, held, run_id=run.id, up_to=up_to)
    free = [item for item in fitting if len(item.reasons) == 1]
    _let_go(tx, free, actor=actor, why=why)
    for item in fitting:
        if len(item.reasons) > 1:
            others = [reason for reason in item.reasons if reason["code"] != RUN_CAP]
            tx.write(update(REVIEW).where(REVIEW.c.id == item.id).values(reasons=others))
    tx.emit(RunConfirmed(actor=str(actor), agent=run.agent_id, run=run.id, up_to=up_to, reason=why, released=len(free)))
    release_confirmed(tx)
    return Confirmed(up_to, released=len(free), still_pending=len(held) - len(free))


def release_confirmed(tx: Transaction, *, limit: int = BATCH_SIZE) -> int:
    """Move confirmed messages into their lanes, a batch at a time. Returns how many. The scheduler calls it."""
    c = REVIEW.c
    items = tx.all(
        select(c.id, c.mailbox_id, MESSAGE.c.status)
        .join(MESSAGE, MESSAGE.c.id == c.message_id)
        .where(c.status == CONFIRMED, c.due_at <= tx.now)
        .order_by(c.due_at, c.id)
        .limit(limit)
    )
    for item in items:
        tx.write(update(REVIEW).where(c.id == item.id).values(due_at=None))
        if item.status == Status.PENDING:  # else cancelled meanwhile
            review.into_lanes(tx, item.id, gate_queries.gate(tx, item.mailbox_id))
    return len(items)


def open_run(tx: Transaction, *, agent: str, claim: RunClaim, actor: Actor) -> int:
    """Start a run before its first message, or add what an open run has not declared yet; returns its id.

    Declared values do not change: the agent relies on them, and reviewers have seen them. Raises `Forbidden`,
    `NotFound`, `Invalid`, `Conflict`.
    """
    actor = access.require(tx, actor, Verb.RUN_OPEN)
    if not claim.key:
        raise Invalid("a run needs an id", problems=(("id", "is missing"),))
    bearer = tx.one(select(AGENT.c.id).where(AGENT.c.name == agent))
    if bearer is None:
        raise NotFound(f"there is no agent {agent}", fix="postroom agent list shows them all")
    known = gate_queries.run(tx, agent_id=bearer.id, key=claim.key)
    if known is None:
        return run_context.create(tx, claim, agent_id=bearer.id, key=claim.key, actor=actor).id
    if known.closed_at is not None:
        raise Conflict(f"run {claim.key} of {agent} is closed", fix="start one under another id")
    if changed := run_context.contradicted(known, claim):
        raise Conflict(f"run {claim.key} of {agent} has already declared its {', '.join(changed)}", fix="leave it out")
    return run_context.fill(tx, known, claim, agent_id=bearer.id, actor=actor).id


def close_run(tx: Transaction, *, agent: str, key: str, actor: Actor) -> int:
    """Close a run to further mail. Returns how many recipients it had accepted.

    A token bound to the run is useless from then on; mail of other tokens that names it joins the implicit run.

    For operators who may stop an agent, for the scheduler, and for the agent itself. Raises `Forbidden`, `NotFound`,
    `Conflict`.
    """
    by_agent_itself = actor.kind == "agent" and actor.name == agent
    if actor.kind != "system" and not by_agent_itself:
        actor = access.require(tx, actor, Verb.AGENT_SUSPEND)
    run = _run(tx, agent, key)
    if run.closed_at is not None:
        raise Conflict(f"run {key} of {agent} is closed already")
    accepted = limits.run_accepted(tx, run.id)
    tx.write(update(RUN).where(RUN.c.id == run.id).values(closed_at=tx.now))
    tx.emit(RunClosed(actor=str(actor), agent=run.agent_id, run=run.id, accepted=accepted))
    return accepted


# --- reads --------------------------------------------------------------------------------------------------------


def show(conn: Connection, *, agent: str, key: str) -> RunView:
    """One run. Raises `NotFound`."""
    rows = conn.execute(_views().where(AGENT.c.name == agent, RUN.c.key == key)).all()
    if not rows:
        raise _unknown(agent, key)
    return _with_accepted(conn, rows)[0]


def find(conn: Connection, run: str, *, agent: str | None = None, number: int | None = None) -> RunView:
    """The run of this key, `AGENT/KEY` or number; `agent` is needed only if several agents have a run of this key.

    Raises `NotFound`, `Conflict`.
    """
    named, _, key = run.partition("/") if agent is None else (agent, "", run)
    matching = RUN.c.key == run if agent is None else and_(RUN.c.key == run, AGENT.c.name == agent)
    if agent is None and key:
        matching = or_(matching, and_(RUN.c.key == key, AGENT.c.name == named))
    rows = conn.execute(_views().where(matching).order_by(RUN.c.id).limit(PAGE)).all()
    if not rows and number is not None:
        numbered = RUN.c.id == number if agent is None else and_(RUN.c.id == number, AGENT.c.name == agent)
        rows = conn.execute(_views().where(numbered)).all()
    if not rows:
        raise NotFound(f"there is no run {run}", fix="postroom run list lists them")
    if len(rows) > 1:
        agents = ", ".join(row.agent for row in rows)
        raise Conflict(f"several agents have a run {run}: {agents}", fix="name the agent: --agent")
    return _with_accepted(conn, rows)[0]


def listed(
    conn: Connection, *, agent: str | None = None, before: int | None = None, limit: int = PAGE
) -> list[RunView]:
    """Runs of one agent or of all, the newest first, with ids below `before`."""
    statement = _views().order_by(RUN.c.id.desc()).limit(limit)
    if agent is not None:
        statement = statement.where(AGENT.c.name == agent)
    if before is not None:
        statement = statement.where(RUN.c.id < before)
    return _with_accepted(conn, conn.execute(statement).all())


# --- helpers ------------------------------------------------------------------------------------------------------


def _held(tx: Transaction, run_id: int) -> Sequence[Row[Any]]:
    """Pending messages of a run that its cap holds, alone or with other reasons, in order of arrival."""
    rows = tx.all(
        select(REVIEW.c.id, REVIEW.c.mailbox_id, REVIEW.c.reasons, MESSAGE.c.open)
        .join(MESSAGE, MESSAGE.c.id == REVIEW.c.message_id)
        .where(
            MESSAGE.c.run_id == run_id, MESSAGE.c.status == Status.PENDING.value, REVIEW.c.status == "pending",
            REVIEW.c.expires_at > tx.now,
        )
        .order_by(MESSAGE.c.id)
    )  # fmt: skip
    return [row for row in rows if any(reason["code"] == RUN_CAP for reason in row.reasons)]


def _fitting(tx: Transaction, held: Sequence[Row[Any]], *, run_id: int, up_to: int) -> list[Row[Any]]:
    """The first held messages that bring the run to `up_to` at most; those behind one that does not fit wait too."""
    reached = limits.run_accepted(tx, run_id) - sum(item.open for item in held)
    fitting: list[Row[Any]] = []
    for item in held:
        reached += item.open
        if reached > max(up_to, limits.run_cap(tx, gate_queries.gate(tx, item.mailbox_id))):
            break
        fitting.append(item)
    return fitting


def _let_go(tx: Transaction, items: Collection[Row[Any]], *, actor: Actor, why: str) -> None:
    ids = [item.id for item in items]
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        review.end_claims(tx, chunk)
        tx.write(
            update(REVIEW)
            .where(REVIEW.c.id.in_(chunk))
            .values(
                status=CONFIRMED, due_at=tx.now, release_at=tx.now, decided_at=tx.now, decided_by=actor.name, reason=why
            )
        )
    for mailbox_id, n in Counter(item.mailbox_id for item in items).items():
        review.count_pending(tx, gate_queries.gate(tx, mailbox_id), n=-n)


def _run(tx: Transaction, agent: str, key: str) -> Row[Any]:
    row = tx.one(select(RUN).join(AGENT, AGENT.c.id == RUN.c.agent_id).where(AGENT.c.name == agent, RUN.c.key == key))
    if row is None:
        raise _unknown(agent, key)
    return row


def _unknown(agent: str, key: str) -> NotFound:
    return NotFound(f"{agent} has no run {key}", fix="postroom run list lists them")


def _views() -> Select[Any]:
    return select(RUN, AGENT.c.name.label("agent")).join(AGENT, AGENT.c.id == RUN.c.agent_id)


def _with_accepted(conn: Connection, rows: Sequence[Row[Any]]) -> list[RunView]:
    c = COUNTER.c
    counted = conn.execute(
        select(c.key, func.sum(c.n).label("n"))
        .where(c.scope == "run", c.kind == "accepted", c.key.in_([str(row.id) for row in rows]))
        .group_by(c.key)
    )
    accepted = {row.key: int(row.n) for row in counted}
    return [
        RunView(
            id=row.id, agent_id=row.agent_id, agent=row.agent, key=row.key, implicit=row.implicit,
            opened_at=row.opened_at, closed_at=row.closed_at, confirmed_up_to=row.confirmed_up_to,
            confirmed_by=row.confirmed_by, accepted=accepted.get(str(row.id), 0), **gate_queries.run_members(row),
        )
        for row in rows
    ]  # fmt: skip

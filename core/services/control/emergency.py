"""Emergency controls: stop and resume an agent, a stream, a lane or the whole desk.

Each is one row, whatever is queued. The queue is not touched; the gate reads the row before every attempt. Anyone who
watches mail may stop. Resuming is restricted, and the operator who suspended an agent can never resume it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, func, select, update

from core.db import directory, gate_queries
from core.db.counters import EVER
from core.db.queue import wake
from core.db.tables import AGENT, DESK, IN_FLIGHT, LANE, MAILBOX, STREAM
from core.db.transaction import Transaction
from core.durations import FAR_FUTURE
from core.errors import Conflict, Forbidden, NotFound
from core.events import (
    AgentResumed,
    AgentSuspended,
    Data,
    DeskStarted,
    DeskStartVoted,
    DeskStopped,
    LanePaused,
    LaneResumed,
    StreamPaused,
    StreamResumed,
)
from core.model import Actor, Role
from core.rules import roles
from core.rules.roles import Verb
from core.services import access
from core.services.context import require_reason, stream_named
from core.services.control import guard_rates

LOG_CHECK: Final = "log check"
"""Recorded as who stopped the desk if the log fails its check; only governance can start it again."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a suspension found: deliveries that had started before it, and mail it keeps where it is."""

    agent_id: int
    in_flight: int
    queued: int
    pending: int


@dataclass(frozen=True, slots=True)
class Started:
    """Whether the desk runs again, and who has voted for it so far."""

    running: bool
    by: tuple[str, ...]


# --- agents -------------------------------------------------------------------------------------------------------


def suspend_agent(tx: Transaction, name: str, *, reason: str, actor: Actor) -> Frozen:
    """Suspend an agent: from this commit on, no new delivery starts. Raises `Forbidden`, `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.AGENT_SUSPEND)
    agent = _agent(tx, name)
    if agent.status == "suspended":
        raise Conflict(
            f"{agent.name} is already suspended, by {agent.suspended_by}: {agent.suspend_reason}",
            fix="postroom agent show says since when",
        )
    return freeze(tx, agent.id, reason=require_reason(reason), actor=actor)


def freeze(
    tx: Transaction,
    agent_id: int,
    *,
    reason: str,
    actor: Actor,
    guard: str | None = None,
    figures: Mapping[str, Data] | None = None,
) -> Frozen:
    """Suspend, for an operator and a guard alike; the caller has checked permission."""
    frozen = Frozen(
        agent_id,
        in_flight=_started(tx, MAILBOX.c.agent_id == agent_id),
        queued=tx.counters.total("agent", str(agent_id), "waiting", since=EVER),
        pending=tx.counters.total("agent", str(agent_id), "pending", since=EVER),
    )
    evidence = dict(figures or {})
    tx.write(
        update(AGENT)
        .where(AGENT.c.id == agent_id)
        .values(
            status="suspended",
            suspended_at=tx.now,
            suspended_by=str(actor),
            suspend_reason=reason,
            suspend_figures=evidence,
        )
    )
    tx.emit(
        AgentSuspended(
            actor=str(actor), agent=agent_id, reason=reason, guard=guard, figures=evidence,
            in_flight=frozen.in_flight, queued=frozen.queued, pending=frozen.pending,
        )
    )  # fmt: skip
    return frozen


def resume_agent(tx: Transaction, name: str, *, reason: str, actor: Actor) -> None:
    """Resume an agent and re-arm its guards. Raises `Forbidden` (also for its suspender), `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.AGENT_RESUME)
    agent = _agent(tx, name)
    if agent.status != "suspended":
        raise Conflict(f"{agent.name} is not suspended", fix="postroom agent list shows which agents are")
    roles.check_other(actor, Verb.AGENT_RESUME, first=agent.suspended_by or "")
    why = require_reason(reason)
    guard_rates.forgive(tx, agent.id)
    tx.write(
        update(AGENT)
        .where(AGENT.c.id == agent.id)
        .values(
            status="active",
            suspended_at=None,
            suspended_by=None,
            suspend_reason=None,
            suspend_figures={},
            guard_since=tx.now,
            warned={},
        )
    )
    wake(tx, MAILBOX.c.agent_id == agent.id)
    tx.emit(AgentResumed(actor=str(actor), agent=agent.id, reason=why))


# --- streams and lanes --------------------------------------------------------------------------------------------


def pause_stream(tx: Transaction, domain: str, *, reason: str, actor: Actor) -> int:
    """Pause a stream: no new delivery starts. Returns how many had. Raises `Forbidden`, `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.STREAM_PAUSE)
    stream = stream_named(tx, domain)
    if stream.paused_at is not None:
        raise Conflict(f"{stream.domain} is already paused, by {stream.paused_by}: {stream.pause_reason}")
    why = require_reason(reason)
    _set_pause(tx, STREAM, stream.id, paused_at=tx.now, paused_by=str(actor), pause_reason=why)
    in_flight = _started(tx, MAILBOX.c.stream_id == stream.id)
    tx.emit(StreamPaused(actor=str(actor), stream=stream.id, reason=why, in_flight=in_flight))
    return in_flight


def resume_stream(tx: Transaction, domain: str, *, reason: str, actor: Actor) -> None:
    """Resume deliveries of this stream. Raises `Forbidden`, `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.STREAM_RESUME)
    stream = stream_named(tx, domain)
    if stream.paused_at is None:
        raise Conflict(f"{stream.domain} is not paused")
    why = require_reason(reason)
    _set_pause(tx, STREAM, stream.id, paused_at=None, paused_by=None, pause_reason=None)
    tx.emit(StreamResumed(actor=str(actor), stream=stream.id, reason=why))


def pause_lane(tx: Transaction, lane_id: int, *, reason: str, actor: Actor) -> None:
    """Pause a lane: no new delivery starts. Raises `Forbidden`, `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.LANE_PAUSE)
    lane = _lane(tx, lane_id)
    if lane.paused_at is not None:
        raise Conflict(f"the lane to {lane.domain} is already paused, by {lane.paused_by}: {lane.pause_reason}")
    why = require_reason(reason)
    # Mail that arrives later must not wake it: `not_before` holds back every due time.
    asleep = {"next_at": FAR_FUTURE, "not_before": FAR_FUTURE}
    _set_pause(tx, LANE, lane_id, paused_at=tx.now, paused_by=str(actor), pause_reason=why, **asleep)
    tx.emit(LanePaused(actor=str(actor), **_of_lane(lane), reason=why))


def resume_lane(tx: Transaction, lane_id: int, *, reason: str, actor: Actor) -> None:
    """Resume deliveries of this lane. Raises `Forbidden`, `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.LANE_RESUME)
    lane = _lane(tx, lane_id)
    if lane.paused_at is None:
        raise Conflict(f"the lane to {lane.domain} is not paused")
    why = require_reason(reason)
    awake = {"next_at": tx.now, "not_before": 0, "waits_for": None}
    _set_pause(tx, LANE, lane_id, paused_at=None, paused_by=None, pause_reason=None, **awake)
    tx.emit(LaneResumed(actor=str(actor), **_of_lane(lane), reason=why))


# --- the desk -----------------------------------------------------------------------------------------------------


def stop(tx: Transaction, *, reason: str, actor: Actor) -> int:
    """All-stop: no delivery starts anywhere. Returns how many had started. Raises `Forbidden`.

    Repeating it emits another event and discards all votes for starting.
    """
    actor = access.require(tx, actor, Verb.DESK_STOP)
    why = require_reason(reason)
    values: dict[str, Any] = {"start_votes": []}
    if gate_queries.desk(tx).stopped_at is None:
        values |= {"stopped_at": tx.now, "stopped_by": str(actor), "stop_reason": why}
    tx.write(update(DESK).where(DESK.c.id == 1).values(**values))
    in_flight = _started(tx)
    tx.emit(DeskStopped(actor=str(actor), reason=why, in_flight=in_flight))
    return in_flight


def start(tx: Transaction, *, reason: str, actor: Actor) -> Started:
    """End the all-stop: one governance operator, or the second of two on call. Raises `Forbidden`, `Conflict`."""
    actor = access.require(tx, actor, Verb.DESK_START)
    desk = gate_queries.desk(tx)
    if desk.stopped_at is None:
        raise Conflict("the desk is not stopped")
    if desk.stopped_by == LOG_CHECK and Role.GOVERNANCE not in actor.roles:
        raise Forbidden(
            "the desk is stopped because of its log; governance decides whether to continue with this log",
            fix="postroom audit verify, then governance: postroom start --reason TEXT",
        )
    why = require_reason(reason)
    earlier = [name for name in desk.start_votes if name.casefold() != actor.name.casefold()]
    by = (*earlier, actor.name)
    if not roles.may_start([*_voters(tx, earlier), actor]):
        tx.write(update(DESK).where(DESK.c.id == 1).values(start_votes=list(by)))
        tx.emit(DeskStartVoted(actor=str(actor), reason=why, by=list(by)))
        return Started(running=False, by=by)
    tx.write(
        update(DESK).where(DESK.c.id == 1).values(stopped_at=None, stopped_by=None, stop_reason=None, start_votes=[])
    )
    tx.emit(DeskStarted(actor=str(actor), reason=why, by=list(by)))
    return Started(running=True, by=by)


# --- helpers ------------------------------------------------------------------------------------------------------


def _agent(tx: Transaction, name: str) -> Row[Any]:
    row = tx.one(select(AGENT).where(AGENT.c.name == name))
    if row is None:
        raise NotFound(f"there is no agent {name}", fix="postroom agent list lists them")
    return row


def _lane(tx: Transaction, lane_id: int) -> Row[Any]:
    row = tx.one(
        select(LANE, MAILBOX.c.agent_id, MAILBOX.c.stream_id)
        .join(MAILBOX, MAILBOX.c.id == LANE.c.mailbox_id)
        .where(LANE.c.id == lane_id)
    )
    if row is None:
        raise NotFound(f"there is no lane {lane_id}", fix="postroom queue lanes lists them")
    return row


def _of_lane(lane: Row[Any]) -> dict[str, Any]:
    return {
        "lane": lane.id,
        "domain": lane.domain,
        "mailbox": lane.mailbox_id,
        "agent": lane.agent_id,
        "stream": lane.stream_id,
    }


def _set_pause(tx: Transaction, where: Any, row_id: int, **values: Any) -> None:
    tx.write(update(where).where(where.c.id == row_id).values(**values))


def _started(tx: Transaction, which: ColumnElement[bool] | None = None) -> int:
    """Count deliveries whose attempt has committed. Cheap: in flight is never more than the workers hold."""
    statement = (
        select(func.count())
        .select_from(IN_FLIGHT.join(MAILBOX, MAILBOX.c.id == IN_FLIGHT.c.mailbox_id))
        .where(IN_FLIGHT.c.attempted_at.is_not(None))
    )
    row = tx.one(statement if which is None else statement.where(which))
    return int(row[0]) if row else 0


def _voters(tx: Transaction, names: list[str]) -> list[Actor]:
    """Earlier voters who could still vote; one who was disabled or has no valid token since does not count."""
    found = (directory.operator(tx.conn, name) for name in names)
    return [
        one.actor
        for one in found
        if one is not None and one.claimed and one.disabled_at is None and not one.expired(tx.now)
    ]

"""Results of the incident: figures for each agent and for the transactional stream, read from the desk's log.

The scenario itself supplies only three things, because the log is checked against them: what was submitted, attempts
that committed although their agent was suspended, and how long a password reset waited.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import select

from core.db import audit_log
from core.db.audit_log import Entry
from core.db.counters import EVER
from core.db.store import Store
from core.db.tables import AGENT
from core.demo.live_figures import Figures
from core.durations import MICROS
from core.services.sending import refusals


@dataclass(slots=True)
class ModeFigures:
    """Results of one agent's attempt. Times are seconds since the start, None for events that did not happen."""

    agent: str
    mode: str
    attempted: int = 0
    left: int = 0
    held: int = 0
    refused: int = 0
    rate_limited: int = 0
    waiting: int = 0
    """Accepted, and neither sent nor held: queued, or frozen by a suspension."""
    bounces: int = 0
    complaints: int = 0
    suppressed: int = 0
    first_complaint_at: float | None = None
    suspended_at: float | None = None
    suspended_for: str | None = None
    left_until_then: int | None = None
    in_flight: int = 0
    """Deliveries that had started when the suspension committed."""
    left_after_suspension: int = 0
    """Attempts that committed after it."""

    @property
    def first_complaint_to_suspension(self) -> float | None:
        """Seconds; None without a suspension, or if bounces caused it before the first complaint."""
        if self.suspended_at is None or self.first_complaint_at is None:
            return None
        return round(self.suspended_at - self.first_complaint_at, 1)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"first_complaint_to_suspension": self.first_complaint_to_suspension}


@dataclass(slots=True)
class StreamFigures:
    """The concurrent transactional stream. `longest_wait`: seconds from submission to the start of delivery."""

    submitted: int = 0
    sent: int = 0
    delayed: int = 0
    longest_wait: float = 0.0

    @property
    def effect(self) -> str:
        lost = self.submitted - self.sent
        return f"{self.delayed:,} delayed, {lost:,} not sent" if lost or self.delayed else "none"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"effect": self.effect}


@dataclass(slots=True)
class CaseFigures:
    """One table. `events`, `audit_ok` and `seconds` apply to the case's whole desk."""

    case: str
    modes: list[ModeFigures] = field(default_factory=list)
    transactional: StreamFigures = field(default_factory=StreamFigures)
    events: int = 0
    audit_ok: bool = False
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "case": self.case,
            "modes": [one.as_json() for one in self.modes],
            "transactional": self.transactional.as_json(),
            "events": self.events,
            "audit_ok": self.audit_ok,
            "seconds": self.seconds,
        }

    def together(self) -> Figures:
        """The agents' mail summed, in the shape every demonstration uses; without the transactional stream."""
        held = self.modes
        return Figures(
            submitted=sum(one.attempted for one in held),
            sent=sum(one.left for one in held),
            pending=sum(one.held for one in held),
            queued=sum(one.waiting for one in held if one.suspended_at is None),
            frozen=sum(one.waiting for one in held if one.suspended_at is not None),
            blocked=sum(one.refused for one in held),
            rate_limited=sum(one.rate_limited for one in held),
            bounced=sum(one.bounces for one in held),
            complained=sum(one.complaints for one in held),
            suppressed=sum(one.suppressed for one in held),
            suspended=[
                {"agent": one.agent, "reason": one.suspended_for, "after_sent": one.left_until_then}
                for one in held
                if one.suspended_at is not None
            ],
            departed_after_suspension=sum(one.left_after_suspension for one in held),
            events=self.events,
            audit_ok=self.audit_ok,
            seconds=self.seconds,
        )


def read_figures(store: Store, figures: CaseFigures, *, beside: str, since: int) -> None:
    """Fill in from log and counters what the scenario does not have. `beside` names the transactional agent."""
    store.transact(refusals.tell)  # write the refusals counted so far to the log, to include them
    ids = {row.name: row.id for row in store.rows(select(AGENT.c.id, AGENT.c.name))}
    by_id = {ids[one.agent]: one for one in figures.modes}
    with store.read() as conn:
        while entries := audit_log.read(conn, after=figures.events):
            figures.events = entries[-1].seq
            for entry in entries:
                agent = entry.event.agent
                if agent in by_id:
                    _count(by_id[agent], entry, since=since)
                elif agent == ids[beside] and entry.event.type == "email.sent":
                    figures.transactional.sent += 1
        figures.audit_ok = audit_log.verify(conn).ok
    for agent, one in by_id.items():
        key = str(agent)
        one.held = store.look(lambda tx, key=key: tx.counters.total("agent", key, "pending", since=EVER))  # type: ignore[misc]  # bound now


def _count(one: ModeFigures, entry: Entry, *, since: int) -> None:
    event = entry.event
    at = round((entry.at - since) / MICROS, 1)
    match event.type:
        case "email.queued":
            one.waiting += 1
        case "email.sent":
            one.waiting -= 1
            one.left += 1
        case "email.blocked":
            data = event.data()
            limited, many = data["error"] == "rate_limited", int(str(data["refusals"]))
            one.rate_limited += many * limited
            one.refused += many * (not limited)
        case "email.bounced":
            one.bounces += 1
        case "email.complained":
            one.complaints += 1
            one.first_complaint_at = at if one.first_complaint_at is None else one.first_complaint_at
        case "suppression.added":
            one.suppressed += 1
        case "agent.suspended":
            data = event.data()
            one.suspended_at, one.suspended_for = at, str(data["reason"])
            one.left_until_then, one.in_flight = one.left, int(str(data["in_flight"]))
        case _:
            pass

"""What became of the live demonstration's mail, read from its desk: the log and the recipients, not the simulation."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import func, select

from core.db import audit_log
from core.db.store import Store
from core.db.tables import AGENT, MESSAGE, RECIPIENT
from core.events import EmailReceived, Event
from core.model import Action, Status
from core.services.sending import refusals


@dataclass(slots=True)
class Figures:
    """Results, in recipients. Every submitted recipient is counted in exactly one of `PARTS`.

    `pending` includes approved mail that is not released yet, `queued` includes mail in flight; a suspended agent's
    queued or deferred mail counts as `frozen`.
    """

    submitted: int = 0
    sent: int = 0
    pending: int = 0
    queued: int = 0
    deferred: int = 0
    frozen: int = 0
    uncertain: int = 0
    failed: int = 0
    rejected: int = 0
    expired: int = 0
    cancelled: int = 0
    left_out: int = 0
    """Accepted, and then not sent: suppressed, mostly."""
    blocked: int = 0
    rate_limited: int = 0
    bounced: int = 0
    complained: int = 0
    suppressed: int = 0
    suspended: list[dict[str, Any]] = field(default_factory=list)
    departed_after_suspension: int = 0
    received: int = 0
    """Messages that mailboxes of the desk received."""
    received_held: int = 0
    """Those among them that a person looks at before their agent can."""
    events: int = 0
    audit_ok: bool = False
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def parts(self) -> dict[str, int]:
        """Where all submitted recipients are; the sum is `submitted`."""
        return {name: int(getattr(self, name)) for name in PARTS}


PARTS: Final = (
    *("sent", "pending", "queued", "deferred", "frozen", "uncertain", "failed"),
    *("rejected", "expired", "cancelled", "left_out", "blocked", "rate_limited"),
)


def figures_of(store: Store, *, seconds: float) -> Figures:
    """Read the log once, then count where every recipient is.

    `departed_after_suspension` counts what was sent beyond the deliveries in flight at the suspension. `submitted`
    comes from the log, accepted and refused; the parts come from the recipients' rows: each checks the other.
    """
    store.transact(refusals.tell)  # write the refusals counted so far to the log, to include them
    found = Figures(seconds=seconds)
    sent_by: dict[int, int] = {}
    allowed: dict[int, int] = {}
    after = 0
    with store.read() as conn:
        while entries := audit_log.read(conn, after=after):
            after = entries[-1].seq
            for entry in entries:
                _count(found, entry, sent_by, allowed)
                if isinstance(entry.event, EmailReceived):
                    found.received += 1
                    found.received_held += entry.event.held
        found.events = after
        found.audit_ok = audit_log.verify(conn).ok
    for one in found.suspended:
        one["agent"] = _agent_name(store, one["agent"])
    _take_stock(found, store)
    return found


def _take_stock(found: Figures, store: Store) -> None:
    """Count every recipient the desk accepted, by its state."""
    rows = store.rows(
        select(RECIPIENT.c.status, AGENT.c.status.label("agent"), func.count().label("many"))
        .join(MESSAGE, MESSAGE.c.id == RECIPIENT.c.message_id)
        .join(AGENT, AGENT.c.id == MESSAGE.c.agent_id)
        .group_by(RECIPIENT.c.status, AGENT.c.status)
    )
    for row in rows:
        name = _stands(Status(row.status), frozen=row.agent == "suspended")
        setattr(found, name, getattr(found, name) + row.many)


def _stands(status: Status, *, frozen: bool) -> str:
    """Return the part of `Figures` that a recipient belongs to."""
    match status:
        case Status.QUEUED | Status.DEFERRED if frozen:
            return "frozen"
        case Status.SENDING:
            return Status.QUEUED.value
        case Status.BLOCKED:
            return "left_out"
        case _:
            return status.value


def _count(found: Figures, entry: audit_log.Entry, sent_by: dict[int, int], allowed: dict[int, int]) -> None:
    event, data = entry.event, entry.event.data()
    agent = event.agent or 0
    match event.type:
        case "email.submitted":
            found.submitted += int(str(data["recipients"]))
        case "email.sent":
            sent_by[agent] = sent_by.get(agent, 0) + 1
            if agent in allowed:
                allowed[agent] -= 1
                found.departed_after_suspension += allowed[agent] < 0
        case "email.blocked" if event.message is None and data["kind"] in (Action.SEND, Action.REPLY):
            _count_refused(found, event, suspended=agent in allowed)
        case "email.bounced":
            found.bounced += 1
        case "email.complained":
            found.complained += 1
        case "suppression.added":
            found.suppressed += 1
        case "agent.suspended":
            allowed[agent] = int(str(data["in_flight"]))
            found.suspended.append(
                {
                    "agent": agent,
                    "reason": data["reason"],
                    "after_sent": sent_by.get(agent, 0),
                    "by": event.actor,
                    "refused_since": 0,
                }
            )
        case "agent.resumed":
            allowed.pop(agent, None)
        case _:
            pass


def _count_refused(found: Figures, event: Event, *, suspended: bool) -> None:
    data = event.data()
    many, limited = int(str(data["recipients"])), data["error"] == "rate_limited"
    found.submitted += many
    found.rate_limited += many * limited
    found.blocked += many * (not limited)
    for one in found.suspended:
        one["refused_since"] += many * (suspended and one["agent"] == event.agent)


def _agent_name(store: Store, agent_id: int) -> str:
    row = store.row(select(AGENT.c.name).where(AGENT.c.id == agent_id))
    return str(row.name) if row else str(agent_id)

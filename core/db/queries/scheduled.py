"""Mail scheduled by its agent for later: the total, and pages with the earliest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select, tuple_

from core.db.counters import EVER
from core.db.tables import AGENT, COUNTER, MAILBOX, MESSAGE, RECIPIENT
from core.durations import stamp
from core.errors import Invalid
from core.ids import read_id, spell_id
from core.model import Status
from core.views.lanes import Scheduled

PAGE: Final = 100
_WAITING: Final = MESSAGE.c.status == Status.SCHEDULED.value


@dataclass(frozen=True, slots=True)
class ScheduledRow:
    """A message that is sent at `send_at` at the earliest."""

    id: str
    agent: str
    mailbox: str
    to: tuple[str, ...]
    subject: str
    send_at: int
    submitted_at: int

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "status": Status.SCHEDULED.value,
            "agent": self.agent,
            "mailbox": self.mailbox,
            "to": list(self.to),
            "subject": self.subject,
            "send_at": stamp(self.send_at),
            "submitted_at": stamp(self.submitted_at),
        }


@dataclass(frozen=True, slots=True)
class ScheduledPage:
    """`next_cursor` is None on the last page."""

    messages: tuple[ScheduledRow, ...]
    next_cursor: str | None

    def as_json(self) -> dict[str, Any]:
        return {"messages": [row.as_json() for row in self.messages], "next_cursor": self.next_cursor}


def summary(conn: Connection) -> Scheduled:
    """Read the stored counter and the first row of an index: the cost does not grow with the messages that wait."""
    c = COUNTER.c
    counted = select(c.n).where(c.scope == "desk", c.key == "", c.kind == "scheduled", c.minute == EVER)
    next_at = conn.execute(select(func.min(MESSAGE.c.send_at)).where(_WAITING)).scalar()
    return Scheduled(conn.execute(counted).scalar() or 0, None if next_at is None else int(next_at))


def page(
    conn: Connection, mailbox: str | None = None, *, cursor: str | None = None, limit: int = PAGE
) -> ScheduledPage:
    """A page of one mailbox's scheduled mail (a canonical address), or the desk's. Raises `Invalid`: the cursor."""
    m = MESSAGE.c
    query = (
        select(m.id, m.subject, m.send_at, m.submitted_at, MAILBOX.c.address, AGENT.c.name)
        .select_from(MESSAGE.join(MAILBOX, MAILBOX.c.id == m.mailbox_id).join(AGENT, AGENT.c.id == m.agent_id))
        .where(_WAITING)
        .order_by(m.send_at, m.id)
        .limit(limit + 1)
    )
    if mailbox is not None:
        query = query.where(MAILBOX.c.address == mailbox)
    if cursor:
        query = query.where(tuple_(m.send_at, m.id) > tuple_(*_after(conn, cursor)))
    rows = conn.execute(query).all()
    shown = rows[:limit]
    people: dict[int, list[str]] = {}
    r = RECIPIENT.c
    listed = select(r.message_id, r.given).where(r.message_id.in_([row.id for row in shown]))
    for message, given in conn.execute(listed.order_by(r.message_id, r.n)):
        people.setdefault(message, []).append(given)
    found = tuple(
        ScheduledRow(
            spell_id("m", row.id), row.name, row.address, tuple(people.get(row.id, ())), row.subject, row.send_at,
            row.submitted_at,
        )
        for row in shown
    )  # fmt: skip
    return ScheduledPage(found, spell_id("m", shown[-1].id) if len(rows) > limit else None)


def _after(conn: Connection, cursor: str) -> tuple[int, int]:
    """Return where the next page starts: after this message, wherever it is by now."""
    number = read_id("m", cursor)
    row = None
    if number is not None:
        row = conn.execute(select(MESSAGE.c.send_at).where(MESSAGE.c.id == number)).first()
    if number is None or row is None or row.send_at is None:
        raise Invalid("invalid cursor", fix="leave it out for the first page", problems=(("cursor", "is invalid"),))
    return row.send_at, number

"""Notes of operators on messages, agents and incidents, in the order of the log.

The log names the note by its number; the text is in a table, where erasure replaces an address in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from core.db.tables import AGENT, INBOUND_MESSAGE, MESSAGE, NOTE
from core.db.transaction import Transaction
from core.durations import stamp
from core.errors import Invalid, NotFound
from core.events import ReviewNoted
from core.ids import spell_id
from core.model import Actor
from core.rules.roles import Verb
from core.services import access

LONGEST: Final = 4_000
INCIDENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#-]{0,63}")
PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Subject:
    """What a note is about: exactly one of a message, an agent by its name, or an incident that the operators name."""

    message: int | None = None
    agent: str | None = None
    incident: str | None = None


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note with its author; `seq` is not kept: the log's `review.noted` names the note by `id`."""

    id: int
    operator: str
    at: int
    text: str
    message: int | None
    agent: str | None
    incident: str | None

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "by": self.operator,
            "at": stamp(self.at),
            "text": self.text,
            "message": None if self.message is None else spell_id("m", self.message),
            "agent": self.agent,
            "incident": self.incident,
        }


def add(tx: Transaction, about: Subject, text: str, *, actor: Actor) -> int:
    """Add a note; returns its number. Raises `Invalid` (no subject, no text), `NotFound`."""
    actor = access.require(tx, actor, Verb.NOTE_ADD)
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise Invalid(f"a note needs a text of 1 to {LONGEST:,} characters", problems=(("text", "is needed"),))
    message, agent_id, incident = _found(tx, about)
    row = {
        "operator": actor.name, "at": tx.now, "message": about.message, "agent": agent_id, "incident": incident,
        "text": text,
    }  # fmt: skip
    note = tx.create(NOTE, row)
    subjects = {} if message is None else {"mailbox": message.mailbox_id, "agent": message.agent_id}
    tx.emit(
        ReviewNoted(
            actor=str(actor), message=about.message, note=note, incident=incident,
            **(subjects or {"agent": agent_id}),
        )
    )  # fmt: skip
    return note


def _found(tx: Transaction, about: Subject) -> tuple[Any, int | None, str | None]:
    if sum(one is not None for one in (about.message, about.agent, about.incident)) != 1:
        raise Invalid("a note is about one message, one agent or one incident", fix="name exactly one of them")
    if about.incident is not None:
        if INCIDENT.fullmatch(about.incident) is None:
            raise Invalid(
                f"{about.incident[:64]!r} cannot name an incident: letters, digits and . _ : / # - only, at most 64",
                problems=(("incident", "is no name of an incident"),),
            )
        return None, None, about.incident
    if about.agent is not None:
        row = tx.one(select(AGENT.c.id).where(AGENT.c.name == about.agent))
        if row is None:
            raise NotFound(f"there is no agent {about.agent[:60]!r}", fix="postroom agent list shows them all")
        return None, int(row.id), None
    for table in (MESSAGE, INBOUND_MESSAGE):
        row = tx.one(select(table.c.mailbox_id, table.c.agent_id).where(table.c.id == about.message))
        if row is not None:
            return row, None, None
    raise NotFound(f"there is no message {spell_id('m', about.message or 0)}")


def listed(
    conn: Connection, *, about: Subject | None = None, since: int | None = None, limit: int = PAGE
) -> tuple[NoteView, ...]:
    """Notes about one subject, or all since a time, oldest first; of more than `limit`, the newest."""
    c = NOTE.c
    query = select(NOTE, AGENT.c.name.label("agent_name")).outerjoin(AGENT, AGENT.c.id == c.agent)
    if about is not None and about.message is not None:
        query = query.where(c.message == about.message)
    elif about is not None and about.agent is not None:
        query = query.where(AGENT.c.name == about.agent)
    elif about is not None and about.incident is not None:
        query = query.where(c.incident == about.incident)
    if since is not None:
        query = query.where(c.at >= since)
    rows = conn.execute(query.order_by(c.id.desc()).limit(limit)).all()
    return tuple(
        NoteView(row.id, row.operator, row.at, row.text, row.message, row.agent_name, row.incident)
        for row in reversed(rows)
    )


def forget(tx: Transaction, messages: Collection[int]) -> int:
    """Delete the notes on messages that concern an erased person; returns how many. The log still counts them."""
    return tx.write(delete(NOTE).where(NOTE.c.message.in_(messages)))


def texts(conn: Connection, ids: list[int]) -> dict[int, str]:
    """The texts of these notes, by number."""
    return {row.id: row.text for row in conn.execute(select(NOTE.c.id, NOTE.c.text).where(NOTE.c.id.in_(ids)))}

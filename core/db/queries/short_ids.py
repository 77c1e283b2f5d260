"""Messages and held items by a part of their id."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from core.db.tables import AGENT, INBOUND_MESSAGE, MESSAGE, REVIEW
from core.model import Action

_OWN_IDS: Final = (Action.READ.value, Action.TAG.value)
"""Held actions with an id of their own; the others have their message's."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that an abbreviation may mean. `about` is its subject, or what a held read or tag is about."""

    number: int
    agent: str
    about: str


def messages_between(conn: Connection, low: int, high: int, *, most: int) -> set[int]:
    """At most so many of the messages, sent and received each, with an id in this range."""
    found = set[int]()
    for table in (MESSAGE, INBOUND_MESSAGE):
        rows = select(table.c.id).where(table.c.id >= low, table.c.id <= high).order_by(table.c.id).limit(most)
        found.update(row.id for row in conn.execute(rows))
    return found


def actions_between(conn: Connection, low: int, high: int, *, most: int) -> set[int]:
    """At most so many of the held reads and tags with an id in this range."""
    c = REVIEW.c
    rows = select(c.id).where(c.id >= low, c.id <= high, c.kind.in_(_OWN_IDS)).order_by(c.id).limit(most)
    return {row.id for row in conn.execute(rows)}


def held_ending(conn: Connection, end: int, *, bits: int, actions: bool, most: int) -> set[int]:
    """At most so many of the pending messages, or of the pending `actions`, whose ids have these last bits.

    Of pending items alone: all mail ever sent cannot be searched so.
    """
    c = REVIEW.c
    kind = c.kind.in_(_OWN_IDS) if actions else c.kind.not_in(_OWN_IDS)
    rows = select(c.id).where(c.status == "pending", c.id.bitwise_and((1 << bits) - 1) == end, kind)
    return {row.id for row in conn.execute(rows.limit(most))}


def candidates(conn: Connection, numbers: Collection[int]) -> list[Candidate]:
    """What these items are, in order of their ids."""
    found: dict[int, Candidate] = {}
    for table, about in ((MESSAGE, MESSAGE.c.subject), (INBOUND_MESSAGE, INBOUND_MESSAGE.c.subject)):
        whose = table.outerjoin(AGENT, AGENT.c.id == table.c.agent_id)
        rows = select(table.c.id, AGENT.c.name, about.label("about")).select_from(whose).where(table.c.id.in_(numbers))
        found |= {row.id: Candidate(row.id, row.name or "", row.about or "") for row in conn.execute(rows)}
    whose = REVIEW.outerjoin(AGENT, AGENT.c.id == REVIEW.c.agent_id)
    others = set(numbers) - found.keys()
    actions = select(REVIEW.c.id, AGENT.c.name, REVIEW.c.kind, REVIEW.c.target).select_from(whose)
    for row in conn.execute(actions.where(REVIEW.c.id.in_(others))):
        found[row.id] = Candidate(row.id, row.name or "", f"{row.kind} {row.target or ''}".strip())
    return [found[number] for number in sorted(found)]

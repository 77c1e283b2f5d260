"""How many rows a filter matches, and the values of a field, on any list. Bounded: asked for while it is typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from sqlalchemy import Connection, select

from core.db.queries import agents, events, identity_filters, lanes, queue, received
from core.db.queries.filter_conditions import is_like
from core.db.tables import AGENT, MAILBOX, OPERATOR, STREAM
from core.filter_fields import Listing, fields
from core.filters import Kind, Text, Want, fold

COUNTED: Final = 10_000
"""Rows counted at most."""
OFFERED: Final = 20
"""Values listed at most."""
_COLUMNS: Final = {
    "agent": AGENT.c.name,
    "mailbox": MAILBOX.c.address,
    "address": MAILBOX.c.address,
    "stream": STREAM.c.domain,
    "owner": OPERATOR.c.name,
    "by": OPERATOR.c.name,
    "actor": OPERATOR.c.name,
}
"""Where a list of values is short: names of the desk's own things, never of people outside."""


@dataclass(frozen=True, slots=True)
class Counted:
    """`more`: the count stopped at its bound."""

    count: int
    more: bool


def count(conn: Connection, listing: Listing, wants: Sequence[Want], *, now: int, viewer: str | None = None) -> Counted:
    """Count the rows of a list that match a filter by its fields, as the viewer would see it."""
    match listing:
        case Listing.QUEUE:
            found = queue.count(conn, wants, now=now, most=COUNTED + 1, viewer=viewer)
        case Listing.EVENTS:
            found = events.count(conn, events.filtered(conn, wants, now=now), most=COUNTED + 1)
        case Listing.AGENTS:
            found = identity_filters.count_agents(conn, wants, now=now)
        case Listing.LANES:
            found = lanes.count(conn, wants, now=now, most=COUNTED + 1)
        case Listing.SUPPRESSIONS:
            found = agents.count_suppressions(conn, wants, now=now, most=COUNTED + 1)
        case Listing.IDENTITIES:
            found = identity_filters.count_identities(conn, wants, now=now, most=COUNTED + 1)
        case Listing.INBOX:
            found = received.count(conn, wants, now=now, most=COUNTED + 1)
        case _:
            assert_never(listing)
    return Counted(min(found, COUNTED), found > COUNTED)


def names(listing: Listing) -> tuple[str, ...]:
    """The fields of a list."""
    return tuple(fields(listing))


def values(conn: Connection, listing: Listing, name: str, begin: str) -> Sequence[str] | None:
    """Return values of a field that begin like this, by name; None: the list has no such field."""
    field = fields(listing).get(name)
    if field is None:
        return None
    start = fold(begin)
    if field.kind is Kind.CHOICE:
        return [one for one in field.choices if one.startswith(start)][:OFFERED]
    column = _COLUMNS.get(name)
    if column is None or (name == "address" and listing is Listing.SUPPRESSIONS):
        return []
    found = select(column).where(is_like(column, Text((start, "")))).distinct().order_by(column).limit(OFFERED)
    return list(conn.execute(found).scalars())

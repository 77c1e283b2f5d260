"""Filters of agents and identities: their terms as SQL conditions on `agent` and `mailbox`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, String, and_, case, cast, exists, func, or_, select

from core.db.counters import EVER, bucket
from core.db.queries.filter_conditions import compares, conditions, is_like, is_one_of
from core.db.tables import AGENT, COUNTER, MAILBOX, STREAM
from core.durations import HOUR
from core.filter_fields import Listing, fields
from core.filters import Fields, Want

AGENT_FIELDS: Final[Fields] = fields(Listing.AGENTS)
IDENTITY_FIELDS: Final[Fields] = fields(Listing.IDENTITIES)


def agents(wants: Sequence[Want], *, now: int) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter by `AGENT_FIELDS` on `agent`."""
    return conditions(wants, lambda want: _agent(want, now))


def _agent(want: Want, now: int) -> ColumnElement[bool]:
    test = want.test
    of_agent = and_(MAILBOX.c.agent_id == AGENT.c.id, MAILBOX.c.status == "active")
    match want.field:
        case "agent":
            return is_like(AGENT.c.name, test)
        case "state":
            return is_one_of(AGENT.c.status, test)
        case "held":
            return compares(_counted("pending", COUNTER.c.minute == EVER), test)
        case "sent":
            return compares(_counted("sent", COUNTER.c.minute > bucket(now - HOUR)), test)
        case "mailbox":
            return exists().where(of_agent, is_like(MAILBOX.c.address, test))
        case "mode":
            return exists().where(of_agent, is_one_of(MAILBOX.c.mode, test))
        case "domain" | "stream":
            return exists().where(of_agent, STREAM.c.id == MAILBOX.c.stream_id, is_like(STREAM.c.domain, test))
        case _:  # a bare word: in what a line shows
            return or_(is_like(AGENT.c.name, test), exists().where(of_agent, is_like(MAILBOX.c.address, test)))


def _counted(kind: str, since: ColumnElement[bool]) -> Any:
    """A counter of the agent; no row means 0."""
    c = COUNTER.c
    total = func.coalesce(func.sum(c.n), 0)
    return (
        select(total)
        .where(c.scope == "agent", c.key == cast(AGENT.c.id, String), c.kind == kind, since)
        .correlate(AGENT)
        .scalar_subquery()
    )


def count_agents(conn: Connection, wants: Sequence[Want], *, now: int) -> int:
    """Count the agents that match; an organisation has hundreds, not millions."""
    return int(conn.execute(select(func.count()).select_from(AGENT).where(*agents(wants, now=now))).scalar_one())


def identities(wants: Sequence[Want], *, now: int) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter by `IDENTITY_FIELDS` on `mailbox`, joined with `stream` and `agent`."""
    return conditions(wants, lambda want: _identity(want, now))


def _identity(want: Want, now: int) -> ColumnElement[bool]:
    c, test = MAILBOX.c, want.test
    texts = {
        "address": c.address, "agent": func.coalesce(AGENT.c.name, ""), "owner": func.coalesce(c.owner, ""),
        "stream": STREAM.c.domain, "domain": STREAM.c.domain,
    }  # fmt: skip
    match want.field:
        case "state":
            return is_one_of(c.status, test)
        case "mode":
            return is_one_of(c.mode, test)
        case "expires":  # a request expires never
            return case((c.expires_at.is_(None), False), else_=compares(c.expires_at - now, test))
        case _:
            searched = [texts[want.field]] if want.field else texts.values()
            return or_(*(is_like(text, test) for text in searched))


def count_identities(conn: Connection, wants: Sequence[Want], *, now: int, most: int) -> int:
    """Count the identities that match, up to `most`."""
    joined = MAILBOX.join(STREAM, STREAM.c.id == MAILBOX.c.stream_id).outerjoin(AGENT, AGENT.c.id == MAILBOX.c.agent_id)
    some = select(MAILBOX.c.id).select_from(joined).where(*identities(wants, now=now)).limit(most).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one())

"""Figures over time, from the counters of each hour: those that the guards judge by, and what was held and blocked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, String, cast, func, select

from core.db.counters import SITE_OF_DESK, bucket
from core.db.tables import AGENT, COUNTER, MAILBOX, STREAM
from core.durations import MINUTE
from core.errors import NotFound
from core.views.history import Of, Span

KINDS: Final = (
    "sent_1h", "complained_1h", "bounced_1h", "held_1h", "blocked_1h", "decided_1h", "review_seconds_1h",
)  # fmt: skip
"""Counters of each hour, kept for a hundred days. A site has the first three."""

Figures = Mapping[str, Sequence[int]]
"""Kind -> one figure for each step, oldest first."""


def begin(span: Span, *, now: int) -> int:
    """The start of the first step: the last one is still in progress."""
    return now - now % span.step - (span.steps - 1) * span.step


def figures(conn: Connection, of: Of, name: str, span: Span, *, now: int) -> Figures:
    """Return the figures of a desk (whatever its name), a stream, an agent or a site. Raises `NotFound`."""
    c, start = COUNTER.c, begin(span, now=now)
    keys = None if of is Of.SITE else _mailboxes(conn, of, name)
    query = select(c.kind, c.minute, func.sum(c.n).label("n")).where(
        c.scope == (SITE_OF_DESK if of is Of.SITE else "mailbox"), c.kind.in_(KINDS), c.minute >= bucket(start, 60)
    )
    if of is Of.SITE:
        query = query.where(c.key == name.strip().lower())
    elif keys is not None:
        query = query.where(c.key.in_(keys))
    found = {kind: [0] * span.steps for kind in KINDS}
    for row in conn.execute(query.group_by(c.kind, c.minute)):
        step = (row.minute * MINUTE - start) // span.step
        if 0 <= step < span.steps:
            found[row.kind][step] += int(row.n)
    return found


def _mailboxes(conn: Connection, of: Of, name: str) -> list[str] | None:
    """The keys of the mailboxes' counters; None: all of them."""
    key = cast(MAILBOX.c.id, String)
    match of:
        case Of.AGENT:
            owner, named = AGENT, AGENT.c.name
            mailboxes = select(key).where(MAILBOX.c.agent_id == AGENT.c.id, named == name)
        case Of.STREAM:
            owner, named = STREAM, STREAM.c.domain
            mailboxes = select(key).where(MAILBOX.c.stream_id == STREAM.c.id, named == name)
        case _:
            return None
    if conn.execute(select(owner.c.id).where(named == name)).first() is None:
        raise NotFound(f"there is no {of} {name[:80]}", fix=f"postroom {of} list lists them")
    return list(conn.execute(mailboxes).scalars())

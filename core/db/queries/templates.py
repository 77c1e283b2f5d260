"""Held mail by template: one line for the messages of an agent that differ only in what belongs to their recipient.

A group is named by any of its items. Counts are read from one index; what a line shows besides them comes from the
first items of each group, so a line of two thousand messages costs what one of two hundred does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, case, func, select

from core.db.queries import queue
from core.db.tables import READING, RECIPIENT, REVIEW
from core.filters import Want
from core.ids import spell_id
from core.views.queue import HeldRow
from core.views.templates import Template, Templates

PAGE: Final = 50
SAMPLED: Final = 200
"""Items of a group whose domains and checks are counted."""
NAMED: Final = 3
"""Domains and checks that are named."""

Key = tuple[int, int]
"""Agent and likeness."""


def templates(conn: Connection, wants: Sequence[Want] = (), *, now: int, operator: str, limit: int = PAGE) -> Templates:
    """Return the groups of held mail that matches a filter of the queue: failed checks first, then the largest."""
    c = REVIEW.c
    where = [c.status == "pending", *queue.filtered(wants, now=now, viewer=operator)]
    counted = func.count().label("n")
    worst = func.max(c.failed_checks).label("worst")
    rows = conn.execute(
        select(
            c.agent_id, c.likeness, counted, worst, func.min(c.id).label("first"), func.max(c.id).label("last"),
            func.sum(case((c.failed_checks > 0, 1), else_=0)).label("failing"),
        )
        .where(*where, c.likeness.is_not(None))
        .group_by(c.likeness, c.agent_id)
        .order_by(worst.desc(), counted.desc(), func.min(c.id))
        .limit(limit + 1)
    ).all()  # fmt: skip
    without = conn.execute(select(func.count()).select_from(REVIEW).where(*where, c.likeness.is_(None))).scalar_one()
    return Templates(_described(conn, rows[:limit], operator), len(rows) > limit, int(without))


def _described(conn: Connection, rows: Sequence[Row[Any]], operator: str) -> tuple[Template, ...]:
    if not rows:
        return ()
    seen = _seen(conn, operator)
    lines = queue.pending_rows(conn, {item for row in rows for item in (row.first, row.last)})
    return tuple(_template(conn, row, seen, lines) for row in rows if row.first in lines)


def _seen(conn: Connection, operator: str) -> Mapping[Key, int]:
    """How many pending items of each group this operator has opened."""
    c = REVIEW.c
    opened = (
        select(c.agent_id, c.likeness, func.count().label("n"))
        .join(READING, READING.c.item == c.id)
        .where(READING.c.operator == operator, READING.c.first_at.is_not(None), c.status == "pending")
        .group_by(c.agent_id, c.likeness)
    )
    return {(row.agent_id, row.likeness): row.n for row in conn.execute(opened)}


def _template(conn: Connection, row: Row[Any], seen: Mapping[Key, int], lines: Mapping[int, HeldRow]) -> Template:
    key = {"agent": row.agent_id, "likeness": row.likeness}
    domains: dict[str, int] = {}
    for one in conn.execute(_DOMAINS, key):
        domain = one.address.rpartition("@")[2]
        domains[domain] = domains.get(domain, 0) + 1
    checks: dict[str, int] = {}
    for found in conn.execute(_FINDINGS, key):
        for code in {one["code"] for one in found.findings}:
            checks[code] = checks.get(code, 0) + 1
    listed = [row.first] if row.first == row.last else [row.first, row.last]
    return Template(
        count=row.n, failing=int(row.failing), worst=row.worst, seen=seen.get((row.agent_id, row.likeness), 0),
        domains=_most(domains), domain_count=len(domains), checks=_most(checks), exact=row.n <= SAMPLED,
        samples=tuple(lines[item] for item in listed if item in lines),
    )  # fmt: skip


def _most(counted: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:NAMED])


def _sampled() -> Select[Any]:
    c = REVIEW.c
    agent: BindParameter[Any] = bindparam("agent")
    same = (c.status == "pending") & (c.likeness == bindparam("likeness")) & (c.agent_id == agent)
    return select(c.id, c.message_id, c.findings).where(same).order_by(c.id).limit(SAMPLED)


_SAMPLED: Final = _sampled().subquery()
_DOMAINS: Final = select(RECIPIENT.c.address).join(_SAMPLED, RECIPIENT.c.message_id == _SAMPLED.c.message_id)
_FINDINGS: Final = _sampled()


@dataclass(frozen=True, slots=True)
class Group:
    """All pending items of one template, the longest waiting first; `seen` of them the operator has opened."""

    items: tuple[str, ...]
    agent: str
    failing: int
    seen: int


def group(conn: Connection, item: int, *, operator: str) -> Group | None:
    """Return the group of an item, itself included; None if nothing like it is pending."""
    ids = queue.alike_ids(conn, item)
    if not ids:
        return None
    c = REVIEW.c
    of_group = select(c.likeness, c.agent_id).where(c.id == ids[0]).subquery().c
    same = (c.status == "pending") & (c.likeness == of_group.likeness) & (c.agent_id == of_group.agent_id)
    failing = select(func.count()).select_from(REVIEW).where(same, c.failed_checks > 0)
    opened = (
        select(func.count())
        .select_from(REVIEW.join(READING, READING.c.item == c.id))
        .where(same, READING.c.operator == operator, READING.c.first_at.is_not(None))
    )
    first = queue.pending_rows(conn, [ids[0]])[ids[0]]
    return Group(
        items=tuple(spell_id("m", one) for one in ids), agent=first.agent, failing=conn.execute(failing).scalar_one(),
        seen=conn.execute(opened).scalar_one(),
    )  # fmt: skip

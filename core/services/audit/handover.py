"""The hand-over for the next shift: what happened since a time, what waits, and who did what.

Read from the log, bounded: of a night with more entries the newest are read, and the answer says from when. Ordinary
mail is counted, never listed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from core.db import audit_log
from core.db.queries import claims, events, figures, queue
from core.db.tables import AGENT, CLAIM, LOG_ENTRY, OPERATOR
from core.durations import stamp, when
from core.events import EmailRead
from core.ids import spell_id
from core.services.control import acknowledgements, notes
from core.services.control.acknowledgements import Known
from core.services.control.notes import NoteView
from core.views.events import EventRow

STRETCH: Final = 200_000
"""Log entries that one hand-over counts."""
LISTED: Final = 200
"""Notable entries that are listed, the newest."""
NOTABLE: Final = frozenset(
    {
        "agent.suspended", "agent.resumed", "agent.warned", "desk.stopped", "desk.started", "desk.restored",
        "stream.paused", "stream.resumed", "stream.changed", "stream.key_rotated", "lane.paused", "lane.resumed",
        "mailbox.mode_changed", "mailbox.limits_changed", "mailbox.activated", "mailbox.vetoed", "mailbox.retired",
        "policy.changed", "policy.refused", "email.altered", "gateway.lost", "gateway.started", "gateway.stopped",
        "webhook.dead", "token.revoked", "operator.added", "operator.disabled", "run.confirmed", "review.hurried",
        "review.noted", "desk.acknowledged", "identity.drilled", "recipient.erased", "suppression.removed",
    }
)  # fmt: skip
"""Events of which each is listed; all others are counted."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A held item that somebody is on."""

    item: str
    operator: str
    until: int


@dataclass(frozen=True, slots=True)
class Handover:
    """One page for whoever comes next. `since` is later than asked if the log had too many entries (`truncated`)."""

    since: int
    at: int
    truncated: bool
    held: int
    oldest: int | None
    failing: int
    stopped_by: str | None
    stop_reason: str | None
    suspended: tuple[tuple[str, str, str], ...]
    claims: tuple[Claimed, ...]
    quiet: tuple[Known, ...]
    counts: tuple[tuple[str, int], ...]
    people: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    happened: tuple[EventRow, ...]
    notes: tuple[NoteView, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "since": stamp(self.since),
            "at": stamp(self.at),
            "truncated": self.truncated,
            "waits": {
                "held": self.held, "oldest_held_at": when(self.oldest), "failing": self.failing,
                "stopped_by": self.stopped_by, "stop_reason": self.stop_reason,
                "suspended": [{"agent": agent, "by": by, "reason": why} for agent, by, why in self.suspended],
                "claims": [{"id": one.item, "by": one.operator, "until": stamp(one.until)} for one in self.claims],
                "acknowledged": [one.as_json() for one in self.quiet],
            },
            "counts": dict(self.counts),
            "people": [{"operator": name, "did": dict(did)} for name, did in self.people],
            "happened": [
                {"seq": one.seq, "at": stamp(one.at), "type": one.type, "actor": one.actor, "target": one.target,
                 "detail": one.detail}
                for one in self.happened
            ],
            "notes": [one.as_json() for one in self.notes],
        }  # fmt: skip


def handover(conn: Connection, *, since: int, now: int) -> Handover:
    """What the next shift must know. Reads only."""
    head = figures.head(conn)
    first = max(_first_since(conn, since, head.last_seq), head.last_seq - STRETCH + 1)
    truncated = first > 1 and _at(conn, first - 1) >= since
    grouped = _counted(conn, first)
    operators = set(conn.execute(select(OPERATOR.c.name)).scalars())
    totals: Counter[str] = Counter()
    people: dict[str, Counter[str]] = {}
    for kind, actor, n in grouped:
        if kind == EmailRead.type:
            continue
        totals[kind] += n
        if actor in operators:
            people.setdefault(actor, Counter())[kind] += n
    begin = since if not truncated else _at(conn, first)
    a = AGENT.c
    suspended = conn.execute(
        select(a.name, a.suspended_by, a.suspend_reason).where(a.status == "suspended").order_by(a.name)
    )
    return Handover(
        since=begin, at=now, truncated=truncated, held=head.held, oldest=head.oldest,
        failing=queue.count_failing(conn), stopped_by=head.stopped_by if head.stopped_at is not None else None,
        stop_reason=head.stop_reason if head.stopped_at is not None else None,
        suspended=tuple((row.name, row.suspended_by or "", row.suspend_reason or "") for row in suspended),
        claims=_claims(conn, now), quiet=tuple(acknowledgements.known(conn, now=now).values()),
        counts=tuple(sorted(totals.items())),
        people=tuple((name, tuple(sorted(did.items()))) for name, did in sorted(people.items())),
        happened=_happened(conn, first), notes=notes.listed(conn, since=begin),
    )  # fmt: skip


def _at(conn: Connection, seq: int) -> int:
    found = conn.execute(select(LOG_ENTRY.c.at).where(LOG_ENTRY.c.seq == seq)).scalar()
    return int(found or 0)


def _first_since(conn: Connection, since: int, last: int) -> int:
    """The first entry of this time or later: times rise with the sequence, so a binary search finds it."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        if _at(conn, middle) >= since:
            high = middle
        else:
            low = middle + 1
    return low


def _counted(conn: Connection, first: int) -> list[tuple[str, str, int]]:
    c = LOG_ENTRY.c
    query = select(c.type, c.actor, func.count()).where(c.seq >= first).group_by(c.type, c.actor)
    return [(kind, actor, n) for kind, actor, n in conn.execute(query)]


def _happened(conn: Connection, first: int) -> tuple[EventRow, ...]:
    c = LOG_ENTRY.c
    query = select(LOG_ENTRY).where(c.seq >= first, c.type.in_(sorted(NOTABLE))).order_by(c.seq.desc()).limit(LISTED)
    return tuple(reversed(events.rows_of(conn, [audit_log.entry(row) for row in conn.execute(query)])))


def _claims(conn: Connection, now: int) -> tuple[Claimed, ...]:
    ids = claims.claimed_by_others(conn, None, now=now)
    rows = conn.execute(select(CLAIM).where(CLAIM.c.item.in_(ids)).order_by(CLAIM.c.operator, CLAIM.c.item))
    return tuple(Claimed(spell_id("m", row.item), row.operator, row.until) for row in rows)

"""Counters of many keys in one read: sparklines, depths and rates of a whole table of agents.

These are the rows that limits are enforced with. The counter table's key is (scope, key, kind, minute): a query by keys
and kinds is a handful of index seeks, whatever else was counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, select

from core.db.counters import EVER, bucket
from core.db.tables import COUNTER, DESK, LOG_ENTRY, MAILBOX, REVIEW
from core.events import DeskRead, EmailRead

FLOW_MINUTES: Final = 15
FLOW: Final = ("sent", "held", "deferred", "failed", "bounced", "complained", "uncertain", "refused")
"""What the desk counts per minute."""
READS_PASSED: Final = 200
"""Newest read events skipped when looking for the last event; beyond them a read counts as the last event."""

Series = Mapping[int, int]
"""Minute -> count."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Counters read: (key, kind) -> minute -> n."""

    found: Mapping[tuple[str, str], Series]

    def series(self, key: object, kind: str) -> Series:
        return self.found.get((str(key), kind), {})

    def total(self, key: object, kind: str, *, since: int = 0) -> int:
        return sum(n for minute, n in self.series(key, kind).items() if minute >= since)


def counts(conn: Connection, scope: str, keys: Collection[object], kinds: Collection[str], *, since: int) -> Counts:
    """Return buckets from minute `since` on for every key and kind."""
    c = COUNTER.c
    found: dict[tuple[str, str], dict[int, int]] = {}
    if keys and kinds:
        key_texts = sorted({str(key) for key in keys})
        for row in conn.execute(
            select(c.key, c.kind, c.minute, c.n).where(
                c.scope == scope, c.key.in_(key_texts), c.kind.in_(kinds), c.minute >= since
            )
        ):
            found.setdefault((row.key, row.kind), {})[row.minute] = row.n
    return Counts(found)


def depths(conn: Connection, scope: str, keys: Collection[object], kind: str) -> dict[str, int]:
    """Return stored depths (`pending`, `waiting`, a run's `accepted`) of many keys; missing rows mean 0."""
    c = COUNTER.c
    key_texts = sorted({str(key) for key in keys})
    rows = conn.execute(
        select(c.key, c.n).where(c.scope == scope, c.key.in_(key_texts), c.kind == kind, c.minute == EVER)
    )
    return {row.key: row.n for row in rows}


def spark(series: Series, *, now: int, bins: int, width: int) -> tuple[int, ...]:
    """Return `bins` sums of `width` minutes each, the last one still in progress."""
    last = bucket(now)
    drawn = [0] * bins
    for minute, n in series.items():
        place = bins - 1 - (last - minute) // width
        if 0 <= place < bins:
            drawn[place] += n
    return tuple(drawn)


def flow(conn: Connection, *, now: int, minutes: int = FLOW_MINUTES) -> dict[str, tuple[int, ...]]:
    """Return the desk's activity per minute: kind -> one figure a minute, oldest first."""
    read = counts(conn, "desk", [""], FLOW, since=bucket(now) - minutes + 1)
    return {kind: spark(read.series("", kind), now=now, bins=minutes, width=1) for kind in FLOW}


@dataclass(frozen=True, slots=True)
class Head:
    """Header data of every screen, as far as rows hold it."""

    held: int
    oldest: int | None
    """When the longest waiting item was submitted."""
    last_event_at: int | None
    """Time of the last event; reads do not count."""
    last_seq: int
    stopped_at: int | None
    stopped_by: str | None
    stop_reason: str | None
    policy_version: int


def head(conn: Connection) -> Head:
    """Read the first row of each index, in one statement: as cheap with a million as with none. The desk must exist."""
    row = conn.execute(_HEAD).one()
    return Head(
        held=max(0, row.held or 0),
        oldest=row.oldest,
        last_event_at=row.last_event_at,
        last_seq=row.last_seq or 0,
        stopped_at=row.stopped_at,
        stopped_by=row.stopped_by,
        stop_reason=row.stop_reason,
        policy_version=row.policy_version,
    )


def _first(column: ColumnElement[Any], *order: Any, where: ColumnElement[bool] | None = None) -> Any:
    query = select(column).order_by(*order).limit(1)
    return (query if where is None else query.where(where)).scalar_subquery()


_NEWEST: Final = (
    select(LOG_ENTRY.c.at, LOG_ENTRY.c.seq, LOG_ENTRY.c.type)
    .order_by(LOG_ENTRY.c.seq.desc())
    .limit(READS_PASSED)
    .subquery()
)
_HEAD: Final = select(
    DESK.c.stopped_at, DESK.c.stopped_by, DESK.c.stop_reason, DESK.c.policy_version,
    _first(REVIEW.c.submitted_at, REVIEW.c.id, where=REVIEW.c.status == "pending").label("oldest"),
    func.coalesce(
        _first(_NEWEST.c.at, _NEWEST.c.seq.desc(), where=_NEWEST.c.type.not_in((EmailRead.type, DeskRead.type))),
        _first(LOG_ENTRY.c.at, LOG_ENTRY.c.seq.desc()),
    ).label("last_event_at"),
    _first(LOG_ENTRY.c.seq, LOG_ENTRY.c.seq.desc()).label("last_seq"),
    select(COUNTER.c.n)
    .where(COUNTER.c.scope == "desk", COUNTER.c.key == "", COUNTER.c.kind == "pending", COUNTER.c.minute == EVER)
    .scalar_subquery().label("held"),
).where(DESK.c.id == 1)  # fmt: skip


def oldest_held(conn: Connection, mailbox_ids: Collection[int]) -> dict[int, int]:
    """Return mailbox -> when its longest waiting item was submitted; one index seek each, in one statement."""
    r = REVIEW.c
    oldest = (
        select(r.submitted_at)
        .where(r.mailbox_id == MAILBOX.c.id, r.status == "pending")
        .order_by(r.id)
        .limit(1)
        .scalar_subquery()
    )
    rows = conn.execute(select(MAILBOX.c.id, oldest.label("at")).where(MAILBOX.c.id.in_(list(mailbox_ids))))
    return {row.id: int(row.at) for row in rows if row.at is not None}

"""Scheduling: pick due mailboxes, then lanes, then a few rows of each; one row holds a lane back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Dialect,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    select,
    tuple_,
    union_all,
    update,
)

from core.db import hot_statements
from core.db.due import NOW
from core.db.hot_statements import Compiled
from core.db.locks import LockSession
from core.db.queue.ready import Slot
from core.db.tables import AGENT, DESK, IN_FLIGHT, LANE, MAILBOX, READY, STREAM
from core.db.transaction import Transaction
from core.durations import FAR_FUTURE

FEWEST_STREAMS: Final = 2
MOST_STREAMS: Final = 32
AGENTS_A_STREAM: Final = 4
"""Streams that one claim locks, and agents for each of them, where several gateways may share the desk."""
LANE_WINDOW: Final = 32
"""Recipients of one lane in flight at once, over all workers."""


def wake(tx: Transaction, which: ColumnElement[bool] | None = None) -> None:
    """Make mailboxes check their budgets at once: a limit that held them may have changed."""
    statement = update(MAILBOX).where(MAILBOX.c.wake_at > 0).values(wake_at=0, waits_for=None)
    tx.write(statement if which is None else statement.where(which))


def mailboxes_due(
    tx: Transaction, *, limit: int, busy: Collection[int] = (), crowded: Collection[tuple[int, str]] = ()
) -> Sequence[Any]:
    """Return mailboxes that may send and have a due lane, the longest unserved first.

    One row each excludes a suspended agent, a paused or failing stream and an exhausted budget. The streams in `busy`,
    for which the calling worker is at capacity, are excluded too; so are lanes to a (stream, domain) in `crowded`.
    """
    values = {"b_now": tx.now, "b_limit": limit, "b_busy": list(busy), "b_crowded": list(crowded)}
    return tx.fetch(_MAILBOXES_DUE, values)


class Breadth:
    """How many streams one worker's claims lock: all while nobody else claims, fewer with each that is found taken."""

    def __init__(self) -> None:
        self.streams = FEWEST_STREAMS

    def adapt(self, *, contended: bool) -> None:
        """Adapt to whether another gateway held a lock that the last claim wanted."""
        wanted = self.streams // 2 if contended else self.streams * 2
        self.streams = min(max(wanted, FEWEST_STREAMS), MOST_STREAMS)


def acquire(
    session: LockSession, breadth: Breadth, *, limit: int, busy: Collection[int] = (),
    crowded: Collection[tuple[int, str]] = (),
) -> None:  # fmt: skip
    """Take the locks of due mailboxes that are free, the longest unserved first, and leave some for other gateways.

    A claim counts the caps and paces of its streams. Agents of a stream that another gateway claims for are left to it.
    """
    values = {"b_now": session.now, "b_limit": limit, "b_busy": list(busy), "b_crowded": list(crowded)}
    due = hot_statements.fetch(session.conn, _MAILBOXES_DUE, values)
    wanted = list(dict.fromkeys(row.stream_id for row in due))
    streams = set(session.streams(wanted, most=breadth.streams))
    agents = list(dict.fromkeys(row.agent_id for row in due if row.stream_id in streams))
    most = breadth.streams * AGENTS_A_STREAM
    locked = session.agents(agents, most=most)
    breadth.adapt(contended=len(streams) < min(breadth.streams, len(wanted)) or len(locked) < min(most, len(agents)))


def lanes_due(
    tx: Transaction, mailboxes: Sequence[Any], *, limit: int, crowded: Collection[tuple[int, str]] = ()
) -> dict[int, list[Any]]:
    """Return the due lanes of each of these mailboxes (id, stream_id), the longest due first, at most `limit` of each.

    None to a (stream, domain) in `crowded`.
    """
    found: dict[int, list[Any]] = {row.id: [] for row in mailboxes}
    for part in hot_statements.padded_parts(mailboxes):
        values: dict[str, Any] = {"b_now": tx.now, "b_limit": limit, "b_crowded": list(crowded)}
        for i, row in enumerate(part):
            values |= {f"b_mailbox_{i}": row.id, f"b_stream_{i}": row.stream_id}
        for lane in tx.fetch(_lanes_due(len(part), tx.conn.dialect), values):
            found[lane.mailbox_id].append(lane)
    # a part's last mailbox may stand in it several times
    return {mailbox: list({lane.id: lane for lane in lanes}.values()) for mailbox, lanes in found.items()}


@dataclass(frozen=True, slots=True)
class Head:
    """The first rows of a lane, in leaving order. `more`: others may follow them."""

    rows: Sequence[Any]
    more: bool

    @property
    def due(self) -> int:
        """Due time of its first row; FAR_FUTURE if there is none."""
        return int(self.rows[0].due) if self.rows else FAR_FUTURE


def heads(tx: Transaction, wanted: Mapping[int, int], *, paid: bool = False) -> dict[int, Head]:
    """Return the first rows of each lane, as many as `wanted` says: a claim reads a few rows each of many lanes.

    `paid`: only rows already charged to a budget. A retry must not wait behind thousands that no budget can pay for.
    """
    found: dict[int, dict[tuple[int, int], Any]] = {lane_id: {} for lane_id in wanted}
    for part in hot_statements.padded_parts(list(wanted)):
        values: dict[str, Any] = {}
        for i, lane_id in enumerate(part):
            values |= {f"b_lane_{i}": lane_id, f"b_limit_{i}": wanted[lane_id] + 1}
        for row in tx.fetch(_heads(len(part), tx.conn.dialect, paid=paid), values):
            found[row.lane_id][row.message_id, row.n] = row
    return {lane_id: Head(list(rows.values()), more=len(rows) > wanted[lane_id]) for lane_id, rows in found.items()}


@dataclass(frozen=True, slots=True)
class Taken:
    """The rows a lane can release now, and the due time of its next row after them (FAR_FUTURE: none is left)."""

    slots: list[Slot]
    next_due: int


def take(head: Head, *, now: int, uncharged: int, limit: int) -> Taken:
    """Take a lane's next rows, in order, at most `limit` and at most `uncharged` that no budget has paid for yet."""
    taken: list[Slot] = []
    limit = min(limit, len(head.rows) - head.more)
    for row in head.rows:
        if len(taken) == limit or row.due > now or (not row.charged and uncharged <= 0):
            return Taken(taken, row.due)  # in order: rows behind an unpaid one wait with it
        uncharged -= not row.charged
        taken.append(Slot(row.message_id, row.n, row.lane_id, row.due, bool(row.charged)))
    return Taken(taken, FAR_FUTURE)


@dataclass(frozen=True, slots=True)
class LaneTurn:
    """A claim's effect on one lane: its rows, when to check it again, what holds it back until then."""

    lane_id: int
    mailbox_id: int
    slots: Sequence[Slot]
    next_at: int
    not_before: int
    waits_for: str | None


def lease(tx: Transaction, turns: Sequence[LaneTurn], *, worker: int, until: int) -> None:
    """Move the rows of these lanes from ready to in flight, and set when each lane is next checked."""
    slots = [(turn.mailbox_id, slot) for turn in turns for slot in turn.slots]
    if slots:
        gone = [(s.lane_id, s.due, s.message_id, s.n) for _, s in slots]
        tx.write_keeping_caches(_REMOVE, [{"b_slots": gone}])
    tx.add_all(
        IN_FLIGHT,
        [
            {
                "message_id": s.message_id,
                "n": s.n,
                "lane_id": s.lane_id,
                "mailbox_id": mailbox_id,
                "due": s.due,
                "worker": worker,
                "lease_until": until,
                "attempt": 0,
                "attempted_at": None,
            }
            for mailbox_id, s in slots
        ],
    )
    tx.write_keeping_caches(
        _TURN,
        [
            {
                "b_id": turn.lane_id,
                "b_taken": len(turn.slots),
                "b_next": turn.next_at,
                "b_before": turn.not_before,
                "b_waits": turn.waits_for,
            }
            for turn in turns
        ],
    )


def sleep(tx: Transaction, *, lane_id: int, not_before: int = 0, waits_for: str | None = None, failures: int) -> None:
    """Hold a lane back until `not_before`, whatever is due in it: one row is written, whatever its depth."""
    first = tx.one(select(func.min(READY.c.due)).where(READY.c.lane_id == lane_id))
    due = first[0] if first is not None and first[0] is not None else FAR_FUTURE
    values = {"b_id": lane_id, "b_next": max(due, not_before), "b_before": not_before, "b_waits": waits_for}
    tx.write_keeping_caches(_BACK_OFF, [values | {"b_failures": failures}])


_REMOVE: Final = delete(READY).where(
    tuple_(READY.c.lane_id, READY.c.due, READY.c.message_id, READY.c.n).in_(bindparam("b_slots", expanding=True))
)
# a paused lane stays asleep whatever sets its next time
_AWAKE: Final = LANE.c.paused_at.is_(None)
_SLEEP: Final = (
    update(LANE)
    .where(LANE.c.id == bindparam("b_id"))
    .values(
        next_at=case((_AWAKE, bindparam("b_next", type_=LANE.c.next_at.type)), else_=FAR_FUTURE),
        not_before=case((_AWAKE, bindparam("b_before", type_=LANE.c.not_before.type)), else_=FAR_FUTURE),
        waits_for=bindparam("b_waits"),
    )
)
_BACK_OFF: Final = _SLEEP.values(failures=bindparam("b_failures"))
_TURN: Final = _SLEEP.values(
    depth=LANE.c.depth - bindparam("b_taken"), in_flight=LANE.c.in_flight + bindparam("b_taken")
)
# a slow receiver holds this many of a lane's recipients at most: the rest of the window is for other lanes
_ROOM: Final = LANE.c.in_flight < LANE_WINDOW
_DUE_LANE: Final = exists().where(LANE.c.mailbox_id == MAILBOX.c.id, LANE.c.next_at <= NOW, _AWAKE, _ROOM)
_MAY_SEND: Final = (
    select(MAILBOX.c.id, MAILBOX.c.agent_id, MAILBOX.c.stream_id)
    .join(AGENT, AGENT.c.id == MAILBOX.c.agent_id)
    .join(STREAM, STREAM.c.id == MAILBOX.c.stream_id)
    .where(
        MAILBOX.c.status == "active",
        MAILBOX.c.wake_at <= NOW,
        AGENT.c.status == "active",
        STREAM.c.paused_at.is_(None),
        STREAM.c.backoff_until <= NOW,
    )
)
_CROWDED: Final = tuple_(MAILBOX.c.stream_id, LANE.c.domain).in_(bindparam("b_crowded", expanding=True))
_MAILBOXES_DUE: Final = (
    _MAY_SEND.where(_DUE_LANE.where(~_CROWDED), STREAM.c.id.not_in(bindparam("b_busy", expanding=True)))
    .order_by(MAILBOX.c.served_at)
    .limit(bindparam("b_limit"))
)
CLAIMABLE: Final = and_(exists().where(DESK.c.stopped_at.is_(None)), _MAY_SEND.where(_DUE_LANE).exists())
"""Whether a claim would find anything: the desk is not stopped, and a mailbox may send and has a due lane."""


@lru_cache(maxsize=32)
def _lanes_due(mailboxes: int, dialect: Dialect) -> Compiled:
    c = LANE.c
    lanes = select(c.mailbox_id, c.id, c.domain, c.site, c.depth, c.in_flight, c.failures).order_by(c.next_at)
    lanes = lanes.where(c.next_at <= bindparam("b_now"), _AWAKE, _ROOM).limit(bindparam("b_limit"))
    crowded: BindParameter[Any] = bindparam("b_crowded", expanding=True)
    parts = [
        lanes.where(
            c.mailbox_id == bindparam(f"b_mailbox_{i}", type_=c.mailbox_id.type),
            tuple_(bindparam(f"b_stream_{i}", type_=MAILBOX.c.stream_id.type), c.domain).not_in(crowded),
        ).subquery()
        for i in range(mailboxes)
    ]
    return Compiled(union_all(*(select(part) for part in parts)), dialect)


@lru_cache(maxsize=32)
def _heads(lanes: int, dialect: Dialect, *, paid: bool) -> Compiled:
    r = READY.c
    row = select(r.lane_id, r.due, r.message_id, r.n, r.charged).order_by(r.due, r.message_id, r.n)
    if paid:
        row = row.where(r.charged)
    parts = [
        row.where(r.lane_id == bindparam(f"b_lane_{number}", type_=r.lane_id.type))
        .limit(bindparam(f"b_limit_{number}"))
        .subquery()
        for number in range(lanes)
    ]
    return Compiled(union_all(*(select(part) for part in parts)), dialect)

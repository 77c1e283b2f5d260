"""The queue: lanes, what is ready in them, what is in flight.

A lane is one mailbox towards one recipient domain. Claiming looks at mailboxes whose turn it is, then at their due
lanes, then takes a few rows of each from an index clustered in leaving order: its cost does not grow with what is
stuck behind one site, and suspending an agent or pausing a stream is one row whatever is queued. Bodies stay away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Dialect, and_, bindparam, case, delete, exists, func, select, union_all, update

from core.ledger.compiled import Compiled
from core.ledger.tables import Agent, InFlight, Lane, Mailbox, Message, Ready, Recipient, Stream, table
from core.ledger.transaction import Transaction
from core.words import FAR_FUTURE, Status

LANE: Final = table(Lane)
READY: Final = table(Ready)
IN_FLIGHT: Final = table(InFlight)
MAILBOX: Final = table(Mailbox)
AGENT: Final = table(Agent)
STREAM: Final = table(Stream)
MESSAGE: Final = table(Message)
RECIPIENT: Final = table(Recipient)

LANE_WINDOW: Final = 32
"""Letters of one lane in flight at once, over all workers."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A recipient's place in the queue."""

    message_id: int
    n: int
    lane_id: int
    due: int
    charged: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """A recipient this worker holds a lease on, with what delivery and settlement need to know of it."""

    message_id: int
    n: int
    lane_id: int
    due: int
    mailbox_id: int
    agent_id: int
    stream_id: int
    run_id: int
    domain: str
    site: str
    address: str
    path: str
    attempts: int
    submitted_at: int
    dated_at: int
    policy_version: int
    content_class: str
    recipients: int
    smtputf8: bool
    test: bool

    @property
    def key(self) -> tuple[int, int]:
        return self.message_id, self.n


# --- coming in ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LaneFacts:
    """A lane as it stood when this batch first looked."""

    id: int
    depth: int
    not_before: int


def lane_for(tx: Transaction, *, mailbox_id: int, domain: str, site: str) -> LaneFacts:
    """The lane of a mailbox towards a domain; made on first use."""

    def find() -> LaneFacts:
        rows = tx.peek(_LANE_OF, {"b_mailbox": mailbox_id, "b_domain": domain})
        if rows:
            return LaneFacts(rows[0].id, rows[0].depth, rows[0].not_before)
        made = tx.create(LANE, {"mailbox_id": mailbox_id, "domain": domain, "site": site, "next_at": FAR_FUTURE})
        return LaneFacts(made, depth=0, not_before=0)

    return tx.memo(("lane", mailbox_id, domain), find)


def foresee(tx: Transaction, mailbox_ids: Collection[int], domains: Collection[str]) -> None:
    """Read for a whole batch the lanes that `lane_for` will ask for one by one."""
    for row in tx.peek(_LANES_OF, {"b_mailboxes": list(mailbox_ids), "b_domains": list(domains)}):
        tx.memo(("lane", row.mailbox_id, row.domain), lambda row=row: LaneFacts(row.id, row.depth, row.not_before))  # type: ignore[misc]  # bound now


def enqueue(tx: Transaction, slots: Iterable[Slot]) -> None:
    """Make recipients ready to leave from their due time on."""
    for slot in slots:
        tx.add(
            READY,
            {
                "lane_id": slot.lane_id,
                "due": slot.due,
                "message_id": slot.message_id,
                "n": slot.n,
                "charged": slot.charged,
            },
        )
        change = tx.lane(slot.lane_id)
        change.depth += 1
        change.due = min(change.due, slot.due)


def withdraw(tx: Transaction, keys: Collection[tuple[int, int]], *, lanes: Collection[int]) -> int:
    """Take recipients out of their lanes (cancelled, retired, sent back to review); returns how many were ready."""
    gone = 0
    for lane_id in lanes:
        for message_id, n in keys:
            c = READY.c
            removed = tx.write(delete(READY).where(c.lane_id == lane_id, c.message_id == message_id, c.n == n))
            if removed:
                tx.lane(lane_id).depth -= removed
                gone += removed
    return gone


# --- going out ----------------------------------------------------------------------------------------------------


def mailboxes_due(tx: Transaction, *, limit: int, busy: Collection[int] = ()) -> Sequence[Any]:
    """Mailboxes that may send and have a due lane, the longest unserved first.

    A suspended agent, a paused or failing stream and an exhausted budget are left out by one row each; so are the
    streams in `busy`, of which the asking worker has its hands full.
    """
    return tx.all(_MAILBOXES_DUE, {"b_now": tx.now, "b_limit": limit, "b_busy": list(busy)})


def lanes_due(tx: Transaction, *, mailbox_id: int, limit: int) -> Sequence[Any]:
    """Due lanes of a mailbox, the longest due first."""
    return tx.all(_LANES_DUE, {"b_mailbox": mailbox_id, "b_now": tx.now, "b_limit": limit})


@dataclass(frozen=True, slots=True)
class Head:
    """The first rows of a lane, in leaving order. `more`: others may follow them."""

    rows: Sequence[Any]
    more: bool


def heads(tx: Transaction, lane_ids: Sequence[int], *, rows: int) -> dict[int, Head]:
    """The first `rows` of each of these lanes, in one statement: a claim looks into many lanes for a few rows each."""
    read = rows + 1
    found: dict[int, list[Any]] = {lane_id: [] for lane_id in lane_ids}
    statement = _heads(len(lane_ids), tx.conn.dialect)
    for row in tx.compiled(statement, {"b_limit": read} | {f"b_lane_{i}": lane for i, lane in enumerate(lane_ids)}):
        found[row.lane_id].append(row)
    return {lane_id: Head(head, more=len(head) == read) for lane_id, head in found.items()}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a lane has to give now, and when its next row is due after that (FAR_FUTURE: it is empty then)."""

    slots: list[Slot]
    next_due: int


def take(head: Head, *, now: int, uncharged: int, limit: int) -> Taken:
    """The next rows of a lane, in order, at most `limit` and at most `uncharged` that no budget has paid for yet."""
    taken: list[Slot] = []
    limit = min(limit, len(head.rows) - head.more)
    for row in head.rows:
        if len(taken) == limit or row.due > now or (not row.charged and uncharged <= 0):
            return Taken(taken, row.due)  # in order: what is behind an unpaid one waits with it
        uncharged -= not row.charged
        taken.append(Slot(row.message_id, row.n, row.lane_id, row.due, bool(row.charged)))
    return Taken(taken, FAR_FUTURE)


@dataclass(frozen=True, slots=True)
class LaneTurn:
    """What a claim did with one lane: its rows, when to look at it again, what holds it back until then."""

    lane_id: int
    slots: Sequence[Slot]
    next_at: int
    not_before: int
    waits_for: str | None


def lease(tx: Transaction, turns: Sequence[LaneTurn], *, mailbox_id: int, worker: int, until: int) -> None:
    """Move the rows of these lanes from ready to in flight, and set when each lane is next worth a look."""
    slots = [slot for turn in turns for slot in turn.slots]
    tx.write_keeping_memo(
        _REMOVE,
        [{"b_lane": s.lane_id, "b_due": s.due, "b_message": s.message_id, "b_n": s.n} for s in slots],
    )
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
            for s in slots
        ],
    )
    tx.write_keeping_memo(
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
    """Hold a lane back until `not_before`, whatever is due in it. One row, no message."""
    first = tx.one(select(func.min(READY.c.due)).where(READY.c.lane_id == lane_id))
    due = first[0] if first is not None and first[0] is not None else FAR_FUTURE
    values = {"b_id": lane_id, "b_next": max(due, not_before), "b_before": not_before, "b_waits": waits_for}
    tx.write_keeping_memo(_BACK_OFF, [values | {"b_failures": failures}])


def describe(tx: Transaction, slots: Sequence[Slot]) -> list[Claimed]:
    """What delivery needs to know of the claimed, in the order claimed."""
    if not slots:
        return []
    rows = tx.all(_DESCRIBE, {"b_ids": [s.message_id for s in slots]})
    known = {(row.message_id, row.n): row for row in rows}
    claimed = []
    for slot in slots:
        row = known.get((slot.message_id, slot.n))
        if row is not None:
            claimed.append(Claimed(**row._asdict(), lane_id=slot.lane_id, due=slot.due))
    return claimed


# --- coming back --------------------------------------------------------------------------------------------------


def held_leases(tx: Transaction, keys: Collection[tuple[int, int]], *, worker: int) -> dict[tuple[int, int], Any]:
    """The in-flight rows among `keys` that are still this worker's."""
    rows = tx.all(_HELD, {"b_ids": [key[0] for key in keys], "b_worker": worker})
    return {(row.message_id, row.n): row for row in rows if (row.message_id, row.n) in keys}


def mark_attempted(tx: Transaction, claimed: Sequence[Claimed]) -> None:
    """Commit that these deliveries start now, before a byte goes out."""
    if not claimed:
        return
    now = tx.now
    tx.write_keeping_memo(
        _ATTEMPT, [{"b_message": c.message_id, "b_n": c.n, "b_attempt": c.attempts + 1, "b_at": now} for c in claimed]
    )
    tx.write_keeping_memo(
        _SENDING, [{"b_message": c.message_id, "b_n": c.n, "b_attempt": c.attempts + 1} for c in claimed]
    )


def land(tx: Transaction, rows: Iterable[Any]) -> None:
    """Remove in-flight rows (anything with message_id, n, lane_id); their recipients are settled by the caller."""
    gone = list(rows)
    if not gone:
        return
    tx.write_keeping_memo(_LAND, [{"b_message": row.message_id, "b_n": row.n} for row in gone])
    for row in gone:
        tx.lane(row.lane_id).in_flight -= 1


def put_back(tx: Transaction, claimed: Sequence[Claimed], *, dues: Sequence[int]) -> None:
    """Return unattempted or deferred recipients to their lanes, paid for as they are."""
    land(tx, claimed)
    enqueue(tx, (Slot(c.message_id, c.n, c.lane_id, due, charged=True) for c, due in zip(claimed, dues, strict=True)))


def lapsed(tx: Transaction, *, limit: int) -> Sequence[Any]:
    """In-flight rows whose worker no longer beats."""
    c = IN_FLIGHT.c
    return tx.all(select(IN_FLIGHT).where(c.lease_until <= tx.now).order_by(c.lease_until).limit(limit))


def followers(tx: Transaction, message_ids: Collection[int]) -> Sequence[Any]:
    """Recipients that wait for one of these messages to become final (order within a conversation)."""
    return tx.all(_FOLLOWERS, {"b_ids": list(message_ids)}) if message_ids else ()


def predecessor(tx: Transaction, *, mailbox_id: int, conversation: int, before: int, address: str) -> int | None:
    """The latest earlier message of a conversation that is not final for this recipient, or None."""
    m, r = MESSAGE.c, RECIPIENT.c
    row = tx.one(
        select(m.id)
        .join(RECIPIENT, r.message_id == m.id)
        .where(
            m.mailbox_id == mailbox_id,
            m.conversation == conversation,
            m.id < before,
            r.address == address,
            r.status.in_([s.value for s in Status if not s.final]),
        )
        .order_by(m.id.desc())
        .limit(1)
    )
    return int(row.id) if row else None


_REMOVE: Final = delete(READY).where(
    and_(
        READY.c.lane_id == bindparam("b_lane"),
        READY.c.due == bindparam("b_due"),
        READY.c.message_id == bindparam("b_message"),
        READY.c.n == bindparam("b_n"),
    )
)
# a paused lane stays asleep whoever else thinks it is time
_AWAKE: Final = LANE.c.paused_at.is_(None)
_SLEEP: Final = (
    update(LANE)
    .where(LANE.c.id == bindparam("b_id"))
    .values(
        next_at=case((_AWAKE, bindparam("b_next")), else_=FAR_FUTURE),
        not_before=case((_AWAKE, bindparam("b_before")), else_=FAR_FUTURE),
        waits_for=bindparam("b_waits"),
    )
)
_BACK_OFF: Final = _SLEEP.values(failures=bindparam("b_failures"))
_TURN: Final = _SLEEP.values(
    depth=LANE.c.depth - bindparam("b_taken"), in_flight=LANE.c.in_flight + bindparam("b_taken")
)
_LANE_OF: Final = select(LANE.c.id, LANE.c.depth, LANE.c.not_before).where(
    LANE.c.mailbox_id == bindparam("b_mailbox"), LANE.c.domain == bindparam("b_domain")
)
_LANES_OF: Final = select(LANE.c.mailbox_id, LANE.c.domain, LANE.c.id, LANE.c.depth, LANE.c.not_before).where(
    LANE.c.mailbox_id.in_(bindparam("b_mailboxes", expanding=True)),
    LANE.c.domain.in_(bindparam("b_domains", expanding=True)),
)
# a receiver that answers slowly holds this many of a lane's letters and no more: the rest of the window is others'
_ROOM: Final = LANE.c.in_flight < LANE_WINDOW
_MAILBOXES_DUE: Final = (
    select(MAILBOX.c.id, MAILBOX.c.agent_id, MAILBOX.c.stream_id)
    .join(AGENT, AGENT.c.id == MAILBOX.c.agent_id)
    .join(STREAM, STREAM.c.id == MAILBOX.c.stream_id)
    .where(
        MAILBOX.c.status == "active",
        MAILBOX.c.wake_at <= bindparam("b_now"),
        AGENT.c.status == "active",
        STREAM.c.paused_at.is_(None),
        STREAM.c.backoff_until <= bindparam("b_now"),
        STREAM.c.id.not_in(bindparam("b_busy", expanding=True)),
        exists().where(LANE.c.mailbox_id == MAILBOX.c.id, LANE.c.next_at <= bindparam("b_now"), _AWAKE, _ROOM),
    )
    .order_by(MAILBOX.c.served_at)
    .limit(bindparam("b_limit"))
)
_LANES_DUE: Final = (
    select(LANE.c.id, LANE.c.domain, LANE.c.site, LANE.c.depth, LANE.c.in_flight, LANE.c.failures)
    .where(LANE.c.mailbox_id == bindparam("b_mailbox"), LANE.c.next_at <= bindparam("b_now"), _AWAKE, _ROOM)
    .order_by(LANE.c.next_at)
    .limit(bindparam("b_limit"))
)
_DESCRIBE: Final = (
    select(
        MESSAGE.c.id.label("message_id"), RECIPIENT.c.n, MESSAGE.c.mailbox_id, MESSAGE.c.agent_id,
        MESSAGE.c.stream_id, MESSAGE.c.run_id, LANE.c.domain, LANE.c.site, RECIPIENT.c.address, RECIPIENT.c.path,
        RECIPIENT.c.attempts, MESSAGE.c.submitted_at, MESSAGE.c.dated_at, MESSAGE.c.policy_version,
        MESSAGE.c.content_class, MESSAGE.c.recipients, MESSAGE.c.smtputf8, MESSAGE.c.test,
    )
    .select_from(
        RECIPIENT.join(MESSAGE, MESSAGE.c.id == RECIPIENT.c.message_id).join(LANE, LANE.c.id == RECIPIENT.c.lane_id)
    )
    .where(RECIPIENT.c.message_id.in_(bindparam("b_ids", expanding=True)))
)  # fmt: skip
_HELD: Final = select(IN_FLIGHT).where(
    IN_FLIGHT.c.message_id.in_(bindparam("b_ids", expanding=True)), IN_FLIGHT.c.worker == bindparam("b_worker")
)
_FOLLOWERS: Final = (
    select(
        RECIPIENT.c.message_id, RECIPIENT.c.n, RECIPIENT.c.address, RECIPIENT.c.lane_id, RECIPIENT.c.status,
        RECIPIENT.c.waits_for, RECIPIENT.c.charged, MESSAGE.c.submitted_at, MESSAGE.c.mailbox_id,
        MESSAGE.c.conversation,
    )
    .join(MESSAGE, MESSAGE.c.id == RECIPIENT.c.message_id)
    .where(RECIPIENT.c.waits_for.in_(bindparam("b_ids", expanding=True)))
)  # fmt: skip
_THIS: Final = and_(IN_FLIGHT.c.message_id == bindparam("b_message"), IN_FLIGHT.c.n == bindparam("b_n"))
_ATTEMPT: Final = update(IN_FLIGHT).where(_THIS).values(attempt=bindparam("b_attempt"), attempted_at=bindparam("b_at"))
_LAND: Final = delete(IN_FLIGHT).where(_THIS)
_SENDING: Final = (
    update(RECIPIENT)
    .where(RECIPIENT.c.message_id == bindparam("b_message"), RECIPIENT.c.n == bindparam("b_n"))
    .values(status=Status.SENDING.value, attempts=bindparam("b_attempt"))
)


@lru_cache(maxsize=256)
def _heads(lanes: int, dialect: Dialect) -> Compiled:
    r = READY.c
    parts = [
        select(r.lane_id, r.due, r.message_id, r.n, r.charged)
        .where(r.lane_id == bindparam(f"b_lane_{number}", type_=r.lane_id.type))
        .order_by(r.due, r.message_id, r.n)
        .limit(bindparam("b_limit"))
        .subquery()
        for number in range(lanes)
    ]
    return Compiled(union_all(*(select(part) for part in parts)), dialect)

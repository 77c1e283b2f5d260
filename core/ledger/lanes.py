"""The queue: lanes, what is ready in them, what is in flight.

A lane is one mailbox towards one recipient domain. Claiming looks at mailboxes whose turn it is, then at their due
lanes, then takes a few rows of each from an index clustered in leaving order: its cost does not grow with what is
stuck behind one site, and suspending an agent or pausing a stream is one row whatever is queued. Bodies stay away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import and_, bindparam, case, delete, exists, func, select, update

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


def lane_for(tx: Transaction, *, mailbox_id: int, domain: str, site: str) -> int:
    """The lane of a mailbox towards a domain; made on first use."""

    def find() -> int:
        c = LANE.c
        rows = tx.peek(select(c.id).where(c.mailbox_id == mailbox_id, c.domain == domain))
        if rows:
            return int(rows[0].id)
        return tx.create(LANE, {"mailbox_id": mailbox_id, "domain": domain, "site": site, "next_at": FAR_FUTURE})

    return tx.memo(("lane", mailbox_id, domain), find)


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


def mailboxes_due(tx: Transaction, *, limit: int) -> Sequence[Any]:
    """Mailboxes that may send and have a due lane, the longest unserved first.

    A suspended agent, a paused or failing stream and an exhausted budget are left out by one row each.
    """
    now = tx.now
    due = exists().where(LANE.c.mailbox_id == MAILBOX.c.id, LANE.c.next_at <= now, LANE.c.paused_at.is_(None))
    return tx.all(
        select(MAILBOX.c.id, MAILBOX.c.agent_id, MAILBOX.c.stream_id)
        .join(AGENT, AGENT.c.id == MAILBOX.c.agent_id)
        .join(STREAM, STREAM.c.id == MAILBOX.c.stream_id)
        .where(
            MAILBOX.c.status == "active",
            MAILBOX.c.wake_at <= now,
            AGENT.c.status == "active",
            STREAM.c.paused_at.is_(None),
            STREAM.c.backoff_until <= now,
            due,
        )
        .order_by(MAILBOX.c.served_at)
        .limit(limit)
    )


def lanes_due(tx: Transaction, *, mailbox_id: int, limit: int) -> Sequence[Any]:
    """Due lanes of a mailbox, the longest due first."""
    c = LANE.c
    return tx.all(
        select(c.id, c.domain, c.site, c.depth, c.failures)
        .where(c.mailbox_id == mailbox_id, c.next_at <= tx.now, c.paused_at.is_(None))
        .order_by(c.next_at)
        .limit(limit)
    )


def take(tx: Transaction, *, lane_id: int, uncharged: int, limit: int) -> list[Slot]:
    """The next rows of a lane, in order, at most `limit` and at most `uncharged` that no budget has paid for yet."""
    c = READY.c
    rows = tx.all(
        select(c.due, c.message_id, c.n, c.charged)
        .where(c.lane_id == lane_id, c.due <= tx.now)
        .order_by(c.due, c.message_id, c.n)
        .limit(limit)
    )
    taken: list[Slot] = []
    for row in rows:
        if not row.charged:
            if uncharged <= 0:
                break  # in order: what is behind an unpaid one waits with it
            uncharged -= 1
        taken.append(Slot(row.message_id, row.n, lane_id, row.due, bool(row.charged)))
    return taken


def lease(tx: Transaction, slots: Sequence[Slot], *, mailbox_id: int, worker: int, until: int) -> None:
    """Move rows of one lane from ready to in flight."""
    if not slots:
        return
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
    change = tx.lane(slots[0].lane_id)
    change.depth -= len(slots)
    change.in_flight += len(slots)


def sleep(
    tx: Transaction, *, lane_id: int, not_before: int = 0, waits_for: str | None = None, failures: int | None = None
) -> None:
    """Set when a lane is next worth a look: its first due row, but not before `not_before`. One row, no message."""
    first = tx.one(select(func.min(READY.c.due)).where(READY.c.lane_id == lane_id))
    due = first[0] if first is not None and first[0] is not None else FAR_FUTURE
    values = {"b_id": lane_id, "b_next": max(due, not_before), "b_before": not_before, "b_waits": waits_for}
    if failures is None:
        tx.write_keeping_memo(_SLEEP, [values])
    else:
        tx.write_keeping_memo(_BACK_OFF, [values | {"b_failures": failures}])


def describe(tx: Transaction, slots: Sequence[Slot]) -> list[Claimed]:
    """What delivery needs to know of the claimed, in the order claimed."""
    if not slots:
        return []
    m, r, lane = MESSAGE.c, RECIPIENT.c, LANE.c
    rows = tx.all(
        select(
            m.id.label("message_id"), r.n, m.mailbox_id, m.agent_id, m.stream_id, m.run_id, lane.domain, lane.site,
            r.address, r.attempts, m.submitted_at, m.dated_at, m.policy_version, m.content_class, m.recipients,
            m.smtputf8, m.test,
        )
        .select_from(RECIPIENT.join(MESSAGE, m.id == r.message_id).join(LANE, lane.id == r.lane_id))
        .where(r.message_id.in_([s.message_id for s in slots]))
    )  # fmt: skip
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
    c = IN_FLIGHT.c
    rows = tx.all(select(IN_FLIGHT).where(c.message_id.in_({key[0] for key in keys}), c.worker == worker))
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
    if not message_ids:
        return ()
    r, m = RECIPIENT.c, MESSAGE.c
    return tx.all(
        select(r.message_id, r.n, r.address, r.lane_id, r.status, r.waits_for, r.charged, m.submitted_at)
        .join(MESSAGE, m.id == r.message_id)
        .where(r.waits_for.in_(message_ids))
    )


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
_SLEEP: Final = (
    update(LANE)
    .where(LANE.c.id == bindparam("b_id"))
    .values(
        # a paused lane stays asleep whoever else thinks it is time
        next_at=case((LANE.c.paused_at.is_(None), bindparam("b_next")), else_=FAR_FUTURE),
        not_before=case((LANE.c.paused_at.is_(None), bindparam("b_before")), else_=FAR_FUTURE),
        waits_for=bindparam("b_waits"),
    )
)
_BACK_OFF: Final = _SLEEP.values(failures=bindparam("b_failures"))
_THIS: Final = and_(IN_FLIGHT.c.message_id == bindparam("b_message"), IN_FLIGHT.c.n == bindparam("b_n"))
_ATTEMPT: Final = update(IN_FLIGHT).where(_THIS).values(attempt=bindparam("b_attempt"), attempted_at=bindparam("b_at"))
_LAND: Final = delete(IN_FLIGHT).where(_THIS)
_SENDING: Final = (
    update(RECIPIENT)
    .where(RECIPIENT.c.message_id == bindparam("b_message"), RECIPIENT.c.n == bindparam("b_n"))
    .values(status=Status.SENDING.value, attempts=bindparam("b_attempt"))
)

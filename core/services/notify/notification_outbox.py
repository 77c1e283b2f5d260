"""Notifications for people: which log events and held messages the policy reports, and how far they are reported.

All gateways read; one of them sends. Each collects by itself. When a digest is due, the first one takes the lease and
moves the cursors once a channel has accepted it. A crash in between repeats one notification but never loses it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, select, update

from core.db import audit_log, hot_statements
from core.db.tables import AGENT, CURSOR, LOG_ENTRY, MAILBOX, REVIEW
from core.db.transaction import Transaction
from core.durations import DAY, SECOND, spell, stamp
from core.events import (
    AgentResumed,
    AgentSuspended,
    AgentWarned,
    DeskStarted,
    DeskStopped,
    EmailAltered,
    EmailExpired,
    EmailPending,
    Event,
    GatewayLost,
    GatewayStarted,
    IdentityDrillDue,
    NotifyTested,
    ReviewExpiring,
    WebhookDead,
)
from core.ids import spell_id
from core.model import RECEIVE, Actor, plural
from core.rules.policy import Policy
from core.rules.roles import Verb
from core.services import access, context
from core.services.notify.apprise_client import Notice, Result, Severity

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LEASE: Final = 60 * SECOND
BATCH_SIZE: Final = 2_000
STALE: Final = DAY
"""Older events are not reported: a desk that was off for a week must not send a week of notifications."""

_EVENTS, _HELD = "notify.events", "notify.held"
_PLACE: Final = select(CURSOR.c.name, CURSOR.c.at).where(CURSOR.c.name.in_((_EVENTS, _HELD)))
_WAITING: Final = (
    select(REVIEW.c.id, REVIEW.c.message_id, REVIEW.c.kind, REVIEW.c.submitted_at, MAILBOX.c.address)
    .join(MAILBOX, MAILBOX.c.id == REVIEW.c.mailbox_id)
    .where(
        REVIEW.c.status == "pending",
        REVIEW.c.submitted_at > bindparam("b_after"),
        REVIEW.c.submitted_at <= bindparam("b_until"),
    )
    .order_by(REVIEW.c.submitted_at)
    .limit(BATCH_SIZE)
)


@dataclass(frozen=True, slots=True)
class Position:
    """How far people have been notified: a seq of the log, and a time of held mail."""

    events: int
    held: int


@dataclass(frozen=True, slots=True)
class Message:
    """One notice, and when the event it reports happened."""

    at: int
    notice: Notice


@dataclass(frozen=True, slots=True)
class Batch:
    """What followed a position. `urls` and `digest` (microseconds) are the policy's at that time."""

    place: Position
    messages: tuple[Message, ...]
    urls: tuple[str, ...]
    digest: int


# --- collecting -----------------------------------------------------------------------------------------------------


def place(tx: Transaction) -> Position | None:
    """The current position; None before `begin`."""
    rows = {row.name: int(row.at) for row in tx.read_unflushed(_PLACE)}
    return Position(rows[_EVENTS], rows[_HELD]) if len(rows) == 2 else None


def begin(tx: Transaction) -> None:
    """Create the cursors: people are notified of what happens from now on."""
    if place(tx) is None and tx.claim_key(_EVENTS):
        seq, _ = audit_log.head(tx.conn)
        for name, at in ((_EVENTS, seq), (_HELD, 0)):
            tx.add(CURSOR, {"name": name, "at": at})


def collect(tx: Transaction, after: Position) -> Batch:
    """Collect what the policy reports of what followed `after`, one batch at most. Reads only."""
    _, policy = context.current_policy(tx)
    events, seq = _events(tx, policy, after=after.events)
    held, waited = _held(tx, policy, after=after.held)
    messages = tuple(one for one in (*events, *held) if one.at > tx.now - STALE) if policy.notify.urls else ()
    return Batch(Position(seq, waited), messages, policy.notify.urls, policy.notify.digest)


def _events(tx: Transaction, policy: Policy, *, after: int) -> tuple[list[Message], int]:
    head, _ = audit_log.head(tx.conn)
    if head <= after:
        return [], after  # runs once a second, and mostly nothing has happened
    rows = tx.read_unflushed(
        select(LOG_ENTRY)
        .where(LOG_ENTRY.c.seq > after, LOG_ENTRY.c.seq <= head, LOG_ENTRY.c.type.in_(_kinds(policy)))
        .order_by(LOG_ENTRY.c.seq)
        .limit(BATCH_SIZE)
    )
    entries = [audit_log.entry(row) for row in rows]
    names = _names(tx, [entry.event for entry in entries])
    messages = [Message(entry.at, _notice(entry.event, names)) for entry in entries]
    return messages, entries[-1].seq if len(entries) == BATCH_SIZE else head


def _kinds(policy: Policy) -> set[str]:
    """Types of events reported: those the policy names, drills that are due, and the expiry of held mail."""
    ends = {ReviewExpiring.type, EmailExpired.type} if policy.notify.expiry_before else set()
    # A drill never starts by itself: if nobody is asked, what the policy schedules does not happen.
    return {*policy.notify.events, *ends, IdentityDrillDue.type}


def _held(tx: Transaction, policy: Policy, *, after: int) -> tuple[list[Message], int]:
    """Items that wait for a decision longer than the policy allows; each is reported once."""
    patience = policy.notify.pending_older_than
    until = max(after, tx.now - patience)
    rows = hot_statements.fetch(tx.conn, _WAITING, {"b_after": after, "b_until": until})
    messages = [
        Message(
            row.submitted_at + patience,
            Notice(
                what=f"held for more than {spell(patience)}",
                about=row.address,
                text=f"{_spelled(row.id, row.message_id, row.kind)} of {row.address} still waits for a decision",
                severity="warning",
                link=_open("queue", spell_id("m", row.id)),
            ),
        )
        for row in rows
    ]
    return messages, rows[-1].submitted_at if len(rows) == BATCH_SIZE else until


# --- wording --------------------------------------------------------------------------------------------------------


def _names(tx: Transaction, events: Sequence[Event]) -> Mapping[tuple[str, int], str]:
    def of(kind: str, ids: Collection[int | None], found: Any) -> dict[tuple[str, int], str]:
        present = {one for one in ids if one is not None}
        return {
            (kind, row.id): row.name for row in tx.read_unflushed(found.where(found.selected_columns.id.in_(present)))
        }

    return {
        **of("agent", [event.agent for event in events], select(AGENT.c.id, AGENT.c.name)),
        **of("mailbox", [event.mailbox for event in events], select(MAILBOX.c.id, MAILBOX.c.address.label("name"))),
    }


def _notice(event: Event, names: Mapping[tuple[str, int], str]) -> Notice:
    about = names.get(("mailbox", event.mailbox or 0)) or names.get(("agent", event.agent or 0)) or "the desk"
    what, text, severity = _say(event, about)
    return Notice(what, about, text, severity, _link(event, names))


def _link(event: Event, names: Mapping[tuple[str, int], str]) -> str:
    """Where the console opens for it: the held message, the agent, or the first screen."""
    agent = names.get(("agent", event.agent or 0), "")
    match event:
        case EmailPending() | ReviewExpiring() | EmailExpired():
            return _open("queue", spell_id("m", event.item))
        case AgentSuspended() | AgentWarned() | AgentResumed() | IdentityDrillDue() | WebhookDead():
            return _open("agents", agent)
        case _:
            return _open("trace", spell_id("m", event.message)) if event.message is not None else ""


def _open(screen: str, key: str) -> str:
    """Only what a shell takes as it stands: this line is copied into one."""
    return f"--screen {screen} --open {key}" if _PLAIN.fullmatch(key) else f"--screen {screen}"


def _say(event: Event, about: str) -> tuple[str, str, Severity]:
    match event:
        case AgentSuspended():
            left = f"{event.in_flight} in flight, {event.queued} queued, {event.pending} pending"
            return "agent suspended", f"{about} is suspended by {event.actor}: {event.reason} ({left})", "critical"
        case AgentWarned():
            return "agent warned", f"{about}: {event.reason}", "warning"
        case AgentResumed():
            return "agent resumed", f"{event.actor} resumed {about}: {event.reason}", "info"
        case DeskStopped() | DeskStarted() | GatewayLost() | GatewayStarted():
            return _say_desk(event)
        case IdentityDrillDue():
            last = "was never exercised" if event.last_at is None else f"was last exercised {stamp(event.last_at)}"
            text = (
                f"the revocation of {about} {last}; a drill ends its tokens and issues fresh ones, so choose the time "
                f"with its owner: postroom drill {about}"
            )
            return "drill due", text, "warning"
        case WebhookDead():
            text = f"the webhook of {about} never accepted entry {event.seq} ({event.event}): {event.reason}"
            return "webhook dead", text, "warning"
        case EmailPending() | EmailExpired() | EmailAltered() | ReviewExpiring():
            return _say_held(event, about)
        case _:
            which = f" {spell_id('m', event.message)}" if event.message is not None else ""
            return event.type.replace(".", " ").replace("_", " "), f"{event.type}{which} by {event.actor}", "info"


def _say_desk(event: DeskStopped | DeskStarted | GatewayLost | GatewayStarted) -> tuple[str, str, Severity]:
    match event:
        case DeskStopped():
            return "all-stop", f"{event.actor} stopped all mail: {event.reason}", "critical"
        case DeskStarted():
            return "all-stop ended", f"mail is delivered again ({', '.join(event.by)}): {event.reason}", "info"
        case GatewayLost():
            text = (
                f"the gateway on {event.host} ({event.listen}, process {event.pid}) stopped unexpectedly, "
                f"{event.silent_ms / 1_000:,.0f} s after its last heartbeat; unless it is running again, start it "
                "there: postroom serve; then check what it left: postroom doctor"
            )
            return "gateway lost", text, "critical"
        case GatewayStarted():
            began = "is back" if event.again else "started"
            return f"gateway {began}", f"the gateway on {event.host} ({event.listen}) {began}", "info"


def _say_held(
    event: EmailPending | EmailExpired | EmailAltered | ReviewExpiring, about: str
) -> tuple[str, str, Severity]:
    match event:
        case EmailAltered():
            which = spell_id("m", event.message or 0)
            text = (
                f"{which} of {about} is held: its bytes or recipients in the database differ from what was accepted; "
                f"find out who wrote to the database: postroom queue show {which}"
            )
            return "mail altered", text, "critical"
        case ReviewExpiring():
            many = plural(event.count, "held message expires soon", "held messages expire soon")
            first = f"{spell_id('m', event.item)} at {stamp(event.first_at)}"
            text = f"{many} within {spell(event.before)}, the first {first}; postroom queue pending"
            return "held mail expires soon", text, "warning"
        case EmailExpired():
            item = _spelled(event.item, event.message, event.kind)
            return "held mail expired", f"{item} of {about} expired: nobody decided in time", "warning"
        case EmailPending():
            item = _spelled(event.item, event.message, event.kind)
            return "message held", f"{item} of {about} waits for a decision: {', '.join(event.reasons)}", "info"


def _spelled(item: int, message: int | None, kind: str) -> str:
    if kind == RECEIVE:
        return f"received message {spell_id('m', item)}"
    return spell_id("m" if item == message else "a", item)


# --- sending --------------------------------------------------------------------------------------------------------


def record_test(tx: Transaction, results: Sequence[Result], *, actor: Actor) -> None:
    """Log that an operator posted a test, and how many channels took it. Raises `Forbidden`."""
    actor = access.require(tx, actor, Verb.NOTIFY_TEST)
    accepted = sum(one.ok for one in results)
    tx.emit(NotifyTested(actor=str(actor), accepted=accepted, failed=len(results) - accepted))


def claim(tx: Transaction, base: Position, *, worker: int) -> bool:
    """Take the lease, unless another gateway holds it or has already reported what followed `base`."""
    if place(tx) != base:
        return False
    c = CURSOR.c
    free = c.leased_by.is_(None) | (c.lease_until <= tx.now)
    lease = update(CURSOR).where(c.name == _EVENTS, free).values(leased_by=worker, lease_until=tx.now + LEASE)
    return tx.write(lease) > 0


def move(tx: Transaction, base: Position, to: Position) -> bool:
    """Move the cursors to `to`, after sending or if there was nothing to send, and release the lease."""
    if place(tx) != base:
        return False
    for name, at in ((_EVENTS, to.events), (_HELD, to.held)):
        tx.write(update(CURSOR).where(CURSOR.c.name == name).values(at=at, leased_by=None))
    return True


def release(tx: Transaction, *, worker: int) -> None:
    """Release the lease because no channel accepted it: any gateway may try next."""
    tx.write(update(CURSOR).where(CURSOR.c.name == _EVENTS, CURSOR.c.leased_by == worker).values(leased_by=None))

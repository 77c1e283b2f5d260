"""A human decides: approve, reject, take back. Bound to the digest of exactly the bytes that will leave.

Approved mail is released at once, or after the console's delay, during which the approval can be taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select, update

from core.errors import Conflict, Forbidden
from core.events import EmailApprovalUndone, EmailApproved, EmailRejected
from core.flow import access, house
from core.flow.review import ending, items, reading, release
from core.flow.review.items import REVIEW
from core.ledger import facts
from core.ledger.counters import bucket
from core.ledger.facts import GateFacts
from core.ledger.tables import Message, table
from core.ledger.transaction import Transaction
from core.rules.roles import Verb
from core.words import Action, Actor, Status

MESSAGE: Final = table(Message)


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on one item. `digest` (hex), if given, must be the item's: what the reviewer saw is what leaves.

    `watched`: the door sees what its operator opens, so that what was never opened there was not read.
    """

    item: int
    approve: bool
    reason: str | None = None
    digest: str | None = None
    batch: str | None = None
    delay: int = 0
    watched: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of an item. `release_at` is when approved mail enters its lanes.

    `hurried` is said to a reviewer whose approvals come faster than anyone can read.
    """

    item: int
    status: str
    release_at: int | None = None
    approvals_missing: int = 0
    hurried: str | None = None


def decide(tx: Transaction, decision: Decision, *, actor: Actor) -> Decided:
    """Approve or reject one pending item. Raises `Forbidden`, `NotFound`, `Conflict`, `Invalid`."""
    actor = access.require(tx, actor, Verb.MESSAGE_APPROVE if decision.approve else Verb.MESSAGE_REJECT)
    item = items.item(tx, decision.item)
    _still_pending(tx, item)
    digest = _digest(tx, item)
    if decision.digest is not None and decision.digest != digest:
        raise Conflict("the digest is not that of this message", fix="look at it again: it is not what you reviewed")
    box = facts.gate(tx, item.mailbox_id)
    return (
        _approve(tx, item, box, decision, actor, digest)
        if decision.approve
        else _reject(tx, item, box, decision, actor)
    )


def _approve(
    tx: Transaction, item: Row[Any], box: GateFacts, decision: Decision, actor: Actor, digest: str | None
) -> Decided:
    if actor.name in item.approvers:
        raise Forbidden(
            f"{actor} has approved it already, and it takes {item.needs} people", fix="ask another reviewer"
        )
    version, _ = house.policy(tx)
    approvers = [*item.approvers, actor.name]
    missing = max(0, item.needs - len(approvers))
    release_at = tx.now + decision.delay
    mail = item.message_id is not None and item.kind in (Action.SEND, Action.REPLY)
    dwell = reading.dwell(tx, item.id, actor=actor)
    tx.emit(
        EmailApproved(
            **items.subjects(item, box, actor), kind=item.kind, item=item.id, digest=digest, policy=version,
            release_at=release_at, dwell_ms=dwell, batch=decision.batch, reason=decision.reason,
            complete=missing == 0,
        )
    )  # fmt: skip
    # who decides many at once has all of them on one screen and can have opened each
    unread = 0 if decision.watched or decision.batch else None
    hurried = reading.note_approval(tx, item.id, actor=actor, dwell_ms=unread if dwell is None else dwell)
    if missing:
        tx.write(update(REVIEW).where(REVIEW.c.id == item.id).values(approvers=approvers))
        return Decided(item.id, "pending", approvals_missing=missing, hurried=hurried)
    tx.write(
        update(REVIEW)
        .where(REVIEW.c.id == item.id)
        .values(
            status="approved",
            approvers=approvers,
            dwell_ms=dwell,
            decided_at=tx.now,
            decided_by=actor.name,
            reason=decision.reason,
            batch=decision.batch,
            release_at=release_at,
            due_at=release_at if mail else tx.now + release.READ_GRANT,
        )
    )
    items.count_pending(tx, box, n=-1)
    _count_decision(tx, item, box, "approved")
    if mail and decision.delay == 0:
        release.release(tx, item, box)
    return Decided(item.id, "approved", release_at=release_at, hurried=hurried)


def _reject(tx: Transaction, item: Row[Any], box: GateFacts, decision: Decision, actor: Actor) -> Decided:
    dwell = reading.dwell(tx, item.id, actor=actor)
    tx.write(
        update(REVIEW)
        .where(REVIEW.c.id == item.id)
        .values(
            status="rejected",
            dwell_ms=dwell,
            due_at=None,
            decided_at=tx.now,
            decided_by=actor.name,
            reason=decision.reason,
            batch=decision.batch,
        )
    )
    tx.emit(
        EmailRejected(
            **items.subjects(item, box, actor), kind=item.kind, item=item.id, reason=decision.reason,
            dwell_ms=dwell, batch=decision.batch,
        )
    )  # fmt: skip
    items.count_pending(tx, box, n=-1)
    _count_decision(tx, item, box, "rejected")
    ending.end_unsent(tx, item.message_id, box, status=Status.REJECTED, reason=decision.reason)
    return Decided(item.id, "rejected")


def undo(tx: Transaction, item_id: int, *, actor: Actor) -> Decided:
    """Take an approval back before its release. Raises `Conflict` once it is released."""
    actor = access.require(tx, actor, Verb.MESSAGE_UNDO)
    item = items.item(tx, item_id)
    if item.status != "approved" or item.release_at is None or item.release_at <= tx.now:
        raise Conflict(f"{items.spelled(item)} is {item.status} and past its release: sent mail has no undo")
    box = facts.gate(tx, item.mailbox_id)
    tx.write(
        update(REVIEW)
        .where(REVIEW.c.id == item_id)
        .values(
            status="pending",
            approvers=[],
            dwell_ms=None,
            decided_at=None,
            decided_by=None,
            release_at=None,
            due_at=item.expires_at,
            batch=None,
        )
    )
    items.count_pending(tx, box, n=1)
    tx.emit(EmailApprovalUndone(**items.subjects(item, box, actor), item=item_id))
    return Decided(item_id, "pending")


def _still_pending(tx: Transaction, item: Row[Any]) -> None:
    if item.status == "pending" and item.expires_at > tx.now:
        return
    if item.status == "pending":
        raise Conflict(f"{items.spelled(item)} has expired: nobody decided in time")
    by = f" by {item.decided_by}" if item.decided_by else ""
    raise Conflict(f"{items.spelled(item)} is no longer pending: already {item.status}{by}")


def _digest(tx: Transaction, item: Row[Any]) -> str | None:
    if item.message_id is None:
        return None
    row = tx.one(select(MESSAGE.c.digest).where(MESSAGE.c.id == item.message_id))
    return None if row is None else str(row.digest)


def _count_decision(tx: Transaction, item: Row[Any], box: GateFacts, verdict: str) -> None:
    """What evidence, estimates and anomaly signals are made from."""
    hour = bucket(tx.now, 60)
    seconds = max(0, tx.now - item.submitted_at) // 1_000_000
    for scope, key in (("mailbox", str(box.mailbox_id)), ("desk", "")):
        tx.bump(scope, key, f"{verdict}_1h", minute=hour)
        tx.bump(scope, key, "decided_1h", minute=hour)
        tx.bump(scope, key, "review_seconds_1h", minute=hour, n=seconds)

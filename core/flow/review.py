"""A human decides: pending actions are listed, opened, approved, rejected, taken back, released, or run out.

A decision is bound to the digest of exactly the bytes that will leave. Approved mail is released at once, or after the
console's delay, during which the approval can be taken back; it then enters its lanes at the place of its submission.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, delete, select, update

from core.errors import Conflict, Forbidden, NotFound
from core.events import EmailApprovalUndone, EmailApproved, EmailCancelled, EmailExpired, EmailQueued, EmailRejected
from core.flow import allowances, house
from core.ledger import facts, lanes
from core.ledger.counters import EVER, bucket
from core.ledger.facts import GateFacts
from core.ledger.lanes import Slot
from core.ledger.tables import Contact, Message, Recipient, Review, table
from core.ledger.transaction import Transaction
from core.rules import roles
from core.rules.budgets import DAY_BUCKET
from core.rules.roles import Verb
from core.words import HOUR, SYSTEM, Action, Actor, Reason, Status, spell_id

REVIEW: Final = table(Review)
MESSAGE: Final = table(Message)
RECIPIENT: Final = table(Recipient)
CONTACT: Final = table(Contact)

READ_GRANT: Final = HOUR
"""How long an approved read or tag may be done, once."""
USUAL_REVIEW: Final = 15 * 60
"""Seconds told while no reviewer has decided anything lately."""


# --- coming in ----------------------------------------------------------------------------------------------------


def new_item(
    *,
    item: int,
    kind: Action,
    box: GateFacts,
    message_id: int | None,
    target: str | None,
    reasons: Sequence[Reason],
    failed_checks: int,
    needs: int,
    now: int,
    expires_at: int,
) -> dict[str, Any]:
    """The row of a pending action."""
    return {
        "id": item,
        "kind": kind.value,
        "mailbox_id": box.mailbox_id,
        "agent_id": box.agent_id,
        "message_id": message_id,
        "target": target,
        "status": "pending",
        "reasons": [{"code": reason.code, "text": reason.text} for reason in reasons],
        "failed_checks": failed_checks,
        "submitted_at": now,
        "due_at": expires_at,
        "expires_at": expires_at,
        "needs": needs,
        "approvers": [],
    }


def count_pending(tx: Transaction, box: GateFacts, *, n: int) -> None:
    """Keep the depths of the queue of held actions: the mailbox's, the agent's, the desk's."""
    tx.bump("mailbox", str(box.mailbox_id), "pending", minute=EVER, n=n)
    tx.bump("agent", str(box.agent_id), "pending", minute=EVER, n=n)
    tx.bump("desk", "", "pending", minute=EVER, n=n)
    if n > 0:
        tx.bump("desk", "", "held", minute=bucket(tx.now), n=n)


def estimate(tx: Transaction, box: GateFacts) -> int:
    """Seconds until a human will have decided: the mean wait of the last day, of this mailbox or else of the desk."""

    def load() -> int:
        since = bucket(tx.now, 60) - 24 * 60
        for scope, key in (("mailbox", str(box.mailbox_id)), ("desk", "")):
            decided = tx.total(scope, key, "decided_1h", since=since)
            if decided > 0:
                return max(1, tx.total(scope, key, "review_seconds_1h", since=since) // decided)
        return USUAL_REVIEW

    return tx.memo(("review estimate", box.mailbox_id), load)


# --- deciding -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on one item. `digest` (hex), if given, must be the item's: what the reviewer saw is what leaves."""

    item: int
    approve: bool
    reason: str | None = None
    digest: str | None = None
    batch: str | None = None
    delay: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of an item. `release_at` is when approved mail enters its lanes."""

    item: int
    status: str
    release_at: int | None = None
    approvals_missing: int = 0


def decide(tx: Transaction, decision: Decision, *, actor: Actor) -> Decided:
    """Approve or reject one pending item. Raises `Forbidden`, `NotFound`, `Conflict`, `Invalid`."""
    roles.check(actor, Verb.MESSAGE_APPROVE if decision.approve else Verb.MESSAGE_REJECT)
    item = _item(tx, decision.item)
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
    tx.emit(
        EmailApproved(
            **_subjects(item, box, actor), kind=item.kind, item=item.id, digest=digest, policy=version,
            release_at=release_at, dwell_ms=_dwell(tx, item, actor), batch=decision.batch, reason=decision.reason,
            complete=missing == 0,
        )
    )  # fmt: skip
    if missing:
        tx.write(update(REVIEW).where(REVIEW.c.id == item.id).values(approvers=approvers))
        return Decided(item.id, "pending", approvals_missing=missing)
    tx.write(
        update(REVIEW)
        .where(REVIEW.c.id == item.id)
        .values(
            status="approved",
            approvers=approvers,
            decided_at=tx.now,
            decided_by=actor.name,
            reason=decision.reason,
            batch=decision.batch,
            release_at=release_at,
            due_at=release_at if mail else tx.now + READ_GRANT,
        )
    )
    count_pending(tx, box, n=-1)
    _count_decision(tx, item, box, "approved")
    if mail and decision.delay == 0:
        _release(tx, item, box)
    return Decided(item.id, "approved", release_at=release_at)


def _reject(tx: Transaction, item: Row[Any], box: GateFacts, decision: Decision, actor: Actor) -> Decided:
    tx.write(
        update(REVIEW)
        .where(REVIEW.c.id == item.id)
        .values(
            status="rejected",
            due_at=None,
            decided_at=tx.now,
            decided_by=actor.name,
            reason=decision.reason,
            batch=decision.batch,
        )
    )
    tx.emit(
        EmailRejected(
            **_subjects(item, box, actor), kind=item.kind, item=item.id, reason=decision.reason,
            dwell_ms=_dwell(tx, item, actor), batch=decision.batch,
        )
    )  # fmt: skip
    count_pending(tx, box, n=-1)
    _count_decision(tx, item, box, "rejected")
    end_unsent(tx, item.message_id, box, status=Status.REJECTED, reason=decision.reason)
    return Decided(item.id, "rejected")


def undo(tx: Transaction, item_id: int, *, actor: Actor) -> Decided:
    """Take an approval back before its release. Raises `Conflict` once it is released."""
    roles.check(actor, Verb.MESSAGE_UNDO)
    item = _item(tx, item_id)
    if item.status != "approved" or item.release_at is None or item.release_at <= tx.now:
        raise Conflict(f"{spelled(item)} is {item.status} and past its release: sent mail has no undo")
    box = facts.gate(tx, item.mailbox_id)
    tx.write(
        update(REVIEW)
        .where(REVIEW.c.id == item_id)
        .values(
            status="pending",
            approvers=[],
            decided_at=None,
            decided_by=None,
            release_at=None,
            due_at=item.expires_at,
            batch=None,
        )
    )
    count_pending(tx, box, n=1)
    tx.emit(EmailApprovalUndone(**_subjects(item, box, actor), item=item_id))
    return Decided(item_id, "pending")


def opened(tx: Transaction, item_id: int, *, actor: Actor) -> None:
    """Keep when a reviewer first had the item before their eyes; how long until the decision is the dwell time."""
    roles.check(actor, Verb.MESSAGE_READ)
    tx.write(
        update(REVIEW)
        .where(REVIEW.c.id == item_id, REVIEW.c.status == "pending", REVIEW.c.opened_by.is_distinct_from(actor.name))
        .values(opened_at=tx.now, opened_by=actor.name)
    )


# --- what the clock does ------------------------------------------------------------------------------------------


def release_due(tx: Transaction, *, limit: int = 200) -> int:
    """Let approved mail into its lanes whose release time has come; returns how many."""
    c = REVIEW.c
    due = tx.all(select(REVIEW).where(c.status == "approved", c.due_at <= tx.now).order_by(c.due_at).limit(limit))
    for item in due:
        box = facts.gate(tx, item.mailbox_id)
        if item.message_id is not None and item.kind in (Action.SEND, Action.REPLY):
            _release(tx, item, box)
        else:
            _lapse(tx, item)
    return len(due)


def expire_due(tx: Transaction, *, limit: int = 200) -> int:
    """End what nobody decided in time; returns how many."""
    c = REVIEW.c
    due = tx.all(select(REVIEW).where(c.status == "pending", c.due_at <= tx.now).order_by(c.due_at).limit(limit))
    for item in due:
        box = facts.gate(tx, item.mailbox_id)
        tx.write(update(REVIEW).where(c.id == item.id).values(status="expired", due_at=None, decided_at=tx.now))
        tx.emit(EmailExpired(**_subjects(item, box, SYSTEM), kind=item.kind, item=item.id))
        count_pending(tx, box, n=-1)
        tx.bump("mailbox", str(box.mailbox_id), "expired_1h", minute=bucket(tx.now, 60))
        end_unsent(tx, item.message_id, box, status=Status.EXPIRED, reason="nobody decided in time")
    return len(due)


def _lapse(tx: Transaction, item: Row[Any]) -> None:
    """A granted read that was not used within its hour."""
    tx.write(update(REVIEW).where(REVIEW.c.id == item.id).values(status="lapsed", due_at=None))


def _release(tx: Transaction, item: Row[Any], box: GateFacts) -> None:
    tx.write(update(REVIEW).where(REVIEW.c.id == item.id).values(status="released", due_at=None))
    into_lanes(tx, item.message_id, box)


def into_lanes(tx: Transaction, message_id: int, box: GateFacts) -> None:
    """Everything of a message that nothing holds any more becomes ready, at the place of its submission."""
    message = tx.one(select(MESSAGE.c.submitted_at, MESSAGE.c.dated_at).where(MESSAGE.c.id == message_id))
    assert message is not None
    held = [Status.PENDING.value, Status.UNCERTAIN.value]
    rows = tx.all(select(RECIPIENT).where(RECIPIENT.c.message_id == message_id, RECIPIENT.c.status.in_(held)))
    waiting_for = {row.waits_for for row in rows if row.waits_for is not None}
    unfinished = _unfinished(tx, waiting_for, {row.address for row in rows})
    free = [row for row in rows if row.waits_for is None or (row.waits_for, row.address) not in unfinished]
    tx.write(
        update(RECIPIENT)
        .where(RECIPIENT.c.message_id == message_id, RECIPIENT.c.status.in_(held))
        .values(status=Status.QUEUED.value)
    )
    tx.write(
        update(MESSAGE)
        .where(MESSAGE.c.id == message_id)
        .values(status=Status.QUEUED.value, released_at=tx.now, dated_at=message.dated_at or tx.now)
    )
    lanes.enqueue(
        tx,
        [Slot(message_id, row.n, row.lane_id, message.submitted_at, charged=bool(row.charged)) for row in free],
    )
    allowances.wait(tx, box, n=sum(not row.charged for row in rows))
    tx.emit(
        EmailQueued(
            actor=str(SYSTEM), message=message_id, mailbox=box.mailbox_id, agent=box.agent_id, stream=box.stream_id,
            recipients=len(rows), due=message.submitted_at,
        )
    )  # fmt: skip


def _unfinished(tx: Transaction, messages: set[int], addresses: set[str]) -> set[tuple[int, str]]:
    if not messages:
        return set()
    r = RECIPIENT.c
    rows = tx.all(select(r.message_id, r.address, r.status).where(r.message_id.in_(messages), r.address.in_(addresses)))
    return {(row.message_id, row.address) for row in rows if not Status(row.status).final}


# --- cancelling ---------------------------------------------------------------------------------------------------


def cancel(tx: Transaction, message_id: int, *, actor: Actor, reason: str | None = None) -> Status:
    """Take back what has not left yet. Raises `Conflict` when nothing of it waits any more."""
    message = tx.one(select(MESSAGE).where(MESSAGE.c.id == message_id))
    if message is None:
        raise NotFound("there is no such message")
    box = facts.gate(tx, message.mailbox_id)
    ended = end_unsent(tx, message_id, box, status=Status.CANCELLED, reason=reason)
    if not ended:
        raise Conflict(
            f"{spell_id('m', message_id)} is {message.status}: only mail that is pending or waiting can be cancelled"
        )
    item = tx.one(select(REVIEW).where(REVIEW.c.id == message_id))
    if item is not None and item.status in ("pending", "approved"):
        tx.write(update(REVIEW).where(REVIEW.c.id == message_id).values(status="cancelled", due_at=None))
        if item.status == "pending":
            count_pending(tx, box, n=-1)
    tx.emit(
        EmailCancelled(
            actor=str(actor), message=message_id, mailbox=box.mailbox_id, agent=box.agent_id, run=message.run_id,
            stream=box.stream_id, kind=message.kind, reason=reason,
        )
    )  # fmt: skip
    return Status.CANCELLED


def end_unsent(tx: Transaction, message_id: int | None, box: GateFacts, *, status: Status, reason: str | None) -> int:
    """Give every recipient that waits this final state, give back what acceptance charged, and let followers go."""
    if message_id is None:
        return 0
    # Uncertain ones wait for a human too: without an end here nothing would ever give them one.
    stages = [Status.PENDING.value, Status.QUEUED.value, Status.DEFERRED.value, Status.UNCERTAIN.value]
    r = RECIPIENT.c
    rows = tx.all(select(RECIPIENT).where(r.message_id == message_id, r.status.in_(stages)))
    if not rows:
        return 0
    message = tx.one(select(MESSAGE).where(MESSAGE.c.id == message_id))
    assert message is not None
    lanes.withdraw(tx, [(message_id, row.n) for row in rows], lanes={row.lane_id for row in rows if row.lane_id})
    tx.write(
        update(RECIPIENT)
        .where(r.message_id == message_id, r.status.in_(stages))
        .values(status=status.value, reason=reason, next_at=None)
    )
    left = message.open - len(rows)
    values: dict[str, Any] = {"open": left}
    if left == 0:
        values |= {"status": end_of(tx, message_id).value, "final_at": tx.now}
    tx.write(update(MESSAGE).where(MESSAGE.c.id == message_id).values(**values))
    allowances.wait(tx, box, n=-sum(row.status != Status.PENDING and not row.charged for row in rows))
    _give_back(tx, message, rows, box)
    free_followers(tx, [message_id])
    return len(rows)


def end_of(tx: Transaction, message_id: int) -> Status:
    """What a message comes to whose recipients are all final: `sent` if any of them was."""
    found = {row.status for row in tx.all(select(RECIPIENT.c.status).where(RECIPIENT.c.message_id == message_id))}
    order = (Status.SENT, Status.FAILED, Status.CANCELLED, Status.REJECTED, Status.EXPIRED, Status.BLOCKED)
    return next(status for status in order if status.value in found)


def moot(tx: Transaction, message_id: int, box: GateFacts) -> None:
    """Take a question back that has answered itself: nothing of the message waits for a human any more."""
    held = [Status.PENDING.value, Status.UNCERTAIN.value]
    r, c = RECIPIENT.c, REVIEW.c
    if tx.one(select(r.n).where(r.message_id == message_id, r.status.in_(held)).limit(1)) is not None:
        return
    if tx.write(update(REVIEW).where(c.id == message_id, c.status == "pending").values(status="settled", due_at=None)):
        count_pending(tx, box, n=-1)


def _give_back(tx: Transaction, message: Row[Any], rows: Sequence[Row[Any]], box: GateFacts) -> None:
    """What never left does not count against the run, nor as a first contact."""
    unpaid = [row for row in rows if not row.charged]
    if not unpaid:
        return
    tx.bump("run", str(message.run_id), "accepted", minute=EVER, n=-len(unpaid))
    forgotten = tx.write(
        delete(CONTACT).where(
            CONTACT.c.agent_id == box.agent_id,
            CONTACT.c.address.in_([row.address for row in unpaid]),
            CONTACT.c.first_at == message.submitted_at,
        )
    )
    if forgotten:
        at = bucket(message.submitted_at, DAY_BUCKET)
        tx.bump("agent", str(box.agent_id), "new_15m", minute=at, n=-forgotten)


def free_followers(tx: Transaction, message_ids: Sequence[int]) -> None:
    """Let go who waited for these messages, recipient by recipient, where the earlier one is final."""
    waiting = lanes.followers(tx, message_ids)
    if not waiting:
        return
    unfinished = _unfinished(tx, {row.waits_for for row in waiting}, {row.address for row in waiting})
    for row in waiting:
        if (row.waits_for, row.address) in unfinished:
            continue
        # What it waited for may itself have waited (and was cancelled, say): then it waits for that one now.
        earlier = lanes.predecessor(
            tx, mailbox_id=row.mailbox_id, conversation=row.conversation, before=row.waits_for, address=row.address
        )
        tx.write(
            update(RECIPIENT)
            .where(RECIPIENT.c.message_id == row.message_id, RECIPIENT.c.n == row.n)
            .values(waits_for=earlier)
        )
        if earlier is None and row.status == Status.QUEUED:
            lanes.enqueue(tx, [Slot(row.message_id, row.n, row.lane_id, row.submitted_at, charged=bool(row.charged))])


# --- how ------------------------------------------------------------------------------------------------------------


def spelled(item: Row[Any]) -> str:
    """The id an item is decided by: the message's, or an action's own."""
    return spell_id("m" if item.message_id == item.id else "a", item.id)


def _item(tx: Transaction, item_id: int) -> Row[Any]:
    item = tx.one(select(REVIEW).where(REVIEW.c.id == item_id))
    if item is None:
        raise NotFound("nothing by that id is pending or was", fix="postroom queue pending lists what waits")
    return item


def _still_pending(tx: Transaction, item: Row[Any]) -> None:
    if item.status == "pending" and item.expires_at > tx.now:
        return
    if item.status == "pending":
        raise Conflict(f"{spelled(item)} has expired: nobody decided in time")
    by = f" by {item.decided_by}" if item.decided_by else ""
    raise Conflict(f"{spelled(item)} is no longer pending: already {item.status}{by}")


def _digest(tx: Transaction, item: Row[Any]) -> str | None:
    if item.message_id is None:
        return None
    row = tx.one(select(MESSAGE.c.digest).where(MESSAGE.c.id == item.message_id))
    return None if row is None else str(row.digest)


def _dwell(tx: Transaction, item: Row[Any], actor: Actor) -> int | None:
    """Milliseconds the deciding person had it open; None for a decision on something never opened."""
    if item.opened_at is None or item.opened_by != actor.name:
        return None
    return max(0, tx.now - int(item.opened_at)) // 1_000


def _count_decision(tx: Transaction, item: Row[Any], box: GateFacts, verdict: str) -> None:
    """What evidence, estimates and anomaly signals are made from."""
    hour = bucket(tx.now, 60)
    seconds = max(0, tx.now - item.submitted_at) // 1_000_000
    for scope, key in (("mailbox", str(box.mailbox_id)), ("desk", "")):
        tx.bump(scope, key, f"{verdict}_1h", minute=hour)
        tx.bump(scope, key, "decided_1h", minute=hour)
        tx.bump(scope, key, "review_seconds_1h", minute=hour, n=seconds)


def _subjects(item: Row[Any], box: GateFacts, actor: Actor) -> dict[str, Any]:
    return {
        "actor": str(actor),
        "message": item.message_id,
        "mailbox": box.mailbox_id,
        "agent": box.agent_id,
        "stream": box.stream_id,
    }


def send_back(tx: Transaction, message_id: int, box: GateFacts, *, reasons: Sequence[Reason], expires_at: int) -> None:
    """Put a message that was free to leave before a human: the policy in force no longer lets it go by itself."""
    known = tx.one(select(REVIEW.c.status).where(REVIEW.c.id == message_id))
    if known is not None and known.status == "pending":
        return
    _, policy = house.policy(tx)
    message = tx.one(select(MESSAGE.c.kind, MESSAGE.c.content_class, MESSAGE.c.facts).where(MESSAGE.c.id == message_id))
    assert message is not None
    classes = {message.content_class, *message.facts.get("classes", ())}
    values = new_item(
        item=message_id, kind=Action(message.kind), box=box, message_id=message_id, target=None, reasons=reasons,
        failed_checks=len(reasons), needs=2 if classes & set(policy.review.four_eyes) else 1, now=tx.now,
        expires_at=expires_at,
    )  # fmt: skip
    # a question asked again is a new one: what was answered and looked at before counts for nothing
    fresh = ("opened_at", "opened_by", "decided_at", "decided_by", "release_at", "reason", "batch")
    values |= dict.fromkeys(fresh)
    if known is None:
        tx.add(REVIEW, values)
    else:
        tx.write(update(REVIEW).where(REVIEW.c.id == message_id).values(**values))
    count_pending(tx, box, n=1)

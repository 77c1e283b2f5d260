"""A person's decision: approve, reject, undo. Bound to the digest of exactly the bytes that will leave.

Approved mail is released at once, or after the console's delay, during which the approval can be undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, update

from core.db import gate_queries
from core.db.gate_queries import SenderState
from core.db.tables import REVIEW
from core.db.transaction import Transaction
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events import EmailApprovalUndone, EmailApproved, EmailRejected, EmailRejectionUndone
from core.model import RECEIVE, Actor, approvals_missing
from core.rules.roles import Verb
from core.services import access, context
from core.services.sending.review import close, items, release
from core.services.sending.review import dwell as review_dwell


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on one item. `digest` (hex), if given, must be the item's: what the reviewer saw is what leaves.

    Mail that somebody has edited is approved only with it: the reviewer may have read the bytes from before the edit.
    `reason` is needed to approve over failed checks. `delay` (microseconds) is how long the decision can be undone.
    `watched`: the client reports what its operator opens, so an item never opened there was not read.
    `received`: only received mail is decided on.
    """

    item: int
    approve: bool
    reason: str | None = None
    digest: str | None = None
    batch: str | None = None
    delay: int = 0
    watched: bool = False
    received: bool = False


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """Result of a decision. `release_at` is when approved mail enters its lanes, or a rejection ends it.

    `status` is `delivered` for received mail that its agent can read from now on.

    `hurried` is the warning to a reviewer whose approvals come faster than anyone can read.
    """

    item: int
    status: str
    release_at: int | None = None
    approvals_missing: int = 0
    hurried: str | None = None


def decide(tx: Transaction, decision: Decision, *, actor: Actor) -> DecisionResult:
    """Approve or reject one pending item. Raises `Forbidden`, `NotFound`, `Conflict`, `Invalid`."""
    actor = access.require(tx, actor, Verb.MESSAGE_APPROVE if decision.approve else Verb.MESSAGE_REJECT)
    item = items.item(tx, decision.item)
    if decision.received and item.kind != RECEIVE:
        raise NotFound(f"{items.format_item_id(item)} is no received message", fix="postroom inbox list lists them")
    items.still_pending(tx, item)
    digest = items.digest(tx, item)
    if decision.digest is not None and decision.digest != digest:
        raise Conflict("the digest is not that of this message", fix="look at it again: it is not what you reviewed")
    if decision.approve and decision.digest is None and item.editors:
        raise Conflict(
            f"{items.format_item_id(item)} was edited by {', '.join(item.editors)}: an approval must name its digest",
            fix="look at it again: postroom queue show ID, then approve ID --digest SHA256",
        )
    mailbox = gate_queries.gate(tx, item.mailbox_id)
    return (
        _approve(tx, item, mailbox, decision, actor, digest)
        if decision.approve
        else _reject(tx, item, mailbox, decision, actor)
    )


def _over_checks(item: Row[Any], decision: Decision) -> list[str]:
    """Codes of the failed checks that the approval overrides. Raises `Invalid` without a reason."""
    if not item.failed_checks or item.kind == RECEIVE:
        return []  # received mail is held for what screening marks; to release it lets nothing leave
    if not (decision.reason or "").strip():
        texts = "; ".join(one["text"] for one in item.findings) or "see postroom queue show"
        count = "1 check" if item.failed_checks == 1 else f"{item.failed_checks} checks"
        raise Invalid(
            f"{items.format_item_id(item)} failed {count} ({texts}); approving it anyway needs a reason",
            fix="say why it may leave: postroom queue approve ID --reason TEXT, or reason over HTTP",
            problems=(("reason", "is needed to approve over failed checks"),),
        )
    return [one["code"] for one in item.findings] or ["unknown"]


def _approve(
    tx: Transaction, item: Row[Any], mailbox: SenderState, decision: Decision, actor: Actor, digest: str | None
) -> DecisionResult:
    if actor.name in item.approvers:
        raise Forbidden(
            f"{actor} has already approved it, and it needs {item.needs} people", fix="ask another reviewer"
        )
    overridden = _over_checks(item, decision)
    version, _ = context.current_policy(tx)
    approvers = [*item.approvers, actor.name]
    missing = approvals_missing(item.needs, approvers, item.editors or ())
    release_at = tx.now + decision.delay
    mail = release.is_mail(item)
    dwell = review_dwell.dwell(tx, item.id, actor=actor)
    tx.emit(
        EmailApproved(
            **items.subjects(item, mailbox, actor), kind=item.kind, item=item.id, digest=digest, policy=version,
            release_at=release_at, dwell_ms=dwell, batch=decision.batch, reason=decision.reason,
            complete=missing == 0, overridden=overridden,
        )
    )  # fmt: skip
    items.end_claims(tx, [item.id])
    # a reviewer who decides a batch has all of it on one screen and can have opened each item
    unread = 0 if decision.watched or decision.batch else None
    hurried = review_dwell.note_approval(tx, item.id, actor=actor, dwell_ms=unread if dwell is None else dwell)
    if missing:
        tx.write(update(REVIEW).where(REVIEW.c.id == item.id).values(approvers=approvers))
        return DecisionResult(item.id, "pending", approvals_missing=missing, hurried=hurried)
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
    items.count_pending(tx, mailbox, n=-1)
    if not mail:
        items.count_decision(tx, item, mailbox, "approved")
    elif decision.delay == 0:
        release.release(tx, item, mailbox)
    status = "delivered" if item.kind == RECEIVE and decision.delay == 0 else "approved"
    return DecisionResult(item.id, status, release_at=release_at, hurried=hurried)


def _reject(tx: Transaction, item: Row[Any], mailbox: SenderState, decision: Decision, actor: Actor) -> DecisionResult:
    """Reject an item, for good at once or after the undo delay; until then it waits, no longer listed as pending.

    Received mail is rejected with a reason: its sender is told nothing, so the log alone explains its absence.
    """
    if item.kind == RECEIVE:
        context.require_reason(decision.reason or "")
    dwell = review_dwell.dwell(tx, item.id, actor=actor)
    release_at = tx.now + decision.delay if decision.delay else None
    tx.write(
        update(REVIEW)
        .where(REVIEW.c.id == item.id)
        .values(
            status=items.REJECTING,
            dwell_ms=dwell,
            release_at=release_at,
            due_at=release_at,
            decided_at=tx.now,
            decided_by=actor.name,
            reason=decision.reason,
            batch=decision.batch,
        )
    )
    tx.emit(
        EmailRejected(
            **items.subjects(item, mailbox, actor), kind=item.kind, item=item.id, reason=decision.reason,
            dwell_ms=dwell, batch=decision.batch, release_at=release_at,
        )
    )  # fmt: skip
    items.end_claims(tx, [item.id])
    items.count_pending(tx, mailbox, n=-1)
    if release_at is None:
        close.reject(tx, item, mailbox, reason=decision.reason)
    return DecisionResult(item.id, "rejected", release_at=release_at)


def undo(tx: Transaction, item_id: int, *, actor: Actor) -> DecisionResult:
    """Undo an approval or a rejection before its release. Raises `Conflict` once it is released."""
    actor = access.require(tx, actor, Verb.MESSAGE_UNDO)
    item = items.item(tx, item_id)
    open_ = item.status in ("approved", items.REJECTING) and item.release_at is not None
    if not open_ or item.release_at <= tx.now:
        raise Conflict(f"{items.format_item_id(item)} is {items.state(item)} and past its release: there is no undo")
    mailbox = gate_queries.gate(tx, item.mailbox_id)
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
            reason=None,
        )
    )
    items.count_pending(tx, mailbox, n=1)
    undone = EmailApprovalUndone if item.status == "approved" else EmailRejectionUndone
    tx.emit(undone(**items.subjects(item, mailbox, actor), item=item_id))
    return DecisionResult(item_id, "pending")

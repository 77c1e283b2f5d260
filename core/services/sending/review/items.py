"""The queue of held actions: its rows, its depth, the estimated wait, and messages that return to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, select, update

from core.db.counters import EVER, bucket
from core.db.gate_queries import SenderState
from core.db.tables import BODY, CLAIM, INBOUND_CONTENT, INBOUND_MESSAGE, MESSAGE, RECIPIENT, REVIEW
from core.db.transaction import Transaction
from core.errors import Conflict, NotFound
from core.ids import spell_id
from core.model import RECEIVE, Action, Actor, Reason, Status
from core.rules import content
from core.rules.gate import approved_rules
from core.rules.policy import Policy
from core.services import context
from core.services.sending.review import dwell

REJECTING: Final = "rejecting"
"""Rejected, and can be undone until `release_at`."""
USUAL_REVIEW: Final = 15 * 60
"""Estimate in seconds while no reviewer has decided anything lately."""


def new_item(
    *,
    item: int,
    kind: str,
    mailbox: SenderState,
    message_id: int | None,
    target: str | None,
    reasons: Sequence[Reason],
    findings: Sequence[Reason],
    needs: int,
    likeness: int | None = None,
    now: int,
    expires_at: int,
) -> dict[str, Any]:
    """The row of a pending item. `kind` is an `Action` or `RECEIVE`.

    `findings` are the checks that its content fails, `reasons` why it is held.
    """
    return {
        "id": item,
        "kind": str(kind),
        "mailbox_id": mailbox.mailbox_id,
        "agent_id": mailbox.agent_id,
        "message_id": message_id,
        "target": target,
        "status": "pending",
        "reasons": [
            one | {"rules": list(reason.rules or (reason.code,))}
            for one, reason in zip(_spelled_reasons(reasons), reasons, strict=True)
        ],
        "failed_checks": len(findings),
        "findings": _spelled_reasons(findings),
        "cautions": sum(reason.code != "mode" for reason in reasons),
        "likeness": likeness,
        "submitted_at": now,
        "due_at": expires_at,
        "expires_at": expires_at,
        "needs": needs,
        "approvers": [],
        "settled": [],
    }


def _spelled_reasons(reasons: Sequence[Reason]) -> list[dict[str, str]]:
    return [{"code": reason.code, "text": reason.text} for reason in reasons]


def count_decision(tx: Transaction, item: Row[Any], mailbox: SenderState, verdict: str) -> None:
    """Count a final decision for evidence, estimates and anomaly signals; of each message the last one, once.

    So it is called when a decision can no longer be undone: at the release of an approval, at the end of a rejection.
    An approved read or tag shows how long reviews take, but nothing about the mail of its mailbox; a decision on
    received mail says nothing about its agent at all, and counts for the desk alone.
    """
    hour = bucket(tx.now, 60)
    seconds = max(0, (item.decided_at or tx.now) - item.submitted_at) // 1_000_000
    scopes = (("mailbox", str(mailbox.mailbox_id)), ("desk", ""))
    again = item.counted
    about_agent = item.kind != RECEIVE
    # What a person edited is no evidence for the agent that wrote it: it counts by itself.
    approved = "edited" if item.editors else "approved"
    verdict = approved if verdict == "approved" else verdict
    for scope, key in scopes if about_agent else scopes[1:]:
        if about_agent and verdict == "rejected" and again:
            tx.bump(scope, key, f"{approved}_1h", minute=hour, n=-1)
        if about_agent and (verdict == "rejected" or (not again and item.message_id is not None)):
            tx.bump(scope, key, f"{verdict}_1h", minute=hour)
        if not again:
            tx.bump(scope, key, "decided_1h", minute=hour)
            tx.bump(scope, key, "review_seconds_1h", minute=hour, n=seconds)
    tx.write(update(REVIEW).where(REVIEW.c.id == item.id).values(counted=True))


def count_pending(tx: Transaction, mailbox: SenderState, *, n: int) -> None:
    """Update the depth of the queue of held actions: the mailbox's, the agent's, the desk's."""
    tx.bump("mailbox", str(mailbox.mailbox_id), "pending", minute=EVER, n=n)
    tx.bump("agent", str(mailbox.agent_id), "pending", minute=EVER, n=n)
    tx.bump("desk", "", "pending", minute=EVER, n=n)
    if n > 0:
        tx.bump("desk", "", "held", minute=bucket(tx.now), n=n)
        tx.bump("mailbox", str(mailbox.mailbox_id), "held_1h", minute=bucket(tx.now, 60), n=n)


def estimate(tx: Transaction, mailbox: SenderState) -> int:
    """Seconds until a person will have decided: the mean wait of the last day, of this mailbox or else of the desk."""

    def load() -> int:
        since = bucket(tx.now, 60) - 24 * 60
        for scope, key in (("mailbox", str(mailbox.mailbox_id)), ("desk", "")):
            decided = tx.counters.total(scope, key, "decided_1h", since=since)
            if decided > 0:
                return max(1, tx.counters.total(scope, key, "review_seconds_1h", since=since) // decided)
        return USUAL_REVIEW

    return tx.batch_cache.get(("review estimate", mailbox.mailbox_id), load)


def approvals_needed(classes: Iterable[str], policy: Policy) -> int:
    """How many people must approve mail of these classes, or of this kind: two where the policy asks for four eyes."""
    return 2 if set(classes) & set(policy.review.four_eyes) else 1


def send_back(
    tx: Transaction, message_id: int, mailbox: SenderState, *, reasons: Sequence[Reason], expires_at: int
) -> None:
    """Hold a message that was free to leave: the policy in force no longer lets it go by itself."""
    c = REVIEW.c
    known = tx.one(select(c.status, c.reasons, c.settled).where(c.id == message_id))
    if known is not None and known.status == "pending":
        return
    _, policy = context.current_policy(tx)
    message = tx.one(select(MESSAGE.c.kind, MESSAGE.c.content_class, MESSAGE.c.facts).where(MESSAGE.c.id == message_id))
    assert message is not None
    classes = {message.content_class, *message.facts.get("classes", ())}
    values = new_item(
        item=message_id, kind=Action(message.kind), mailbox=mailbox, message_id=message_id, target=None,
        reasons=reasons,
        findings=_examined(tx, message_id, mailbox), needs=approvals_needed(classes, policy),
        now=tx.now, expires_at=expires_at,
    )  # fmt: skip
    # a question asked again is a new one: earlier decisions and reading count for nothing
    fresh = (
        "dwell_ms",
        "opened_at",
        "opened_by",
        "decided_at",
        "decided_by",
        "release_at",
        "reason",
        "batch",
        "expiry_warned",
    )
    values |= dict.fromkeys(fresh)
    if known is not None:
        # What people approved stays approved; otherwise two rules would send a message back in turn forever.
        approved = approved_rules(known.reasons) if known.status == "released" else frozenset()
        values["settled"] = sorted(approved | frozenset(known.settled or ()))
    if known is None:
        tx.add(REVIEW, values)
    else:
        tx.write(update(REVIEW).where(REVIEW.c.id == message_id).values(**values))
        dwell.forget(tx, message_id)
    count_pending(tx, mailbox, n=1)


def _examined(tx: Transaction, message_id: int, mailbox: SenderState) -> tuple[Reason, ...]:
    """Checks that a message fails which were not made when it was submitted; none of a purged body."""
    body = tx.one(select(BODY.c.rendered).where(BODY.c.message_id == message_id))
    subject = tx.one(select(MESSAGE.c.subject).where(MESSAGE.c.id == message_id))
    if body is None or body.rendered is None or subject is None:
        return ()
    people = tx.all(select(RECIPIENT.c.given).where(RECIPIENT.c.message_id == message_id).order_by(RECIPIENT.c.n))
    rendered = content.said_by(
        content.read_mail(bytes(body.rendered)), subject=subject.subject, people=(row.given for row in people)
    )
    return content.examined(rendered, own=(mailbox.domain,))


def settle_review(tx: Transaction, message_id: int, mailbox: SenderState) -> None:
    """Withdraw a question that has resolved itself: nothing of the message waits for a person any more."""
    held = [Status.PENDING.value, Status.UNCERTAIN.value]
    r, c = RECIPIENT.c, REVIEW.c
    if tx.one(select(r.n).where(r.message_id == message_id, r.status.in_(held)).limit(1)) is not None:
        return
    if tx.write(update(REVIEW).where(c.id == message_id, c.status == "pending").values(status="settled", due_at=None)):
        count_pending(tx, mailbox, n=-1)
        end_claims(tx, [message_id])


def end_claims(tx: Transaction, ids: Collection[int]) -> None:
    """End the claims of items that no longer wait, or are returned to review with other bytes, whoever holds them."""
    tx.write_keeping_caches(_END_CLAIMS, [{"b_items": list(ids)}])


def format_item_id(item: Row[Any]) -> str:
    """The id by which an item is decided: the message's, or an action's own."""
    return spell_id("m" if item.message_id == item.id or item.kind == RECEIVE else "a", item.id)


def item(tx: Transaction, item_id: int) -> Row[Any]:
    """The row of an action that is or was held. Raises `NotFound`."""
    found = tx.one(select(REVIEW).where(REVIEW.c.id == item_id))
    if found is None:
        raise NotFound("no pending or past item has this id", fix="postroom queue pending lists what is waiting")
    return found


def subjects(item: Row[Any], mailbox: SenderState, actor: Actor) -> dict[str, Any]:
    """The ids by which an event of the item is found."""
    return {
        "actor": str(actor),
        "message": item.id if item.kind == RECEIVE else item.message_id,
        "mailbox": mailbox.mailbox_id,
        "agent": mailbox.agent_id,
        "stream": mailbox.stream_id,
    }


def still_pending(tx: Transaction, item: Row[Any]) -> None:
    """Require that nobody has decided on it and that it has not expired. Raises `Conflict`."""
    if item.status == "pending" and item.expires_at > tx.now:
        return
    if item.status == "pending":
        raise Conflict(f"{format_item_id(item)} has expired: nobody decided in time")
    by = f" by {item.decided_by}" if item.decided_by else ""
    raise Conflict(f"{format_item_id(item)} is no longer pending: already {state(item)}{by}")


def unsent_recipients(tx: Transaction, item: Row[Any]) -> Sequence[Row[Any]]:
    """The recipients of a held message, in order, of which none can have it already. Raises `Conflict` otherwise.

    An edited text, or the agent's next attempt, would also reach people who have read the first one.
    """
    r = RECIPIENT.c
    people = tx.all(select(RECIPIENT).where(r.message_id == item.message_id).order_by(r.n))
    for row in people:
        if row.attempts or (row.status != Status.PENDING and not Status(row.status).final):
            raise Conflict(
                f"{format_item_id(item)} has left for some of its recipients, or may have",
                fix="approve it as it is, or reject it",
            )
    return people


def state(item: Row[Any]) -> str:
    """The status of an item in words: a rejection that can still be undone is one already."""
    return "rejected" if item.status == REJECTING else str(item.status)


def digest(tx: Transaction, item: Row[Any]) -> str | None:
    """Digest of the bytes that a decision on the item is about; None for a held read or tag."""
    if item.kind == RECEIVE:
        c, m = INBOUND_CONTENT.c, INBOUND_MESSAGE.c
        content = tx.one(select(c.digest).join(INBOUND_MESSAGE, m.content_id == c.id).where(m.id == item.id))
        return None if content is None else str(content.digest)
    if item.message_id is None:
        return None
    row = tx.one(select(MESSAGE.c.digest).where(MESSAGE.c.id == item.message_id))
    return None if row is None else str(row.digest)


_END_CLAIMS: Final = delete(CLAIM).where(CLAIM.c.item.in_(bindparam("b_items", expanding=True)))

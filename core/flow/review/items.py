"""The queue of held actions: what a row of it is, how deep it is, how long it will take, and a question asked again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, select, update

from core.errors import NotFound
from core.flow import house
from core.flow.review import reading
from core.ledger.counters import EVER, bucket
from core.ledger.facts import GateFacts
from core.ledger.tables import Message, Recipient, Review, table
from core.ledger.transaction import Transaction
from core.rules.gate import approved_rules
from core.words import Action, Actor, Reason, Status, spell_id

REVIEW: Final = table(Review)
MESSAGE: Final = table(Message)
RECIPIENT: Final = table(Recipient)

USUAL_REVIEW: Final = 15 * 60
"""Seconds told while no reviewer has decided anything lately."""


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
    likeness: int | None = None,
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
        "reasons": [{"code": one.code, "text": one.text, "rules": list(one.rules or (one.code,))} for one in reasons],
        "failed_checks": failed_checks,
        "likeness": likeness,
        "submitted_at": now,
        "due_at": expires_at,
        "expires_at": expires_at,
        "needs": needs,
        "approvers": [],
        "settled": [],
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


def send_back(tx: Transaction, message_id: int, box: GateFacts, *, reasons: Sequence[Reason], expires_at: int) -> None:
    """Put a message that was free to leave before a human: the policy in force no longer lets it go by itself."""
    c = REVIEW.c
    known = tx.one(select(c.status, c.reasons, c.settled).where(c.id == message_id))
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
    fresh = ("dwell_ms", "opened_at", "opened_by", "decided_at", "decided_by", "release_at", "reason", "batch")
    values |= dict.fromkeys(fresh)
    if known is not None:
        # What people approved stays approved; else two rules would send a message back for each other for ever.
        approved = approved_rules(known.reasons) if known.status == "released" else frozenset()
        values["settled"] = sorted(approved | frozenset(known.settled or ()))
    if known is None:
        tx.add(REVIEW, values)
    else:
        tx.write(update(REVIEW).where(REVIEW.c.id == message_id).values(**values))
        reading.forget(tx, message_id)
    count_pending(tx, box, n=1)


def moot(tx: Transaction, message_id: int, box: GateFacts) -> None:
    """Take a question back that has answered itself: nothing of the message waits for a human any more."""
    held = [Status.PENDING.value, Status.UNCERTAIN.value]
    r, c = RECIPIENT.c, REVIEW.c
    if tx.one(select(r.n).where(r.message_id == message_id, r.status.in_(held)).limit(1)) is not None:
        return
    if tx.write(update(REVIEW).where(c.id == message_id, c.status == "pending").values(status="settled", due_at=None)):
        count_pending(tx, box, n=-1)


def spelled(item: Row[Any]) -> str:
    """The id an item is decided by: the message's, or an action's own."""
    return spell_id("m" if item.message_id == item.id else "a", item.id)


def item(tx: Transaction, item_id: int) -> Row[Any]:
    """The row of an action that was ever held. Raises `NotFound`."""
    found = tx.one(select(REVIEW).where(REVIEW.c.id == item_id))
    if found is None:
        raise NotFound("nothing by that id is pending or was", fix="postroom queue pending lists what waits")
    return found


def subjects(item: Row[Any], box: GateFacts, actor: Actor) -> dict[str, Any]:
    """The ids an event of it is found by."""
    return {
        "actor": str(actor),
        "message": item.message_id,
        "mailbox": box.mailbox_id,
        "agent": box.agent_id,
        "stream": box.stream_id,
    }

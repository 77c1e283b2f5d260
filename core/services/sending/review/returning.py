"""Return held mail to its agent with a comment: it never leaves, and the agent may submit it again.

The agent reads the comment in the message's state (`decision.reason`) and links its next attempt with `revises`.
"""

from __future__ import annotations

from sqlalchemy import update

from core.db import gate_queries
from core.db.tables import REVIEW
from core.db.transaction import Transaction
from core.errors import Conflict
from core.events import EmailReturned
from core.model import Action, Actor, Status
from core.rules.roles import Verb
from core.services import access, context
from core.services.sending.review import close, dwell, items


def return_to_agent(tx: Transaction, item_id: int, *, comment: str, actor: Actor, digest: str | None = None) -> None:
    """Return a pending message. Final at once: its agent may already be at work on the next attempt.

    Raises `Forbidden`, `NotFound`, `Invalid` (no comment), and `Conflict` if it is no longer pending, no mail of the
    agent's, not the message of this `digest`, or if a recipient may have it already, who would be written to twice.
    """
    actor = access.require(tx, actor, Verb.MESSAGE_RETURN)
    comment = context.require_reason(comment)
    item = items.item(tx, item_id)
    items.still_pending(tx, item)
    if item.message_id is None or item.kind not in (Action.SEND, Action.REPLY):
        raise Conflict(
            f"{items.format_item_id(item)} is a held {item.kind}, not mail that its agent could write again",
            fix="reject it: postroom queue reject ID --reason TEXT",
        )
    items.unsent_recipients(tx, item)
    current = items.digest(tx, item)
    if digest is not None and digest != current:
        raise Conflict("the digest is not that of this message", fix="look at it again: it is not what you reviewed")
    mailbox = gate_queries.gate(tx, item.mailbox_id)
    spent = dwell.dwell(tx, item.id, actor=actor)
    # Someone read it and would not let it leave as it is: for the mode's evidence that is a rejection.
    items.count_decision(tx, item, mailbox, "rejected")
    tx.write(
        update(REVIEW)
        .where(REVIEW.c.id == item.id)
        .values(
            status=Status.RETURNED.value, dwell_ms=spent, due_at=None, release_at=None, decided_at=tx.now,
            decided_by=actor.name, reason=comment, batch=None,
        )
    )  # fmt: skip
    items.count_pending(tx, mailbox, n=-1)
    items.end_claims(tx, [item.id])
    close.end_unsent(tx, item.message_id, mailbox, status=Status.RETURNED, reason=comment)
    tx.emit(
        EmailReturned(
            **items.subjects(item, mailbox, actor), kind=item.kind, item=item.id, reason=comment, digest=current,
            dwell_ms=spent,
        )
    )  # fmt: skip

"""Received mail that waits for a person: held, released to its agent, or withheld from it for good.

It waits in the same queue as mail to be sent, so the same roles, undo delay, expiry and notifications apply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select, update

from core.db.gate_queries import SenderState
from core.db.tables import INBOUND_CONTENT, INBOUND_MESSAGE, REVIEW
from core.db.transaction import Transaction
from core.events import EmailPending, EmailReleased
from core.model import RECEIVE, SYSTEM, Reason
from core.services import context
from core.services.sending.review import items

_M: Final = INBOUND_MESSAGE.c


def hold(
    tx: Transaction, inbound_id: int, mailbox: SenderState, *, reasons: Sequence[Mapping[str, Any]],
    findings: Sequence[Mapping[str, Any]], digest: str,
) -> None:  # fmt: skip
    """Put a received message into the queue of held mail. `reasons` and `findings` each have `code` and `text`."""
    _, policy = context.current_policy(tx)
    expires_at = context.expiry(policy, mailbox.pending_expiry, now=tx.now)
    tx.add(
        REVIEW,
        items.new_item(
            item=inbound_id, kind=RECEIVE, mailbox=mailbox, message_id=None, target=None, reasons=_reasons(reasons),
            findings=_reasons(findings), needs=items.approvals_needed((RECEIVE,), policy), now=tx.now,
            expires_at=expires_at,
        ),
    )  # fmt: skip
    items.count_pending(tx, mailbox, n=1)
    tx.emit(
        EmailPending(
            actor=str(SYSTEM), message=inbound_id, mailbox=mailbox.mailbox_id, agent=mailbox.agent_id,
            stream=mailbox.stream_id, kind=RECEIVE, item=inbound_id, reasons=[str(one["code"]) for one in reasons],
            expires_at=expires_at, digest=digest,
        )
    )  # fmt: skip


def deliver(tx: Transaction, inbound_id: int) -> None:
    """Let its agent read the message, once its approval is released."""
    decided = _decided(tx, inbound_id, "delivered")
    row = tx.one(select(_M.mailbox_id, _M.agent_id, _M.stream_id).where(_M.id == inbound_id))
    assert row is not None
    tx.emit(
        EmailReleased(
            actor=str(SYSTEM), message=inbound_id, mailbox=row.mailbox_id, agent=row.agent_id, stream=row.stream_id,
            by=decided["decided_by"], reason=decided["reason"],
        )
    )  # fmt: skip


def withhold(tx: Transaction, inbound_id: int, status: str, *, reason: str | None = None) -> None:
    """Keep the message from its agent for good, as `rejected` or `expired`."""
    _decided(tx, inbound_id, status, reason=reason)


def why_expired(tx: Transaction, inbound_id: int) -> str:
    """The reason of a held message that ends undecided."""
    kept = select(INBOUND_CONTENT.c.raw.is_not(None)).join(INBOUND_MESSAGE, _M.content_id == INBOUND_CONTENT.c.id)
    row = tx.one(kept.where(_M.id == inbound_id))
    return "nobody decided in time" if row is not None and row[0] else "its content is no longer kept"


def _decided(tx: Transaction, inbound_id: int, status: str, *, reason: str | None = None) -> dict[str, Any]:
    """Copy the decision from the queue to the message. An expiry and a retired mailbox bring their own reason."""
    c = REVIEW.c
    item = tx.one(select(c.decided_at, c.decided_by, c.reason).where(c.id == inbound_id))
    assert item is not None
    values = {
        "status": status, "decided_at": item.decided_at or tx.now, "decided_by": item.decided_by,
        "reason": reason or item.reason,
    }  # fmt: skip
    tx.write(update(INBOUND_MESSAGE).where(_M.id == inbound_id).values(**values))
    return values


def _reasons(listed: Sequence[Mapping[str, Any]]) -> list[Reason]:
    return [Reason(str(one["code"]), str(one["text"])) for one in listed]

"""Change a received message: read or unread, released or rejected by a person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update

from core.db.tables import INBOUND_MESSAGE
from core.db.transaction import Transaction
from core.errors import Conflict, NotFound
from core.events import EmailRejected, EmailReleased
from core.ids import spell_id
from core.model import Actor
from core.rules.roles import Verb
from core.services import access
from core.services.context import require_reason

_M = INBOUND_MESSAGE.c


def mark_read(tx: Transaction, inbound_id: int) -> None:
    """Mark a message as read. The first time counts."""
    tx.write(update(INBOUND_MESSAGE).where(_M.id == inbound_id, _M.read_at.is_(None)).values(read_at=tx.now))


def is_received(tx: Transaction, item: int) -> bool:
    """Whether this is the id of a received message."""
    return tx.one(select(_M.id).where(_M.id == item)) is not None


def release(tx: Transaction, inbound_id: int, *, reason: str | None, actor: Actor) -> str:
    """Deliver a held message to its agent; returns its status. Raises `Forbidden`, `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.MESSAGE_APPROVE)
    row = _held(tx, inbound_id)
    _decide(tx, inbound_id, "delivered", reason=reason, actor=actor)
    tx.emit(
        EmailReleased(
            actor=str(actor), message=inbound_id, mailbox=row.mailbox_id, agent=row.agent_id, stream=row.stream_id,
            reason=reason,
        )
    )  # fmt: skip
    return "delivered"


def reject(tx: Transaction, inbound_id: int, *, reason: str | None, actor: Actor) -> str:
    """Keep a held message from its agent for good; returns its status. Raises as `release`, and `Invalid`."""
    actor = access.require(tx, actor, Verb.MESSAGE_REJECT)
    why = require_reason(reason or "")
    row = _held(tx, inbound_id)
    _decide(tx, inbound_id, "rejected", reason=why, actor=actor)
    tx.emit(
        EmailRejected(
            actor=str(actor), message=inbound_id, mailbox=row.mailbox_id, agent=row.agent_id, stream=row.stream_id,
            kind="receive", item=inbound_id, reason=why,
        )
    )  # fmt: skip
    return "rejected"


def _held(tx: Transaction, inbound_id: int) -> Row[Any]:
    row = tx.one(
        select(_M.status, _M.mailbox_id, _M.agent_id, _M.stream_id).where(_M.id == inbound_id)
    )  # fmt: skip
    if row is None:
        raise NotFound(f"there is no received message {spell_id('m', inbound_id)}")
    if row.status != "held":
        raise Conflict(f"{spell_id('m', inbound_id)} is {row.status}, not held")
    return row


def _decide(tx: Transaction, inbound_id: int, status: str, *, reason: str | None, actor: Actor) -> None:
    values = {"status": status, "decided_at": tx.now, "decided_by": actor.name, "reason": reason}
    tx.write(update(INBOUND_MESSAGE).where(_M.id == inbound_id).values(**values))

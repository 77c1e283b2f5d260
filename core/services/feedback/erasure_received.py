"""Erase a person from received mail: everything in the messages that name them as sender or recipient."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select, update

from core.db.tables import INBOUND_ADDRESS, INBOUND_MESSAGE
from core.db.transaction import Transaction
from core.services.control import notes, received_retention
from core.services.feedback.mentions import ERASED

BATCH_SIZE: Final = 200
AUTOMATIC: Final = "it is automatic"
"""Replaces a reason that quotes the message; that it must not be answered is still true."""


def erase_received(tx: Transaction, address: str) -> int:
    """Empty the next messages that name this normalised address; returns how many."""
    a, m = INBOUND_ADDRESS.c, INBOUND_MESSAGE.c
    named = select(a.inbound_id).where(a.address == address).distinct().order_by(a.inbound_id).limit(BATCH_SIZE)
    ids = [row.inbound_id for row in tx.all(named)]
    if not ids:
        return 0
    contents = [row.content_id for row in tx.all(select(m.content_id).where(m.id.in_(ids)).distinct())]
    received_retention.empty(tx, contents)
    notes.forget(tx, ids)
    gone: dict[str, Any] = {
        "subject": "", "rfc_message_id": None, "in_reply_to": None, "references": [], "authentication": {},
        "findings": [], "held_for": [], "reason": None, "tags": [],
    }  # fmt: skip
    tx.write(update(INBOUND_MESSAGE).where(m.id.in_(ids)).values(**gone))
    tx.write(update(INBOUND_MESSAGE).where(m.id.in_(ids), m.automatic.is_not(None)).values(automatic=AUTOMATIC))
    tx.write(update(INBOUND_ADDRESS).where(a.inbound_id.in_(ids)).values(name=""))
    tx.write(
        update(INBOUND_ADDRESS).where(a.inbound_id.in_(ids), a.address == address).values(address=ERASED, given=ERASED)
    )
    return len(ids)

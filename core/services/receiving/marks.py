"""Change a received message: read or unread. Held mail is decided in `services/sending/review`."""

from __future__ import annotations

from sqlalchemy import update

from core.db.tables import INBOUND_MESSAGE
from core.db.transaction import Transaction

_M = INBOUND_MESSAGE.c


def mark_read(tx: Transaction, inbound_id: int) -> None:
    """Mark a message as read. The first time counts."""
    tx.write(update(INBOUND_MESSAGE).where(_M.id == inbound_id, _M.read_at.is_(None)).values(read_at=tx.now))

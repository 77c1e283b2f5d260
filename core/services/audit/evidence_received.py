"""Received mail in an evidence bundle: one line for each message and, if asked for, its bytes where they are kept.

The log holds the SHA-256 of the bytes that came in, so the verifier recognizes a file as that mail.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from core.db.tables import INBOUND_CONTENT, INBOUND_MESSAGE
from core.durations import stamp
from core.ids import spell_id

RECEIVED: Final = "email.received"
COLUMNS: Final = (
    "seq", "time", "message", "mailbox", "agent", "source", "digest", "size", "attachments", "dmarc", "held", "answers",
    "file",
)  # fmt: skip
BATCH_SIZE: Final = 50


def line(row: Row[Any], data: dict[str, Any], *, mailbox: str, agent: str) -> list[object]:
    """A line of received.csv without its file."""
    told = [data.get(name) for name in ("source", "digest", "size", "attachments", "dmarc", "held", "answers")]
    return [row.seq, stamp(row.at), spell_id("m", row.message), mailbox, agent, *told]


def kept(conn: Connection, ids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The bytes of these messages, as far as retention and erasure have left them."""
    m, c = INBOUND_MESSAGE.c, INBOUND_CONTENT.c
    for at in range(0, len(ids), BATCH_SIZE):
        found = (
            select(m.id, c.raw)
            .join(INBOUND_CONTENT, c.id == m.content_id)
            .where(m.id.in_(ids[at : at + BATCH_SIZE]), c.raw.is_not(None))
            .order_by(m.id)
        )
        for row in conn.execute(found):
            yield row.id, zlib.decompress(bytes(row.raw))


def name(message_id: int) -> str:
    """The file of a message's bytes."""
    return f"received/{spell_id('m', message_id)}.eml"

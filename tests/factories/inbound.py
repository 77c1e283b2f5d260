"""Received mail for tests: a message as bytes, and a desk that receives it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, select

from core.db.store import Store
from core.db.tables import INBOUND_CONTENT, INBOUND_MESSAGE
from core.rules import reports
from core.services.receiving.read_mail import read_mail
from core.services.receiving.receive import Handover, Receipt, receive
from tests.factories.desk import ADDRESS, Bench

JANE: Final = "jane@example.com"
SERVER: Final = "mx.acme.test"
"""The mail server in front, whose Authentication-Results count."""


def mail(
    text: str = "Where is my refund?", *, sender: str = JANE, to: str = ADDRESS, subject: str = "Refund",
    message_id: str | None = "<q1@example.com>", more: str = "",
) -> bytes:  # fmt: skip
    """A message with CRLF. `more` are further header lines, each ending in a newline."""
    named = f"Message-ID: {message_id}\n" if message_id else ""
    head = f"From: Jane Doe <{sender}>\nTo: {to}\nSubject: {subject}\n{named}{more}"
    return f"{head}\n{text}\n".replace("\n", "\r\n").encode()


def arrive(
    desk: Bench, raw: bytes, *to: str, sender: str | None = JANE, source: str = "lmtp", quota: int = 0
) -> list[Receipt]:  # fmt: skip
    """Receive a message as the ways in do."""
    handed = Handover(
        mail=read_mail(raw, authserv_ids=(SERVER,)), sender=sender, recipients=to or (ADDRESS,), source=source,
        report=reports.read(raw), quota=quota,
    )  # fmt: skip
    return desk.store.transact(lambda tx: receive(tx, handed, ctx=desk.ctx))


def received(store: Store) -> list[Row[Any]]:
    """All received messages, with their content, oldest first."""
    m, c = INBOUND_MESSAGE, INBOUND_CONTENT
    columns = [one for one in c.c if one.name not in {"id", "size", "attachments"}]
    return store.rows(
        select(m, c.c.attachments.label("files"), *columns).join(c, c.c.id == m.c.content_id).order_by(m.c.id)
    )

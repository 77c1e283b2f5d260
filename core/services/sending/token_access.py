"""Which messages an agent's token may access: one condition for reading, cancelling, tagging and replying."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, select

from core.db.gate_queries import TokenFacts
from core.db.tables import INBOUND_MESSAGE, MAILBOX, MESSAGE, RUN
from core.errors import NotFound
from core.ids import spell_id


def within(token: TokenFacts) -> list[ColumnElement[bool]]:
    """The agent's messages, of one run if the token is bound to it.

    A test token has no access to live mail: cancelling it, or changing its tags, would have effects outside the desk's
    tests.
    """
    c = MESSAGE.c
    reach = [c.agent_id == token.agent_id]
    if token.run_key is not None:
        reach.append(c.run_id.in_(select(RUN.c.id).where(RUN.c.agent_id == token.agent_id, RUN.c.key == token.run_key)))
    if token.test:
        reach.append(c.test.is_(True))
    return reach


def owned(conn: Connection, message_id: int, *, token: TokenFacts) -> str:
    """Mailbox address of a message, sent or received, that the token may access. Raises `NotFound`."""
    row = conn.execute(
        select(MAILBOX.c.address)
        .join(MESSAGE, MESSAGE.c.mailbox_id == MAILBOX.c.id)
        .where(MESSAGE.c.id == message_id, *within(token))
    ).first()
    if row is None and not token.test:  # received mail is live
        i = INBOUND_MESSAGE.c
        row = conn.execute(
            select(MAILBOX.c.address)
            .join(INBOUND_MESSAGE, i.mailbox_id == MAILBOX.c.id)
            .where(i.id == message_id, i.agent_id == token.agent_id, i.status == "delivered")
        ).first()
    if row is None:
        raise NotFound(f"there is no message {spell_id('m', message_id)} of yours")
    return str(row.address)

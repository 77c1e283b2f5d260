"""Which messages an agent's token may touch: one condition for reading, cancelling, tagging and answering alike."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, select

from core.db.gate_queries import TokenFacts
from core.db.tables import MAILBOX, MESSAGE, RUN
from core.errors import NotFound
from core.ids import spell_id


def within(token: TokenFacts) -> list[ColumnElement[bool]]:
    """Its agent's mail, of its run if it is bound to one.

    A test token touches no live mail: cancelling it, or changing its tags, is an act that leaves the desk's tests.
    """
    c = MESSAGE.c
    reach = [c.agent_id == token.agent_id]
    if token.run_key is not None:
        reach.append(c.run_id.in_(select(RUN.c.id).where(RUN.c.agent_id == token.agent_id, RUN.c.key == token.run_key)))
    if token.test:
        reach.append(c.test.is_(True))
    return reach


def owned(conn: Connection, message_id: int, *, token: TokenFacts) -> str:
    """The mailbox address of a message of this agent. Raises `NotFound`."""
    row = conn.execute(
        select(MAILBOX.c.address)
        .join(MESSAGE, MESSAGE.c.mailbox_id == MAILBOX.c.id)
        .where(MESSAGE.c.id == message_id, *within(token))
    ).first()
    if row is None:
        raise NotFound(f"there is no message {spell_id('m', message_id)} of yours")
    return str(row.address)

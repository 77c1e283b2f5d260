"""Which messages an agent's token may access, and what of its own replies it may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select

from core.db.gate_queries import TokenFacts
from core.db.tables import INBOUND_MESSAGE, MAILBOX, MESSAGE, REVIEW, RUN
from core.errors import NotFound
from core.ids import spell_id
from core.model import Action, Execute, Mode, Scope
from core.rules import modes
from core.services.sending.submission import Inherited


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


def inherited(facts: Mapping[str, Any]) -> Inherited | None:
    """What a stored message took from received mail."""
    found = facts.get("inherited")
    return None if found is None else Inherited(int(found["of"]), tuple(found["fields"]))


def unseen(conn: Connection, taken: Inherited | None, *, token: TokenFacts) -> frozenset[str]:
    """The fields of a reply that its agent is not shown: they come from received mail that it may not read now.

    Otherwise replying would be a way around `gated_all` and the scope `read`: the desk fills in the author and the
    subject, and a status call shows them. In `gated_all` the agent sees them once it has read the message.
    """
    if taken is None:
        return frozenset()
    i, c = INBOUND_MESSAGE.c, REVIEW.c
    row = conn.execute(
        select(i.mailbox_id, MAILBOX.c.mode).join(MAILBOX, MAILBOX.c.id == i.mailbox_id).where(i.id == taken.of)
    ).first()
    if Scope.READ.value in token.scopes and row is not None:
        if isinstance(modes.decide(Action.READ, Mode(row.mode)), Execute):
            return frozenset()
        message = spell_id("m", taken.of)
        one_message = or_(c.target.in_((f"message:{message}", f"read:{message}")), c.target.like(f"body:{message}:%"))
        if conn.execute(
            select(c.id).where(
                c.mailbox_id == row.mailbox_id, c.status == "used", c.kind == Action.READ.value, one_message
            )
        ).first():
            return frozenset()
    return frozenset(taken.fields)

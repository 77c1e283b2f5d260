"""Which messages an agent's token may touch: one condition for reading, cancelling, tagging and answering alike."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, select

from core.db.gate_queries import TokenFacts
from core.db.tables import Message, Run, table

MESSAGE: Final = table(Message)
RUN: Final = table(Run)


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

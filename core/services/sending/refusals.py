"""Refusals of agents: all are counted, the first of a kind are logged one by one, the rest as a total.

An agent that retries in a loop must not fill the log: 1,500 refusals of a suspended agent were 1,500 entries, each of
them hashed, exported and sent to webhooks. Nothing is lost: refusals without their own entry are logged as a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from core.db.counters import EVER, bucket
from core.db.gate_queries import SenderState
from core.db.tables import COUNTER
from core.db.transaction import Transaction
from core.events import EmailBlocked
from core.model import SYSTEM, Action, Actor

SINGLY: Final = 10
"""Refusals of one kind that get their own entry, per agent and hour."""
UNTOLD: Final = "refusals"
"""Counter scope of refusals that are not logged yet: agent, then kind of action and error."""
_PEOPLE: Final = "people:"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused, and to how many recipients."""

    kind: Action
    error: str
    reason: str
    recipients: int = 0


def note(tx: Transaction, mailbox: SenderState, refused: Refusal) -> None:
    """Count a refusal, and log it by itself while there are few of its kind."""
    hour, agent, counter = bucket(tx.now, 60), str(mailbox.agent_id), f"refused:{refused.error}"
    tx.bump("agent", agent, counter, minute=hour)
    tx.bump("desk", "", "refused", minute=bucket(tx.now))
    tx.bump("mailbox", str(mailbox.mailbox_id), "blocked_1h", minute=hour)
    if tx.counters.total("agent", agent, counter, since=hour) > SINGLY:
        name = f"{refused.kind.value}:{refused.error}"
        tx.bump(UNTOLD, agent, name, minute=EVER)
        tx.bump(UNTOLD, agent, _PEOPLE + name, minute=EVER, n=refused.recipients)
        return
    tx.emit(
        EmailBlocked(
            actor=str(Actor("agent", mailbox.agent_name)), mailbox=mailbox.mailbox_id, agent=mailbox.agent_id,
            stream=mailbox.stream_id, kind=refused.kind.value, error=refused.error, reason=refused.reason,
            recipients=refused.recipients,
        )
    )  # fmt: skip


def tell(tx: Transaction) -> int:
    """Log the remaining refusals, as one entry for each agent and kind. Returns how many entries."""
    c = COUNTER.c
    rows = tx.all(select(c.key, c.kind, c.n).where(c.scope == UNTOLD).order_by(c.key, c.kind))
    people = {(row.key, row.kind): row.n for row in rows if row.kind.startswith(_PEOPLE)}
    written = 0
    for row in rows:
        if row.kind.startswith(_PEOPLE) or row.n <= 0:
            continue
        kind, _, error = row.kind.partition(":")
        recipients = people.get((row.key, _PEOPLE + row.kind), 0)
        tx.emit(
            EmailBlocked(
                actor=str(SYSTEM), agent=int(row.key), kind=kind, error=error,
                reason=f"{row.n:,} more refusals of this kind", recipients=recipients, refusals=row.n,
            )
        )  # fmt: skip
        tx.bump(UNTOLD, row.key, row.kind, minute=EVER, n=-row.n)
        tx.bump(UNTOLD, row.key, _PEOPLE + row.kind, minute=EVER, n=-recipients)
        written += 1
    return written

"""Contacts of an agent: reserved when mail is accepted, made when mail leaves, so that asking twice gains nothing.

A stranger is a recipient to whom no mail of the agent has left. Accepting mail to a stranger reserves one of the day's
places for first-time recipients; further mail to the same stranger needs no second one. Mail that leaves turns the
reservation into a contact. Mail that ends before it was ever attempted gives the place back, unless other mail to the
same stranger still waits: that mail then holds the reservation.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from core.db import gate_queries
from core.db.counters import bucket
from core.db.queue import Claimed
from core.db.tables import CONTACT, MESSAGE, RECIPIENT
from core.db.transaction import Transaction
from core.model import FINAL
from core.rules.budgets import DAY_BUCKET

COUNTED: Final = "new_15m"
"""Counter that enforces the cap on first-time recipients; every gauge of the cap reads it."""


@dataclass(frozen=True, slots=True)
class Strangers:
    """Addresses the agent has not written to yet; `fresh` are those that hold no place yet."""

    all: frozenset[str]
    fresh: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ended:
    """A recipient whose mail ended without leaving; `Claimed` has the same fields."""

    agent_id: int
    message_id: int
    address: str
    attempts: int


def strangers(tx: Transaction, addresses: Collection[str], *, agent_id: int) -> Strangers:
    """Which of these addresses are written to for the first time, taking mail of this batch into account."""
    left, reserved = gate_queries.contacts(tx, addresses, agent_id=agent_id)
    unknown = frozenset(addresses) - left
    return Strangers(unknown, frozenset(a for a in unknown - reserved if not tx.claimed(_key(agent_id, a))))


def reserve(tx: Transaction, addresses: Collection[str], *, agent_id: int, message_id: int) -> None:
    """Reserve one of today's places for first-time recipients for each address."""
    for address in addresses:
        if tx.claim_key(_key(agent_id, address)):
            _add(tx, agent_id, address, message_id=message_id, left_at=None)
            tx.bump("agent", str(agent_id), COUNTED, minute=bucket(tx.now, DAY_BUCKET))


def left(tx: Transaction, sent: Sequence[Claimed]) -> None:
    """Make contacts of recipients whose mail a receiver took; one without a place (approved mail) takes it now.

    Mail of test tokens never leaves the desk and makes no contacts.
    """
    release(tx, [one for one in sent if one.test], unattempted=False)
    people = {(one.agent_id, one.address): one.message_id for one in sent if not one.test}
    if not people:
        return
    agents, addresses = {agent for agent, _ in people}, {address for _, address in people}
    known = {(row.agent_id, row.address): row for row in tx.fetch(_OF, {"b_agents": agents, "b_addresses": addresses})}
    made = []
    for (agent_id, address), message_id in people.items():
        row = known.get((agent_id, address))
        if row is None:
            tx.claim_key(_key(agent_id, address))  # mail accepted in this batch must not add them again
            _add(tx, agent_id, address, message_id=message_id, left_at=tx.now)
            tx.bump("agent", str(agent_id), COUNTED, minute=bucket(tx.now, DAY_BUCKET))
        elif row.left_at is None:
            made.append({"b_agent": agent_id, "b_address": address, "b_at": tx.now})
    tx.write_keeping_caches(_MADE, made)


def release(tx: Transaction, ended: Sequence[Ended | Claimed], *, unattempted: bool) -> None:
    """Release the reservations of mail that ended without leaving.

    `unattempted`: also give back the day's place where no delivery was attempted.
    """
    if not ended:
        return
    agents, addresses = {one.agent_id for one in ended}, {one.address for one in ended}
    rows = tx.fetch(_OF, {"b_agents": agents, "b_addresses": addresses})
    held = {(row.agent_id, row.address): row for row in rows if row.left_at is None}
    for one in ended:
        row = held.get((one.agent_id, one.address))
        if row is None or row.message_id != one.message_id:
            continue
        mine = (CONTACT.c.agent_id == one.agent_id) & (CONTACT.c.address == one.address)
        heir = _waiting(tx, one)
        if heir is not None:
            tx.write(update(CONTACT).where(mine).values(message_id=heir))
            continue
        tx.write(delete(CONTACT).where(mine))
        if unattempted and not one.attempts:
            tx.bump("agent", str(one.agent_id), COUNTED, minute=bucket(row.first_at, DAY_BUCKET), n=-1)


def _waiting(tx: Transaction, one: Ended | Claimed) -> int | None:
    """ID of the agent's earliest other message to the same address that has not ended."""
    m, r = MESSAGE.c, RECIPIENT.c
    row = tx.one(
        select(func.min(m.id).label("id"))
        .join(RECIPIENT, r.message_id == m.id)
        .where(
            r.address == one.address, m.agent_id == one.agent_id, m.id != one.message_id,
            r.status.not_in([status.value for status in FINAL]),
        )
    )  # fmt: skip
    return None if row is None or row.id is None else int(row.id)


def _add(tx: Transaction, agent_id: int, address: str, *, message_id: int, left_at: int | None) -> None:
    values = {"agent_id": agent_id, "address": address, "first_at": tx.now, "left_at": left_at}
    tx.add(CONTACT, values | {"message_id": message_id})


def _key(agent_id: int, address: str) -> tuple[str, int, str]:
    return "contact", agent_id, address


_OF: Final = select(CONTACT).where(
    CONTACT.c.agent_id.in_(bindparam("b_agents", expanding=True)),
    CONTACT.c.address.in_(bindparam("b_addresses", expanding=True)),
)
_MADE: Final = (
    update(CONTACT)
    .where(CONTACT.c.agent_id == bindparam("b_agent"), CONTACT.c.address == bindparam("b_address"))
    .values(left_at=bindparam("b_at"))
)

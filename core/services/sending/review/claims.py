"""Claims: a reviewer takes a held item for themselves for ten minutes, and the others see it.

A claim keeps nobody from deciding, or the queue would stand while its holder is away; it only says who is on it. It
ends by time, by a decision, or when its holder gives it back. Who reads an item without a claim is in `dwell`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, select

from core.db import gate_queries
from core.db.tables import CLAIM
from core.db.transaction import Transaction
from core.durations import MINUTE, stamp
from core.errors import Conflict
from core.events import ReviewClaimed, ReviewClaimReleased
from core.model import Actor
from core.rules.roles import Verb
from core.services import access
from core.services.sending.review import items

CLAIMED: Final = 10 * MINUTE
"""How long a claim lasts."""


def claim(tx: Transaction, item_id: int, *, actor: Actor) -> int:
    """Claim a pending item, or extend one's own claim; returns until when. Raises `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.MESSAGE_CLAIM)
    item = items.item(tx, item_id)
    items.still_pending(tx, item)
    holder = tx.one(select(CLAIM).where(CLAIM.c.item == item_id, CLAIM.c.until > tx.now))
    if holder is not None and holder.operator != actor.name:
        raise Conflict(
            f"{holder.operator} has claimed {items.format_item_id(item)} until {stamp(holder.until)}",
            fix="choose another, or ask them; you can still decide on it",
        )
    # Claims past their time are removed with every new one: there are never more rows than claims of ten minutes.
    tx.write(delete(CLAIM).where((CLAIM.c.item == item_id) | (CLAIM.c.until <= tx.now)))
    until = tx.now + CLAIMED
    tx.add(CLAIM, {"item": item_id, "operator": actor.name, "at": tx.now, "until": until})
    subjects = items.subjects(item, gate_queries.gate(tx, item.mailbox_id), actor)
    tx.emit(ReviewClaimed(**subjects, item=item_id, until=until))
    return until


def unclaim(tx: Transaction, item_id: int, *, actor: Actor) -> None:
    """Give back one's own claim before its time. Raises `NotFound`, `Conflict` if it is not one's own."""
    actor = access.require(tx, actor, Verb.MESSAGE_CLAIM)
    item = items.item(tx, item_id)
    mine = (CLAIM.c.item == item_id, CLAIM.c.operator == actor.name, CLAIM.c.until > tx.now)
    if not tx.write(delete(CLAIM).where(*mine)):
        raise Conflict(f"{items.format_item_id(item)} is not claimed by you", fix="nothing needs to be given back")
    tx.emit(ReviewClaimReleased(**items.subjects(item, gate_queries.gate(tx, item.mailbox_id), actor), item=item_id))

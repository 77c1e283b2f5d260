"""Dead letters: events that a webhook's receiver never accepted, kept, listed, and replayed on request.

A dead letter is a row that names its log entry and holds none of its content. A replay is built from the log again,
under the same ID, and sent before any later event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select, update

from core.db.tables import DEAD_HOOK, HOOK, LOG_ENTRY, MAILBOX
from core.db.transaction import Transaction
from core.durations import stamp, when
from core.errors import Conflict, NotFound
from core.events import Event, WebhookDead, WebhookReplayed
from core.ids import spell_id
from core.model import SYSTEM, Actor
from core.rules.roles import Verb
from core.services import access

BATCH_SIZE: Final = 1_000
"""Maximum number of dead letters replayed by one call."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event its receiver never accepted. `message` is the formatted ID; `replayed_at`: it waits to be sent again."""

    id: int
    mailbox: str
    seq: int
    type: str
    message: str | None
    at: int
    error: str
    replayed_at: int | None

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "mailbox": self.mailbox,
            "seq": self.seq,
            "event": self.type,
            "message_id": self.message,
            "at": stamp(self.at),
            "error": self.error,
            "replayed_at": when(self.replayed_at),
        }


# --- verbs --------------------------------------------------------------------------------------------------------


def listed(tx: Transaction, *, mailbox: str | None = None, after: int = 0, limit: int = 100) -> list[DeadLetter]:
    """List those not delivered yet, oldest first, of one address or of all. Reads only."""
    d = DEAD_HOOK.c
    query = (
        select(DEAD_HOOK, MAILBOX.c.address, LOG_ENTRY.c.type, LOG_ENTRY.c.message)
        .join(MAILBOX, MAILBOX.c.id == d.mailbox_id)
        .join(LOG_ENTRY, LOG_ENTRY.c.seq == d.seq)
        .where(d.id > after, d.delivered_at.is_(None))
        .order_by(d.id)
        .limit(limit)
    )
    if mailbox is not None:
        query = query.where(MAILBOX.c.address == mailbox.strip().lower())
    return [
        DeadLetter(
            id=row.id,
            mailbox=row.address,
            seq=row.seq,
            type=row.type,
            message=spell_id("m", row.message) if row.message is not None else None,
            at=row.at,
            error=row.error,
            replayed_at=row.replayed_at,
        )
        for row in tx.all(query)
    ]


def replay(tx: Transaction, dead_ids: Sequence[int], *, actor: Actor) -> int:
    """Send dead letters again, from the log, before later events. Raises `NotFound`, `Conflict`, `Forbidden`."""
    actor = access.require(tx, actor, Verb.WEBHOOK_REPLAY)
    rows = tx.all(select(DEAD_HOOK).where(DEAD_HOOK.c.id.in_(dead_ids), DEAD_HOOK.c.delivered_at.is_(None)))
    lacking = set(dead_ids) - {row.id for row in rows}
    if lacking:
        raise NotFound(
            f"no dead letter has the number {', '.join(str(one) for one in sorted(lacking))}",
            fix="postroom webhook dead lists them",
        )
    return _send_again(tx, rows, actor=actor)


def replay_mailbox(tx: Transaction, address: str, *, actor: Actor) -> int:
    """Send all of a mailbox again, a thousand at most. Raises `NotFound`, `Conflict`, `Forbidden`."""
    actor = access.require(tx, actor, Verb.WEBHOOK_REPLAY)
    d = DEAD_HOOK.c
    rows = tx.all(
        select(DEAD_HOOK)
        .join(MAILBOX, MAILBOX.c.id == d.mailbox_id)
        .where(MAILBOX.c.address == address.strip().lower(), d.delivered_at.is_(None), d.replayed_at.is_(None))
        .order_by(d.seq)
        .limit(BATCH_SIZE)
    )
    if not rows:
        raise NotFound(f"{address} has no dead letters", fix="postroom webhook dead lists them")
    return _send_again(tx, rows, actor=actor)


def _send_again(tx: Transaction, rows: Sequence[Row[Any]], *, actor: Actor) -> int:
    for mailbox_id in sorted({row.mailbox_id for row in rows}):
        (mailbox,) = tx.all(select(MAILBOX).where(MAILBOX.c.id == mailbox_id))
        if mailbox.webhook_url is None:
            raise Conflict(
                f"{mailbox.address} has no webhook any more", fix=f"postroom mailbox webhook {mailbox.address} URL"
            )
        of_mailbox = [row for row in rows if row.mailbox_id == mailbox_id]
        tx.write(update(DEAD_HOOK).where(DEAD_HOOK.c.id.in_([row.id for row in of_mailbox])).values(replayed_at=tx.now))
        reset_backoff(tx, mailbox_id)
        tx.emit(
            WebhookReplayed(
                actor=str(actor), mailbox=mailbox_id, agent=mailbox.agent_id, stream=mailbox.stream_id,
                seqs=sorted(row.seq for row in of_mailbox),
            )
        )  # fmt: skip
    return len(rows)


def reset_backoff(tx: Transaction, mailbox_id: int) -> None:
    """Reset a receiver's failure state: an operator says it has recovered, or it was replaced by another."""
    tx.write(
        update(HOOK)
        .where(HOOK.c.mailbox_id == mailbox_id)
        .values(attempt=0, first_failed_at=None, last_error=None, next_at=tx.now)
    )


# --- for the delivery worker --------------------------------------------------------------------------------------


def waiting(tx: Transaction, mailbox_id: int) -> Row[Any] | None:
    """The first dead letter of a mailbox that is marked for replay."""
    d = DEAD_HOOK.c
    return tx.one(
        select(DEAD_HOOK)
        .where(d.mailbox_id == mailbox_id, d.replayed_at.is_not(None), d.delivered_at.is_(None))
        .order_by(d.seq)
        .limit(1)
    )


def add(tx: Transaction, *, mailbox_id: int, event: Event, seq: int, reason: str, again: int | None) -> None:
    """Record an event as undeliverable; `again` is the dead letter whose replay failed."""
    if again is None:
        tx.add(DEAD_HOOK, {"mailbox_id": mailbox_id, "seq": seq, "at": tx.now, "error": reason})
    else:
        tx.write(update(DEAD_HOOK).where(DEAD_HOOK.c.id == again).values(replayed_at=None, at=tx.now, error=reason))
    # No message ID: mailbox and entry identify the story, and no webhook is notified of its own failure.
    tx.emit(
        WebhookDead(
            actor=str(SYSTEM), mailbox=mailbox_id, agent=event.agent, stream=event.stream, seq=seq, event=event.type,
            reason=reason,
        )
    )  # fmt: skip


def mark_delivered(tx: Transaction, dead: int) -> None:
    """Mark a dead letter as delivered after all."""
    tx.write(update(DEAD_HOOK).where(DEAD_HOOK.c.id == dead).values(delivered_at=tx.now))

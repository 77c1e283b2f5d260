"""Acknowledge and snooze what needs attention: it is quiet until a time, or until it gets worse.

A need has a key that stays the same while it lasts (`agent:quote-bot:suspended`) and a level, 0 for the worst. Whoever
lists needs asks `quiet` about each. Nothing is switched off by it: the stop, the guards and the notifications go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, select, update

from core.db.tables import ACKNOWLEDGEMENT
from core.db.transaction import Transaction
from core.durations import DAY, HOUR, MINUTE, stamp
from core.errors import Conflict, Invalid
from core.events import DeskAcknowledged
from core.model import Actor
from core.rules.roles import Verb
from core.services import access
from core.views.live import Level

USUAL: Final = HOUR
LONGEST: Final = 7 * DAY
"""Nothing stays quiet longer: an unresolved need is shown again after a week."""
LONGEST_KEY: Final = 300


@dataclass(frozen=True, slots=True)
class Known:
    """Who knows about a need, since when and until when, and how bad it was then."""

    key: str
    operator: str
    at: int
    until: int
    level: int
    reason: str | None

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key, "by": self.operator, "at": stamp(self.at), "until": stamp(self.until),
            "level": Level(min(self.level, Level.FINE)).word, "reason": self.reason,
        }  # fmt: skip


def acknowledge(
    tx: Transaction, key: str, *, level: int, actor: Actor, span: int = USUAL, reason: str | None = None
) -> int:
    """Note that the operator knows about a need of this level for `span` microseconds; returns until when.

    Raises `Invalid` for a span longer than a week.
    """
    actor = access.require(tx, actor, Verb.ATTENTION_ACKNOWLEDGE)
    if not MINUTE <= span <= LONGEST:
        raise Invalid(
            "a need can be quiet for one minute to seven days",
            fix="--until 4h",
            problems=(("until", "is out of range"),),
        )
    key = _key(key)
    until = tx.now + span
    text = " ".join((reason or "").split()) or None
    values = {"operator": actor.name, "at": tx.now, "until": until, "level": level, "reason": text}
    tx.write(delete(ACKNOWLEDGEMENT).where(ACKNOWLEDGEMENT.c.until <= tx.now))
    if not tx.write(update(ACKNOWLEDGEMENT).where(ACKNOWLEDGEMENT.c.key == key).values(**values)):
        tx.create(ACKNOWLEDGEMENT, {"key": key} | values)
    tx.emit(DeskAcknowledged(actor=str(actor), key=key, level=level, until=until))
    return until


def wake(tx: Transaction, key: str, *, actor: Actor) -> None:
    """Show a need again before its time, whoever had acknowledged it. Raises `Conflict` if nobody has."""
    actor = access.require(tx, actor, Verb.ATTENTION_ACKNOWLEDGE)
    c = ACKNOWLEDGEMENT.c
    row = tx.one(select(c.level).where(c.key == _key(key), c.until > tx.now))
    if row is None:
        raise Conflict(f"nobody has acknowledged {key[:80]!r}", fix="it is shown already")
    tx.write(delete(ACKNOWLEDGEMENT).where(c.key == key))
    tx.emit(DeskAcknowledged(actor=str(actor), key=key, level=row.level, until=tx.now))


def known(conn: Connection, *, now: int) -> dict[str, Known]:
    """What somebody knows about now, by key."""
    rows = conn.execute(select(ACKNOWLEDGEMENT).where(ACKNOWLEDGEMENT.c.until > now)).all()
    return {row.key: Known(row.key, row.operator, row.at, row.until, row.level, row.reason) for row in rows}


def quiet(one: Known | None, *, level: int) -> bool:
    """Whether a need of this level, now, stays quiet; a worse state than the acknowledged one wakes it."""
    return one is not None and level >= one.level


def _key(key: str) -> str:
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise Invalid(
            "this names nothing that needs attention",
            fix="postroom attention now lists the ids",
            problems=(("key", "is not a key"),),
        )
    return key

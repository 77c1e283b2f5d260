"""What the desk forgets, and when: bodies by retention, old counters, old answers, old feedback keys.

The log keeps ids, digests and figures, so nothing here breaks its chain.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, func, select, update

from core.ledger.counters import bucket
from core.ledger.tables import Body, Counter, FeedbackSeen, Idempotency, Message, RateEvent, Reading, table
from core.ledger.transaction import Transaction
from core.words import DAY, FINAL

BODY: Final = table(Body)
MESSAGE: Final = table(Message)
COUNTER: Final = table(Counter)
IDEMPOTENCY: Final = table(Idempotency)
SEEN: Final = table(FeedbackSeen)
READING: Final = table(Reading)
RATE: Final = table(RateEvent)

MINUTES_KEPT: Final = 2 * DAY
"""Buckets of a minute serve hourly caps and sparklines; wider buckets stay for a hundred days."""
HOURS_KEPT: Final = 100 * DAY
FEEDBACK_KEPT: Final = 90 * DAY
HAND: Final = 200


def purge_due(tx: Transaction) -> int:
    """Empty bodies whose retention has passed; mail that still waits keeps its bytes. Returns how many."""
    rows = tx.all(
        select(BODY.c.message_id)
        .join(MESSAGE, MESSAGE.c.id == BODY.c.message_id)
        .where(BODY.c.purge_at <= tx.now, MESSAGE.c.status.in_([status.value for status in FINAL]))
        .order_by(BODY.c.purge_at)
        .limit(HAND)
    )
    ids = [row.message_id for row in rows]
    if ids:
        tx.write(
            update(BODY).where(BODY.c.message_id.in_(ids)).values(rendered=None, issued=None, preview="", purge_at=None)
        )
    return len(ids)


def forget_old(tx: Transaction) -> int:
    """Drop counters, answers and feedback keys that nothing reads any more. Returns 0: one round is enough."""
    c = COUNTER.c
    wide = c.kind.like("%\\_1h", escape="\\") | c.kind.like("%\\_1d", escape="\\") | c.kind.like("%\\_15m", escape="\\")
    tx.write(delete(COUNTER).where(c.minute > 0, c.minute < bucket(tx.now - MINUTES_KEPT), ~wide))
    tx.write(delete(COUNTER).where(c.minute > 0, c.minute < bucket(tx.now - HOURS_KEPT)))
    final = select(MESSAGE.c.id).where(MESSAGE.c.status.in_([status.value for status in FINAL]))
    i = IDEMPOTENCY.c
    tx.write(delete(IDEMPOTENCY).where(i.keep_until <= tx.now, i.message_id.in_(final) | i.message_id.is_(None)))
    tx.write(delete(SEEN).where(SEEN.c.at < tx.now - FEEDBACK_KEPT))
    tx.write(delete(RATE).where(RATE.c.sent_at < tx.now - HOURS_KEPT))
    tx.write(delete(READING).where(func.coalesce(READING.c.approved_at, READING.c.first_at) < tx.now - HOURS_KEPT))
    return 0

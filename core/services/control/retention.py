"""Retention: delete bodies and quotes of them, old counters, answers and feedback keys when they are due.

The log keeps IDs, digests and figures, so nothing here breaks its chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, func, select, update

from core.db.counters import bucket
from core.db.tables import (
    BODY,
    COUNTER,
    EDIT,
    FEEDBACK_SEEN,
    IDEMPOTENCY,
    LANE,
    MESSAGE,
    OPERATION_ANSWER,
    RATE_EVENT,
    READING,
    RECIPIENT,
    REVIEW,
    STREAM,
)
from core.db.transaction import Transaction
from core.durations import DAY
from core.model import FINAL
from core.services import context
from core.services.control.received_retention import unkept

MINUTES_KEPT: Final = 2 * DAY
"""Minute buckets serve hourly caps and sparklines; wider buckets are kept for a hundred days."""
HOURS_KEPT: Final = 100 * DAY
FEEDBACK_KEPT: Final = 90 * DAY
BATCH_SIZE: Final = 200


def purge_due(tx: Transaction) -> int:
    """Empty bodies whose retention has passed; mail still waiting keeps its bytes. Returns how many."""
    rows = tx.all(
        select(BODY.c.message_id)
        .join(MESSAGE, MESSAGE.c.id == BODY.c.message_id)
        .where(BODY.c.purge_at <= tx.now, MESSAGE.c.status.in_([status.value for status in FINAL]))
        .order_by(BODY.c.purge_at)
        .limit(BATCH_SIZE)
    )
    ids = [row.message_id for row in rows]
    if ids:
        purge(tx, ids)
    return len(ids)


def purge(tx: Transaction, ids: Sequence[int]) -> None:
    """Empty the bodies of these messages, which are final.

    What repeats a body elsewhere is removed with it: receivers quote addresses and text in their replies, and the
    checks of held mail quote what they found.
    """
    tx.write(
        update(BODY).where(BODY.c.message_id.in_(ids)).values(rendered=None, issued=None, preview="", purge_at=None)
    )
    emptied = dict.fromkeys(("before_rendered", "text", "html")) | {"before_subject": ""}
    tx.write(update(EDIT).where(EDIT.c.message_id.in_(ids)).values(**emptied))
    has_reply = RECIPIENT.c.reply.is_not(None)
    tx.write(update(RECIPIENT).where(RECIPIENT.c.message_id.in_(ids), has_reply).values(reply=None))
    _unquote(tx, ids)


def _unquote(tx: Transaction, ids: Sequence[int]) -> None:
    """Remove the text from the reasons why messages were held."""
    r = REVIEW.c
    for row in tx.all(select(r.id, r.reasons, r.findings).where(r.message_id.in_(ids))):
        texts = {"reasons": unkept(row.reasons), "findings": unkept(row.findings)}
        tx.write(update(REVIEW).where(r.id == row.id).values(**texts))


def forget_old(tx: Transaction) -> int:
    """Delete counters, answers, feedback keys and last replies that are too old. Returns 0: one round is enough."""
    c = COUNTER.c
    wide = c.kind.like("%\\_1h", escape="\\") | c.kind.like("%\\_1d", escape="\\") | c.kind.like("%\\_15m", escape="\\")
    tx.write(delete(COUNTER).where(c.minute > 0, c.minute < bucket(tx.now - MINUTES_KEPT), ~wide))
    tx.write(delete(COUNTER).where(c.minute > 0, c.minute < bucket(tx.now - HOURS_KEPT)))
    final = select(MESSAGE.c.id).where(MESSAGE.c.status.in_([status.value for status in FINAL]))
    i = IDEMPOTENCY.c
    tx.write(delete(IDEMPOTENCY).where(i.keep_until <= tx.now, i.message_id.in_(final) | i.message_id.is_(None)))
    tx.write(delete(OPERATION_ANSWER).where(OPERATION_ANSWER.c.keep_until <= tx.now))
    tx.write(delete(FEEDBACK_SEEN).where(FEEDBACK_SEEN.c.at < tx.now - FEEDBACK_KEPT))
    tx.write(delete(RATE_EVENT).where(RATE_EVENT.c.sent_at < tx.now - HOURS_KEPT))
    tx.write(delete(READING).where(func.coalesce(READING.c.approved_at, READING.c.first_at) < tx.now - HOURS_KEPT))
    _forget_last_replies(tx)
    return 0


def _forget_last_replies(tx: Transaction) -> None:
    """Clear the last reply kept on lanes and routes: it is kept no longer than the mail it was about."""
    _, policy = context.current_policy(tx)
    until = tx.now - policy.retention.bodies
    lane, stream = LANE.c, STREAM.c
    old = lane.last_reply_at.is_(None) | (lane.last_reply_at <= until)
    tx.write(update(LANE).where(lane.last_reply.is_not(None), old).values(last_reply=None, last_reply_at=None))
    tx.write(
        update(STREAM).where(stream.last_reply.is_not(None), stream.backoff_until <= until).values(last_reply=None)
    )

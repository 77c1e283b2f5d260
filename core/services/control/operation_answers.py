"""Idempotency-Key of operators' acts: the first answer to a key is kept for a day, for the same request.

A client that lost the connection repeats its request; without the key it would be told that the agent it has just
suspended is suspended already.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, select

from core.db.tables import OPERATION_ANSWER
from core.db.transaction import Transaction
from core.durations import DAY
from core.errors import Invalid

KEEP_ANSWERS: Final = DAY


def answered_before(tx: Transaction, *, operator: str, key: str, digest: bytes) -> str | None:
    """Return the first answer to this operator's key. Raises `Invalid` if it came with another request."""
    o = OPERATION_ANSWER.c
    row = tx.one(select(o.digest, o.answer).where(o.operator == operator, o.key == key, o.keep_until > tx.now))
    if row is None:
        return None
    if bytes(row.digest) != digest:
        raise Invalid(
            "this Idempotency-Key was used with another request", error="idempotency_mismatch",
            fix="use a fresh key for a different request",
        )  # fmt: skip
    return str(row.answer)


def remember(tx: Transaction, *, operator: str, key: str, digest: bytes, answer: str) -> None:
    """Keep the answer to an act that was carried out; what was refused may be tried again under the same key."""
    o = OPERATION_ANSWER.c
    tx.write(delete(OPERATION_ANSWER).where(o.operator == operator, o.key == key))  # one that has expired
    keep_until = tx.now + KEEP_ANSWERS
    tx.add(
        OPERATION_ANSWER,
        {"operator": operator, "key": key, "digest": digest, "answer": answer, "keep_until": keep_until},
    )

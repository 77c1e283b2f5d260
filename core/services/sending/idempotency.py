"""Idempotency-Key: the first answer to a key is kept for a day and replayed, byte for byte, for the same body."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from core.db import gate_queries, hot_statements
from core.db.tables import IDEMPOTENCY, MAILBOX, MESSAGE
from core.db.transaction import Transaction
from core.durations import DAY
from core.errors import Conflict, Invalid
from core.services.sending.submission import Prepared
from core.services.sending.submit_result import Answer

KEEP_ANSWERS: Final = DAY


def answered_before(tx: Transaction, prepared: Prepared) -> Answer | None:
    """Return the first answer to this key, if the body is the same.

    Raises `Conflict` while the first request is running, `Invalid` for another body: that is a bug of the agent.
    """
    if prepared.idempotency_key is None:
        return None
    row = gate_queries.idempotent_answer(
        tx, mailbox_id=prepared.mailbox_id, test=prepared.test, key=prepared.idempotency_key
    )
    if row is None:
        return None
    if bytes(row.digest) != prepared.repeat_digest:
        raise Invalid(
            "this Idempotency-Key was used with another body",
            error="idempotency_mismatch",
            fix="use a fresh key for a different message",
        )
    if row.status is None:
        raise Conflict("the first request with this key is still running", error="idempotency_in_progress")
    return Answer(status="replayed", http=row.status, raw=bytes(row.answer))


def remember(tx: Transaction, prepared: Prepared, answer: Answer) -> None:
    """Store the answer to an accepted message under its key, if it came with one."""
    if prepared.idempotency_key is not None:
        tx.add(
            IDEMPOTENCY,
            {
                "mailbox_id": prepared.mailbox_id,
                "test": prepared.test,
                "key": prepared.idempotency_key,
                "digest": prepared.repeat_digest,
                "status": answer.http,
                "answer": answer.body(),
                "message_id": prepared.id,
                "keep_until": tx.now + KEEP_ANSWERS,
            },
        )


def note_answer(tx: Transaction, mailbox_id: int, key: str, answer: Answer, *, test: bool) -> None:
    """Store the answer that was given after waiting as the one to replay."""
    c = IDEMPOTENCY.c
    tx.write(
        update(IDEMPOTENCY)
        .where(c.mailbox_id == mailbox_id, c.test == test, c.key == key)
        .values(status=answer.http, answer=answer.body())
    )


_USED: Final = (
    select(IDEMPOTENCY.c.message_id)
    .join(MESSAGE, MESSAGE.c.id == IDEMPOTENCY.c.message_id)
    .where(
        IDEMPOTENCY.c.mailbox_id.in_(select(MAILBOX.c.id).where(MAILBOX.c.agent_id == bindparam("b_agent"))),
        IDEMPOTENCY.c.test == bindparam("b_test"),
        IDEMPOTENCY.c.key == bindparam("b_key"),
        MESSAGE.c.submitted_at > bindparam("b_at"),
    )
)


def used_since(conn: Connection, at: int, *, agent_id: int, test: bool, key: str) -> bool:
    """Whether an agent's mail was accepted with this key after `at`, from any of its mailboxes."""
    values = {"b_agent": agent_id, "b_test": test, "b_key": key, "b_at": at}
    return bool(hot_statements.fetch(conn, _USED, values))


def used(conn: Connection, address: str, *, test: bool, key: str) -> bool:
    """Whether this mailbox has a message with this key, whose answer is given again."""
    c = IDEMPOTENCY.c
    found = select(c.key).join(MAILBOX, MAILBOX.c.id == c.mailbox_id)
    return conn.execute(found.where(MAILBOX.c.address == address, c.test == test, c.key == key)).first() is not None

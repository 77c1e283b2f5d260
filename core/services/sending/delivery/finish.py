"""How a recipient ends (sent, failed, blocked, uncertain), and its message with the last of its recipients.

The gate, a settlement and the death of a worker all end recipients here, so that what depends on the end (the message's
status, the messages of the conversation that wait for it) is never forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select, update

from core.db import gate_queries, queue
from core.db.counters import bucket
from core.db.queue import Claimed
from core.db.tables import MESSAGE, RECIPIENT
from core.db.transaction import Transaction
from core.events import EmailUncertain
from core.model import SYSTEM, ContentClass, Outcome, Reason, Reply, Status
from core.rules.policy import Policy
from core.services import context
from core.services.sending import acceptance_limits, first_time_recipients, gate_facts, review

MAX_REPLY: Final = 500
"""Characters kept of a reply: Exchange names the list that blocked a message after a paragraph of advice."""
LOST: Final = "uncertain: the connection ended after the message"


def close(tx: Transaction, claimed: Sequence[Claimed], status: Status) -> None:
    """Decrement the open recipients of messages, and end messages that have none left."""
    single = [c for c in claimed if c.recipients == 1]
    tx.write_keeping_caches(_CLOSE, [{"b_id": c.message_id, "b_status": status.value, "b_at": tx.now} for c in single])
    for c in single:
        acceptance_limits.keep_no_more(tx, c.agent_id, size=c.size)
    several: dict[int, list[Claimed]] = {}
    for c in claimed:
        if c.recipients > 1:
            several.setdefault(c.message_id, []).append(c)
    for of_one in several.values():
        _close_several(tx, of_one)
    review.free_followers(tx, list({c.message_id for c in claimed}))


def _close_several(tx: Transaction, claimed: Sequence[Claimed]) -> None:
    """Update a message with several recipients: it ends as `sent` if any of them was."""
    message_id, n = claimed[0].message_id, len(claimed)
    row = tx.one(select(MESSAGE.c.open).where(MESSAGE.c.id == message_id))
    assert row is not None
    values: dict[str, Any] = {"open": row.open - n}
    if values["open"] <= 0:
        values |= {"status": review.end_of(tx, message_id).value, "final_at": tx.now}
        acceptance_limits.keep_no_more(tx, claimed[0].agent_id, size=claimed[0].size)
    tx.write(update(MESSAGE).where(MESSAGE.c.id == message_id).values(**values))


def finish(tx: Transaction, c: Claimed, *, status: Status, reason: str) -> None:
    tx.write(
        update(RECIPIENT)
        .where(RECIPIENT.c.message_id == c.message_id, RECIPIENT.c.n == c.n)
        .values(status=status.value, reason=reason, next_at=None)
    )
    close(tx, [c], status)
    first_time_recipients.release(tx, [c], unattempted=True)


def uncertain(tx: Transaction, c: Claimed, *, attempt: int, policy: Policy, jitter: float) -> None:
    """No reply came after the end of data. Policy: retry (a possible duplicate), or let a person decide."""
    hold = policy.delivery.uncertain == "hold" or _commits(tx, c)
    tx.emit(
        EmailUncertain(
            actor=str(SYSTEM), message=c.message_id, mailbox=c.mailbox_id, agent=c.agent_id, stream=c.stream_id,
            run=c.run_id, n=c.n, attempt=attempt, then="hold" if hold else "retry",
        )
    )  # fmt: skip
    tx.bump("desk", "", "uncertain", minute=bucket(tx.now))
    status, next_at = Status.UNCERTAIN, None
    if hold:
        queue.land(tx, [c])
        _ask_human(tx, c)
    else:
        next_at = tx.now + policy.delivery.first_retry + int(policy.delivery.first_retry * jitter / 4)
        queue.put_back(tx, [c], dues=[next_at])
        status = Status.DEFERRED
    note(tx, c, Reply(Outcome.UNCERTAIN, None, None, LOST, "dot"), status=status, next_at=next_at)


def _commits(tx: Transaction, c: Claimed) -> bool:
    """Return whether it may commit the organisation, as one of its classes: a promise must not arrive twice."""
    row = tx.one(select(MESSAGE.c.facts).where(MESSAGE.c.id == c.message_id))
    further = () if row is None else row.facts.get("classes", ())
    return ContentClass.COMMITMENT in gate_facts.classes_of(c.content_class, tuple(further))


def _ask_human(tx: Transaction, c: Claimed) -> None:
    """Hold an uncertain delivery that policy does not retry for a person, like any held mail."""
    box = gate_queries.gate(tx, c.mailbox_id)
    _, policy = context.current_policy(tx)
    reason = Reason("uncertain", "the connection ended after the message: approve to send it again")
    expires_at = context.expiry(policy, box.pending_expiry, now=tx.now)
    review.send_back(tx, c.message_id, box, reasons=[reason], expires_at=expires_at)


def note(tx: Transaction, c: Claimed, reply: Reply, *, status: Status, next_at: int | None) -> None:
    """Store the reply for a recipient that has not been sent."""
    values = {
        "b_message": c.message_id, "b_n": c.n, "b_status": status.value, "b_code": reply.code,
        "b_enhanced": reply.enhanced, "b_reply": line(reply), "b_next": next_at,
    }  # fmt: skip
    tx.write_keeping_caches(_STATE, [values])


def line(reply: Reply) -> str:
    """The reply as one line for the screen; it may name a recipient, so it stays out of the log."""
    # RFC 2034 has the receiver begin its text with the enhanced code: do not repeat it.
    spoken = reply.enhanced is not None and f"{reply.text} ".startswith(f"{reply.enhanced} ")
    parts = (reply.code, None if spoken else reply.enhanced, reply.text)
    return " ".join(str(part) for part in parts if part)[:MAX_REPLY]


OF_RECIPIENT: Final = (RECIPIENT.c.message_id == bindparam("b_message")) & (RECIPIENT.c.n == bindparam("b_n"))
"""The row an update applies to; `b_message` and `b_n` are bound with its values."""
_STATE: Final = (
    update(RECIPIENT)
    .where(OF_RECIPIENT)
    .values(
        status=bindparam("b_status"), code=bindparam("b_code"), enhanced=bindparam("b_enhanced"),
        reply=bindparam("b_reply"), next_at=bindparam("b_next"),
    )
)  # fmt: skip
_MSG: Final = MESSAGE.c.id == bindparam("b_id")
_CLOSE: Final = update(MESSAGE).where(_MSG).values(open=0, status=bindparam("b_status"), final_at=bindparam("b_at"))

"""Status of a message or a mailbox, as its agent or an operator may see it. Reads only; shows no body."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from core.db import directory, gate_queries
from core.db.counters import EVER
from core.db.directory import MailboxRecord
from core.db.gate_queries import TokenFacts
from core.db.tables import LANE, MAILBOX, MESSAGE, RECIPIENT, REVIEW, STREAM
from core.db.transaction import Transaction
from core.durations import FAR_FUTURE, stamp, when
from core.errors import Forbidden, NotFound
from core.ids import spell_id
from core.model import Actor, Limit, Mode, Status
from core.rules import roles
from core.rules.guards import Anomaly
from core.rules.policy import Policy
from core.rules.roles import Verb
from core.services import context
from core.services.feedback import anomalies
from core.services.sending import limit_gauges, sender_eligibility, token_access
from core.services.sending.submit_result import Answer, RecipientAnswer
from core.services.sending.token_access import within

PAGE: Final = 50
BATCH_SIZE: Final = 200
"""Messages that are looked at in the first step of a search; four times as many in the next."""
LARGEST_BATCH: Final = 2_000
MOST_LOOKED: Final = 4_000
"""Messages that one request looks at."""
LAST_ID: Final = 2**63 - 1
_LEAVING: Final = frozenset({Status.QUEUED, Status.SENDING, Status.DEFERRED})

Caller = TokenFacts | Actor


def message(conn: Connection, message_id: int, *, caller: Caller, now: int) -> dict[str, Any]:
    """Return the message with every recipient as the agent gave it. Raises `NotFound`."""
    row = _message(conn, message_id, caller)
    people = _people(conn, message_id)
    unseen = frozenset[str]()
    if isinstance(caller, TokenFacts):
        unseen = token_access.unseen(conn, token_access.inherited(row.facts), token=caller)
    item = conn.execute(select(REVIEW).where(REVIEW.c.id == message_id)).first()
    departs_at = row.send_at if row.status == Status.SCHEDULED else _departs_at(people, now=now)
    return {
        "message_id": spell_id("m", row.id),
        "rfc_message_id": row.rfc_message_id,
        "status": overall(row, people),
        "kind": row.kind,
        "subject": "" if "subject" in unseen else row.subject,
        "content_class": row.content_class,
        "test": bool(row.test),
        "tags": row.tags,
        "metadata": row.meta,
        "digest": row.digest,
        "submitted_at": stamp(row.submitted_at),
        "send_at": when(row.send_at),
        "departs_at": when(departs_at),
        "expires_at": stamp(item.expires_at) if item is not None and item.status == "pending" else None,
        "tainted_by": spell_id("m", row.tainted_by) if row.tainted_by else None,
        "revises": spell_id("m", row.revises) if row.revises else None,
        "revised_by": _revised_by(conn, row),
        "edited_by": list(item.editors or ()) if item is not None else [],
        "decision": _decision(item),
        "recipients": [
            _recipient(one, agent=isinstance(caller, TokenFacts)) | ({"address": ""} if one.field in unseen else {})
            for one in people
        ],
    }


def _revised_by(conn: Connection, row: Row[Any]) -> str | None:
    """The message that its agent submitted instead, the newest; only returned mail is submitted again."""
    if row.status != Status.RETURNED:
        return None
    newest = select(func.max(MESSAGE.c.id)).where(MESSAGE.c.revises == row.id)
    found = conn.execute(newest).scalar()
    return None if found is None else spell_id("m", found)


def tags_tainted(conn: Connection, message_id: int) -> bool:
    """Whether the tags of an agent's message may repeat a stranger's mail (`taint.py`)."""
    c = MESSAGE.c
    return conn.execute(select(c.id).where(c.id == message_id, c.tags_tainted_by.is_not(None))).first() is not None


def action(conn: Connection, item: int, *, caller: Caller) -> dict[str, Any]:
    """Return an action that waits, or waited, for a person: a read or a tag. Raises `NotFound`.

    `approved`: the same call succeeds until `usable_until`, once.
    """
    c = REVIEW.c
    reach = [c.agent_id == caller.agent_id] if isinstance(caller, TokenFacts) else []
    row = conn.execute(select(REVIEW).where(c.id == item, c.message_id.is_(None), *reach)).first()
    if row is None or (isinstance(caller, Actor) and not roles.may(caller, Verb.MESSAGE_READ)):
        raise NotFound(f"there is no action {spell_id('a', item)}")
    return {
        "action_id": spell_id("a", item),
        "status": row.status,
        "kind": row.kind,
        "submitted_at": stamp(row.submitted_at),
        "expires_at": stamp(row.expires_at) if row.status == "pending" else None,
        "usable_until": when(row.due_at) if row.status == "approved" else None,
        "decision": _decision(row),
    }


def _message(conn: Connection, message_id: int, caller: Caller) -> Row[Any]:
    if not isinstance(caller, TokenFacts) and not roles.may(caller, Verb.MESSAGE_READ):
        raise NotFound(f"there is no message {spell_id('m', message_id)}")
    reach = within(caller) if isinstance(caller, TokenFacts) else []
    row = conn.execute(select(MESSAGE).where(MESSAGE.c.id == message_id, *reach)).first()
    if row is None:
        raise NotFound(f"there is no message {spell_id('m', message_id)}")
    return row


def _decision(item: Row[Any] | None) -> dict[str, Any] | None:
    if item is None:
        return None
    reasons = [{"code": one["code"], "text": one["text"]} for one in item.reasons]
    return {"status": item.status, "by": item.decided_by, "reason": item.reason, "reasons": reasons}


def said(one: Row[Any]) -> str | None:
    """What an agent is shown of the receiver's reply: its codes and our sentence.

    The reply's own words are a stranger's: they could tell an agent what to do, and nobody reads mail to get them, so
    they would taint nothing. People are shown them.
    """
    if not one.reply:
        return None
    codes = " ".join(str(code) for code in (one.code, one.enhanced) if code)
    match (one.code or 0) // 100:
        case 2:
            sentence = "the receiving server accepted it"
        case 4:
            sentence = "the receiving server deferred it"
        case 5:
            sentence = "the receiving server refused it"
        case _:
            sentence = "the receiving server gave no usable answer"
    return f"{codes} {sentence}".strip()


def _recipient(one: Row[Any], *, agent: bool) -> dict[str, Any]:
    waits = spell_id("m", one.waits_for) if one.waits_for else None
    return {
        "address": one.given,
        "field": one.field,
        "status": one.status,
        "reason": one.reason or (f"waits for {waits}" if waits else None),
        "attempts": one.attempts,
        "next_at": when(one.next_at or None),
        "code": one.code,
        "enhanced": one.enhanced,
        "reply": said(one) if agent else one.reply,
        "sent_at": when(one.sent_at),
        "feedback": one.feedback,
    }


def overall(row: Row[Any], people: Any) -> str:
    """The message's state: its own if final or held, otherwise derived from its recipients."""
    if row.status != Status.QUEUED:
        return str(row.status)
    states = {one.status for one in people}
    for status in (Status.SENDING, Status.UNCERTAIN, Status.DEFERRED, Status.QUEUED):
        if status.value in states:
            return status.value
    return str(row.status)


def outcome(conn: Connection, message_id: int, answer: Answer, *, now: int) -> Answer:
    """Status of accepted mail: `queued` while any recipient is not final, with the time of the next attempt."""
    row = conn.execute(select(MESSAGE.c.status, MESSAGE.c.open).where(MESSAGE.c.id == message_id)).first()
    if row is None:
        return answer
    people = _people(conn, message_id)
    recipients = tuple(RecipientAnswer(p.given, p.status, _recipient_reason(p)) for p in people)
    if row.open > 0:
        departs_at = _departs_at(people, now=now, estimate=answer.departs_at)
        return dataclasses.replace(answer, recipients=recipients, departs_at=departs_at)
    return Answer(
        status=row.status,
        http=200 if row.status == Status.SENT else 202,
        recipients=recipients,
        message_id=answer.message_id,
        rfc_message_id=answer.rfc_message_id,
        content_class=answer.content_class,
    )


def _people(conn: Connection, message_id: int) -> Sequence[Row[Any]]:
    """The recipients, each with what holds back its lane, its mailbox and its route."""
    return conn.execute(_PEOPLE, {"b_message": message_id}).all()


def _departs_at(people: Sequence[Row[Any]], *, now: int, estimate: int | None = None) -> int | None:
    """When the next recipient is tried; None if that is unknown because a person must act first.

    `estimate` is the time given at acceptance for recipients held back only by their place in the queue.
    """
    times = []
    for one in people:
        if Status(one.status) not in _LEAVING or one.lane_paused is not None or one.stream_paused is not None:
            continue
        nap = one.wake_at if one.box_waits else 0
        held = max(one.next_at or 0, one.not_before or 0, one.backoff_until, nap)
        times.append(max(now, held if held > now or one.next_at else max(held, estimate or 0)))
    return min((at for at in times if at < FAR_FUTURE), default=None)


_PEOPLE: Final = (
    select(
        RECIPIENT, LANE.c.not_before, LANE.c.paused_at.label("lane_paused"), STREAM.c.backoff_until,
        STREAM.c.paused_at.label("stream_paused"), MAILBOX.c.wake_at, MAILBOX.c.waits_for.label("box_waits"),
    )
    .select_from(
        RECIPIENT.join(MESSAGE, MESSAGE.c.id == RECIPIENT.c.message_id)
        .join(MAILBOX, MAILBOX.c.id == MESSAGE.c.mailbox_id)
        .join(STREAM, STREAM.c.id == MESSAGE.c.stream_id)
        .outerjoin(LANE, LANE.c.id == RECIPIENT.c.lane_id)
    )
    .where(RECIPIENT.c.message_id == bindparam("b_message"))
    .order_by(RECIPIENT.c.n)
)  # fmt: skip


def _recipient_reason(one: Row[Any]) -> str | None:
    """Why a recipient is in its state, for its agent: a recorded reason, the codes, or earlier mail it waits for."""
    if one.reason:
        return str(one.reason)
    if one.reply:
        return said(one)
    return "conversation" if one.waits_for else None


@dataclass(frozen=True, slots=True)
class MailboxStanding:
    """Status of a mailbox: its record, why its agent is suspended, its budgets from the counters that enforce them.

    `for_agent`: the agent itself asks, and it may not see all of its record.
    """

    record: MailboxRecord
    policy: Policy
    suspended: str | None
    anomalies: tuple[Anomaly, ...]
    pending: int
    waiting: int
    budgets: tuple[Limit, ...]
    for_agent: bool


def mailbox(tx: Transaction, address: str, *, caller: Caller) -> MailboxStanding:
    """Return mode, remaining budgets and suspension. Raises `NotFound`, `Forbidden`.

    An agent may know where it stands. It gets the same error for a missing mailbox as for someone else's; otherwise it
    could list the desk's mailboxes.
    """
    mailbox = gate_queries.gate_by_address(tx.conn, address)
    if isinstance(caller, TokenFacts) and (mailbox is None or caller.agent_id != mailbox.agent_id):
        raise Forbidden(f"{address} does not belong to {caller.agent_name}", error="not_your_mailbox")
    record = directory.mailbox(tx.conn, address)
    if mailbox is None or record is None:
        raise NotFound(f"there is no mailbox {address}")
    return MailboxStanding(
        record=record,
        policy=context.current_policy(tx)[1],
        suspended=sender_eligibility.suspension(mailbox),
        anomalies=anomalies.of_mailbox(tx, mailbox.mailbox_id, Mode(mailbox.mode)),
        pending=tx.counters.total("mailbox", str(mailbox.mailbox_id), "pending", since=EVER),
        waiting=tx.counters.total("agent", str(mailbox.agent_id), "waiting", since=EVER),
        budgets=tuple(limit_gauges.gauges(tx, mailbox)),
        for_agent=isinstance(caller, TokenFacts),
    )


def messages(
    conn: Connection, address: str, *, token: TokenFacts, direction: str | None, q: str | None, before: int | None
) -> dict[str, Any]:
    """Return a page of a mailbox's messages, newest first, searched by subject.

    A page may be short and have a next one all the same, as of received mail: what is found may be far between.
    """
    m = MESSAGE.c
    mailbox = gate_queries.gate_by_address(conn, address)
    if mailbox is None:
        raise NotFound(f"there is no mailbox {address}")
    query = select(MESSAGE).where(m.mailbox_id == mailbox.mailbox_id, *within(token)).order_by(m.id.desc())
    if direction is not None:
        query = query.where(m.direction == direction)
    rows, at = _found(conn, query, q, mailbox_id=mailbox.mailbox_id, before=before)
    shown = rows[:PAGE]
    following = shown[-1].id if len(rows) > PAGE else at
    return {
        "messages": [
            {
                "message_id": spell_id("m", row.id),
                "direction": row.direction,
                "subject": row.subject,
                "status": row.status,
                "content_class": row.content_class,
                "tags": row.tags,
                "submitted_at": stamp(row.submitted_at),
            }
            for row in shown
        ],
        "next_cursor": None if following is None else spell_id("m", following),
    }


def _found(
    conn: Connection, query: Select[Any], q: str | None, *, mailbox_id: int, before: int | None
) -> tuple[list[Row[Any]], int | None]:
    """Return the rows of one page and one more, limited to subjects that contain `q`; fewer after `MOST_LOOKED`.

    And the id below which none was looked at, None if there is none. SQLite lowercases ASCII only. So the query has a
    one-character wildcard for every other letter, and its result is filtered again here: both databases answer alike.
    """
    m, found = MESSAGE.c, list[Row[Any]]()
    low = (q or "").lower()
    if low:
        like = "".join(f"/{c}" if c in "/%_" else c if c.isascii() else "_" for c in low)
        query = query.where(func.lower(m.subject).like(f"%{like}%", escape="/"))
    at, looked, size = LAST_ID if before is None else before, 0, BATCH_SIZE if low else PAGE + 1
    while len(found) <= PAGE and looked < MOST_LOOKED:
        older = select(m.id).where(m.mailbox_id == mailbox_id, m.id < at).order_by(m.id.desc())
        floor = conn.execute(older.offset(size).limit(1)).scalar()
        part = query.where(m.id < at) if floor is None else query.where(m.id < at, m.id > floor)
        found += [row for row in conn.execute(part) if low in row.subject.lower()]
        if floor is None:
            return found, None
        at, looked, size = int(floor) + 1, looked + size, min(size * 4, LARGEST_BATCH)
    return found, at

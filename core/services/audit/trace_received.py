"""Received mail in a trace: what a key finds of it, its threads, and the sentences of its steps.

Authors and subjects come from tables that erasure may empty; the log itself holds neither.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from core import events as facts
from core.db.tables import AGENT, INBOUND_ADDRESS, INBOUND_MESSAGE, MAILBOX, MESSAGE, RUN
from core.events import Event
from core.model import plural

THREAD: Final = 25
"""Received, and sent, messages of the same threads that are added to a story, the newest."""
_M: Final = INBOUND_MESSAGE.c
_A: Final = INBOUND_ADDRESS.c


def rows(conn: Connection, ids: Collection[int]) -> dict[int, Any]:
    """The received messages among these ids."""
    found = select(
        _M.id, _M.mailbox_id, _M.subject, _M.source, _M.size, _M.dmarc, _M.status, _M.thread, _M.thread_proof,
        AGENT.c.name.label("agent"), MAILBOX.c.address.label("mailbox"), _AUTHOR.label("author"),
    ).join(AGENT, AGENT.c.id == _M.agent_id).join(MAILBOX, MAILBOX.c.id == _M.mailbox_id)  # fmt: skip
    return {row.id: row for row in conn.execute(found.where(_M.id.in_(ids)))}


def by_message_id(conn: Connection, bare: str, *, limit: int) -> list[int]:
    """The received messages with this Message-ID, in every mailbox; by the index of each."""
    boxes = select(MAILBOX.c.id)
    wanted = select(_M.id).where(_M.mailbox_id.in_(boxes), _M.rfc_message_id == bare)
    return list(conn.execute(wanted.order_by(_M.id.desc()).limit(limit)).scalars())


def by_author(conn: Connection, address: str, *, limit: int) -> list[int]:
    """The received messages that this normalised address wrote or sent, the newest."""
    wanted = select(_A.inbound_id).where(_A.address == address, _A.role.in_(("from", "sender"))).distinct()
    return list(conn.execute(wanted.order_by(_A.inbound_id.desc()).limit(limit)).scalars())


def with_threads(conn: Connection, ids: Sequence[int]) -> list[int]:
    """These messages, received or sent, and what stands in a thread with received mail beside them; newest first."""
    m = MESSAGE.c
    came = conn.execute(select(_M.mailbox_id, _M.thread).where(_M.id.in_(ids))).all()
    went = conn.execute(select(m.mailbox_id, m.conversation.label("thread")).where(m.id.in_(ids))).all()
    keys = {(row.mailbox_id, row.thread) for row in (*came, *went)}
    if not keys:
        return list(ids)
    received = conn.execute(
        select(_M.id, _M.mailbox_id, _M.thread)
        .where(_any_of(_M.mailbox_id, _M.thread, keys))
        .order_by(_M.id.desc())
        .limit(THREAD)
    ).all()
    answered = {(row.mailbox_id, row.thread) for row in received}
    if not answered:
        return list(ids)  # a thread of sent mail alone is found message by message, as before
    sent = select(m.id).where(_any_of(m.mailbox_id, m.conversation, answered)).order_by(m.id.desc()).limit(THREAD)
    return sorted({*ids, *(row.id for row in received), *conn.execute(sent).scalars()}, reverse=True)


def _any_of(mailbox: Any, thread: Any, keys: Collection[tuple[int, int]]) -> ColumnElement[bool]:
    return or_(*((mailbox == box) & (thread == key) for box, key in sorted(keys)))


def run_keys(conn: Connection, runs: Collection[int]) -> dict[int, str]:
    """The names of the runs that read received mail."""
    if not runs:
        return {}
    return {row.id: row.key for row in conn.execute(select(RUN.c.id, RUN.c.key).where(RUN.c.id.in_(runs)))}


def verdict(row: Row[Any], replies: int) -> str:
    """`received from jane@example.com for help@..., delivered; 1 reply in its thread`."""
    said = f"received from {row.author or 'an author that is no longer kept'} for {row.mailbox}, {row.status}"
    many = plural(replies, "message", "messages")
    return said + (f"; {row.agent} sent {many} in its thread" if replies else "")


def step(event: Event, row: Row[Any] | None, runs: Mapping[int, str]) -> tuple[str, str] | None:
    """The kind and sentence of a step about received mail; None if the event is about none."""
    match event:
        case facts.EmailReceived():
            author = f" from {row.author}" if row is not None and row.author else ""
            subject = f" {row.subject!r}" if row is not None and row.subject else ""
            size = f"{event.size:,} bytes, digest {event.digest[:12]}"
            files = f", {plural(event.attachments, 'attachment')}" if event.attachments else ""
            proof = f", it answers {event.answers}" if event.answers else ""
            held = ", held for a person" if event.held else ""
            return (
                "received",
                f"came by {event.source}{author}{subject}: {size}{files}, DMARC {event.dmarc}{proof}{held}",
            )
        case facts.EmailReleased():
            by = f", approved by {event.by}" if event.by else ""
            return "decision", f"released to its agent{by}" + (f": {event.reason}" if event.reason else "")
        case facts.RunTainted():
            run = f"run {runs.get(event.run, event.run)}" if event.run is not None else "its runs"
            does = "is held for a person" if event.holds else "is reported"
            many = plural(event.count, "message")
            return "consequence", f"{event.actor} was shown {many} of strangers: what {run} sends to others {does}"
        case facts.EmailRead() if row is not None:
            run = f", run {runs.get(event.run, event.run)}" if event.run is not None else ""
            token = f", token {event.token}" if event.token is not None else ""
            return "read", f"{event.actor} read the {event.what} ({event.door}{token}{run})"
        case _:
            return None


_AUTHOR: Final = (
    select(_A.given).where(_A.inbound_id == _M.id, _A.role == "from").order_by(_A.n).limit(1).scalar_subquery()
)

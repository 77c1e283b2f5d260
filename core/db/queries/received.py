"""Received mail as operators see it: a page of the desk's newest, lines by id, one message in full.

A page is read by the index on ids and ends where it is full: nothing counts all received mail.
"""

from __future__ import annotations

import array
import itertools
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, exists, func, or_, select

from core.db import audit_log
from core.db.audit_log import Entry
from core.db.queries.filter_conditions import compares, conditions, has_code_like, is_like, is_one_of
from core.db.tables import (
    AGENT,
    INBOUND_ADDRESS,
    INBOUND_CONTENT,
    INBOUND_MESSAGE,
    LOG_ENTRY,
    MAILBOX,
    MESSAGE,
    REVIEW,
    RUN,
    STREAM,
)
from core.events import EmailRead
from core.filter_fields import Listing, fields
from core.filters import Fields, OneOf, Test, Want
from core.model import RECEIVE
from core.views.events import Happened
from core.views.received import InThread, Named, Reading, ReceivedRow, ReceivedView

PAGE: Final = 500
THREAD: Final = 50
"""Messages of a thread shown beside one of them, the newest."""
READERS: Final = 50
"""Reads of a message that are shown, the newest."""
_UNDER_WAY: Final[Mapping[str, str]] = {"approved": "releasing", "rejecting": "rejecting"}
_M: Final = INBOUND_MESSAGE.c
_A: Final = INBOUND_ADDRESS.c
_C: Final = INBOUND_CONTENT.c


# --- filters ------------------------------------------------------------------------------------------------------

FIELDS: Final[Fields] = fields(Listing.INBOX)
"""Fields of a filter. `score` is in percent, `found` a code of what screening found, `files` attachments."""


def _named(test: Test, *, before: str = "") -> ColumnElement[bool]:
    return exists().where(_A.inbound_id == _M.id, _A.role == "from", is_like(_A.address, test, before=before))


def _bare(test: Test, now: int) -> ColumnElement[bool]:
    """Match in what a line shows: author, subject, mailbox."""
    return or_(*(_CONDITIONS[name](test, now) for name in ("from", "subject", "mailbox")))


def _unread(test: Test, _now: int) -> ColumnElement[bool]:
    assert isinstance(test, OneOf), test
    wanted = test.values
    return or_(_M.read_at.is_(None) & ("yes" in wanted), _M.read_at.is_not(None) & ("no" in wanted))


_CONDITIONS: Final[Mapping[str, Callable[[Test, int], ColumnElement[bool]]]] = {
    "": _bare,
    "from": lambda test, _: _named(test),
    "domain": lambda test, _: _named(test, before="%@"),
    "subject": lambda test, _: is_like(_M.subject, test),
    "mailbox": lambda test, _: _M.mailbox_id.in_(select(MAILBOX.c.id).where(is_like(MAILBOX.c.address, test))),
    "agent": lambda test, _: _M.agent_id.in_(select(AGENT.c.id).where(is_like(AGENT.c.name, test))),
    "dmarc": lambda test, _: is_one_of(_M.dmarc, test),
    "state": lambda test, _: is_one_of(_M.status, test),
    "score": lambda test, _: compares(func.round(func.coalesce(_M.score, 0) * 100), test),
    "found": lambda test, _: has_code_like(_M.findings, test),
    "unread": _unread,
    "files": lambda test, _: compares(_M.attachments, test),
    "age": lambda test, now: compares(now - _M.received_at, test),
    "size": lambda test, _: compares(_M.size, test),
    "source": lambda test, _: is_like(_M.source, test),
    "id": lambda test, _: compares(_M.id, test),
    "to": lambda test, _: exists().where(_A.inbound_id == _M.id, _A.role.in_(("to", "cc")), is_like(_A.address, test)),
    "stream": lambda test, _: _M.mailbox_id.in_(
        select(MAILBOX.c.id).join(STREAM, STREAM.c.id == MAILBOX.c.stream_id).where(is_like(STREAM.c.domain, test))
    ),
}


def _conditions(wants: Sequence[Want], now: int) -> list[ColumnElement[bool]]:
    return conditions(wants, lambda want: _CONDITIONS[want.field](want.test, now))


# --- a page of ids, lines by id -----------------------------------------------------------------------------------


def page_ids(
    conn: Connection, wants: Sequence[Want] = (), *, now: int, before: int | None = None, limit: int = PAGE
) -> array.array[int]:
    """Return ids of received messages that match a filter by `FIELDS`, the newest first, older than `before`."""
    wanted = select(_M.id).where(*_conditions(wants, now))
    if before is not None:
        wanted = wanted.where(_M.id < before)
    cursor = conn.execute(wanted.order_by(_M.id.desc()).limit(limit)).cursor
    assert cursor is not None
    return array.array("q", itertools.chain.from_iterable(cursor.fetchall()))


def count(conn: Connection, wants: Sequence[Want], *, now: int, most: int) -> int:
    """Count the received messages that match, up to `most`."""
    some = select(_M.id).where(*_conditions(wants, now)).limit(most).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one())


def rows(conn: Connection, ids: Iterable[int]) -> dict[int, ReceivedRow]:
    """Return these messages' lines; missing ids are omitted."""
    asked = list(ids)
    if not asked:
        return {}
    found = conn.execute(_LISTED.where(_M.id.in_(asked))).all()
    decided = _decided(conn, [row.id for row in found if row.status == "held"])
    authors = _authors(conn, asked)
    readers = _readers(conn, asked)
    lines = {row.id: _row(row, authors.get(row.id), readers.get(row.id, ())) for row in found}
    return lines | {item: replace(lines[item], status=status) for item, status in decided.items()}


def _decided(conn: Connection, held: Sequence[int]) -> dict[int, str]:
    """Of held messages those whose decision can still be undone: `releasing` or `rejecting`."""
    if not held:
        return {}
    r = REVIEW.c
    found = conn.execute(select(r.id, r.status).where(r.id.in_(held), r.kind == RECEIVE, r.status.in_(_UNDER_WAY)))
    return {int(row.id): _UNDER_WAY[row.status] for row in found}


def _row(row: Row[Any], author: Row[Any] | None, readers: Sequence[str]) -> ReceivedRow:
    return ReceivedRow(
        id=row.id, mailbox=row.mailbox, agent=row.agent, sender=author.given if author is not None else "",
        name=author.name if author is not None else "", subject=row.subject, received_at=row.received_at,
        dmarc=row.dmarc, score=row.score,
        findings=tuple(str(one["text"]) for one in row.findings), status=row.status, thread=row.thread,
        attachments=row.attachments, size=row.size, unread=row.read_at is None, readers=tuple(readers),
        digest=row.digest,
    )  # fmt: skip


def _authors(conn: Connection, ids: Sequence[int]) -> dict[int, Any]:
    named = select(_A.inbound_id, _A.given, _A.name).where(_A.inbound_id.in_(ids), _A.role == "from")
    found: dict[int, Any] = {}
    for row in conn.execute(named.order_by(_A.inbound_id, _A.n)):
        found.setdefault(row.inbound_id, row)
    return found


def _readers(conn: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """The agents that each message was shown to; by the log's index on messages."""
    e = LOG_ENTRY.c
    shown = (
        select(e.message, e.actor, func.min(e.seq).label("first"))
        .where(e.message.in_(ids), e.type == EmailRead.type, e.actor.like("agent:%"))
        .group_by(e.message, e.actor)
    )
    found: dict[int, list[str]] = {}
    for row in sorted(conn.execute(shown), key=lambda each: int(each.first)):
        found.setdefault(row.message, []).append(row.actor.removeprefix("agent:"))
    return found


# --- one message --------------------------------------------------------------------------------------------------


def view(conn: Connection, inbound_id: int, *, whole: bool = True) -> ReceivedView | None:
    """One received message; None if there is none with this id. Unless `whole`, without its bytes, as for a preview."""
    row = conn.execute(_LISTED.where(_M.id == inbound_id)).first()
    if row is None:
        return None
    parts = [_C.text, _C.visible, _C.hidden, _C.attachments, _C.raw.is_not(None).label("kept")]
    content = conn.execute(select(*parts, *([_C.raw] if whole else [])).where(_C.id == row.content_id)).first()
    assert content is not None
    people = conn.execute(select(INBOUND_ADDRESS).where(_A.inbound_id == inbound_id).order_by(_A.n)).all()
    author = next((one for one in people if one.role == "from"), None)
    line = _row(row, author, _readers(conn, [inbound_id]).get(inbound_id, ()))
    return ReceivedView(
        row=line, agent_id=row.agent_id, mailbox_id=row.mailbox_id, rfc_message_id=row.rfc_message_id,
        in_reply_to=row.in_reply_to, thread_proof=row.thread_proof, answers=row.answers, source=row.source,
        dated_at=row.dated_at, automatic=row.automatic, authentication=row.authentication,
        findings=tuple(row.findings), held_for=tuple(row.held_for), decided_at=row.decided_at,
        decided_by=row.decided_by, reason=row.reason, read_at=row.read_at, tags=tuple(row.tags),
        people=tuple(Named(one.role, one.given, one.name) for one in people), text=content.text,
        visible=content.visible, hidden=tuple(content.hidden), files=tuple(content.attachments),
        kept=bool(content.kept), raw=zlib.decompress(bytes(content.raw)) if whole and content.kept else None,
        reads=reads(conn, inbound_id), conversation=_conversation(conn, row),
        events=tuple(Happened(one.at, one.type, one.actor) for one in conn.execute(_events(inbound_id))),
    )  # fmt: skip


def reads(conn: Connection, inbound_id: int) -> tuple[Reading, ...]:
    """Who was shown the message, the first one first; agents with their run and the name of their token."""
    query = _events(inbound_id).where(LOG_ENTRY.c.type == EmailRead.type).order_by(None)
    entries = [audit_log.entry(row) for row in conn.execute(query.order_by(LOG_ENTRY.c.seq.desc()).limit(READERS))]
    runs = {entry.event.run for entry in entries if entry.event.run is not None}
    named = select(RUN.c.id, RUN.c.key).where(RUN.c.id.in_(runs))
    keys = {row.id: row.key for row in conn.execute(named)} if runs else {}
    return tuple(_reading(entry, keys) for entry in reversed(entries))


def _reading(entry: Entry, runs: Mapping[int, str]) -> Reading:
    event = entry.event
    assert isinstance(event, EmailRead)
    run = None if event.run is None else runs.get(event.run)
    return Reading(entry.at, event.actor, event.what, event.door, run, event.token)


def _conversation(conn: Connection, row: Row[Any]) -> tuple[InThread, ...]:
    m = MESSAGE.c
    came = conn.execute(
        select(_M.id, _M.received_at.label("at"), _M.subject, _M.status)
        .where(_M.mailbox_id == row.mailbox_id, _M.thread == row.thread)
        .order_by(_M.id.desc())
        .limit(THREAD)
    )
    went = conn.execute(
        select(m.id, m.submitted_at.label("at"), m.subject, m.status)
        .where(m.mailbox_id == row.mailbox_id, m.conversation == row.thread)
        .order_by(m.id.desc())
        .limit(THREAD)
    )
    listed = [InThread(one.id, one.at, True, one.subject, one.status) for one in came]
    listed += [InThread(one.id, one.at, False, one.subject, one.status) for one in went]
    return tuple(sorted(listed, key=lambda one: (one.at, one.id))[-THREAD:])


def _events(inbound_id: int) -> Any:
    return select(LOG_ENTRY).where(LOG_ENTRY.c.message == inbound_id).order_by(LOG_ENTRY.c.seq)


_LISTED: Final = (
    select(INBOUND_MESSAGE, MAILBOX.c.address.label("mailbox"), AGENT.c.name.label("agent"), _C.digest)
    .join(MAILBOX, MAILBOX.c.id == _M.mailbox_id)
    .join(AGENT, AGENT.c.id == _M.agent_id)
    .join(INBOUND_CONTENT, _C.id == _M.content_id)
)

"""Read received mail: a mailbox's list, one message, its body and attachments, a thread. Queries without permissions.

Who may read is decided by `services/sending/gated_actions.py` for agents and by roles for operators. Agents reach mail
that was delivered to them; only operators see what is held or was rejected.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    TextClause,
    cast,
    exists,
    false,
    select,
    text,
)

from core.db import directory, gate_queries
from core.db.gate_queries import TokenFacts
from core.db.tables import INBOUND_ADDRESS, INBOUND_CONTENT, INBOUND_MESSAGE, MAILBOX, MESSAGE
from core.db.tables.inbound import INBOUND_FEW
from core.db.transaction import Transaction
from core.durations import DAY
from core.errors import NotFound
from core.ids import lowest, spell_id
from core.model import Action, Actor
from core.rules import roles
from core.rules.inbound import search_words
from core.rules.inbound.search_words import Term
from core.rules.roles import Verb
from core.rules.signed_ids import LINK_TOKEN, AttachmentLink, conceal
from core.services.receiving import search
from core.services.receiving.search import EVERY, Where
from core.services.receiving.search_index import Span
from core.services.sending import sender_eligibility
from core.services.sending.token_access import within

PAGE: Final = 50
THREAD: Final = 100
"""Messages of a thread that are shown, the newest."""

SET_BACK: Final = DAY
"""A clock is set back by less than this: mail received since then has ids of a later time than its own."""

DELIVERED: Final = "delivered"
"""The status of received mail that its agent may see."""

Caller = TokenFacts | Actor
_M: Final = INBOUND_MESSAGE.c
_A: Final = INBOUND_ADDRESS.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list is limited to; times are in microseconds. `author` is an address, or a domain."""

    unread: bool | None = None
    tag: str | None = None
    author: str | None = None
    after: int | None = None
    before: int | None = None
    has_attachments: bool | None = None
    q: str | None = None
    """Words that subject, sender and visible text contain together (`rules/inbound/search_words`)."""


@dataclass(frozen=True, slots=True)
class Received:
    """A received message with the addresses it names."""

    row: Row[Any]
    addresses: Sequence[Row[Any]] = field(default_factory=tuple)

    def of(self, role: str) -> list[Row[Any]]:
        return [one for one in self.addresses if one.role == role]


def reach(caller: Caller) -> list[ColumnElement[bool]]:
    """What a caller may see: an agent its delivered mail; a test token none, because all received mail is live."""
    if isinstance(caller, Actor):
        return []
    return [false()] if caller.test else [_M.agent_id == caller.agent_id, _M.status == DELIVERED]


def page(
    conn: Connection, mailbox_id: int, wanted: Filter, *, caller: Caller, cursor: int | None, limit: int = PAGE
) -> tuple[list[Received], int | None]:
    """A page of a mailbox's received mail, newest first, and the cursor of the next. Raises `Invalid`.

    It may be short or empty and have a next one all the same: what passes a filter may be far between
    (`search.MOST_LOOKED`).
    """
    span = _span(wanted)
    where = Where(
        mailbox_id,
        None if isinstance(caller, Actor) else DELIVERED,
        Span(span.since, span.before if cursor is None else min(cursor, span.before)),
        few=_few(wanted),
        implied=_implied(wanted),
    )
    query = _LISTED.where(_M.mailbox_id == mailbox_id, *reach(caller), *_conditions(wanted))
    if wanted.q and wanted.q.strip():
        found = search.matching(conn, query, wanted.q, where, limit=limit + 1)
    else:
        found = search.listed(conn, query, where, limit=limit + 1)
    shown = found.rows[:limit]
    following = int(shown[-1].id) if len(found.rows) > limit else search.onward(conn, found, where)
    return _with_addresses(conn, shown), following


def held(conn: Connection, *, limit: int = PAGE) -> list[Received]:
    """Received mail that waits for a person, the longest waiting first."""
    rows = conn.execute(_LISTED.where(_M.status == "held").order_by(_M.id).limit(limit)).all()
    return _with_addresses(conn, rows)


def message(conn: Connection, inbound_id: int, *, caller: Caller) -> Received:
    """One received message. Raises `NotFound`."""
    row = conn.execute(_LISTED.where(_M.id == inbound_id, *reach(caller))).first()
    if row is None:
        raise NotFound(f"there is no message {spell_id('m', inbound_id)}")
    return _with_addresses(conn, [row])[0]


def listed(conn: Connection, ids: Sequence[int], *, caller: Caller) -> list[Received]:
    """The messages among these that the caller may see, unordered."""
    rows = conn.execute(_LISTED.where(_M.id.in_(ids), *reach(caller))).all() if ids else []
    return _with_addresses(conn, rows)


def text_of(conn: Connection, content_id: int, *, full: bool) -> tuple[str, bool]:
    """A message's text, without what it quotes unless `full`; and whether something was cut."""
    c = INBOUND_CONTENT.c
    row = conn.execute(select(c.raw.is_not(None).label("kept"), c.text, c.visible).where(c.id == content_id)).first()
    if row is None or not row.kept:
        raise NotFound("the body of this message is no longer kept")
    return (row.text, False) if full else (row.visible, row.visible.strip() != row.text.strip())


def raw_of(conn: Connection, content_id: int) -> bytes:
    """A message's bytes as received. Raises `NotFound` once they are no longer kept."""
    raw = conn.execute(select(INBOUND_CONTENT.c.raw).where(INBOUND_CONTENT.c.id == content_id)).scalar()
    if raw is None:
        raise NotFound("the body of this message is no longer kept")
    return zlib.decompress(bytes(raw))


def attachments_of(conn: Connection, content_id: int) -> list[Mapping[str, Any]]:
    """Index, name, types, size and digest of each attachment."""
    found = conn.execute(select(INBOUND_CONTENT.c.attachments).where(INBOUND_CONTENT.c.id == content_id)).scalar()
    return list(found or ())


def opened_by(tx: Transaction, link: AttachmentLink) -> int:
    """The content of the message that a link opens, if whoever asked for it may read it now. Raises `NotFound`.

    Nothing else is checked when the link is used: without this it would outlive its token and its agent's suspension.
    """
    row = tx.one(select(_M.content_id, _M.mailbox_id, _M.agent_id, _M.status).where(_M.id == link.inbound_id))
    may = None if row is None else _operator_may(tx, link) if any(link.operator_token) else _agent_may(tx, link, row)
    if row is None or not may:
        raise NotFound("there is no such attachment, or it cannot be read now")
    return int(row.content_id)


def _operator_may(tx: Transaction, link: AttachmentLink) -> bool:
    found = directory.operator_by_id(tx.conn, link.holder)
    if found is None or found.token_hash is None or found.token_hash[:LINK_TOKEN] != link.operator_token:
        return False
    return found.disabled_at is None and not found.expired(tx.now) and roles.may(found.actor, Verb.MESSAGE_READ)


def _agent_may(tx: Transaction, link: AttachmentLink, row: Row[Any]) -> bool:
    token = gate_queries.token(tx, link.holder)
    if token is None or not token.alive(tx.now) or token.agent_id != row.agent_id or row.status != "delivered":
        return False
    mailbox = gate_queries.gate(tx, row.mailbox_id)
    return sender_eligibility.refuse(tx, mailbox, token, action=Action.READ) is None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of a thread that the agent sent."""

    id: int
    mailbox: str
    subject: str
    status: str
    submitted_at: int
    tags: Sequence[str]


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread of an agent's mail: what it received and what it sent, by mailbox."""

    key: int
    mailboxes: tuple[str, ...]
    received: Sequence[Received]
    sent: Sequence[Sent]

    @property
    def first(self) -> int:
        """The oldest message that is shown."""
        return int(min([*(one.row.id for one in self.received), *(one.id for one in self.sent)]))


def thread(conn: Connection, key: int, *, token: TokenFacts) -> Thread:
    """A thread that the token may access. Raises `NotFound`."""
    m = MESSAGE.c
    rows = conn.execute(
        _LISTED.where(_M.agent_id == token.agent_id, _M.thread == key, *reach(token))
        .order_by(_M.id.desc())
        .limit(THREAD)
    ).all()
    sent = conn.execute(
        select(m.id, m.subject, m.status, m.submitted_at, m.tags, MAILBOX.c.address.label("mailbox"))
        .join(MAILBOX, MAILBOX.c.id == m.mailbox_id)
        .where(m.conversation == key, *within(token))
        .order_by(m.id.desc())
        .limit(THREAD)
    ).all()
    if not rows and not sent:
        raise NotFound(f"there is no thread {spell_id('t', key)} of yours")
    mailboxes = tuple(sorted({str(row.mailbox) for row in (*rows, *sent)}))
    listed = [Sent(**row._asdict()) for row in sent]
    return Thread(key, mailboxes, _with_addresses(conn, rows), listed)


# --- helpers ------------------------------------------------------------------------------------------------------


_LISTED: Final[Select[Any]] = select(INBOUND_MESSAGE, MAILBOX.c.address.label("mailbox")).join(
    MAILBOX, MAILBOX.c.id == _M.mailbox_id
)


def _with_addresses(conn: Connection, rows: Sequence[Row[Any]]) -> list[Received]:
    if not rows:
        return []
    named: dict[int, list[Row[Any]]] = {row.id: [] for row in rows}
    found = select(INBOUND_ADDRESS).where(_A.inbound_id.in_(list(named))).order_by(_A.inbound_id, _A.n)
    for one in conn.execute(found):
        named[one.inbound_id].append(one)
    return [Received(row, tuple(named[row.id])) for row in rows]


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.unread is not None:
        found.append(_M.read_at.is_(None) if wanted.unread else _M.read_at.is_not(None))
    if wanted.tag is not None:
        spelled = orjson.dumps(wanted.tag).decode()  # as the column has it, quotes and escapes included
        found.append(cast(_M.tags, Text).like(f"%{_escaped(spelled)}%", escape="/"))
    if wanted.author is not None:
        found.append(_named(("from",), wanted.author.lower()))
    if wanted.after is not None:
        found.append(_M.received_at > wanted.after)
    if wanted.before is not None:
        found.append(_M.received_at < wanted.before)
    if wanted.has_attachments is not None:
        found.append(_M.attachments > 0 if wanted.has_attachments else _M.attachments == 0)
    return found


def _span(wanted: Filter) -> Span:
    """Ids that mail of these times can have: of its time, or a later one if the clock has been set back since."""
    since = 0 if wanted.after is None else lowest(wanted.after)
    before = EVERY.before if wanted.before is None else lowest(wanted.before + SET_BACK)
    return Span(min(since, EVERY.before), min(before, EVERY.before))


def _few(wanted: Filter) -> Sequence[TextClause]:
    """The conditions that indexes of their own know; to the letter, or the database does not use these."""
    asked = {"unread": wanted.unread, "tagged": wanted.tag is not None, "attached": wanted.has_attachments}
    return [text(INBOUND_FEW[name]) for name, few in asked.items() if few]


def _implied(wanted: Filter) -> Sequence[Term]:
    """Words that all mail of this author has, because its sender's address is searched as well.

    Not of an address that is written otherwise in the mail, nor of one that `conceal` takes out of what is searched.
    """
    author = "" if wanted.author is None else wanted.author.lower()
    if not author.isascii() or "xn--" in author or conceal(author) != author:
        return ()
    return [Term((word,)) for word in dict.fromkeys(search_words.of_text(author).split())]


def _named(roles: Sequence[str], author: str) -> ColumnElement[bool]:
    mine = exists().where(_A.inbound_id == _M.id, _A.role.in_(roles))
    if "@" in author.strip("@"):
        return mine.where(_A.address == author)
    return mine.where(_A.address.like(f"%@{_escaped(author.removeprefix('@'))}", escape="/"))


def _escaped(text: str) -> str:
    return "".join(f"/{char}" if char in "/%_" else char for char in text)

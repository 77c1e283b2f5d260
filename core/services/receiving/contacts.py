"""Contacts that an agent keeps for its mailbox: who somebody is, and how much mail was sent and received.

A contact is the agent's own note. It is not consent, adds nothing to an allow-list and vouches for nobody: permissions
are set by people. So an agent may keep contacts in `read_only` mode too, and no mode holds the act. (The table
`contact` is something else: the recipients that the cap on first-time recipients counts.) What an agent notes after it
has read a stranger's mail may repeat that mail, so a run that is shown the note counts as having read the mail
(`tainted_by`).

Mail is counted when contacts are shown, from the messages themselves. Receiving and sending mail therefore pay nothing
for it, and the figures are right after a release, an erasure or a restart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, Text, cast, delete, func, select, update

from core.db.gate_queries import SenderState, TokenFacts
from core.db.tables import INBOUND_ADDRESS, INBOUND_MESSAGE, MAILBOX_CONTACT, MESSAGE, RECIPIENT
from core.db.transaction import Transaction
from core.errors import Conflict, NotFound
from core.events import ContactAdded, ContactChanged, ContactRemoved
from core.model import Actor
from core.services.context import ServiceContext
from core.services.sending import gated_actions, taint
from core.services.sending.submit_result import Answer, blocked

PAGE: Final = 50
MOST: Final = 10_000
"""Contacts of a mailbox."""

_C: Final = MAILBOX_CONTACT.c


@dataclass(frozen=True, slots=True)
class Traffic:
    """Mail from and to an address, by one mailbox; times are None without any."""

    mails_in: int = 0
    mails_out: int = 0
    first_seen: int | None = None
    last_seen: int | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact with its figures of mail."""

    row: Row[Any]
    traffic: Traffic


def keeper(tx: Transaction, mailbox: str, *, token: TokenFacts) -> Answer | tuple[TokenFacts, SenderState]:
    """Return the token and mailbox of an agent that may keep contacts now, or the refusal instead."""
    if token.test:
        # What a test token does has no effect outside the desk's tests, and received mail is live.
        return blocked("insufficient_scope", "a test token cannot keep contacts", fix="use a live token")
    return gated_actions.own_mailbox(tx, mailbox, token=token)


# --- verbs --------------------------------------------------------------------------------------------------------


def add(
    tx: Transaction, mailbox: str, address: str, values: Mapping[str, Any], *, token: TokenFacts, ctx: ServiceContext
) -> Answer | int:
    """Add a contact and return its id, or the refusal instead. Raises `Conflict` if there is one already.

    The same values again change nothing, so a client that lost the answer may repeat the call.
    """
    found = keeper(tx, mailbox, token=token)
    if isinstance(found, Answer):
        return found
    live_token, box = found
    known = tx.one(select(MAILBOX_CONTACT).where(_C.mailbox_id == box.mailbox_id, _C.address == address))
    new = {"name": "", "tags": [], "notes": ""} | dict(values)
    if known is not None:
        if {name: getattr(known, name) for name in new} == new:
            return int(known.id)
        raise Conflict(f"{address} is already a contact", fix="change it with PATCH")
    count = tx.one(select(func.count()).select_from(MAILBOX_CONTACT).where(_C.mailbox_id == box.mailbox_id))
    if count is not None and count[0] >= MOST:
        raise Conflict(f"{mailbox} has {MOST:,} contacts, the most that a mailbox may have", fix="remove some first")
    contact = ctx.ids.mint(tx.now)
    # Written now, not with the batch: the next verb of the batch must find it.
    stored = new | {
        "id": contact, "mailbox_id": box.mailbox_id, "address": address, "created_at": tx.now, "updated_at": tx.now,
        "tainted_by": taint.of_token(tx, live_token),
    }  # fmt: skip
    tx.write(MAILBOX_CONTACT.insert().values(**stored))
    tx.emit(
        ContactAdded(
            actor=str(Actor("agent", box.agent_name)), mailbox=box.mailbox_id, agent=box.agent_id,
            stream=box.stream_id, contact=contact, token=live_token.id, tags=len(new["tags"]),
        )
    )  # fmt: skip
    return contact


def change(
    tx: Transaction, mailbox: str, address: str, values: Mapping[str, Any], *, token: TokenFacts
) -> Answer | int:
    """Change the given members of a contact; return its id, or the refusal instead. Raises `NotFound`."""
    found = keeper(tx, mailbox, token=token)
    if isinstance(found, Answer):
        return found
    live_token, box = found
    row = _known(tx, box, address)
    if all(getattr(row, name) == value for name, value in values.items()):
        return int(row.id)
    tainted_by = taint.of_token(tx, live_token) or row.tainted_by
    changed = {"updated_at": tx.now, "tainted_by": tainted_by, **values}
    tx.write(update(MAILBOX_CONTACT).where(_C.id == row.id).values(**changed))
    tx.emit(
        ContactChanged(
            actor=str(Actor("agent", box.agent_name)), mailbox=box.mailbox_id, agent=box.agent_id,
            stream=box.stream_id, contact=row.id, token=live_token.id, tags=len(values.get("tags", row.tags)),
        )
    )  # fmt: skip
    return int(row.id)


def remove(tx: Transaction, mailbox: str, address: str, *, token: TokenFacts) -> Answer | None:
    """Remove a contact; return None, or the refusal instead. Raises `NotFound`."""
    found = keeper(tx, mailbox, token=token)
    if isinstance(found, Answer):
        return found
    live_token, box = found
    row = _known(tx, box, address)
    tx.write(delete(MAILBOX_CONTACT).where(_C.id == row.id))
    tx.emit(
        ContactRemoved(
            actor=str(Actor("agent", box.agent_name)), mailbox=box.mailbox_id, agent=box.agent_id,
            stream=box.stream_id, contact=row.id, token=live_token.id,
        )
    )  # fmt: skip
    return None


# --- queries ------------------------------------------------------------------------------------------------------


def page(
    conn: Connection,
    mailbox_id: int,
    *,
    address: str | None = None,
    tag: str | None = None,
    cursor: int | None = None,
    limit: int = PAGE,
) -> tuple[list[Contact], int | None]:
    """A page of a mailbox's contacts, the newest first, and the cursor of the next."""
    query = select(MAILBOX_CONTACT).where(_C.mailbox_id == mailbox_id)
    if address is not None:
        query = query.where(_C.address == address)
    if tag is not None:
        spelled = orjson.dumps(tag).decode()  # as the column has it, quotes and escapes included
        query = query.where(cast(_C.tags, Text).contains(spelled, autoescape=True))
    if cursor is not None:
        query = query.where(_C.id < cursor)
    rows = conn.execute(query.order_by(_C.id.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    mail = traffic(conn, mailbox_id, [row.address for row in shown])
    found = [Contact(row, mail.get(row.address, Traffic())) for row in shown]
    return found, int(shown[-1].id) if len(rows) > limit else None


def contact(conn: Connection, contact_id: int) -> Contact:
    """One contact. Raises `NotFound` if it was removed meanwhile."""
    row = conn.execute(select(MAILBOX_CONTACT).where(_C.id == contact_id)).first()
    if row is None:
        raise NotFound("the contact was removed in the meantime")
    return Contact(row, traffic(conn, row.mailbox_id, [row.address]).get(row.address, Traffic()))


def traffic(conn: Connection, mailbox_id: int, addresses: Collection[str]) -> dict[str, Traffic]:
    """The mail between a mailbox and each of these addresses: what its agent received, and what a receiver took."""
    if not addresses:
        return {}
    a, i, r, m = INBOUND_ADDRESS.c, INBOUND_MESSAGE.c, RECIPIENT.c, MESSAGE.c
    received = conn.execute(
        select(a.address, func.count().label("n"), func.min(i.received_at).label("first"),
               func.max(i.received_at).label("last"))
        .join(INBOUND_MESSAGE, i.id == a.inbound_id)
        .where(a.address.in_(addresses), a.role == "from", i.mailbox_id == mailbox_id, i.status == "delivered")
        .group_by(a.address)
    ).all()  # fmt: skip
    sent = conn.execute(
        select(
            r.address, func.count().label("n"), func.min(r.sent_at).label("first"), func.max(r.sent_at).label("last")
        )
        .join(MESSAGE, m.id == r.message_id)
        .where(r.address.in_(addresses), r.status == "sent", m.mailbox_id == mailbox_id, m.test.is_(False))
        .group_by(r.address)
    ).all()
    incoming, outgoing = {row.address: row for row in received}, {row.address: row for row in sent}
    return {one: _traffic(incoming.get(one), outgoing.get(one)) for one in addresses}


# --- helpers ------------------------------------------------------------------------------------------------------


def _known(tx: Transaction, box: SenderState, address: str) -> Row[Any]:
    row = tx.one(select(MAILBOX_CONTACT).where(_C.mailbox_id == box.mailbox_id, _C.address == address))
    if row is None:
        raise NotFound(f"{address} is not a contact of {box.address}", fix="add it with POST")
    return row


def _traffic(incoming: Row[Any] | None, outgoing: Row[Any] | None) -> Traffic:
    rows: Sequence[Row[Any]] = [row for row in (incoming, outgoing) if row is not None]
    return Traffic(
        mails_in=0 if incoming is None else int(incoming.n),
        mails_out=0 if outgoing is None else int(outgoing.n),
        first_seen=min((int(row.first) for row in rows if row.first is not None), default=None),
        last_seen=max((int(row.last) for row in rows if row.last is not None), default=None),
    )

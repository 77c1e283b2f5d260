"""Prevent mail loops: our own mail never answers a machine's, or two agents would go on forever.

What the desk can tell by itself: everything its agents sent is automatic, so no other mailbox answers it to its author.
Mail that came to the desk is marked when it is received; of other mail, the agent passes the header with the reply
(`in_reply_to_headers`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from core.db.gate_queries import TokenFacts
from core.db.store import Store
from core.db.tables import INBOUND_ADDRESS, INBOUND_MESSAGE, MAILBOX, MESSAGE, RECIPIENT
from core.domains import organisational_domain
from core.errors import Forbidden, Invalid, NotFound
from core.ids import read_id
from core.rules import loop_prevention, mailbox_providers
from core.rules.addresses import Address, parse_address
from core.rules.signed_ids import HmacKeys, read_message_id
from core.services.sending import token_access
from core.services.sending.submission import Inherited
from core.services.sending.token_access import within

LONGEST_ID: Final = 250
"""Characters of a Message-ID that a reply names; a longer one would not fit a line."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply to be composed. `headers` are those of the mail it answers, as far as the agent passed them."""

    recipients: Collection[Address]
    in_reply_to: str | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parent:
    """The message a reply answers: the source of the fields that the reply leaves out."""

    mailbox: str
    to: list[str]
    subject: str
    rfc_message_id: str
    references: tuple[str, ...] = ()
    received: int | None = None
    """Its id, if the mailbox received it."""
    others: tuple[str, ...] = ()
    """Its other recipients, whom a reply to all goes to as copies."""
    tainted_sent: int | None = None
    """Its id, if the agent sent it and had read a stranger's mail before."""
    inherited: Inherited | None = None
    """What it has of received mail itself."""

    def passed_on(self, fields: Collection[str]) -> Inherited | None:
        """What a reply that leaves out these fields (`subject`, `to`, `cc`) takes from received mail."""
        mine = Inherited(self.received, ("subject", "to", "cc")) if self.received is not None else self.inherited
        if mine is None:
            return None
        taken = tuple(name for name in mine.fields if name in fields)
        return Inherited(mine.of, taken) if taken else None


def parent(conn: Connection, named: str, *, token: TokenFacts) -> Parent:
    """Find a message the token may access, sent or received, by our id or its Message-ID (brackets optional).

    Raises `NotFound`, and `Forbidden` if it is a machine's mail.

    A reply takes recipients and subject from it, so this is reading as well.
    """
    m = MESSAGE.c
    number = read_id("m", named)
    message_id = f"<{named.strip().removeprefix('<').removesuffix('>')}>"
    row = conn.execute(
        select(m.id, m.subject, m.rfc_message_id, m.tainted_by, m.facts, MAILBOX.c.address)
        .join(MAILBOX, MAILBOX.c.id == m.mailbox_id)
        .where(m.rfc_message_id == message_id if number is None else m.id == number, *within(token))
        .order_by(m.id)
    ).first()  # a Message-ID contains the id and its proof, so no two messages share one
    if row is None:
        return _received(conn, named, number=number, bracketed=message_id, token=token)
    r = RECIPIENT.c
    people = conn.execute(select(r.given, r.field).where(r.message_id == row.id).order_by(r.n)).all()
    to, cc = ([one.given for one in people if one.field == field] for field in ("to", "cc"))
    return Parent(
        str(row.address), to, str(row.subject), str(row.rfc_message_id), others=tuple(cc),
        tainted_sent=None if row.tainted_by is None else int(row.id), inherited=token_access.inherited(row.facts),
    )  # fmt: skip


def _received(conn: Connection, named: str, *, number: int | None, bracketed: str, token: TokenFacts) -> Parent:
    """A received message as the one that is answered. Raises `NotFound`, and `Forbidden` if a machine wrote it."""
    i = INBOUND_MESSAGE.c
    row = conn.execute(
        select(i.id, i.subject, i.rfc_message_id, i.references, i.automatic, MAILBOX.c.address)
        .join(MAILBOX, MAILBOX.c.id == i.mailbox_id)
        .where(
            i.rfc_message_id == bracketed if number is None else i.id == number,
            i.agent_id == token.agent_id,
            i.status == "delivered",
        )
        .order_by(i.id)
    ).first()
    if row is None or token.test:
        raise NotFound(f"there is no message {named[:100]!r} of yours")
    if row.automatic is not None:
        raise _loop(row.automatic)
    a = INBOUND_ADDRESS.c
    people = conn.execute(select(a.role, a.given).where(a.inbound_id == row.id).order_by(a.n)).all()
    authors = [one.given for one in people if one.role == "from"][:1]
    reply_addresses = [one.given for one in people if one.role == "reply_to"]
    to = reply_addresses if reply_addresses and all(aligned(one, authors) for one in reply_addresses) else authors
    return Parent(
        str(row.address),
        to,
        str(row.subject),
        _passed_on(row.rfc_message_id or ""),
        tuple(one for one in row.references or () if _passed_on(one)),
        received=int(row.id),
        others=_others([one.given for one in people if one.role in {"to", "cc"}], own=str(row.address), to=to),
    )


def _others(given: list[str], *, own: str, to: list[str]) -> tuple[str, ...]:
    """Recipients other than the mailbox and those answered anyway. What a stranger misspelled is left out."""
    found: dict[str, str] = {}
    for text in given:
        with contextlib.suppress(Invalid):
            found.setdefault(parse_address(text).normalised, text)
    for text in (own, *to):
        with contextlib.suppress(Invalid):
            found.pop(parse_address(text).normalised, None)
    return tuple(found.values())


def _passed_on(message_id: str) -> str:
    """A stranger's Message-ID as our header can name it; empty if it cannot."""
    return message_id if message_id.isascii() and message_id.isprintable() and len(message_id) <= LONGEST_ID else ""


def aligned(address: str, authors: list[str]) -> bool:
    """Whether an address is of the organisation that wrote the message; at a mailbox provider, the author's own.

    Otherwise a stranger's Reply-To would have an agent answer a third person, with the customer's words below.
    """
    domain = organisational_domain(address.rpartition("@")[2])
    if mailbox_providers.houses_strangers(domain):
        return address.lower() in {one.lower() for one in authors}
    return domain in {organisational_domain(one.rpartition("@")[2]) for one in authors}


def need_own_run(store: Store, named: str, *, token: TokenFacts, keyring: HmacKeys) -> None:
    """Raises `NotFound` if a token bound to a run answers a message that its agent sent in another run.

    The Message-ID of a customer's mail carries no mark of ours and passes.
    """
    number = read_message_id(named, keyring) if token.run_key is not None else None
    if number is None:
        return
    m = MESSAGE.c
    own_message = store.row(select(m.id).where(m.id == number, m.agent_id == token.agent_id))
    if own_message is not None and store.row(select(m.id).where(m.id == number, *within(token))) is None:
        raise NotFound(f"there is no message {named[:100]!r} of yours")


def refuse_loops(store: Store, reply: Reply, *, mailbox_id: int, keyring: HmacKeys) -> None:
    """Refuse an answer to a machine. Raises `Forbidden`."""
    why = loop_prevention.unanswerable(reply.headers)
    if why is None and any(loop_prevention.daemon(one.spec) for one in reply.recipients):
        why = "a recipient is no person's address"
    if why is None and reply.in_reply_to is not None:
        why = _colleague(store, reply, mailbox_id=mailbox_id, number=read_message_id(reply.in_reply_to, keyring))
    if why is None and reply.in_reply_to is not None:
        why = _received_from_machine(store, reply.in_reply_to, mailbox_id=mailbox_id)
    if why is not None:
        raise _loop(why)


def _loop(why: str) -> Forbidden:
    return Forbidden(
        f"a machine's mail is not answered by a machine: {why}", error="action_blocked",
        fix="let a person answer it, or write a message of its own to a person",
    )  # fmt: skip


def _received_from_machine(store: Store, in_reply_to: str, *, mailbox_id: int) -> str | None:
    """Why the answered message, if the mailbox received it, must not be answered."""
    i = INBOUND_MESSAGE.c
    bracketed = f"<{in_reply_to.strip('<> ')}>"
    row = store.row(
        select(i.automatic)
        .where(i.mailbox_id == mailbox_id, i.rfc_message_id == bracketed, i.automatic.is_not(None))
        .limit(1)
    )
    return None if row is None else str(row.automatic)


def _colleague(store: Store, reply: Reply, *, mailbox_id: int, number: int | None) -> str | None:
    """The reason to refuse if another mailbox of this desk wrote the answered mail and would get the answer."""
    if number is None:
        return None
    author = store.row(
        select(MAILBOX.c.id, MAILBOX.c.address)
        .join(MESSAGE, MESSAGE.c.mailbox_id == MAILBOX.c.id)
        .where(MESSAGE.c.id == number)
    )
    if author is None or author.id == mailbox_id or author.address not in {one.normalised for one in reply.recipients}:
        return None
    return f"another agent of this desk wrote it as {author.address}"

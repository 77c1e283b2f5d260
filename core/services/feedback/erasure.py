"""Erase a person's data on request (GDPR art. 17) while keeping the log's hash chain intact.

The log holds ids, digests and figures, so nothing in it has to change. Erasure removes the bodies, subjects, tags and
metadata of every message to the address or with the address as Reply-To; everything in received messages that name it;
the operators' notes on all of these; the address on each of them; its contact, consent and rate records; and the
address wherever else it occurs (`mentions.py`). Other recipients of the same message keep their rows, but the message
content is erased for them too, because it concerns the person. Messages to others are not searched for the person's
name.

One thing is kept: a suppression of the address. Without it the next import or the next agent would write to the person
again, which is what they least want (art. 17(3)(b), art. 21(3)). Expiring backups is up to the operator.

It goes in steps, each a transaction of its own: other writers wait for `BATCH_SIZE` rows, never for a scan. `look`
reads what a step needs, `step` takes it and says where the next one begins. An erasure that was cut short is completed
by another one from the beginning.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from core.db.tables import (
    BODY,
    CONSENT,
    CONTACT,
    IDEMPOTENCY,
    LANE,
    MAILBOX_CONTACT,
    MESSAGE,
    RATE_EVENT,
    RECIPIENT,
    REVIEW,
    RUN,
    SUPPRESSION,
)
from core.db.transaction import Transaction
from core.errors import Conflict, Invalid
from core.events import RecipientErased
from core.ids import spell_id
from core.model import FINAL, Actor
from core.rules.addresses import Address, parse_address
from core.rules.roles import Verb
from core.services import access
from core.services.context import require_reason
from core.services.control import notes, retention
from core.services.feedback import mentions, suppressions
from core.services.feedback.erasure_received import erase_received
from core.services.feedback.mentions import ERASED, Mention, Page, Place
from core.text.numbers import whole_number

_ANSWERED: Final = MESSAGE.alias()

BATCH_SIZE: Final = 200
"""Messages or calls erased in one transaction. It bounds how long other writers wait."""
NAMED: Final = 3
MAIL: Final = "mail"
"""The first step."""
RECEIVED: Final = "received"


@dataclass(frozen=True, slots=True)
class Erased:
    """Result of one transaction; `left` is the number of messages or calls that the same one must repeat for.

    `next` is where the erasure goes on, None at its end.
    """

    messages: int
    records: int
    left: int
    next: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Found:
    """Rows outside mail that name the address, if any, and where the search goes on after them."""

    page: Page | None = None
    next: str | None = None


def look(conn: Connection, address: str, at: str, *, pages: int = 1) -> Found:
    """Read what the next step needs: text that names the address, in at most this many pages. Raises `Invalid`."""
    mention = Mention.of(parse_address(address))
    if at in {MAIL, RECEIVED}:
        return Found()
    place: Place | None = _place(at)
    page = None
    for _ in range(pages):
        if page is not None or place is None:
            break
        page, place = mentions.find(conn, mention, place)
    return Found(page, None if place is None else _spelled(place))


def step(tx: Transaction, actor: Actor, *, address: str, at: str, found: Found, reason: str) -> Erased:
    """Take one step of an erasure, from `MAIL` on; `next` of its result is where the next one begins.

    Raises `Forbidden`, `Invalid`, and `Conflict` while mail to the address is still pending.
    """
    person, why = parse_address(address), require_reason(reason)
    match at:
        case "mail":
            done, following = _erase_mail(tx, actor, person=person, why=why), RECEIVED
        case "received":
            done, following = _erase_received(tx, actor, addresses=person.normalised, why=why), _spelled(mentions.FIRST)
        case _ if found.page is not None:
            done = _erase_words(tx, actor, mention=Mention.of(person), page=found.page, why=why)
            return replace(done, next=at if done.left else found.next)
        case _:
            return Erased(0, 0, 0, found.next)
    return replace(done, next=at if done.left else following)


def _place(at: str) -> Place:
    name, _, after = at.rpartition(":")
    table = next((one for one in mentions.SEARCHED if one.name == name), None)
    number = whole_number(after) if after != "-1" else -1
    if table is None or number is None:
        raise Invalid("invalid place of an erasure", fix="leave it out to begin", problems=(("at", "is invalid"),))
    return Place(table, number)


def _spelled(place: Place) -> str:
    return f"{place.table.name}:{place.after}"


def _erase_mail(tx: Transaction, actor: Actor, *, person: Address, why: str) -> Erased:
    """Suppress the address and erase the next `BATCH_SIZE` of its messages; with the last, its records."""
    actor = access.require(tx, actor, Verb.RECIPIENT_ERASE)
    addresses, mention = person.normalised, Mention.of(person)
    _nothing_waits(tx, addresses)
    kept = suppressions.suppress(
        tx, addresses, stream_id=None, cause="erasure", source="operator", actor=actor, reason=None
    )
    messages = _erase_messages(tx, addresses, mention)
    left = _count(tx, addresses)
    records = _erase_records(tx, addresses) if not left else 0
    if messages or records or kept is not None:
        tx.emit(RecipientErased(actor=str(actor), messages=messages, records=records, suppression=kept, reason=why))
    return Erased(messages, records, left)


def _erase_received(tx: Transaction, actor: Actor, *, addresses: str, why: str) -> Erased:
    """Erase the next received messages that name the address as sender or recipient."""
    actor = access.require(tx, actor, Verb.RECIPIENT_ERASE)
    messages = erase_received(tx, addresses)
    if messages:
        tx.emit(RecipientErased(actor=str(actor), messages=messages, records=0, suppression=None, reason=why))
    return Erased(messages, 0, messages)


def _erase_words(tx: Transaction, actor: Actor, *, mention: Mention, page: Page, why: str) -> Erased:
    """Erase the address from the rows of a page, and from the calls that agents issued in runs among them."""
    actor = access.require(tx, actor, Verb.RECIPIENT_ERASE)
    # The calls first: once the runs no longer name the address, an erasure cut short could not find them again.
    records, left = _erase_calls(tx, page.ids) if page.table is RUN else (0, 0)
    if not left:
        records += mentions.erase_page(tx, mention, page)
    if records:
        tx.emit(RecipientErased(actor=str(actor), messages=0, records=records, suppression=None, reason=why))
    return Erased(0, records, left)


def _of(address: str) -> ColumnElement[bool]:
    """Match messages sent to the address or with the address as Reply-To."""
    to = select(RECIPIENT.c.message_id).where(RECIPIENT.c.address == address)
    return MESSAGE.c.id.in_(to.union(select(_ANSWERED.c.id).where(_ANSWERED.c.reply_to == address)))


def _nothing_waits(tx: Transaction, address: str) -> None:
    """Refuse while mail to the address may still leave: its bytes cannot be erased. Raises `Conflict`."""
    open_ = [status.value for status in FINAL]
    rows = tx.all(
        select(MESSAGE.c.id).where(_of(address), MESSAGE.c.status.not_in(open_)).order_by(MESSAGE.c.id).limit(NAMED + 1)
    )
    if rows:
        named = ", ".join(spell_id("m", row.id) for row in rows[:NAMED]) + (" and more" if len(rows) > NAMED else "")
        raise Conflict(
            f"mail to this address is still waiting ({named}): it must end first",
            fix="postroom suppress add ADDRESS, then postroom queue reject what is held, and erase again",
        )


def _count(tx: Transaction, address: str) -> int:
    """Count the messages that further steps must erase."""
    found = tx.one(select(func.count()).select_from(MESSAGE).where(_of(address)))
    return int(found[0]) if found is not None else 0


def _erase_messages(tx: Transaction, address: str, mention: Mention) -> int:
    """Erase the next batch of the address's messages; return how many."""
    r = RECIPIENT.c
    rows = tx.all(
        select(MESSAGE.c.id, MESSAGE.c.mailbox_id).where(_of(address)).order_by(MESSAGE.c.id).limit(BATCH_SIZE)
    )
    ids = [row.id for row in rows]
    if not ids:
        return 0
    retention.purge(tx, ids)
    notes.forget(tx, ids)
    erased_values: dict[str, Any] = {"subject": "", "tags": [], "meta": {}, "reply_to": None}
    tx.write(update(MESSAGE).where(MESSAGE.c.id.in_(ids)).values(**erased_values))
    # Receivers quote the address they refuse, and a lane keeps the last reply to any of its recipients.
    lanes = select(r.lane_id).where(r.message_id.in_(ids), r.address == address)
    tx.write(update(LANE).where(LANE.c.id.in_(lanes)).values(last_reply=None, last_reply_at=None))
    tx.write(
        update(RECIPIENT)
        .where(r.message_id.in_(ids), r.address == address)
        .values(address=ERASED, path=ERASED, given=ERASED, reason=None, reply=None)
    )
    mentions.erase_from(tx, mention, REVIEW, ("target", "reason"), only=REVIEW.c.message_id.in_(ids))
    _erase_answers(tx, mention, ids, {row.mailbox_id for row in rows})
    return len(ids)


def _erase_answers(tx: Transaction, mention: Mention, ids: list[int], mailboxes: set[int]) -> None:
    """Remove the address from responses stored for a repeated Idempotency-Key.

    The key itself is kept, for at most a day: without it a retry would write to the message's other recipients again.
    """
    i = IDEMPOTENCY.c
    affected = (i.mailbox_id.in_(mailboxes), i.message_id.in_(ids), i.answer.is_not(None))
    for row in tx.all(select(i.mailbox_id, i.test, i.key, i.answer).where(*affected)):
        answer = mention.erased(bytes(row.answer).decode("utf-8", "replace")).encode()
        this = (i.mailbox_id == row.mailbox_id, i.test == row.test, i.key == row.key)
        tx.write(update(IDEMPOTENCY).where(*this).values(answer=answer))


def _erase_calls(tx: Transaction, runs: Collection[int]) -> tuple[int, int]:
    """Clear one batch of the calls that agents issued in these runs; return how many, and how many are left."""
    calls = (
        select(BODY.c.message_id)
        .join(MESSAGE, MESSAGE.c.id == BODY.c.message_id)
        .where(MESSAGE.c.run_id.in_(runs), BODY.c.issued.is_not(None))
    )
    ids = [row.message_id for row in tx.all(calls.limit(BATCH_SIZE))]
    if not ids:
        return 0, 0
    tx.write(update(BODY).where(BODY.c.message_id.in_(ids)).values(issued=None))
    found = tx.one(select(func.count()).select_from(calls.subquery())) if len(ids) == BATCH_SIZE else None
    return len(ids), int(found[0]) if found is not None else 0


def _erase_records(tx: Transaction, address: str) -> int:
    """Delete the address's contacts, consents and rate events, and its suppressions' reasons; return the row count."""
    removed = tx.write(delete(CONTACT).where(CONTACT.c.address == address))
    removed += tx.write(delete(MAILBOX_CONTACT).where(MAILBOX_CONTACT.c.address == address))
    removed += tx.write(delete(CONSENT).where(CONSENT.c.subject == address))
    removed += tx.write(delete(RATE_EVENT).where(RATE_EVENT.c.address == address))
    s = SUPPRESSION.c
    return removed + tx.write(
        update(SUPPRESSION).where(s.address == address, s.reason.is_not(None)).values(reason=None)
    )

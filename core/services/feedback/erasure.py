"""Erase a person on request (GDPR art. 17): what the desk keeps of an address goes, the log's chain stays whole.

The log holds ids, digests and figures, so nothing in it has to change. Gone are the bodies, subjects, tags and metadata
of every message to the address, the address on each of them, and its contact, consent and rate records. Other
recipients of the same message keep their rows; its bytes are gone for them too, for they speak of the person.

One thing is kept: a suppression of the address. Without it the next import or the next agent would write to the person
again, which is what they least want (art. 17(3)(b), art. 21(3)). Answers kept for idempotency name recipients for
at most a day. Backups are the operator's to expire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from core.db.tables import Consent, Contact, Message, RateEvent, Recipient, Suppression, table
from core.db.transaction import Transaction
from core.errors import Conflict, Invalid
from core.events import RecipientErased
from core.ids import spell_id
from core.model import FINAL, Actor
from core.rules.addresses import parse_address
from core.rules.roles import Verb
from core.services import access
from core.services.context import require_reason
from core.services.control import retention
from core.services.feedback import suppressions

MESSAGE: Final = table(Message)
RECIPIENT: Final = table(Recipient)
CONTACT: Final = table(Contact)
CONSENT: Final = table(Consent)
RATE: Final = table(RateEvent)
SUPPRESSION: Final = table(Suppression)

BATCH_SIZE: Final = 200
"""Messages erased in one transaction: nobody else at the desk waits for more than these."""
ERASED: Final = "erased@erased.invalid"
"""Stands where the address stood (RFC 6761: no such domain exists)."""
NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Erased:
    """What one step erased; `left` are the messages that a further step has to erase."""

    messages: int
    records: int
    left: int


def erase(tx: Transaction, address: str, *, reason: str, actor: Actor) -> Erased:
    """Erase what the desk keeps of an address, `BATCH_SIZE` messages at a time; again until `left` is 0.

    Raises `Forbidden`, `Invalid`, and `Conflict` while mail to the address still waits.
    """
    actor = access.require(tx, actor, Verb.RECIPIENT_ERASE)
    wanted = parse_address(address).normalised
    why = require_reason(reason)
    if wanted.casefold() in why.casefold():
        raise Invalid(
            "the reason stands in the log, which cannot be erased, and names the address",
            fix="name the request instead: --reason 'request 2026-17'", problems=(("reason", "names the address"),),
        )  # fmt: skip
    _nothing_waits(tx, wanted)
    kept = suppressions.suppress(
        tx, wanted, stream_id=None, cause="erasure", source="operator", actor=actor, reason=None
    )
    messages = _erase_messages(tx, wanted)
    records = _erase_records(tx, wanted)
    left = tx.one(select(func.count()).select_from(RECIPIENT).where(RECIPIENT.c.address == wanted))
    if messages or records or kept is not None:
        tx.emit(RecipientErased(actor=str(actor), messages=messages, records=records, suppression=kept, reason=why))
    return Erased(messages, records, left=int(left[0]) if left is not None else 0)


def _nothing_waits(tx: Transaction, address: str) -> None:
    """Bytes that may still leave cannot be erased. Raises `Conflict`."""
    open_ = [status.value for status in FINAL]
    rows = tx.all(
        select(MESSAGE.c.id)
        .join(RECIPIENT, RECIPIENT.c.message_id == MESSAGE.c.id)
        .where(RECIPIENT.c.address == address, MESSAGE.c.status.not_in(open_))
        .order_by(MESSAGE.c.id)
        .limit(NAMED + 1)
    )
    if rows:
        named = ", ".join(spell_id("m", row.id) for row in rows[:NAMED]) + (" and more" if len(rows) > NAMED else "")
        raise Conflict(
            f"mail to this address still waits ({named}): it has to end first",
            fix="postroom suppress add ADDRESS, then postroom queue reject what is held, and erase again",
        )


def _erase_messages(tx: Transaction, address: str) -> int:
    """The next messages to the address. Returns how many."""
    r = RECIPIENT.c
    rows = tx.all(select(r.message_id).where(r.address == address).distinct().order_by(r.message_id).limit(BATCH_SIZE))
    ids = [row.message_id for row in rows]
    if ids:
        retention.purge(tx, ids)
        gone: dict[str, Any] = {"subject": "", "tags": [], "meta": {}, "reply_to": None}
        tx.write(update(MESSAGE).where(MESSAGE.c.id.in_(ids)).values(**gone))
        tx.write(
            update(RECIPIENT)
            .where(r.message_id.in_(ids), r.address == address)
            .values(address=ERASED, path=ERASED, given=ERASED, reason=None, reply=None)
        )
    return len(ids)


def _erase_records(tx: Transaction, address: str) -> int:
    """Contacts, consents and rates of the address, and the words in its suppressions. Returns how many rows."""
    gone = tx.write(delete(CONTACT).where(CONTACT.c.address == address))
    gone += tx.write(delete(CONSENT).where(CONSENT.c.subject == address))
    gone += tx.write(delete(RATE).where(RATE.c.address == address))
    s = SUPPRESSION.c
    return gone + tx.write(update(SUPPRESSION).where(s.address == address, s.reason.is_not(None)).values(reason=None))

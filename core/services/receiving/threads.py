"""The thread that a received message belongs to.

One of our Message-IDs is proof: it carries an HMAC, so whoever cites it has seen our message. Otherwise References and
In-Reply-To decide, which anybody who knows an id can write. The subject is never used: it would put a stranger's
message into a customer's thread.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select

from core.db.tables import INBOUND_MESSAGE, MESSAGE
from core.db.transaction import Transaction
from core.ids import spell_id
from core.rules.signed_ids import HmacKeys, read_message_id
from core.services.receiving.read_mail import ReceivedMail
from core.services.sending.conversation import KNOWN_REFERENCES, conversation_key

_M: Final = MESSAGE.c
_OURS: Final = select(_M.id, _M.conversation).where(
    _M.id.in_(bindparam("ids", expanding=True)), _M.mailbox_id == bindparam("mailbox")
)
_R: Final = INBOUND_MESSAGE.c
_RECEIVED: Final = select(_R.rfc_message_id, _R.thread).where(
    _R.mailbox_id == bindparam("mailbox"), _R.rfc_message_id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread's key. `proof`: `signed` (then `answers` is our message), `references`, or None if it starts one."""

    key: int
    proof: str | None = None
    answers: int | None = None


def find(tx: Transaction, mail: ReceivedMail, *, mailbox_id: int, new_id: int, keyring: HmacKeys) -> Thread:
    """The thread of a message for this mailbox. `new_id` is the id it is stored under."""
    cited = list(dict.fromkeys([*mail.references, *((mail.in_reply_to,) if mail.in_reply_to else ())]))
    last_first = cited[-KNOWN_REFERENCES:][::-1]
    ours = [number for one in last_first if (number := read_message_id(one, keyring)) is not None]
    if ours:
        # Nobody knows the id of a message that this batch has staged: it leaves after the commit.
        rows = tx.fetch_unflushed(_OURS, {"ids": ours, "mailbox": mailbox_id})
        known = {row.id: int(row.conversation) for row in rows}
        for number in ours:
            if number in known:
                return Thread(known[number], "signed", number)
    if cited:
        staged = any(tx.claimed(named(mailbox_id, one)) for one in last_first)
        rows = (tx.fetch if staged else tx.fetch_unflushed)(_RECEIVED, {"ids": last_first, "mailbox": mailbox_id})
        threads = {row.rfc_message_id: int(row.thread) for row in rows}
        for one in last_first:
            if one in threads:
                return Thread(threads[one], "references")
        return Thread(conversation_key(cited[0]))
    return Thread(conversation_key(mail.message_id or f"<{spell_id('m', new_id)}@received.invalid>"))


def named(mailbox_id: int, message_id: str) -> Hashable:
    """What the verb that stores a message claims: until the batch is written, no query finds its Message-ID."""
    return ("received id", mailbox_id, message_id)

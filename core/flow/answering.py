"""Our own mail never answers a machine's, or two agents would go on for ever.

What the desk knows for itself: everything an agent of it sent is automatic, so no other mailbox answers it to where it
came from. What only the agent's inbox knows, it hands over with the reply (`in_reply_to_headers`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from core.errors import Forbidden
from core.ledger.store import Store
from core.ledger.tables import Mailbox, Message, table
from core.rules import answering
from core.rules.addresses import Address
from core.rules.provenance import Keyring, read_message_id

MESSAGE: Final = table(Message)
MAILBOX: Final = table(Mailbox)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is to be written. `headers` are those of the mail it answers, as far as the agent handed them."""

    recipients: Collection[Address]
    in_reply_to: str | None
    headers: Mapping[str, str]


def refuse_loops(store: Store, reply: Reply, *, mailbox_id: int, keyring: Keyring) -> None:
    """Raises `Forbidden` for an answer to a machine."""
    why = answering.unanswerable(reply.headers)
    if why is None and any(answering.daemon(one.spec) for one in reply.recipients):
        why = "a recipient is no person's address"
    if why is None and reply.in_reply_to is not None:
        why = _colleague(store, reply, mailbox_id=mailbox_id, number=read_message_id(reply.in_reply_to, keyring))
    if why is not None:
        raise Forbidden(
            f"a machine's mail is not answered by a machine: {why}", error="action_blocked",
            fix="let a person answer it, or write a message of its own to a person",
        )  # fmt: skip


def _colleague(store: Store, reply: Reply, *, mailbox_id: int, number: int | None) -> str | None:
    """Whether another mailbox of this desk wrote what is answered, and would read the answer."""
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

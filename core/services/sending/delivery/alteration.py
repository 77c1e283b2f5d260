"""Hold a message whose bytes or envelope no longer match their digest, and alert people.

A digest stored beside the bytes and never recomputed would let anyone who can write to the tables send what nobody
approved. The worker recomputes it over what it is about to hand over, outside the desk's write transaction, and
compares it with the digest in the log: that of the submission, or of the last edit. Anyone who can write to the tables
can change the bytes, the digest beside them and the review, but not an entry of the hash chain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from sqlalchemy import bindparam, select, update

from core.db import queue
from core.db.queue import Claimed
from core.db.reads import Reads
from core.db.tables import BODY, LOG_ENTRY, MAILBOX, MESSAGE, RECIPIENT
from core.db.transaction import Transaction
from core.errors import Invalid
from core.events import EmailAltered, EmailEdited, EmailSubmitted
from core.model import SYSTEM, Envelope, Reason
from core.rules import compose
from core.rules.addresses import parse_address
from core.services.sending.delivery.departure_check import to_review

ALTERED: Final = "altered"
_FROM: Final = re.compile(rb"From:[^\r]*(?:\r\n[ \t][^\r]*)*")


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as its tables have it now; `rendered` is None once retention has purged it.

    `submitted` is the digest in the log; None for a message without a log entry.
    """

    digest: str
    submitted: str | None
    rendered: bytes | None
    envelope: Envelope
    paths: Mapping[int, str]

    def intact(self) -> bool:
        """Whether bytes and envelope are what was accepted. Purged bytes cannot be checked, and do not leave."""
        if self.submitted != self.digest:
            return False
        if self.rendered is None or compose.digest(self.rendered, self.envelope) == self.digest:
            return True
        sender = _spelled(self.rendered, self.envelope.sender)
        restored = None if sender is None else replace(self.envelope, sender=sender)
        return restored is not None and compose.digest(self.rendered, restored) == self.digest


def _spelled(rendered: bytes, sender: str) -> str | None:
    """The sender as the agent spelled it (`HELP@acme.example`), read from the From field that begins the bytes.

    Mail from before migration 0008 has this spelling in its digest; mail queued across an upgrade must still leave.
    """
    field = _FROM.match(rendered)
    if field is None:
        return None
    return_path = field[0].split()[-1].strip(b"<>").decode(errors="replace")
    try:
        same = parse_address(return_path).normalised == sender
    except Invalid:
        return None
    return return_path if same else None


def stored(store: Reads, message_ids: set[int]) -> dict[int, Stored]:
    """Load the messages that are about to leave, in two reads for a whole turn."""
    ids = {"b_ids": list(message_ids)}
    recipients, bodies = store.fetch((_RECIPIENTS, _BODIES), ids)
    listed: dict[int, list[Any]] = {}
    for row in recipients:
        listed.setdefault(row.message_id, []).append(row)
    found = {}
    for row in bodies:
        people = listed.get(row.id, [])
        to, cc, bcc = (tuple(one.path for one in people if one.field == name) for name in ("to", "cc", "bcc"))
        found[row.id] = Stored(
            digest=row.digest,
            submitted=None if row.submitted is None else orjson.loads(row.submitted)["digest"],
            rendered=None if row.rendered is None else bytes(row.rendered),
            envelope=Envelope(sender=row.address, to=to, cc=cc, bcc=bcc),
            paths={one.n: one.path for one in people},
        )
    return found


def hold_altered(tx: Transaction, claimed: Sequence[Claimed], *, worker: int) -> None:
    """Hold these messages for a person, whatever was approved."""
    held_keys = queue.held_leases(tx, {one.key for one in claimed}, worker=worker)
    text = "its bytes or recipients were changed in the database after it was accepted: reject it"
    for message_id in dict.fromkeys(one.message_id for one in claimed if one.key in held_keys):
        one = next(one for one in claimed if one.message_id == message_id)
        tx.write(update(MESSAGE).where(MESSAGE.c.id == message_id).values(altered_at=tx.now))
        tx.emit(
            EmailAltered(
                actor=str(SYSTEM), message=message_id, mailbox=one.mailbox_id, agent=one.agent_id, run=one.run_id,
                stream=one.stream_id,
            )
        )  # fmt: skip
        to_review(tx, message_id, [Reason(ALTERED, text)])


_RECIPIENTS: Final = (
    select(RECIPIENT.c.message_id, RECIPIENT.c.n, RECIPIENT.c.field, RECIPIENT.c.path)
    .where(RECIPIENT.c.message_id.in_(bindparam("b_ids", expanding=True)))
    .order_by(RECIPIENT.c.message_id, RECIPIENT.c.n)
)
_SUBMITTED: Final = (
    select(LOG_ENTRY.c.data)
    .where(LOG_ENTRY.c.message == MESSAGE.c.id, LOG_ENTRY.c.type.in_((EmailSubmitted.type, EmailEdited.type)))
    .order_by(LOG_ENTRY.c.seq.desc())
    .limit(1)
    .scalar_subquery()
)
_BODIES: Final = (
    select(MESSAGE.c.id, MESSAGE.c.digest, MAILBOX.c.address, BODY.c.rendered, _SUBMITTED.label("submitted"))
    .select_from(
        MESSAGE.join(BODY, BODY.c.message_id == MESSAGE.c.id).join(MAILBOX, MAILBOX.c.id == MESSAGE.c.mailbox_id)
    )
    .where(MESSAGE.c.id.in_(bindparam("b_ids", expanding=True)))
)

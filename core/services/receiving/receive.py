"""Store a received message once in each of its mailboxes; pass mail to a return path on as feedback.

One verb for mail from every source. It decides for each recipient, as LMTP answers: one full mailbox does not cause a
refusal for the others.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from sqlalchemy import bindparam, literal_column, select

from core.db import gate_queries
from core.db.counters import EVER, bucket
from core.db.gate_queries import SenderState
from core.db.tables import INBOUND_ADDRESS, INBOUND_CONTENT, INBOUND_MESSAGE, INBOUND_SEARCH, STREAM
from core.db.transaction import Transaction
from core.durations import HOUR
from core.events import EmailReceived
from core.ids import lowest, spell_id
from core.model import SYSTEM
from core.rules import signed_ids, stream_records
from core.rules.inbound import search_words
from core.rules.reports import Report
from core.services import context
from core.services.context import ServiceContext
from core.services.control.received_retention import KEPT, KIB
from core.services.feedback import ingest
from core.services.receiving import threads
from core.services.receiving.read_mail import ReceivedMail, StoredAddress, normalised
from core.services.receiving.threads import Thread
from core.services.sending import review

AN_HOUR: Final = 60
"""Messages of one author to one mailbox in an hour; more must come from a program."""
_COMPLAINTS: Final = f"{stream_records.COMPLAINTS}@{stream_records.RETURN_PATH}."
"""Local part of the address for a stream's complaints (RFC 9477)."""

_M: Final = INBOUND_MESSAGE.c
_A: Final = INBOUND_ADDRESS.c
_STORED: Final = select(_M.mailbox_id, _M.dedupe_key).where(
    _M.mailbox_id == bindparam("b_mailbox"), _M.dedupe_key == bindparam("b_key")
)
_MANY: Final = (
    select(_M.id)
    .join(INBOUND_ADDRESS, _A.inbound_id == _M.id)
    .where(
        _A.address == bindparam("author"),
        _A.role == "from",
        _A.inbound_id >= bindparam("since"),
        _M.mailbox_id == bindparam("mailbox"),
    )
    .limit(literal_column("1"))
    .offset(literal_column(str(AN_HOUR - 1)))
)
"""Found once one author has sent as many messages to one mailbox within the hour."""


class Receipt(enum.Enum):
    """What became of a message for one recipient."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    """It was handed over before and is stored already."""
    FEEDBACK = "feedback"
    UNKNOWN = "unknown"
    """No active mailbox of this desk has this address."""
    OVER_QUOTA = "over_quota"

    @property
    def taken(self) -> bool:
        return self in {Receipt.STORED, Receipt.DUPLICATE, Receipt.FEEDBACK}


@dataclass(frozen=True, kw_only=True)
class Handover:
    """A message with its envelope. `sender` is empty for reports, None if unknown.

    `report` is the same message read as feedback. `quota` is in bytes for each mailbox; 0: none. From a score of
    `review` on, screening holds the message.
    """

    mail: ReceivedMail
    sender: str | None
    recipients: Sequence[str]
    source: str
    report: Report | None = None
    quota: int = 0
    review: float = 0.6

    @functools.cached_property
    def dedupe_key(self) -> str:
        """Equal for the same mail handed over again, whatever the servers on its way added to its header."""
        authors = ",".join(one.address for one in self.mail.addresses if one.role == "from")
        parts = (self.mail.message_id or "", authors or normalised(self.sender or ""), self.mail.body_digest)
        return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Receive:
    """`receive` of one message, as the writer runs it; a batch reads at once what each would read alone.

    `first` runs before it, in the same transaction.
    """

    handed: Handover
    ctx: ServiceContext
    first: Callable[[Transaction], None] | None = None
    patient: ClassVar = True

    @property
    def makes_due(self) -> bool:
        """Whether mail of ours may leave sooner after it; only feedback changes anything about that."""
        return self.handed.report is not None or self.first is not None

    def __call__(self, tx: Transaction) -> list[Receipt]:
        if self.first is not None:
            self.first(tx)
        return receive(tx, self.handed, ctx=self.ctx)

    @staticmethod
    def prefetch(tx: Transaction, batch: Sequence[Receive]) -> None:
        """Find out in one query which of the messages are stored already."""
        asked = {
            (box.mailbox_id, verb.handed.dedupe_key)
            for verb in batch
            for recipient in verb.handed.recipients
            if (box := mailbox_of(tx, recipient)) is not None
        }
        if not asked:
            return
        rows = [{"b_mailbox": mailbox_id, "b_key": key} for mailbox_id, key in asked]
        stored = {(row.mailbox_id, row.dedupe_key) for row in tx.fetch_each_unflushed(_STORED, rows)}
        for mailbox_id, key in asked:
            tx.batch_cache.get(_before(mailbox_id, key), functools.partial(stored.__contains__, (mailbox_id, key)))


def receive(tx: Transaction, handed: Handover, *, ctx: ServiceContext) -> list[Receipt]:
    """Store the message; returns what became of it for each recipient, in order."""
    content_id = ctx.ids.mint(tx.now)
    receipts = [_one(tx, handed, recipient, content_id=content_id, ctx=ctx) for recipient in handed.recipients]
    if Receipt.STORED in receipts:
        _, policy = context.current_policy(tx)
        mail = handed.mail
        tx.add(
            INBOUND_CONTENT,
            {
                "id": content_id, "digest": mail.digest, "size": mail.size, "raw": mail.raw, "text": mail.text,
                "visible": mail.visible, "hidden": list(mail.hidden), "attachments": list(mail.attachments),
                "purge_at": tx.now + policy.retention.bodies,
            },
        )  # fmt: skip
    return receipts


def may_be_feedback(address: str, ctx: ServiceContext) -> bool:
    """Whether mail to this address may be feedback on a message of ours: a return path, or a complaints address."""
    return signed_ids.read_return_path(address, ctx.keyring) is not None or address.lower().startswith(_COMPLAINTS)


def takes_feedback(tx: Transaction, address: str, ctx: ServiceContext) -> bool:
    """Whether mail to this address is feedback: to a return path, or to the complaints address of a stream."""
    if not may_be_feedback(address, ctx):
        return False
    domain = address.lower().removeprefix(_COMPLAINTS)
    if domain == address.lower():
        return True
    wanted = select(STREAM.c.id).where(STREAM.c.domain == domain)
    return tx.desk_cache.get(("complaints", domain), lambda: tx.conn.execute(wanted).first()) is not None


def takes(tx: Transaction, address: str, ctx: ServiceContext) -> bool:
    """Whether mail to this address is taken at all."""
    return takes_feedback(tx, address, ctx) or mailbox_of(tx, address) is not None


def mailbox_of(tx: Transaction, address: str) -> SenderState | None:
    """The active mailbox with this address."""
    wanted = normalised(address)
    box = tx.desk_cache.get(("receives", wanted), lambda: gate_queries.gate_by_address(tx.conn, wanted))
    if box is None or box.status != "active" or (box.expires_at is not None and box.expires_at <= tx.now):
        return None
    return box


def _one(
    tx: Transaction, handed: Handover, recipient: str, *, content_id: int, ctx: ServiceContext
) -> Receipt:  # fmt: skip
    if takes_feedback(tx, recipient, ctx):
        if handed.report is not None:
            report = handed.report
            if signed_ids.read_return_path(recipient, ctx.keyring) is not None:
                report = dataclasses.replace(report, return_paths=(recipient, *report.return_paths))
            digest = handed.mail.digest
            ingest.absorb_report(tx, report, source=handed.source, keyring=ctx.keyring, digest=digest)
        return Receipt.FEEDBACK
    box = mailbox_of(tx, recipient)
    if box is None:
        return Receipt.UNKNOWN
    key = handed.dedupe_key
    if tx.claimed(("received", box.mailbox_id, key)) or _known(tx, box.mailbox_id, key):
        return Receipt.DUPLICATE
    kept = tx.counters.total("mailbox", str(box.mailbox_id), KEPT, since=EVER) * KIB
    if handed.quota and kept + handed.mail.size > handed.quota:
        return Receipt.OVER_QUOTA
    tx.claim_key(("received", box.mailbox_id, key))
    if handed.mail.message_id is not None:
        tx.claim_key(threads.named(box.mailbox_id, handed.mail.message_id))
    _store(tx, handed, box, key=key, content_id=content_id, ctx=ctx)
    return Receipt.STORED


def _known(tx: Transaction, mailbox_id: int, key: str) -> bool:
    # What an earlier verb of this batch stored is claimed; so nothing staged has to be written first.
    wanted = {"b_mailbox": mailbox_id, "b_key": key}
    return tx.batch_cache.get(_before(mailbox_id, key), lambda: bool(tx.fetch_unflushed(_STORED, wanted)))


def _before(mailbox_id: int, key: str) -> Hashable:
    return ("received before", mailbox_id, key)


def _store(
    tx: Transaction, handed: Handover, box: SenderState, *, key: str, content_id: int, ctx: ServiceContext
) -> None:
    mail = handed.mail
    inbound_id = ctx.ids.mint(tx.now)
    thread = threads.find(tx, mail, mailbox_id=box.mailbox_id, new_id=inbound_id, keyring=ctx.keyring)
    dmarc = str(mail.authentication.get("dmarc", {}).get("status", "none"))
    automatic = mail.automatic or _machine(tx, handed, box)
    row = _row(handed, thread) | {
        "automatic": automatic,
        "id": inbound_id, "content_id": content_id, "mailbox_id": box.mailbox_id, "agent_id": box.agent_id,
        "stream_id": box.stream_id, "dedupe_key": key, "received_at": tx.now, "dmarc": dmarc,
    }  # fmt: skip
    tx.add(INBOUND_MESSAGE, row)
    tx.add(INBOUND_SEARCH, {"id": inbound_id, "words": search_words.for_mailbox(box.mailbox_id, mail.words)})
    # Mail of another agent of this desk has our return path as its sender: whoever reads it could forge a bounce.
    envelope = signed_ids.conceal(handed.sender or "")
    sender = [StoredAddress("sender", normalised(envelope), envelope, "")] if envelope else []
    tx.add_all(
        INBOUND_ADDRESS,
        [
            {
                "inbound_id": inbound_id, "n": n, "role": one.role, "address": one.address, "given": one.given,
                "name": one.name,
            }
            for n, one in enumerate([*sender, *mail.addresses])
        ],
    )  # fmt: skip
    tx.bump("mailbox", str(box.mailbox_id), KEPT, minute=EVER, n=-(-mail.size // KIB))
    tx.bump("mailbox", str(box.mailbox_id), "received", minute=bucket(tx.now))
    tx.emit(
        EmailReceived(
            actor=str(SYSTEM), message=inbound_id, mailbox=box.mailbox_id, agent=box.agent_id, stream=box.stream_id,
            source=handed.source, digest=mail.digest, size=mail.size, attachments=len(mail.attachments), dmarc=dmarc,
            automatic=row["automatic"] is not None, held=row["status"] == "held", score=mail.score,
            findings=len(mail.findings),
            answers=None if thread.answers is None else spell_id("m", thread.answers),
        )
    )  # fmt: skip
    if row["status"] == "held":
        review.hold_received(
            tx, inbound_id, box, reasons=row["held_for"], findings=row["findings"], digest=mail.digest
        )  # fmt: skip


def _machine(tx: Transaction, handed: Handover, box: SenderState) -> str | None:
    """Why the mail is automatic although its header does not say so; None if a person may have written it.

    Two programs that answer each other without declaring it are recognised by their rate.
    """
    if handed.sender == "":
        return "it is a report: its return path is empty (RFC 5321 4.5.5)"
    authors = [one.address for one in handed.mail.addresses if one.role == "from"]
    if len(authors) != 1:
        return None
    of_author = {"author": authors[0], "since": lowest(tx.now - HOUR), "mailbox": box.mailbox_id}
    # Once a batch: what it has staged itself is not counted.
    many = tx.batch_cache.get(
        ("many of author", authors[0], box.mailbox_id), lambda: bool(tx.fetch_unflushed(_MANY, of_author))
    )
    if not many:
        return None
    return f"its sender wrote more than {AN_HOUR} messages within an hour, as programs that answer each other do"


def _row(handed: Handover, thread: Thread) -> dict[str, Any]:
    mail = handed.mail
    held_for = [{"code": "unreadable", "text": problem} for problem in mail.problems]
    if mail.score is not None and mail.score >= handed.review:
        marks = "; ".join(dict.fromkeys(str(one["text"]) for one in mail.findings[:3]))
        held_for.append({"code": "screening", "text": f"screening score {mail.score:.2f} of 1: {marks}"})
    return {
        "source": handed.source,
        "size": mail.size,
        "subject": mail.subject,
        "rfc_message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to,
        "references": list(mail.references),
        "thread": thread.key,
        "thread_proof": thread.proof,
        "answers": thread.answers,
        "dated_at": mail.dated_at,
        "attachments": len(mail.attachments),
        "authentication": mail.authentication,
        "score": mail.score,
        "findings": list(mail.findings),
        "status": "held" if held_for else "delivered",
        "held_for": held_for,
        "tags": [],
    }

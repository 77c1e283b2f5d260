"""Parse a received message into what is stored: pure work on bytes, for a thread or another process.

It serves mail from every source. It never raises: a message that breaks it is stored unparsed, and held for a person.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import structlog

from core.errors import Invalid
from core.rules import content, inbound, loop_prevention, signed_ids
from core.rules.addresses import parse_address
from core.rules.content.visibility import sight
from core.rules.inbound import InboundMail, NamedAddress, authentication, coverage, search_words, signatures
from core.rules.inbound.message import MAX_HTML
from core.rules.inbound.mime import MAX_FIELDS
from core.rules.inbound.signatures import Signature
from core.services.receiving.screening import screen_mail
from core.text import mail_text

MAX_HIDDEN: Final = 50
"""Runs of hidden text that are stored, each up to `HIDDEN_CHARACTERS`."""
HIDDEN_CHARACTERS: Final = 2_000
MAX_HOPS: Final = 30
"""Received fields of mail that is in no loop (RFC 5321 6.3): mail through lists has 15 at most; Postfix stops at 50."""
LEVEL: Final = 3
"""Of zlib: 10 kB of mail take 150 us."""

log = structlog.get_logger("receiving")


@dataclass(frozen=True, slots=True)
class StoredAddress:
    """An address of a received message: normalised as far as it is one, as written, and the name beside it."""

    role: str
    address: str
    given: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """A received message as it is stored. `raw` is compressed; `digest` and `size` are of the bytes as received.

    `author` is the domain of its From, empty if unclear; `signatures` are those that are still to be verified. `named`
    are the recipients that the mail server in front wrote into the header, the newest first.
    """

    digest: str
    size: int
    raw: bytes
    body_digest: str
    subject: str = ""
    addresses: tuple[StoredAddress, ...] = ()
    named: tuple[str, ...] = ()
    returned_to: str | None = None
    message_id: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    dated_at: int | None = None
    text: str = ""
    visible: str = ""
    words: str = ""
    hidden: tuple[str, ...] = ()
    attachments: tuple[dict[str, Any], ...] = ()
    automatic: str | None = None
    authentication: dict[str, Any] = field(default_factory=dict)
    author: str = ""
    signatures: tuple[Signature, ...] = ()
    problems: tuple[str, ...] = ()
    score: float | None = None
    """Result of screening; None if it could not be read."""
    findings: tuple[dict[str, Any], ...] = ()


def read_mail(raw: bytes, *, authserv_ids: Collection[str] = ()) -> ReceivedMail:
    """Read a message for storing. Never raises, whatever the bytes."""
    try:
        return _stored(raw, inbound.read(raw), authserv_ids)
    except Exception as error:
        # A message is never lost because of what it contains; the log says what to fix.
        log.exception("a message broke the reader; it is held", size=len(raw))
        return ReceivedMail(
            digest=hashlib.sha256(raw).hexdigest(), size=len(raw), raw=zlib.compress(raw, LEVEL),
            body_digest=hashlib.sha256(raw).hexdigest(), problems=(f"it could not be read ({type(error).__name__})",),
        )  # fmt: skip


def _stored(raw: bytes, mail: InboundMail, authserv_ids: Collection[str]) -> ReceivedMail:
    addresses = tuple(_address(one) for one in mail.addresses)
    authors = [one.address for one in addresses if one.role == "from"]
    author = authors[0] if len(authors) == 1 else ""
    domain = author.rpartition("@")[2]
    clear = authentication.unambiguous(raw) and not coverage.repeated(mail.fields) and len(mail.fields) < MAX_FIELDS
    open_ = clear and not mail.problems and not authentication.judged(mail.fields, trusted=authserv_ids)
    text = mail.text if mail.text is not None and mail.text.strip() else ""
    if not text and mail.html:
        text = content.plain_text(mail.html)
    visible = inbound.without_quotes(text)
    seen = sight(mail.html[:MAX_HTML]) if mail.html else None
    found = screen_mail(raw, mail, seen)
    return ReceivedMail(
        digest=hashlib.sha256(raw).hexdigest(),
        size=len(raw),
        raw=zlib.compress(raw, LEVEL),
        body_digest=mail.body_digest,
        subject=mail.subject,
        addresses=addresses,
        named=_named(mail),
        returned_to=_returned_to(mail),
        message_id=mail.message_id,
        in_reply_to=mail.in_reply_to,
        references=mail.references,
        dated_at=mail.dated_at,
        text=text.strip(),
        visible=visible,
        words=_words(mail.subject, [one for one in addresses if one.role == "from"], visible),
        hidden=tuple(run[:HIDDEN_CHARACTERS] for run in seen.hidden[:MAX_HIDDEN]) if seen else (),
        attachments=tuple(asdict(one) for one in mail.attachments),
        automatic=_automatic(mail, author),
        authentication=inbound.evidence(mail.fields, author=domain, trusted=authserv_ids if clear else ()),
        author=domain,
        signatures=signatures.listed(mail.fields, author=domain) if open_ and domain else (),
        problems=mail.problems,
        score=found.score,
        findings=tuple(asdict(one) for one in found.findings),
    )


def _words(subject: str, authors: Sequence[StoredAddress], text: str) -> str:
    """The words by which a search finds it, without what proves feedback: `word*` would reveal that by and by."""
    people = " ".join(f"{one.name} {one.given}" for one in authors)
    conceal = signed_ids.conceal
    return search_words.of_message(conceal(subject), conceal(people), conceal(text))


def _address(one: NamedAddress) -> StoredAddress:
    return StoredAddress(one.role, normalised(one.address), one.address, one.name)


def normalised(address: str) -> str:
    """The address as suppressions and consents key it; in lower case if it is none that mail could carry."""
    try:
        return parse_address(address).normalised
    except Invalid:
        return address.strip().lower()


def _automatic(mail: InboundMail, author: str) -> str | None:
    """Why no automated responder may answer it, or None."""
    said: dict[str, str] = {}
    for name, value in mail.fields:
        said.setdefault(name, mail_text.header_value(value, most=500))
    why = loop_prevention.unanswerable(said)
    if why is None and author and loop_prevention.daemon(author):
        why = "its sender is a mail system"
    if why is None and len(mail.all("received")) > MAX_HOPS:
        why = f"it has passed more than {MAX_HOPS} servers, as mail in a loop does"
    return why


def _named(mail: InboundMail) -> tuple[str, ...]:
    """The envelope recipients that mail servers wrote on delivery, without any that a sender could have added.

    Servers prepend what they write, so the topmost field is the last server's own.
    """
    for field_name in ("x-original-to", "delivered-to", "envelope-to", "x-envelope-to"):
        values = mail.all(field_name)
        if values:
            return tuple(one.strip().strip("<>") for one in values[0].split(",")[:100])
    return ()


def _returned_to(mail: InboundMail) -> str | None:
    """The envelope sender that the last server wrote: empty for a report, None if none is named."""
    value = mail.get("return-path").strip()
    return value.strip("<>").strip()[:320] if value else None

"""Render the message: validate the draft, write the header in order, compute the digest, add the date."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from core.durations import MICROS
from core.errors import Invalid
from core.ids import sha256
from core.model import Envelope
from core.rules.compose import body as compose_body
from core.rules.compose import footer, header_encoding, header_policy

MAX_HEADERS: Final = 50
MAX_HEADER_OCTETS: Final = 10_000
MAX_SUBJECT: Final = 998
MAX_FILENAME: Final = 255
KEPT_REFERENCES: Final = 21
"""IDs that a References field keeps: the thread's first, by which mail programs find it, and the last ones."""
MAX_REFERENCES_OCTETS: Final = 4_000
_MAX_MESSAGE_ID: Final = 900
# Wider than RFC 5322's msg-id, because replies must name IDs as received: no space, no angle bracket, ASCII.
# IDs that agents mistake for one, such as a provider's API ID, have no @: they would never match a thread.
_MESSAGE_ID: Final = re.compile(r"<?([!-;=?-~]+@[!-;=?-~]+)>?")
_ARRIVED_ID: Final = re.compile(r"<[!-;=?-~]+>")
_NO_MESSAGE_ID: Final = "is not a Message-ID such as <id@example.com>"
_FIXES: Final = {
    "attachments": "leave content_type out, so that it is guessed, or name one such as application/pdf; a calendar's"
    " method parameter is that of its METHOD line",
    "in_reply_to": "give the value of the Message-ID header field of the mail that is answered, or the id of a message"
    " of yours (m...); ids of a provider's API name no mail",
    "references": "give the values of the References and Message-ID header fields of the mail that is answered",
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file with its decoded bytes."""

    filename: str
    content_type: str
    content: bytes
    content_id: str | None = None
    """The ID by which HTML refers to it (`cid:`, RFC 2392), with or without angle brackets."""
    disposition: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An agent's request to send. Addresses are parsed; everything else is as received.

    `display_name` is the sending mailbox's (the agent does not choose it). `bcc` and `tags` are never rendered; tags
    are still checked, because a relay's metadata header carries them.
    """

    sender: header_encoding.AddressLike
    to: tuple[header_encoding.AddressLike, ...]
    subject: str
    display_name: str = ""
    cc: tuple[header_encoding.AddressLike, ...] = ()
    bcc: tuple[header_encoding.AddressLike, ...] = ()
    reply_to: header_encoding.AddressLike | None = None
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Additions:
    """The gateway's additions.

    `rfc_message_id` includes angle brackets; `postroom_message_id` is the value of X-Postroom-Message-ID, `cfbl` those
    of CFBL-Address and CFBL-Feedback-ID (RFC 9477), None if no complaints are asked for;
    `auto_submitted` is `auto-generated` or `auto-replied` (RFC 3834); `list_unsubscribe` is an https URL (RFC 8058),
    None if the class needs none; `footer` is the disclosure, `identity` the sender's postal address and the like, one
    line each; `orders` are prefixes of header fields that relays obey, which no agent may set.
    """

    rfc_message_id: str
    postroom_message_id: str
    agent_id: str
    run_id: str
    feedback_id: str
    orders: tuple[str, ...]
    cfbl: tuple[str, str] | None = None
    auto_submitted: str = "auto-generated"
    list_unsubscribe: str | None = None
    disclosure_header: bool = False
    footer: str | None = None
    identity: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """The rendered bytes, and whether their header has an address that needs SMTPUTF8 (RFC 6532)."""

    message: bytes
    needs_smtputf8: bool


def compose(draft: Draft, gateway: Additions) -> Rendered:
    """Render the message without Date, DKIM-Signature and Received, and never with Bcc.

    CRLF everywhere and at the end, no line over 998 octets. Raises `Invalid` with every problem and its field.
    """
    problems = tuple(_problems(draft, gateway))
    if problems:
        where, what = problems[0]
        raise Invalid(f"{where} {what}", fix=_FIXES.get(where.partition("[")[0]), problems=problems)
    body = _body(draft, gateway)
    header = "".join(_header(draft, gateway)).encode()
    return Rendered(
        message=b"%bMIME-Version: 1.0\r\n%b\r\n%b" % (header, body.fields, body.body),
        needs_smtputf8=not header.isascii(),
    )


def with_date(message: bytes, at: int) -> bytes:
    """Prepend the Date field (RFC 5322 3.3): `at` is the release, in microseconds."""
    stamp = format_datetime(datetime.fromtimestamp(at // MICROS, tz=UTC))
    return b"Date: %b\r\n%b" % (stamp.encode(), message)


def digest(message: bytes, envelope: Envelope) -> str:
    """SHA-256, in hex, of the rendered message and its envelope: what a person approves.

    Each value is prefixed with its length and each list with its count, so no two approvals share an encoding.
    """
    hashed = bytearray(b"postroom/digest/1\n")
    lists = ((envelope.sender,), envelope.to, envelope.cc, envelope.bcc)
    for addresses in lists:
        hashed += len(addresses).to_bytes(8, "big")
        for address in addresses:
            octets = address.encode()
            hashed += len(octets).to_bytes(8, "big") + octets
    hashed += len(message).to_bytes(8, "big")
    return sha256(bytes(hashed), message).hex()


def _header(draft: Draft, gateway: Additions) -> Iterator[str]:
    yield header_encoding.addresses("From", [(draft.sender, draft.display_name)])
    for name, listed in (("To", draft.to), ("Cc", draft.cc), ("Reply-To", (draft.reply_to,) if draft.reply_to else ())):
        if listed:
            yield header_encoding.addresses(name, [(address, address.display) for address in listed])
    yield header_encoding.unstructured("Subject", draft.subject)
    yield f"Message-ID: {gateway.rfc_message_id}\r\n"
    references = [_bracketed(text) for text in draft.references]
    if draft.in_reply_to:
        parent = _bracketed(draft.in_reply_to)
        yield f"In-Reply-To: {parent}\r\n"
        if parent not in references:  # RFC 5322 3.6.4: the parent's references, then the parent
            references.append(parent)
    if references:
        yield header_encoding.folded("References", _trimmed(references))
    yield f"Auto-Submitted: {gateway.auto_submitted}\r\n"
    yield header_encoding.unstructured("X-Agent-ID", gateway.agent_id)
    yield header_encoding.unstructured("X-Agent-Run-ID", gateway.run_id)
    yield f"X-Postroom-Message-ID: {gateway.postroom_message_id}\r\n"
    yield f"Feedback-ID: {gateway.feedback_id}\r\n"
    if gateway.cfbl:
        yield f"CFBL-Address: {gateway.cfbl[0]}; report=arf\r\nCFBL-Feedback-ID: {gateway.cfbl[1]}\r\n"
    if gateway.list_unsubscribe:
        yield f"List-Unsubscribe: <{gateway.list_unsubscribe}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    if gateway.disclosure_header:
        # No mail header is registered for this; drafts exist (draft-abaris-aicdh for HTTP), none is settled.
        yield "X-AI-Generated: yes\r\n"
    for name, value in draft.headers.items():
        yield header_encoding.unstructured(name, value)


def _body(draft: Draft, gateway: Additions) -> compose_body.Part:
    """Build the readable parts, with footer, and the attachments."""
    lines = [*(gateway.footer.splitlines() if gateway.footer else ()), *gateway.identity]
    link = gateway.list_unsubscribe  # same as in the header, for mail programs that show no unsubscribe button
    shown: list[compose_body.Part] = []
    if draft.text is not None or draft.html is None:
        shown.append(compose_body.text_part("plain", footer.text_footer(draft.text or "", lines, link=link)))
    if draft.html is not None:
        shown.append(compose_body.text_part("html", footer.html_footer(draft.html, lines, link=link)))
    return compose_body.tree(shown, draft.attachments, seed=gateway.rfc_message_id)


def without_footer(text: str | None, html: str | None, gateway: Additions) -> tuple[str | None, str | None] | None:
    """Both bodies, with LF line endings, as they were before `compose` added this footer; None if one lacks it."""
    lines = [*(gateway.footer.splitlines() if gateway.footer else ()), *gateway.identity]
    link = gateway.list_unsubscribe
    plain = None if text is None else footer.without_text_footer(text, lines, link=link)
    marked = None if html is None else footer.without_html_footer(html, lines, link=link)
    if (plain is None) != (text is None) or (marked is None) != (html is None):
        return None
    return plain, marked


def _trimmed(references: list[str]) -> list[str]:
    """Keep the first ID and the last ones: some servers refuse a field of many kilobytes, and nobody needs more.

    RFC 5322 3.6.4 sets no limit; RFC 5537 3.4.4 trims as mail programs do: never the first, never the last three.
    """
    references = list(dict.fromkeys(references))
    kept: list[str] = []
    size = len(references[0])
    for reference in reversed(references[1:]):
        size += len(reference) + 1
        if len(kept) >= 3 and (len(kept) + 1 >= KEPT_REFERENCES or size > MAX_REFERENCES_OCTETS):
            break
        kept.append(reference)
    return [references[0], *reversed(kept)]


def _bracketed(message_id: str) -> str:
    return f"<{message_id.strip('<> ')}>"


def _problems(draft: Draft, gateway: Additions) -> Iterator[tuple[str, str]]:
    """All problems of the draft, as (field, problem)."""
    if not draft.to:
        yield "to", "names nobody"
    if len(draft.subject) > MAX_SUBJECT:
        yield "subject", f"is longer than {MAX_SUBJECT} characters"
    yield from _unsafe_texts(draft, gateway)
    for name, text in (("text", draft.text), ("html", draft.html)):
        if text is not None and not _encodable(text):
            yield name, "contains a surrogate, which no encoding of text can carry"
    yield from _attachment_problems(draft.attachments)
    yield from _header_problems(draft.headers, gateway.orders)
    yield from _thread_problems(draft)


def _attachment_problems(attachments: tuple[Attachment, ...]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for number, file in enumerate(attachments):
        where = f"attachments[{number}]"
        if len(file.filename) > MAX_FILENAME:
            yield f"{where}.filename", f"is longer than {MAX_FILENAME} characters"
        if compose_body.media_type(file.content_type) is None:
            yield f"{where}.content_type", "is not a media type such as application/pdf"
        if file.content_id is not None:
            bare = compose_body.bare_id(file.content_id)
            if bare is None:
                yield f"{where}.content_id", "is not a Content-ID such as logo@example.com: no spaces, ASCII only"
            elif bare in seen:
                yield f"{where}.content_id", "is given twice"
            seen.add(bare or "")
        if (why := compose_body.calendar_problem(file)) is not None:
            yield f"{where}.content_type", why


def _thread_problems(draft: Draft) -> Iterator[tuple[str, str]]:
    if draft.in_reply_to and not _is_message_id(draft.in_reply_to):
        yield "in_reply_to", _NO_MESSAGE_ID
    for number, text in enumerate(draft.references):
        # IDs made by other programs are passed on in references as received, with or without an @
        if not _is_message_id(text) and not _ARRIVED_ID.fullmatch(text.strip(" ")):
            yield f"references[{number}]", _NO_MESSAGE_ID


def _unsafe_texts(draft: Draft, gateway: Additions) -> Iterator[tuple[str, str]]:
    """Find control characters in any text used in a header: they would end one field and begin another."""
    named: Iterable[tuple[str, str]] = (
        ("display_name", draft.display_name),
        *((f"{name}[{number}]", who.display) for name, number, who in _parties(draft)),
        *((f"attachments[{number}].filename", file.filename) for number, file in enumerate(draft.attachments)),
    )
    for where, text in named:
        if text and (why := header_encoding.deceptive(text)):
            yield where, why
    plain: Iterable[tuple[str, str]] = (
        ("subject", draft.subject),
        *((f"{name}[{number}]", f"{who.local}@{who.domain_ascii}") for name, number, who in _parties(draft)),
        *((f"tags[{number}]", tag) for number, tag in enumerate(draft.tags)),
        ("agent", gateway.agent_id),
        ("run.id", gateway.run_id),
        ("message_id", gateway.rfc_message_id),
        ("message_id", gateway.postroom_message_id),
        ("feedback_id", gateway.feedback_id),
        *(("cfbl", text) for text in gateway.cfbl or ()),
        ("auto_submitted", gateway.auto_submitted),
        ("list_unsubscribe", gateway.list_unsubscribe or ""),
    )
    for where, text in plain:
        if why := header_encoding.unsafe(text):
            yield where, why


def _parties(draft: Draft) -> Iterator[tuple[str, int, header_encoding.AddressLike]]:
    yield "from", 0, draft.sender
    if draft.reply_to:
        yield "reply_to", 0, draft.reply_to
    for name, listed in (("to", draft.to), ("cc", draft.cc), ("bcc", draft.bcc)):
        for number, who in enumerate(listed):
            yield name, number, who


def _header_problems(headers: Mapping[str, str], orders: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if len(headers) > MAX_HEADERS:
        yield "headers", f"has more than {MAX_HEADERS} fields"
        return
    seen: set[str] = set()
    size = 0
    for name, value in headers.items():
        where = f"headers[{name!a:.80}]"  # ascii: a refused name may contain anything
        if why := header_policy.why_refused(name, orders=orders) or header_encoding.unsafe(value):
            yield where, why
        if name.lower() in seen:
            yield where, "is given twice"
        seen.add(name.lower())
        size += len(name) + len(value.encode(errors="replace"))
    if size > MAX_HEADER_OCTETS:
        yield "headers", f"is larger than {MAX_HEADER_OCTETS} octets"


def _is_message_id(text: str) -> bool:
    return len(text) <= _MAX_MESSAGE_ID and _MESSAGE_ID.fullmatch(text.strip(" ")) is not None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

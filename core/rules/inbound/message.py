"""A received message as its reader sees it: text, HTML, attachments, addresses, ids, date. Reads any bytes."""

from __future__ import annotations

import email.utils
import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Final

from core.rules.inbound import file_types, mime
from core.rules.inbound.mime import Part, Parts
from core.rules.inbound.types import Attachment, InboundMail, NamedAddress
from core.text import mail_text

MAX_BYTES: Final = 25 * 1024 * 1024
"""The largest message that any way in takes."""
MAX_TEXT: Final = 1 << 20
"""Characters of text and HTML that are read, together."""
MAX_HTML: Final = 400_000
"""Characters of HTML that are turned into text."""
MAX_ADDRESSES: Final = 500
MAX_REFERENCES: Final = 100
MAX_SUBJECT: Final = 998

_ID: Final = re.compile(r"<([^<>\s]{1,500})>")
_BARE_ID: Final = re.compile(r"[^<>\s@]{1,250}@[^<>\s@]{1,250}")
_ROLES: Final = {"from": "from", "reply-to": "reply_to", "to": "to", "cc": "cc"}
_HELD_TEXT: Final = frozenset({"text/plain", "text/html", "text/enriched"})
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
"""Characters that no database takes as text."""


def read(raw: bytes) -> InboundMail:
    """Read a message. Never raises, whatever the bytes; what could not be read is in `problems`."""
    parts = mime.split(raw[:MAX_BYTES])
    problems = list(parts.problems)
    if len(raw) > MAX_BYTES:
        problems.append(f"it is larger than {MAX_BYTES >> 20} MiB")
    bodies, files = _sorted(parts.leaves)
    text, html = _bodies(raw, bodies, problems)
    return InboundMail(
        fields=tuple(parts.fields),
        body_digest=hashlib.sha256(raw[parts.body :].replace(b"\r\n", b"\n").rstrip()).hexdigest(),
        subject=storable(mail_text.header_value(_first(parts, "subject")))[:MAX_SUBJECT],
        addresses=tuple(_addresses(parts, problems)),
        message_id=_id_of(_first(parts, "message-id")),
        in_reply_to=next(iter(_ids(_first(parts, "in-reply-to"))), None),
        references=_references(_first(parts, "references")),
        dated_at=_date(_first(parts, "date")),
        text=text,
        html=html,
        attachments=tuple(_attachment(part, raw) for part in files),
        problems=tuple(problems),
    )


def attached(raw: bytes, index: int) -> tuple[Attachment, bytes] | None:
    """One attachment of a message and its bytes; None if there is none with this index."""
    _, files = _sorted(mime.split(raw[:MAX_BYTES]).leaves)
    part = next((one for one in files if one.index == index), None)
    return None if part is None else (_attachment(part, raw), part.content(raw))


def header_text(raw: bytes) -> str:
    """The header as it was received, as far as it is read."""
    fields = mime.split(raw[:MAX_BYTES]).fields
    # `mime` reads octets as Latin-1: one character each.
    text = "\n".join(f"{name}: {value}" for name, value in fields)
    return storable(text.encode("latin-1", "replace").decode("utf-8", "replace"))


def storable(text: str) -> str:
    """Text without the characters that no database takes."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


# --- bodies and attachments ---------------------------------------------------------------------------------------


def _sorted(leaves: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """Parts that are shown in place, and attachments."""
    shown: list[Part] = []
    hung: list[Part] = []
    for part in leaves:
        inline = part.type in _HELD_TEXT and part.disposition != "attachment" and not part.name
        (shown if inline else hung).append(part)
    return shown, hung


def _bodies(raw: bytes, bodies: Sequence[Part], problems: list[str]) -> tuple[str | None, str | None]:
    """All text parts as one text, all HTML parts as one: a list's footer is a part of its own, and is shown too."""
    texts: list[str] = []
    pages: list[str] = []
    room = MAX_TEXT
    for part in bodies:
        content = part.content(raw)
        decoded = storable(mail_text.decoded(content[: 4 * room], part.parameters.get("charset", "")))
        if len(decoded) > room or len(content) > 4 * room:
            _once(problems, f"it has more than {MAX_TEXT >> 20} MiB of text")
        decoded = decoded[:room].replace("\r\n", "\n").replace("\r", "\n")
        room -= len(decoded)
        (pages if part.type == "text/html" else texts).append(decoded)
    html = "\n".join(pages)
    if len(html) > MAX_HTML:
        _once(problems, f"it has more than {MAX_HTML:,} characters of HTML")
    return ("\n".join(texts) if texts else None), (html if pages else None)


def _attachment(part: Part, raw: bytes) -> Attachment:
    content = part.content(raw)
    return Attachment(
        index=part.index,
        name=storable(part.name)[:255],
        declared=part.type[:100],
        sniffed="message/rfc822" if part.type == "message/rfc822" else file_types.sniff(content),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


# --- the header ---------------------------------------------------------------------------------------------------


def _addresses(parts: Parts, problems: list[str]) -> Iterable[NamedAddress]:
    """The addresses of From, Reply-To, To and Cc, parsed before any encoded word is decoded.

    Decoding first would let an encoded word add an address that the sender's program never showed.
    """
    if sum(name == "from" for name, _ in parts.fields) > 1:
        problems.append("it has several From fields")
    found: list[NamedAddress] = []
    for field, role in _ROLES.items():
        values = [value for name, value in parts.fields if name == field]
        found += [one for value in values for one in _listed(value, role)]
    if len(found) > MAX_ADDRESSES:
        problems.append(f"it names more than {MAX_ADDRESSES} addresses")
    if not any(one.role == "from" for one in found):
        problems.append("it names no sender")
    if sum(one.role == "from" for one in found) > 1:
        problems.append("it names several senders")
    return found[:MAX_ADDRESSES]


def _listed(value: str, role: str) -> list[NamedAddress]:
    value = value[: mime.MAX_VALUE].replace("\n", " ")
    if value.count("(") > 100:
        return []  # the parser recurses into comments
    try:
        pairs = email.utils.getaddresses([value])
    except Exception:  # noqa: BLE001 - the standard library's parser raises on some mail
        return []
    return [
        NamedAddress(role, storable(mail_text.header_value(spec))[:320], storable(mail_text.header_value(name))[:200])
        for name, spec in pairs
        if "@" in spec
    ]


def _id_of(value: str) -> str | None:
    """A Message-ID in angle brackets; some programs leave them out."""
    named = _ids(value)
    if named:
        return named[0]
    bare = _BARE_ID.fullmatch(value.strip())
    return f"<{storable(bare[0])}>" if bare else None


def _ids(value: str) -> list[str]:
    return [f"<{storable(found)}>" for found in _ID.findall(value)]


def _references(value: str) -> tuple[str, ...]:
    """The thread's first Message-ID and its last ones: what lies between adds nothing."""
    listed = list(dict.fromkeys(_ids(value)))
    return tuple(listed if len(listed) <= MAX_REFERENCES else [listed[0], *listed[1 - MAX_REFERENCES :]])


def _date(value: str) -> int | None:
    """Microseconds of a Date field; None if it is none, or no plausible time."""
    try:
        moment = email.utils.parsedate_to_datetime(value[:200].replace("\n", " "))
        seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except Exception:  # noqa: BLE001 - it raises ValueError, TypeError, OverflowError, IndexError on some mail
        return None
    return int(seconds) * 1_000_000 if 0 <= seconds < 4_102_444_800 else None


def _first(parts: Parts, name: str) -> str:
    return next((value for key, value in parts.fields if key == name), "")


def _once(problems: list[str], problem: str) -> None:
    if problem not in problems:
        problems.append(problem)

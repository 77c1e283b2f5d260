"""Build the body: transfer encodings, multiparts, attachments (RFC 2045, 2046, 2183).

Every part ends in CRLF and holds no bare CR or LF, no line over 998 octets, no space at a line's end and no line that
begins with `From `: relays "repair" each of these, and a repaired body fails its DKIM signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.rules.compose import fields
from core.rules.compose.words import visible

_ATTR: Final = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+"
_TYPE: Final = re.compile(rf"({_ATTR})/({_ATTR})((?: *; *{_ATTR}=(?:{_ATTR}|\"[^\"\\]*\"))*) *;? *")
_KEPT: Final = re.compile(rf"; *(charset|method)=\"?({_ATTR})\"?", re.IGNORECASE)
_PRINTABLE: Final = bytes({*range(0x20, 0x7F), 0x09, 0x0D, 0x0A})
_QP_SAFE: Final = _PRINTABLE.replace(b"=", b"")
_LONGEST_LINE: Final = 998
_LONGEST_TYPE: Final = 200
_PREVIEW_INPUT: Final = 8_000
_PREVIEW: Final = 200


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME entity: its own fields and its body, both ending in CRLF. `plain`: the body is not encoded."""

    fields: bytes
    body: bytes
    plain: bool


def text_part(subtype: str, text: str) -> Part:
    """text/plain or text/html. Raises `UnicodeEncodeError` for surrogates."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    body = text.replace("\n", "\r\n").encode()
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    plain = _travels_as_it_is(body)
    if plain:
        encoding = "7bit"
    elif len(body.translate(None, _QP_SAFE)) * 6 < len(body):
        # b2a_qp ends soft breaks as the first line ends (our CRLF). It leaves `From ` at a line's start: cut it in two.
        encoding, body = "quoted-printable", binascii.b2a_qp(body, istext=True)
        if body.startswith(b"From ") or b"\nFrom " in body:
            body = re.sub(rb"(?m)^From ", b"F=\r\nrom ", body)
    else:
        encoding, body = "base64", _base64(body)
    header = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return Part(header.encode(), body, plain)


def _travels_as_it_is(body: bytes) -> bool:
    """Whether a body of CRLF lines needs no encoding. Plain searches: one regular expression cost 45 us more."""
    if body.translate(None, _PRINTABLE) or b" \r\n" in body or b"\t\r\n" in body:
        return False
    if b"\nFrom " in body or body.startswith(b"From "):
        return False
    return len(body) <= _LONGEST_LINE or max(map(len, body.split(b"\r\n"))) <= _LONGEST_LINE


def _base64(content: bytes) -> bytes:
    letters = base64.b64encode(content)
    return b"\r\n".join([letters[at : at + 76] for at in range(0, len(letters), 76)]) + b"\r\n"


def attachment_part(content_type: str, name: str, content: bytes) -> Part:
    """An attachment, always base64: its bytes arrive as they were."""
    header = (
        f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment{fields.filename(name)}\r\n"
    )
    return Part(header.encode(), _base64(content), plain=False)


def media_type(text: str) -> str | None:
    """The Content-Type an attachment leaves with; None if the text is not one.

    A whole message or multipart inside an attachment would be opened, and its own headers believed, by some readers:
    such a type leaves as application/octet-stream. Of the parameters only `charset` and `method` (RFC 5546) are kept.
    """
    found = _TYPE.fullmatch(text.strip(" ") or "application/octet-stream") if len(text) <= _LONGEST_TYPE else None
    if found is None:
        return None
    kind, subtype = found[1].lower(), found[2].lower()
    if kind in {"message", "multipart"}:
        return "application/octet-stream"
    kept = {key.lower(): value for key, value in _KEPT.findall(found[3])}
    return f"{kind}/{subtype}" + "".join(f"; {key}={value}" for key, value in kept.items())


def base_name(name: str) -> str:
    """A filename without its path, and without leading dots, by which a saved file would hide or climb."""
    return re.split(r"[/\\]", name)[-1].strip(" ").lstrip(".") or "attachment"


def multipart(kind: str, parts: Sequence[Part], *, boundary: str) -> Part:
    """multipart/`kind` (RFC 2046 5.1). The CRLF before a delimiter is the delimiter's, so each body keeps its own."""
    mark = f"--{boundary}".encode()
    pieces = [b"%b\r\n%b\r\n%b\r\n" % (mark, part.fields, part.body) for part in parts]
    header = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n'
    return Part(header.encode(), b"".join(pieces) + mark + b"--\r\n", plain=any(part.plain for part in parts))


def boundary_for(seed: str, parts: Sequence[Part]) -> str:
    """A boundary that occurs in none of the parts, the same for the same message.

    `=_` occurs in no quoted-printable and no base64 body, so only plain ones are searched. The two levels of a message
    get suffixes of one length, so that neither is the beginning of the other (RFC 2046 5.1.2).
    """
    for attempt in range(1_000):
        mark = "=_" + hashlib.sha256(f"{seed}/{attempt}".encode()).hexdigest()[:28]
        if not any(part.plain and mark.encode() in part.body for part in parts):
            return mark
    raise AssertionError("a body that holds a thousand chosen digests")


def preview(text: str | None, html: str | None) -> str:
    """The first 200 characters or so of what a person would read, on one line; only 8,000 characters are looked at."""
    seen = text[:_PREVIEW_INPUT] if text and text.strip() else visible((html or "")[:_PREVIEW_INPUT])
    line = " ".join(seen.split())[: _PREVIEW * 2]
    if not line.isprintable():
        # Format characters (bidi, zero width) can make a reviewer read other words than the recipient will.
        line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= _PREVIEW else line[: _PREVIEW - 1].rstrip() + "…"

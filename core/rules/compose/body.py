"""Build the body: transfer encodings, multiparts, attachments (RFC 2045, 2046, 2183).

Every part ends in CRLF and has no bare CR or LF, no line over 998 octets, no trailing space on a line and no line that
begins with `From `: relays "repair" each of these, and a repaired body fails its DKIM signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from core.rules.compose import header_encoding, recipient_text
from core.rules.compose.recipient_text import visible

_ATTR: Final = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+"
_TYPE: Final = re.compile(rf"({_ATTR})/({_ATTR})((?: *; *{_ATTR}=(?:{_ATTR}|\"[^\"\\]*\"))*) *;? *")
_KEPT: Final = re.compile(rf"; *(charset|method)=\"?({_ATTR})\"?", re.IGNORECASE)
_CONTENT_ID: Final = re.compile(r"<?([!-;=?-~]{1,200})>?")
_METHOD: Final = re.compile(rb"(?im)^METHOD:([a-z-]{1,40})[ \t]*\r?$")
_CALENDAR_HEAD: Final = 200_000
_HEADED: Final = re.compile(rb"(?:[!-9;-~]+:[^\r]*\r\n(?:[ \t][^\r]*\r\n)*)+\r\n")
_PRINTABLE: Final = bytes({*range(0x20, 0x7F), 0x09, 0x0D, 0x0A})
_QP_SAFE: Final = _PRINTABLE.replace(b"=", b"")
_LONGEST_LINE: Final = 998
_LONGEST_TYPE: Final = 200
_PREVIEW_INPUT: Final = 8_000
_PREVIEW: Final = 200


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME entity: its header fields and its body, both ending in CRLF. `plain`: the body is not encoded."""

    fields: bytes
    body: bytes
    plain: bool


def text_part(subtype: str, text: str) -> Part:
    """Build text/plain or text/html. Raises `UnicodeEncodeError` for surrogates."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    body = text.replace("\n", "\r\n").encode()
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    plain = _travels_as_it_is(body)
    if plain:
        encoding = "7bit"
    elif len(body.translate(None, _QP_SAFE)) * 6 < len(body):
        # b2a_qp ends soft breaks as the first line ends (our CRLF). It leaves `From ` at a line's start: split it.
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
    encoded = base64.b64encode(content)
    return b"\r\n".join([encoded[at : at + 76] for at in range(0, len(encoded), 76)]) + b"\r\n"


class File(recipient_text.File, Protocol):
    """An attachment with its bytes and its place in the message."""

    @property
    def content_id(self) -> str | None: ...
    @property
    def disposition(self) -> str | None: ...


def tree(shown: list[Part], files: Sequence[File], *, seed: str) -> Part:
    """mixed(alternative(text, related(html, pictures...), calendar), files...), each level only if it has several.

    `shown` are text, then HTML; boundaries are derived from `seed`.
    """
    invitation = next((file for file in files if method_of(file)), None)
    has_html = b"text/html" in shown[-1].fields
    pictures = [file for file in files if has_html and file.content_id and file.disposition != "attachment"]
    hung = [file for file in files if file is not invitation and file not in pictures]
    inner = [attachment_part(file) for file in pictures]
    outer = [attachment_part(file) for file in hung]
    last = [] if invitation is None else [text_part(f"calendar; method={method_of(invitation)}", _utf8(invitation))]
    if len(shown) == 1 and not (inner or outer or last):
        return shown[0]
    mark = boundary_for(seed, [*shown, *inner, *outer, *last])
    if inner:
        shown = [*shown[:-1], multipart('related; type="text/html"', [shown[-1], *inner], boundary=f"{mark}r")]
    shown = [*shown, *last]
    body = multipart("alternative", shown, boundary=f"{mark}a") if len(shown) > 1 else shown[0]
    return multipart("mixed", [body, *outer], boundary=f"{mark}m") if outer else body


def attachment_part(file: File) -> Part:
    """Encode a file in base64, so that its bytes arrive unchanged; an attached message unencoded (RFC 2046 5.2.1).

    Unencoded applies only to messages of seven bits and short lines. Others are sent as application/octet-stream,
    because a relay that had to recode them would break the signature.
    """
    kind = media_type(file.content_type) or "application/octet-stream"
    encoding, plain = "base64", False
    content = file.content
    if kind == "message/rfc822":
        message = _as_lines(content)
        if _travels_as_it_is(message) and _HEADED.match(message):
            encoding, plain, content = "7bit", True, message
        else:
            kind = "application/octet-stream"
    inline = file.disposition == "inline" or (file.disposition is None and file.content_id is not None)
    bare = bare_id(file.content_id) if file.content_id else None
    name = header_encoding.filename(base_name(file.filename))
    header = (
        f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n"
        + (f"Content-ID: <{bare}>\r\n" if bare else "")
        + f"Content-Disposition: {'inline' if inline else 'attachment'}{name}\r\n"
    )
    return Part(header.encode(), content if plain else _base64(content), plain=plain)


def _as_lines(content: bytes) -> bytes:
    """Convert to CRLF line ends, including the last line."""
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def bare_id(content_id: str) -> str | None:
    """A Content-ID without its brackets; None if invalid. Many programs write one without an @."""
    found = _CONTENT_ID.fullmatch(content_id)
    return found[1] if found else None


def method_of(file: File) -> str | None:
    """The method of a calendar placed beside text and HTML (RFC 6047 2.4), so that mail programs offer to answer it."""
    kind = (media_type(file.content_type) or "").partition(";")[0]
    if kind != "text/calendar" or file.disposition == "attachment":
        return None
    found = _METHOD.search(file.content[:_CALENDAR_HEAD])
    return found[1].decode().upper() if found else None


def calendar_problem(file: File) -> str | None:
    """Why a calendar cannot be sent as an invitation, or None."""
    kind = media_type(file.content_type) or ""
    if not kind.startswith("text/calendar"):
        return None
    named = re.search(r"; method=(\S+?)(?:;|$)", kind)
    method = method_of(file)
    if named is not None and file.disposition != "attachment" and (method or "").upper() != named[1].upper():
        return f"says method={named[1][:40]}, the calendar says {f'METHOD:{method}' if method else 'none'}"
    try:
        file.content.decode()
    except UnicodeDecodeError:
        return "is a calendar that is not UTF-8" if method else None
    return None


def _utf8(file: File) -> str:
    return file.content.decode()


def media_type(text: str) -> str | None:
    """The Content-Type to send for an attachment; None if the text is not a media type: empty, a wildcard, malformed.

    Some mail programs would open a multipart inside an attachment: it is sent as application/octet-stream, as are parts
    of messages. Of the parameters only `charset` and `method` (RFC 5546) are kept.
    """
    found = _TYPE.fullmatch(text.strip(" ")) if len(text) <= _LONGEST_TYPE else None
    if found is None or "*" in found[1] or "*" in found[2]:
        return None
    kind, subtype = found[1].lower(), found[2].lower()
    if kind in {"message", "multipart"}:
        return "message/rfc822" if (kind, subtype) == ("message", "rfc822") else "application/octet-stream"
    kept = {key.lower(): value for key, value in _KEPT.findall(found[3])}
    return f"{kind}/{subtype}" + "".join(f"; {key}={value}" for key, value in kept.items())


def base_name(name: str) -> str:
    """A filename without its path, and without leading dots, which would hide the saved file or leave its directory."""
    return re.split(r"[/\\]", name)[-1].strip(" ").lstrip(".") or "attachment"


def multipart(kind: str, parts: Sequence[Part], *, boundary: str) -> Part:
    """Build multipart/`kind` (RFC 2046 5.1). The CRLF before a delimiter belongs to it, so each body keeps its own."""
    mark = f"--{boundary}".encode()
    pieces = [b"%b\r\n%b\r\n%b\r\n" % (mark, part.fields, part.body) for part in parts]
    header = (
        f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n'
        if len(kind) < 12
        else (f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"\r\n')
    )
    return Part(header.encode(), b"".join(pieces) + mark + b"--\r\n", plain=any(part.plain for part in parts))


def boundary_for(seed: str, parts: Sequence[Part]) -> str:
    """A boundary that occurs in none of the parts, always the same for the same message.

    `=_` occurs in no quoted-printable and no base64 body, so only plain ones are searched. The levels of a message get
    suffixes of equal length, so that none is a prefix of another (RFC 2046 5.1.2).
    """
    for attempt in range(1_000):
        mark = "=_" + hashlib.sha256(f"{seed}/{attempt}".encode()).hexdigest()[:28]
        if not any(part.plain and mark.encode() in part.body for part in parts):
            return mark
    raise AssertionError("a body that holds a thousand chosen digests")


def preview(text: str | None, html: str | None) -> str:
    """The first 200 or so characters of the readable text, on one line; only 8,000 characters are examined."""
    seen = text[:_PREVIEW_INPUT] if text and text.strip() else visible((html or "")[:_PREVIEW_INPUT])
    # Each word and the space before it are two characters or more.
    line = " ".join(seen.split(maxsplit=_PREVIEW + 1)[: _PREVIEW + 1])[: _PREVIEW * 2]
    if not line.isprintable():
        # Format characters (bidi, zero width) can make a reviewer read other words than the recipient.
        line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= _PREVIEW else line[: _PREVIEW - 1].rstrip() + "…"

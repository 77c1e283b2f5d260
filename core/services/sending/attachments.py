"""Decode attachments as agents send them: base64 in any common variant, a missing media type guessed."""

from __future__ import annotations

import base64
import binascii
import mimetypes
from typing import Final, Protocol

from core.errors import Invalid
from core.rules.compose import Attachment

UNKNOWN: Final = "application/octet-stream"
_URL_SAFE: Final = str.maketrans("-_", "+/")
_SPACES: Final = str.maketrans("", "", " \t\r\n")
_PACKED: Final = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_MAGIC: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BEGIN:VCALENDAR", "text/calendar"),
    (b"BEGIN:VCARD", "text/vcard"),
    (b"{\\rtf", "application/rtf"),
)
_OURS: Final = {".ics": "text/calendar", ".eml": "message/rfc822", ".md": "text/markdown", ".webp": "image/webp"}


class Given(Protocol):
    """An attachment as a request gives it."""

    @property
    def filename(self) -> str: ...
    @property
    def content_type(self) -> str | None: ...
    @property
    def content(self) -> str: ...
    @property
    def content_id(self) -> str | None: ...
    @property
    def disposition(self) -> str | None: ...


def attachment(member: Given, place: int) -> Attachment:
    """The attachment with its decoded bytes. Raises `Invalid` if the content is not base64."""
    content = _decoded(member.content, place)
    return Attachment(
        filename=member.filename,
        content_type=guess(member.filename, content) if member.content_type is None else member.content_type,
        content=content,
        content_id=member.content_id,
        disposition=member.disposition,
    )


def guess(name: str, content: bytes) -> str:
    """The media type from the file extension, else from the first bytes, else plain text or octet-stream."""
    ending = name.lower()[name.rfind(".") :] if "." in name else ""
    if ending in _OURS:
        return _OURS[ending]
    named, packed = mimetypes.guess_type(f"file{ending}")
    if packed is not None or named is not None:
        return _PACKED.get(packed, UNKNOWN) if packed else named or UNKNOWN
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return "text/plain; charset=utf-8" if _reads_as_text(content) else UNKNOWN


def _reads_as_text(content: bytes) -> bool:
    head = content[:4_096]
    if not head or b"\x00" in head:
        return False
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char in "\r\n\t" for char in text[:4_096])


def _decoded(text: str, place: int) -> bytes:
    """Decode base64 (RFC 4648 4), also with line breaks (RFC 2045 6.8), URL-safe (RFC 4648 5) or without padding."""
    if not text.isalnum():
        text = text.translate(_SPACES)
        if "+" not in text and "/" not in text:
            text = text.translate(_URL_SAFE)
    if "=" not in text and len(text) % 4 in {2, 3}:
        text += "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        field = f"attachments[{place}].content"
        raise Invalid(
            f"{field} is not base64",
            fix="encode the file's bytes as base64; a data: URL's part before the comma does not belong to it",
            problems=((field, "is not base64 (RFC 4648)"),),
        ) from error

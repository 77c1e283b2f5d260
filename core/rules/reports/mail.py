"""Raw bytes -> headers, text parts and the returned message, within bounds.

The standard parser (compat32: seven times faster than policy.default, and it keeps bytes it cannot decode) recurses
once per nested part and builds an object per boundary, so a hostile mail of some kilobytes would crash it. It therefore
gets a prefix with few of both. A prefix is enough: a report's own text comes before the message it returns.
"""

from __future__ import annotations

import email
import email.message
import html
import quopri
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from core.text import mail_text
from core.text.mail_text import MAX_HEADER

MAX_BYTES: Final = 1 << 20
MAX_COMPOSITES: Final = 40
MAX_BOUNDARIES: Final = 500
MAX_LINES: Final = 30_000
MAX_TEXT: Final = 1 << 16
MAX_LINE: Final = 1_000

_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_COMPOSITE: Final = re.compile(rb"(?:^|[\r\n])content-type:\s{0,80}\"?(?:multipart|message)/", re.IGNORECASE)
_BOUNDARY: Final = re.compile(rb"(?:^|[\r\n])--")
_TAG: Final = re.compile(r"<[^<>]{0,3000}>")
_LINE_TAG: Final = re.compile(
    r"<(?:/?(?:p|div|tr|li|ul|ol|table|h\d|pre|blockquote)|br|hr)\b[^<>]{0,500}>", re.IGNORECASE
)
_CELL_TAG: Final = re.compile(r"</?t[dh]\b[^<>]{0,500}>", re.IGNORECASE)
_RETURNED: Final = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/partial",
        "message/rfc822-headers",
        "message/global-headers",
        "text/rfc822-headers",
        "text/rfc822",
        "text/rfc822-header",
        "text/message-headers",
        "text/global-headers",
    }
)


class Headers:
    """Decoded header fields by case-insensitive name; each value on one line."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._fields: dict[str, list[str]] = {}
        for name, value in fields:
            self._fields.setdefault(name.lower(), []).append(value)

    def get(self, name: str) -> str:
        """The first value, or an empty string."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """All values, in order."""
        return [mail_text.header_value(value) for value in self._fields.get(name.lower(), ())]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._fields

    def __bool__(self) -> bool:
        return bool(self._fields)


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf part, decoded: `type` in lower case, `text` at most 64 Ki characters with lines of at most 1,000."""

    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A parsed mail.

    `returned` are the headers of the enclosed message; if that is a report itself, `wrapped` are its delivery status
    and the headers of the message it returns. `envelope_from` is the mbox line.
    """

    headers: Headers
    type: str
    report_type: str
    parts: tuple[Part, ...]
    returned: Headers
    returned_count: int
    wrapped: tuple[tuple[Part, ...], Headers]
    envelope_from: str

    def of_type(self, *types: str) -> list[str]:
        return [part.text for part in self.parts if part.type in types]

    @property
    def words(self) -> str:
        """The text a person would read: the plain text, or the HTML without its tags."""
        plain = [text for text in self.of_type("text/plain") if text.strip()]
        return "\n".join(plain or [_untagged(text) for text in self.of_type("text/html")])[:MAX_TEXT]


def parse(raw: bytes) -> Mail:
    """Parse any bytes; never raises."""
    # Latin-1 maps bytes one to one. Given bytes, the parser would decode payloads itself, with any codec they name.
    message = email.message_from_string(_bounded(raw).decode("latin-1"))
    parts: list[Part] = []
    returned: list[Headers] = []
    wrapped: tuple[tuple[Part, ...], Headers] = ((), Headers(()))
    waiting = [message]
    while waiting:
        part = waiting.pop()
        kind = _type(part)
        payload = part.get_payload()
        if kind in _RETURNED and part is not message:
            returned.append(_enclosed(part))
            wrapped = wrapped if wrapped[0] else _wrapped(payload)
        elif kind.startswith("multipart/") and isinstance(payload, list):
            waiting.extend(each for each in reversed(payload) if isinstance(each, email.message.Message))
        elif kind.startswith(("message/", "text/", "multipart/")) or kind == "application/json":
            parts.append(_part(part))
    return Mail(
        headers=Headers(message.raw_items()),
        type=_type(message),
        report_type=_parameter(message, "report-type"),
        parts=tuple(parts),
        returned=next((each for each in returned if each), Headers(())),
        returned_count=len(returned),
        wrapped=wrapped,
        envelope_from=(message.get_unixfrom() or "")[:MAX_LINE],
    )


def _bounded(raw: bytes) -> bytes:
    """The prefix with few enough parts to parse."""
    raw = raw[:MAX_BYTES].lstrip(b"\r\n\t \xef\xbb\xbf")
    # In a delivery status the parser builds a message for every blank line, so lines are counted too.
    for pattern, most in ((_LINE_END, MAX_LINES), (_COMPOSITE, MAX_COMPOSITES), (_BOUNDARY, MAX_BOUNDARIES)):
        for count, hit in enumerate(pattern.finditer(raw)):
            if count >= most:
                raw = raw[: hit.start()]
                break
    return raw


def _part(part: email.message.Message) -> Part:
    kind = _type(part)
    # A multipart that is not a list has lost its boundary: the rest of it is read as text.
    kind = "text/plain" if kind.startswith("multipart/") else kind
    return Part(kind, _lines(mail_text.decoded(_transferred(part, _flattened(part)), _charset(part))))


def _wrapped(payload: object) -> tuple[tuple[Part, ...], Headers]:
    """The delivery status of an enclosed report, and the headers of the message that it returns."""
    inner = payload[0] if isinstance(payload, list) and payload else None
    if not isinstance(inner, email.message.Message) or _type(inner) != "multipart/report":
        return (), Headers(())
    inside = inner.get_payload()
    if not isinstance(inside, list):
        return (), Headers(())
    parts = [part for part in inside if isinstance(part, email.message.Message)]
    status = tuple(_part(part) for part in parts if _type(part) == "message/delivery-status")
    return status, next((_enclosed(part) for part in parts if _type(part) in _RETURNED), Headers(()))


def _value(part: email.message.Message, name: str) -> str:
    return next((str(value) for key, value in part.raw_items() if key.lower() == name), "").strip()


def _type(part: email.message.Message) -> str:
    """The content type without parameters; the parser's own method raises on some mail."""
    value = _value(part, "content-type")
    kind = value.partition(";")[0].strip().strip('"').lower()
    if kind.count("/") == 1 and "\n" not in kind:
        return kind
    return part.get_default_type() if not kind else "text/plain"


def _parameter(part: email.message.Message, name: str) -> str:
    value = _value(part, "content-type")
    hit = re.search(rf"[;\s]{name}\s{{0,9}}=\s{{0,9}}\"?([^\s\";]{{1,80}})", value[:MAX_HEADER], re.IGNORECASE)
    return hit[1].lower() if hit else ""


def _charset(part: email.message.Message) -> str:
    return _parameter(part, "charset")


def _flattened(part: email.message.Message) -> str:
    """Convert what the parser took for messages back to text: a delivery status is field groups, often malformed."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return "\n\n".join(
            "".join(f"{name}: {value.strip()}\n" for name, value in each.raw_items()) + "\n" + _flattened(each)
            for each in payload
            if isinstance(each, email.message.Message)
        )
    return payload if isinstance(payload, str) else ""


def _transferred(part: email.message.Message, text: str) -> bytes:
    """Decode a transfer encoding; garbage is left unchanged."""
    data = text.encode("latin-1")
    encoding = _value(part, "content-transfer-encoding").lower()
    if encoding == "quoted-printable":
        return quopri.decodestring(data)
    if encoding == "base64":
        return mail_text.unbase64(data) or data
    return data


def _lines(text: str) -> str:
    """Limit line length: patterns are tried at every character of a line."""
    return "\n".join(line[:MAX_LINE] for line in text[:MAX_TEXT].splitlines())


def _enclosed(part: email.message.Message) -> Headers:
    """The headers of a returned message, whether the parser found a message in it or only text."""
    payload = part.get_payload()
    if isinstance(payload, list):
        first = next((each for each in payload if isinstance(each, email.message.Message)), None)
        if first is not None and first.keys():
            return Headers(first.raw_items())
    data = _transferred(part, _flattened(part)).lstrip()[:MAX_TEXT]
    # text/rfc822-headers contains only headers; anything after a blank line is irrelevant.
    return _fields(re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0])


def headers_in(text: str) -> Headers:
    """The header fields of a message quoted in the text."""
    return _fields(re.split(r"\n[ \t]*\n", text.lstrip()[:MAX_TEXT], maxsplit=1)[0].encode("utf-8", "replace"))


def _fields(data: bytes) -> Headers:
    return Headers(email.message_from_string(data.decode("latin-1") + "\n\n").raw_items())


def _untagged(text: str) -> str:
    """HTML as lines. Good enough to find sentences; none of it is ever displayed."""
    for opening, closing in (("<style", "</style"), ("<script", "</script"), ("<!--", "-->")):
        text = _without(text, opening, closing)
    text = _CELL_TAG.sub(" ", _LINE_TAG.sub("\n", text.replace("\n", " ")))
    return html.unescape(_TAG.sub("", text)).replace("\u00a0", " ")


def _without(text: str, opening: str, closing: str) -> str:
    lower, kept, at = text.lower(), [], 0
    if len(lower) != len(text):
        return text
    while (start := lower.find(opening, at)) >= 0:
        kept.append(text[at:start])
        end = lower.find(closing, start)
        if end < 0:
            return "".join(kept)
        at = end + len(closing)
    return "".join([*kept, text[at:]])

"""Read the forms in which providers post mail: `multipart/form-data` and `application/x-www-form-urlencoded`.

Only the wanted fields are kept, and everything is bounded: whoever finds the URL can post a form.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from core.errors import Invalid
from core.rules.providers.provider import Webhook

MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"
MEDIA: Final = frozenset({MULTIPART, URLENCODED})
MAX_FIELDS: Final = 200
"""Mailgun posts about 20 fields, SendGrid 12."""


def media_type(webhook: Webhook) -> str:
    """The media type of a request, without its parameters."""
    return webhook.headers.get("content-type", "").partition(";")[0].strip().lower()


def read(webhook: Webhook, wanted: Collection[str]) -> Mapping[str, bytes]:
    """The first value of each wanted field. Raises `Invalid`."""
    kind = media_type(webhook)
    if kind == MULTIPART:
        return _multipart(webhook.body, webhook.headers["content-type"], wanted)
    if kind == URLENCODED:
        return _urlencoded(webhook.body, wanted)
    raise Invalid("the request is not a form")


def _urlencoded(body: bytes, wanted: Collection[str]) -> Mapping[str, bytes]:
    if body.count(b"&") >= MAX_FIELDS:
        raise Invalid(f"the form has more than {MAX_FIELDS} fields")
    found: dict[str, bytes] = {}
    for pair in body.split(b"&"):
        name, _, value = pair.partition(b"=")
        key = unquote_to_bytes(name[:200]).decode("latin-1")
        if key in wanted:
            found.setdefault(key, unquote_to_bytes(value.replace(b"+", b" ")))
    return found


def _multipart(body: bytes, content_type: str, wanted: Collection[str]) -> Mapping[str, bytes]:
    # Imported here: settings read the registry, and every command would wait for it.
    from python_multipart import multipart  # noqa: PLC0415
    from python_multipart.exceptions import FormParserError  # noqa: PLC0415

    parts = _Parts(wanted)
    _, options = multipart.parse_options_header(content_type)
    try:
        parser = multipart.MultipartParser(
            options.get(b"boundary", b""),
            {
                "on_part_begin": parts.begin, "on_header_field": parts.name, "on_header_value": parts.value,
                "on_header_end": parts.header, "on_part_data": parts.data, "on_end": parts.end,
            },
        )  # fmt: skip
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Invalid("the form cannot be read") from error
    if not parts.whole:
        raise Invalid("the form has no end")  # a message cut off in the middle must not be stored as a whole one
    return {key: bytes(value) for key, value in parts.found.items()}


class _Parts:
    """The wanted fields of a multipart form, as its parser reports it."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.found: dict[str, bytearray] = {}
        self.whole = False
        self._wanted = wanted
        self._count = 0
        self._field: bytearray | None = None
        self._name = self._value = b""

    def begin(self) -> None:
        self._count += 1
        if self._count > MAX_FIELDS:
            raise Invalid(f"the form has more than {MAX_FIELDS} fields")
        self._field = None

    def name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header(self) -> None:
        from python_multipart.multipart import parse_options_header  # noqa: PLC0415 - as above

        if self._name.lower() == b"content-disposition":
            key = parse_options_header(self._value)[1].get(b"name", b"").decode("latin-1")
            if key in self._wanted and key not in self.found:
                self._field = self.found[key] = bytearray()
        self._name = self._value = b""

    def data(self, data: bytes, start: int, end: int) -> None:
        if self._field is not None:
            self._field += memoryview(data)[start:end]

    def end(self) -> None:
        self.whole = True

"""The result types of parsing received mail."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NamedAddress:
    """One address of a header field as written, and the name beside it, decoded. `role`: from, reply_to, to, cc."""

    role: str
    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attached file. `index` is its place among the message's parts, by which it is fetched again.

    `declared` is the type its sender gives it, `sniffed` the one its first bytes show. `size` is in bytes, decoded.
    """

    index: int
    name: str
    declared: str
    sniffed: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class InboundMail:
    """A received message, read. Times are in microseconds.

    `fields` are the header's fields in order, raw, as Latin-1. `text` and `html` are the bodies that a reader chooses
    between, as far as they are read. `message_id`, `in_reply_to` and `references` are in angle brackets. `body_digest`
    is the SHA-256 (hex) of everything after the header, whatever its line ends. `problems`: what could not be read, or
    lies beyond a bound.
    """

    fields: tuple[tuple[str, str], ...]
    body_digest: str
    subject: str = ""
    addresses: tuple[NamedAddress, ...] = ()
    message_id: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    dated_at: int | None = None
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    problems: tuple[str, ...] = field(default=())

    def all(self, name: str) -> list[str]:
        """Raw values of a header field, in order."""
        return [value for key, value in self.fields if key == name]

    def get(self, name: str) -> str:
        """The first raw value of a header field, or an empty string."""
        return next((value for key, value in self.fields if key == name), "")

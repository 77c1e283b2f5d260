"""What a rendered message shows its reader: its text, its links with their real targets, its attachments. Pure.

HTML is read for its words and links and never rendered. The results are still untrusted text: they are made safe where
they become lines.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Final

from core.rules.content.checks import Rendered
from core.rules.content.links import Link, links_of
from core.rules.content.visibility import Sight, sight

PART_LIMIT: Final = 400_000
"""Maximum number of characters of one part to read."""


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as its reader sees it. `words` is the text part, or the words of the HTML if there is none."""

    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    html_words: str
    links: tuple[Link, ...]
    attachments: tuple[Attachment, ...]
    unseen: bool
    """Whether the HTML contains words hidden from its reader, including a preheader, which fails no check."""
    images: int

    @property
    def words(self) -> str:
        return self.text if self.text is not None else self.html_words


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """An attached file with its bytes; `content_type` includes the parameters."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Parts:
    """A parsed message: both bodies in full, with LF line endings, and the attachments."""

    text: str | None
    html: str | None
    files: tuple[AttachedFile, ...]


def read_mail(rendered: bytes) -> Mail:
    """Parse a rendered message for display. Never raises, whatever the message contains."""
    message = BytesParser(policy=compat32).parsebytes(rendered)
    bodies, hung = _sorted(message)
    text, html = (None if body is None else _decoded(body, limit=PART_LIMIT) for body in bodies)
    attachments = [
        Attachment(_plain(one.get_filename() or "(no name)"), one.get_content_type(), _size(one)) for one in hung
    ]
    seen = sight(html) if html is not None else Sight()
    return Mail(
        headers=tuple((name, _plain(str(value))) for name, value in message.items()),
        text=text,
        html=html,
        html_words=seen.words,
        links=links_of(text, html),
        attachments=tuple(attachments),
        unseen=seen.hides,
        images=seen.images,
    )


def read_parts(rendered: bytes) -> Parts:
    """Split a rendered message into its parts, for rules that look for words. Never raises, whatever it contains."""
    bodies, hung = _sorted(BytesParser(policy=compat32).parsebytes(rendered))
    text, html = (None if body is None else _decoded(body).replace("\r\n", "\n") for body in bodies)
    return Parts(text, html, tuple(_enclosed(part) for part in hung))


def said_by(mail: Mail, *, subject: str, people: Iterable[str]) -> Rendered:
    """The input of the gate's content checks, read again from the final bytes."""
    attached = tuple(one.name for one in mail.attachments)
    return Rendered(subject, mail.text, mail.html, people=tuple(people), attached=attached)


def _sorted(message: Message) -> tuple[tuple[Message | None, Message | None], list[Message]]:
    """The text part, the HTML part, and all other parts."""
    text: Message | None = None
    html: Message | None = None
    hung: list[Message] = []
    for part in _own_parts(message):
        kind, named = part.get_content_type(), part.get_filename() is not None
        if not named and kind == "text/plain" and text is None:
            text = part
        elif not named and kind == "text/html" and html is None:
            html = part
        else:
            hung.append(part)
    return (text, html), hung


def _enclosed(part: Message) -> AttachedFile:
    octets = _attached_message(part) if part.is_multipart() else _octets(part)
    return AttachedFile(_plain(part.get_filename() or ""), str(part.get("Content-Type", "text/plain")), octets)


def _attached_message(part: Message) -> bytes:
    """An attached message, byte for byte: `mangle_from_` is off, or Python would write `>From ` for `From `."""
    exact = compat32.clone(mangle_from_=False, max_line_length=0)
    return b"".join(one.as_bytes(policy=exact) for one in part.get_payload() if isinstance(one, Message))


def _own_parts(message: Message) -> Iterator[Message]:
    """The parts of the message itself; the parts of an attached message are not its own."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting += reversed([one for one in part.get_payload() if isinstance(one, Message)])
        else:
            yield part


def _size(part: Message) -> int:
    return len(part.as_bytes()) if part.is_multipart() else len(_octets(part))


def _octets(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(part: Message, *, limit: int | None = None) -> str:
    octets = _octets(part)[: None if limit is None else limit * 4]
    try:
        text = octets.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = octets.decode("utf-8", "replace")
    return text[:limit]


def _plain(value: str) -> str:
    """A header value on one line, with encoded words decoded."""
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", value)
    with contextlib.suppress(Exception):  # an encoded word that cannot be decoded is shown as it is
        return str(make_header(decode_header(unfolded)))
    return unfolded

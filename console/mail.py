"""What a rendered message says to its reader: its text, where its links really go, what hangs on it. Pure.

HTML is read for its words and its links and never drawn as HTML. What is returned here is still foreign text: it is
made safe where it becomes lines (`console.letter`).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

PART_LIMIT: Final = 400_000
"""Characters of one part that are read."""
_URL: Final = re.compile(r"\b(?:https?://|www\.)[^\s<>\"')\]]+", re.IGNORECASE)
_HOST: Final = re.compile(r"\b(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/:?#]|\b)", re.IGNORECASE)
_UNSEEN: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?![.\d])|hidden\b[^>]*>",
    re.IGNORECASE,
)
_SILENT: Final = frozenset({"script", "style", "head", "title"})
_BLOCKS: Final = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "table", "blockquote", "hr"})


@dataclass(frozen=True, slots=True)
class Link:
    """Where a link says it goes (`text`) and where it goes. `differs`: the text names another host."""

    text: str
    target: str
    host: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as its reader meets it. `words` is the text part, or the words of the HTML if there is none."""

    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    html_words: str
    links: tuple[Link, ...]
    attachments: tuple[Attachment, ...]
    unseen: bool
    """Whether the HTML holds something that a reader is not meant to see."""
    images: int

    @property
    def words(self) -> str:
        return self.text if self.text is not None else self.html_words


def read_mail(rendered: bytes) -> Mail:
    """Read the rendered bytes. Never raises for what mail may contain."""
    message = BytesParser(policy=compat32).parsebytes(rendered)
    text: str | None = None
    html: str | None = None
    attachments: list[Attachment] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind, name = part.get_content_type(), part.get_filename()
        if name is None and kind == "text/plain" and text is None:
            text = _decoded(part)
        elif name is None and kind == "text/html" and html is None:
            html = _decoded(part)
        else:
            attachments.append(Attachment(_plain(name or "(no name)"), kind, len(_octets(part))))
    reader = _Words()
    if html is not None:
        reader.feed(html)
        reader.close()
    return Mail(
        headers=tuple((name, _plain(str(value))) for name, value in message.items()),
        text=text,
        html=html,
        html_words=reader.words,
        links=(*reader.links, *_links(text or "")),
        attachments=tuple(attachments),
        unseen=html is not None and bool(_UNSEEN.search(html)),
        images=reader.images,
    )


def _octets(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(part: Message) -> str:
    octets = _octets(part)[: PART_LIMIT * 4]
    try:
        text = octets.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = octets.decode("utf-8", "replace")
    return text[:PART_LIMIT]


def _plain(value: str) -> str:
    """A header's value on one line, encoded words decoded."""
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", value)
    with contextlib.suppress(Exception):  # whatever is wrong with an encoded word, it is shown as it stands
        return str(make_header(decode_header(unfolded)))
    return unfolded


def _links(text: str) -> Iterator[Link]:
    for found in _URL.finditer(text):
        target = found[0].rstrip(".,;:!?")
        yield Link(target, target, host_of(target), differs=False)


def host_of(target: str) -> str:
    """The host a link goes to; for a link without one, its scheme."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(target if "://" in target or ":" in target.split("/", maxsplit=1)[0] else f"//{target}")
        return (parts.hostname or parts.scheme or "?").lower()
    return "?"


class _Words(HTMLParser):
    """Collects what HTML says and where its links go."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[Link] = []
        self.images = 0
        self._out: list[str] = []
        self._silent = 0
        self._href: str | None = None
        self._said: list[str] = []

    @property
    def words(self) -> str:
        lines = "".join(self._out).splitlines()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(" ".join(line.split()) for line in lines)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self._out.append("\n")
        elif tag == "a":
            self._href, self._said = values.get("href") or "", []
        elif tag == "img":
            self.images += 1
            self._out.append(f"[image {values.get('alt') or ''}]".replace(" ]", "]"))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS:
            self._out.append("\n")
        elif tag == "a" and self._href is not None:
            said, target = " ".join("".join(self._said).split()), self._href
            host = host_of(target)
            named = _HOST.search(said)
            self.links.append(Link(said, target, host, differs=bool(named and named[1].lower() != host)))
            self._out.append(f" ({target})")
            self._href = None

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self._out.append(data.replace("\n", " "))
        if self._href is not None:
            self._said.append(data)

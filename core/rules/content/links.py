"""Where links claim to lead, and where they lead.

A link deceives if its text names one host and it leads to another. Parsing is as lenient as a browser's, or a reviewer
would be shown a different host from the one the recipient's client opens: backslashes are slashes, and line breaks
inside a link are ignored.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, urlsplit

from core.rules.content.urls import cleaned
from core.text import html as text_html
from core.text import prechecks
from core.text.html import Close, Open, Text

LONGEST: Final = 100_000
"""Maximum number of characters of one part to examine; a longer part fails a check of its own.

Receivers also truncate mail there, and all checks of such a part take less than half a second.
"""
_URL: Final = prechecks.guarded(
    r"\b(?:https?://\[[0-9a-f:.%]{2,60}\]|(?:https?://|www\.|file://|javascript:|vbscript:|data:(?=[a-z]+/)"
    r"|blob:(?=http))(?=[^\s<>\"')\]]))[^\s<>\"')\]]*",
    "://",
    "www.",
    "script:",
    "data:",
    "blob:",
)
_NAMED: Final = re.compile(
    r"(https?://|www\.)?((?:[^\W_](?:[\w-]{0,62}\.){1,8})[^\W\d_]{2,24})(?![\w-]|\.\w)", re.IGNORECASE
)
_LINKING: Final = ("<a", "<form", "<button", "<input")
"""Tags that lead elsewhere; areas among them."""
REMEMBERED: Final = 2_000
"""Characters of a target whose host is remembered."""
_DOTS: Final = {0x3002: "."}
"""The ideographic full stop, a dot in IDNA (RFC 3490 3.1)."""
_FILES: Final = frozenset(
    {
        "csv", "doc", "docx", "eml", "gif", "htm", "html", "ics", "jpeg", "jpg", "json", "msg", "ods", "odt", "pdf",
        "png", "ppt", "pptx", "svg", "txt", "xls", "xlsx", "xml",
    }
)  # fmt: skip
"""Endings that mark a file name in text, not a host; after `https://` or `www.` they do belong to a host."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a link claims to lead (`text`) and where it leads. `differs`: the text names another host."""

    text: str
    target: str
    host: str
    differs: bool


def links_of(text: str | None, html: str | None) -> tuple[Link, ...]:
    """Every link of both parts, those of the HTML first."""
    found = [*(_anchors(html[:LONGEST]) if html else ()), *(_written(text[:LONGEST]) if text else ())]
    return tuple(found)


def _written(text: str) -> Iterator[Link]:
    for found in _URL.finditer(text, prechecks.folded(text)):
        target = found[0].rstrip(".,;:!?")
        yield Link(target, target, host_of(target), differs=False)


def _anchors(html: str) -> Iterator[Link]:
    small = prechecks.folded(html)
    if not any(tag in small for tag in _LINKING):
        return
    target: str | None = None
    text: list[str] = []
    for token in text_html.tokens(html):
        match token:
            case Open("a" | "area" as name, given):
                # an unclosed anchor is a link up to the start of the next one
                yield from _link(target, text)
                target = given.get("href", given.get("xlink:href"))
                text = [given.get("alt", "")] if name == "area" else []
                if name == "area":
                    yield from _link(target, text)
                    target = None
            case Open("form", given) if "action" in given:
                yield from _link(given["action"], ())
            case Open("button" | "input", given) if "formaction" in given:
                yield from _link(given["formaction"], ())
            case Open("img", given) if target is not None:
                text.append(given.get("alt", ""))
            case Close("a"):
                yield from _link(target, text)
                target = None
            case Text(data) if target is not None:
                text.append(data)
            case _:
                continue
    yield from _link(target, text)


def _link(target: str | None, label: Iterable[str]) -> Iterator[Link]:
    if target is None:
        return
    text, host = " ".join("".join(label).split()), host_of(target)
    yield Link(text, target, host, differs=_says_another(text, host))


def _says_another(text: str, host: str) -> bool:
    """Whether the text names a host that the link does not lead to. Subdomains of the named host count as that host."""
    for found in _NAMED.finditer(unicodedata.normalize("NFKC", text[:1_000]).lower()):
        scheme, named = found[1], found[2].removeprefix("www.")
        if not scheme and named.rpartition(".")[2] in _FILES:
            continue
        real = host.removeprefix("www.")
        if real != named and not real.endswith(f".{named}"):
            return True
    return False


def host_of(target: str) -> str:
    """The host a link leads to; for a mail address its domain; for a link without a host, its scheme."""
    return _remembered_host(target) if len(target) <= REMEMBERED else _host_of(target)


def _host_of(target: str) -> str:
    plain = unicodedata.normalize("NFKC", cleaned(target)).replace("\\", "/").translate(_DOTS)
    head = plain.split("/", maxsplit=1)[0]
    try:
        parts = urlsplit(plain if "://" in plain or ":" in head else f"//{plain.lstrip('/')}")
        if parts.scheme.lower() == "mailto":
            return unquote(parts.path.partition(",")[0]).rpartition("@")[2].strip().lower() or "mailto"
        if parts.scheme.lower() in {"http", "https"} and not parts.netloc:  # browsers accept https:/host and https:host
            parts = urlsplit(f"//{plain.partition(':')[2].lstrip('/')}")
        return unquote(parts.hostname or parts.scheme or "?").rstrip(".").lower()
    except ValueError:
        return "?"


_remembered_host: Final = lru_cache(maxsize=512)(_host_of)
"""A message's checks ask for each of its links several times."""

"""Where links say they go, where they go, and whether the name of a host is made of look-alike letters.

A link deceives if its words name a host and it leads to another one, or if the host's name mixes scripts: a Cyrillic
letter in `paypal` is drawn as the Latin one (UTS 39 5.1). What browsers forgive is forgiven here too, or a reviewer
would be told another host than the recipient's program opens: backslashes are slashes, line breaks in a link nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from core import hypertext
from core.hypertext import Close, Open, Text

LONGEST: Final = 400_000
"""Characters of one part whose links are read; a longer part is a failed check of its own."""
MOST: Final = 500
_URL: Final = re.compile(r"\b(?:https?://|www\.)[^\s<>\"')\]]+", re.IGNORECASE)
_NAMED: Final = re.compile(
    r"(https?://|www\.)?((?:[^\W_](?:[\w-]{0,62}\.){1,8})[^\W\d_]{2,24})(?![\w-]|\.\w)", re.IGNORECASE
)
_FILES: Final = frozenset(
    {
        "csv", "doc", "docx", "eml", "gif", "htm", "html", "ics", "jpeg", "jpg", "json", "msg", "ods", "odt", "pdf",
        "png", "ppt", "pptx", "svg", "txt", "xls", "xlsx", "xml",
    }
)  # fmt: skip
"""Endings that are a file's name in a text, not a host's; behind `https://` or `www.` they are a host's."""
_NOTHING: Final = str.maketrans("", "", "\t\r\n")
_TOGETHER: Final = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "LATIN"}),
    frozenset({"CJK", "HANGUL", "LATIN"}),
    frozenset({"CJK", "BOPOMOFO", "LATIN"}),
)
"""Scripts that are written together (UTS 39 5.2, highly restrictive)."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a link says it goes (`text`) and where it goes. `differs`: the text names another host."""

    text: str
    target: str
    host: str
    differs: bool


def links_of(text: str | None, html: str | None) -> tuple[Link, ...]:
    """Every link of both parts, the HTML's first."""
    found = [*(_anchors(html[:LONGEST]) if html else ()), *(_written(text[:LONGEST]) if text else ())]
    return tuple(found)


def _written(text: str) -> Iterator[Link]:
    for found in _URL.finditer(text):
        target = found[0].rstrip(".,;:!?")
        yield Link(target, target, host_of(target), differs=False)


def _anchors(html: str) -> Iterator[Link]:
    target: str | None = None
    said: list[str] = []
    for token in hypertext.tokens(html):
        match token:
            case Open("a" | "area" as name, given):
                # an anchor that is not closed ends where the next begins, and is a link until then
                yield from _link(target, said)
                target, said = given.get("href"), [given.get("alt", "")] if name == "area" else []
                if name == "area":
                    yield from _link(target, said)
                    target = None
            case Open("img", given) if target is not None:
                said.append(given.get("alt", ""))
            case Close("a"):
                yield from _link(target, said)
                target = None
            case Text(data) if target is not None:
                said.append(data)
            case _:
                continue
    yield from _link(target, said)


def _link(target: str | None, said: Iterable[str]) -> Iterator[Link]:
    if target is None:
        return
    text, host = " ".join("".join(said).split()), host_of(target)
    yield Link(text, target, host, differs=_says_another(text, host))


def _says_another(text: str, host: str) -> bool:
    """Whether the words name a host that does not lead to this one. What belongs to the named host is no other one."""
    for found in _NAMED.finditer(unicodedata.normalize("NFKC", text[:1_000]).lower()):
        scheme, named = found[1], found[2].removeprefix("www.")
        if not scheme and named.rpartition(".")[2] in _FILES:
            continue
        real = host.removeprefix("www.")
        if real != named and not real.endswith(f".{named}"):
            return True
    return False


def host_of(target: str) -> str:
    """The host a link goes to; of a mail address its domain; for a link without one, its scheme."""
    plain = unicodedata.normalize("NFKC", target.strip().translate(_NOTHING)).replace("\\", "/")
    head = plain.split("/", maxsplit=1)[0]
    try:
        parts = urlsplit(plain if "://" in plain or ":" in head else f"//{plain.lstrip('/')}")
        if parts.scheme.lower() == "mailto":
            return unquote(parts.path.partition(",")[0]).rpartition("@")[2].strip().lower() or "mailto"
        if parts.scheme.lower() in {"http", "https"} and not parts.netloc:  # browsers take https:/host and https:host
            parts = urlsplit(f"//{plain.partition(':')[2].lstrip('/')}")
        return unquote(parts.hostname or parts.scheme or "?").rstrip(".").lower()
    except ValueError:
        return "?"


# --- look-alike letters -------------------------------------------------------------------------------------------


def strange(host: str) -> str | None:
    """Why a host's name may be taken for another one, or None: punycode, foreign letters, scripts mixed."""
    for label in host.split("."):
        shown = _decoded(label)
        if shown is None:
            return f"{label} is no name"
        if shown.isascii():
            continue
        spelled = f"{shown} ({label})" if shown != label else shown
        why = mixed(label)
        return f"{spelled} {why}" if why else f"{spelled} has letters beyond a to z"
    return None


def mixed(label: str) -> str | None:
    """`mixes Cyrillic and Latin letters`, or None if a label's letters are of scripts that are written together."""
    name = _decoded(label) or ""
    scripts = {unicodedata.name(char, "UNKNOWN").split()[0].split("-")[0] for char in name if char.isalpha()}
    if len(scripts) < 2 or any(scripts <= together for together in _TOGETHER):
        return None
    return f"mixes {' and '.join(script.capitalize() for script in sorted(scripts))} letters"


def _decoded(label: str) -> str | None:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError, ValueError):
        return None

"""All text that a recipient reads, for rules that examine wording: both bodies and the text of attachments.

Attached text, HTML, calendar entries and whole messages are read; PDF and office documents, pictures and archives are
not. Inline tags in HTML add no space, or `re<b></b>fund` would be two words to a rule and one to its reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Protocol, assert_never

from core.text import html as text_html

LONGEST_ATTACHED: Final = 200_000
"""Octets of attached text that are read, over all attachments."""
_HIDDEN: Final = frozenset({"script", "style", "head", "title", "template"})
_INLINE: Final = frozenset(
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd",
        "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var", "wbr",
    }
)  # fmt: skip
_READ: Final = ("text/plain", "text/html", "text/calendar", "text/markdown", "text/enriched", "message/rfc822")
_NAMES: Final = (".txt", ".text", ".md", ".htm", ".html", ".ics", ".eml")
_CALENDAR: Final = re.compile(r"(?im)^(?:SUMMARY|DESCRIPTION|COMMENT|X-ALT-DESC)(?:;[^:\r\n]*)?:(.*)$")
_INVITES: Final = re.compile(rb"(?im)^METHOD:(?:REQUEST|COUNTER|REPLY|ADD)\s*$")
_CHARSET: Final = re.compile(r"charset=\"?([\w.:-]{1,40})", re.IGNORECASE)


class File(Protocol):
    """The members of an attachment that are used here."""

    @property
    def filename(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def content(self) -> bytes: ...


def reading(text: str | None, html: str | None) -> str:
    """The plain part and the text of the HTML part: the recipient's mail program may show either."""
    return "\n\n".join(part for part in (text, visible(html) if html else None) if part)


def beyond(files: Iterable[File]) -> bool:
    """Whether there is more attached text than `attached` reads."""
    return sum(len(file.content) for file in files if _is_text(file)) > LONGEST_ATTACHED


def _is_text(file: File) -> bool:
    kind = file.content_type.partition(";")[0].strip().lower()
    return kind in _READ or file.filename.lower().endswith(_NAMES)


def attached(files: Iterable[File]) -> str:
    """The text of all textual attachments."""
    room = LONGEST_ATTACHED
    found: list[str] = []
    for file in files:
        kind, name = file.content_type.partition(";")[0].strip().lower(), file.filename.lower()
        if room <= 0 or not _is_text(file):
            continue
        octets = file.content[:room]
        room -= len(octets)
        text = _decoded(octets, file.content_type)
        if kind == "text/calendar" or name.endswith(".ics"):
            text = _entry(text)
        elif kind == "text/html" or name.endswith((".htm", ".html")):
            text = visible(text)
        found.append(text)
    return "\n\n".join(found)


def invites(files: Iterable[File]) -> bool:
    """Whether a calendar attachment proposes, changes or answers an appointment (RFC 5546), which is an agreement."""
    return any(
        _INVITES.search(file.content[:LONGEST_ATTACHED]) is not None
        for file in files
        if file.content_type.strip().lower().startswith("text/calendar") or file.filename.lower().endswith(".ics")
    )


def _decoded(octets: bytes, content_type: str) -> str:
    named = _CHARSET.search(content_type)
    try:
        return octets.decode(named[1] if named else "utf-8", "replace")
    except (LookupError, ValueError):
        return octets.decode("utf-8", "replace")


def _entry(calendar: str) -> str:
    """The human-readable text of a calendar entry (RFC 5545): folded lines joined, escapes resolved."""
    unfolded = re.sub(r"\r?\n[ \t]", "", calendar)
    values = (found[1] for found in _CALENDAR.finditer(unfolded))
    return "\n\n".join(re.sub(r"\\[nN]", "\n", value).replace("\\", "") for value in values)


def visible(html: str) -> str:
    """Character data that browsers show; a `<blockquote>` becomes lines that begin with `>`.

    Mail programs write "On Monday Jane wrote:" and put Jane's words into a `<blockquote>`. Marking them as in plain
    text lets one rule detect quotes: only text introduced by a line that ends in a colon counts as somebody else's.
    """
    pieces: list[str] = []
    hidden = quoted = 0
    for token in text_html.tokens(html):
        match token:
            case text_html.Open(name="body"):
                hidden = 0  # `</head>` is optional; a body is always shown
                pieces.append(" ")
            case text_html.Open(name):
                hidden += name in _HIDDEN
                quoted += name == "blockquote"
                pieces.append(_break(name, quoted))
            case text_html.Close(name):
                hidden = max(0, hidden - (name in _HIDDEN))
                quoted = max(0, quoted - (name == "blockquote"))
                pieces.append(_break(name, quoted))
            case text_html.Text(data):
                if not hidden:
                    pieces.append(data.replace("\n", "\n> ") if quoted else data)
            case _:
                assert_never(token)
    return "".join(pieces)


def _break(tag: str, quoted: int) -> str:
    """The separator that replaces a tag."""
    if tag == "blockquote":
        return "\n> " if quoted else "\n\n"
    return "" if tag in _INLINE else " "

"""Text in a message's HTML that its reader does not see: comments, alternative texts, titles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from core.text import html as text_html
from core.text import prechecks
from core.text.html import Open

MOST: Final = 400
LONGEST: Final = 4_000
_CONDITIONAL: Final = re.compile(r"\s*(?:\[if |<!\[endif|\[endif|/?\*)", re.IGNORECASE)
_NAMED: Final = (
    "alt",
    "title",
    "aria-label",
    "aria-description",
    "placeholder",
    "content",
    "value",
    "data-text",
    "summary",
    "label",
)


def comments(html: str) -> Iterator[str]:
    """The comments of the HTML, without Outlook's conditional ones."""
    at = 0
    for _ in range(MOST):
        start = html.find("<!--", at)
        if start < 0:
            return
        end = html.find("-->", start + 4)
        body = html[start + 4 : end if end >= 0 else start + 4 + LONGEST]
        if not _CONDITIONAL.match(body):
            yield body[:LONGEST]
        if end < 0:
            return
        at = end + 3


def attributes(html: str) -> Iterator[str]:
    """Texts in attributes that programs read and people seldom see."""
    small = prechecks.folded(html)
    if not any(name in small for name in (*_NAMED, "data-")):
        return
    left = MOST * 4
    for token in text_html.tokens(html):
        if not isinstance(token, Open):
            continue
        for name in _NAMED:
            value = token.attributes.get(name)
            if value and " " in value and left > 0:
                left -= 1
                yield value[:LONGEST]
        for name, value in token.attributes.items():
            if name.startswith("data-") and name != "data-text" and value.count(" ") > 3 and left > 0:
                left -= 1
                yield value[:LONGEST]

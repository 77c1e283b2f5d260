"""All words of a message that a recipient may read: the input of rules that look for words.

Acceptance reads them from the request, and a policy that became stricter since reads them from the bytes, by the same
function: a promise in an attachment must not leave because only the body was searched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.rules import compose, content
from core.rules.compose import File

_HIDING: Final = ("none", "hidden", "font-size", "opacity", "\\")
"""Marks of HTML that may hide words from its reader: `re<i hidden>x</i>fund`."""


def readable_text(text: str | None, html: str | None, files: Iterable[File]) -> str:
    """Both bodies and the text of attachments. HTML that can hide words is read again as its reader sees it."""
    texts = [compose.reading(text, html)]
    if html and any(hint in html for hint in _HIDING):
        texts.append(content.plain_text(html))
    if attached := compose.attached(files):
        texts.append(attached)
    return "\n\n".join(texts)

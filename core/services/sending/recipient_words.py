"""All the words that a recipient may read of a message: what rules that look for words are asked over.

Acceptance reads them from the request and a policy that became stricter since reads them from the bytes, by the same
function: a promise in an attachment must not leave because it was looked for in the body alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.rules import compose, content
from core.rules.compose import File

_HIDING: Final = ("none", "hidden", "font-size", "opacity", "\\")
"""What takes words out of HTML before its reader's eyes: `re<i hidden>x</i>fund`."""


def recipient_words(text: str | None, html: str | None, files: Iterable[File]) -> str:
    """Both bodies and the text of what is attached. HTML that can hide words is read again as its reader sees it."""
    words = [compose.reading(text, html)]
    if html and any(hint in html for hint in _HIDING):
        words.append(content.plain_text(html))
    if attached := compose.attached(files):
        words.append(attached)
    return "\n\n".join(words)

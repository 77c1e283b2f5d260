"""Web addresses that are written to avoid recognition, or to carry data out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from core.rules.inbound.screening.disguises import spelled
from core.rules.inbound.screening.types import Finding
from core.text import prechecks
from core.text.prechecks import Guarded, guarded

LONGEST: Final = 60_000
_SPLIT: Final = re.compile(
    r"(?<![a-z0-9])h[ \t]{0,3}t[ \t]{0,3}t[ \t]{0,3}p[ \t]{0,3}s?[ \t]{0,3}:[ \t]{0,3}/[ \t]{0,3}/", re.IGNORECASE
)
_BROKEN: Final = re.compile(
    r"https?:/{2}[ \t]{1,3}[\w-]{2,63}|https?:/{2}[\w.-]{2,63}[ \t]{1,3}\.[ \t]{0,3}[a-z]{2,10}\b|"
    r"\b[\w-]{2,40} \. (?:com|net|org|io|example|ru|xyz|top|co)\b(?: /)?",
    re.IGNORECASE,
)
_DEFANGED: Final = guarded(
    r"\bhxxps?:|\b[\w-]{2,63}\s?(?:\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\s+dot\s+)\s?(?:com|net|org|io|"
    r"example|ru|info|co|xyz|dev|app|top|site|online|biz|cn|test)\b",
    "hxxp",
    "dot",
    "[.]",
    "(.)",
    "{.}",
)
_IMAGE: Final = guarded(
    r"!\[([^\]\n]{0,200})\]\s?\(\s?<?((?:https?:)?//[^\s)>]{1,1000}|[^\s)]{0,40}data:[^\s)]{1,200})", "!["
)
_REFERENCE: Final = Guarded(re.compile(r"(?m)^\s{0,3}\[[^\]\n]{1,60}\]:\s{0,4}<?(https?://[^\s>]{1,1000})"), ("]:",))
_LINK: Final = Guarded(re.compile(r"(?<!!)\[([^\]\n]{1,200})\]\((https?://[^\s)]{1,1000})"), ("](",))
_CARRIES: Final = re.compile(
    r"[?&/#=](?:[^=&]{0,40}=)?(?:\{\{?|\[\[?|%7b|%5b|<|%3c|\$\{?|\(\()"
    r"|[?&](?:data|secret|secrets|password|pass|token|leak|exfil|stolen|content|contents|summary|conversation|history|inbox|body|text|context|prompt|base64|b64|payload|info|msg|message|chat|mail|email_body|api_?key|d|q|x|log)="
    r"(?:[A-Z_]{3,}|[a-z]{0,12}(?:your|the|insert|user|secret|conversation|inbox|summary|encoded|here|"
    r"password|key|token|base64|data|contacts|prompt|history)[\w%+-]{0,60})?(?:$|[&#\s)])",
    re.IGNORECASE,
)
_DATA: Final = guarded(
    r"\bdata:(?:text/html|text/javascript|application/(?:x-)?javascript|application/xhtml|text/plain|"
    r"image/svg\+xml)[;,]",
    "data:",
)
_SCRIPTED: Final = guarded(r"\b(?:java|vb)script:\s?[\w(]", "script:")


def findings(text: str, where: str) -> Iterator[Finding]:
    """Marks of one text."""
    text = text[:LONGEST]
    small = prechecks.folded(text)
    split = _split(text, small)
    if split is not None:
        yield Finding("split_link", "a web address is split by spaces", 0.5, where, _around(text, split))
    elif (found := _DEFANGED.search(text, small)) is not None:
        yield Finding(
            "split_link",
            "a web address is written so that no program recognises it",
            0.3,
            where,
            _around(text, found),
        )
    yield from _markdown(text, small, where)
    if (found := _DATA.search(text, small)) is not None:
        yield Finding("data_url", "a link holds its own page (data:)", 0.55, where, _around(text, found))
    if (found := _SCRIPTED.search(text, small)) is not None:
        yield Finding("data_url", "a link holds a script", 0.6, where, _around(text, found))


def _split(text: str, small: str) -> re.Match[str] | None:
    """The first web address that blanks split."""
    closed = small.replace(" ", "").replace("\t", "") if "/" in small else ""
    if any(closed.count(scheme) > small.count(scheme) for scheme in ("http://", "https://")):
        split = next((one for one in _SPLIT.finditer(text) if re.search(r"\s", one[0])), None)
        if split is not None:
            return split
    blanks = "// " in text or "//\t" in text or " ." in text or "\t." in text
    return _BROKEN.search(text) if blanks and ("://" in text or " . " in text) else None


def _markdown(text: str, small: str, where: str) -> Iterator[Finding]:
    """Pictures and links of Markdown: a program that draws them calls their address, with what a model put into it."""
    images = [
        *((found, found[2]) for found in _IMAGE.finditer(text, small)),
        *((one, one[1]) for one in _REFERENCE.finditer(text, small)),
    ]
    carrying = next((found for found, target in images if _CARRIES.search(target)), None)
    if carrying is not None:
        yield Finding(
            "markdown_image", "a Markdown picture carries data out in its address", 0.7, where, _around(text, carrying)
        )
        return
    if any(target.lower().find("data:") >= 0 for _, target in images):
        yield Finding("data_url", "a Markdown picture holds its own data", 0.55, where)
    elif images and images[0][0].re is _IMAGE.pattern:
        yield Finding(
            "markdown_image",
            "a picture in Markdown: drawing it calls a stranger's server",
            0.3,
            where,
            _around(text, images[0][0]),
        )
    link = next((found for found in _LINK.finditer(text, small) if _CARRIES.search(found[2])), None)
    if link is not None:
        yield Finding(
            "markdown_link", "a Markdown link carries data out in its address", 0.5, where, _around(text, link)
        )


def _around(text: str, found: re.Match[str]) -> str:
    return spelled(text[found.start() : found.start() + 160])

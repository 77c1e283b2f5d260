"""HTML tokenizer: split HTML into tags and text as a browser does, in one pass over any input.

The standard library's parser starts over at every `<` that it cannot place: 180 kB of `<a <a <a` keep it busy for eight
minutes, and agents submit megabytes. Here every step moves forward: an unclosed construct ends the document, as in the
tokenizer of the HTML standard (13.2.5), so a check sees what a reader would see and not what a more lenient parser
would have found. Nothing is repaired and no tree is built.

Why our own: a parser that builds a tree searches all open elements at each tag. 400 kB of nested `<div>` take
selectolax (Lexbor) 29 s of CPU; this and the check for hidden text take 1 s together.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

_MARKUP: Final = re.compile(r"<(?=[a-zA-Z/!?])")
"""Start of anything other than text. A `<` before another character is text, and millions of them are one token."""
_NAME: Final = re.compile(r"[a-zA-Z][^\s/>]*")
_GAP: Final = re.compile(r"[\s/]*+")
_ATTRIBUTE: Final = re.compile(
    r"""([^\s/>][^\s/>=]*+)\s*+(?:=\s*+(?:"([^"]*+)"|'([^']*+)'|(?!["'])([^\s>]*+)))?+()[\s/]*+"""
)
"""An attribute, and what separates it from the next; without its value if the quotation mark is never closed."""
_COMMENT_END: Final = re.compile(r"--!?>")
_RAW: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
}
"""Elements whose content is text up to their own end tag, whatever it contains."""
_WORDS: Final = frozenset({"title", "textarea"})
"""Those of them in which character references are resolved."""

REMEMBERED: Final = 100_000
"""Characters of HTML up to which its tokens are kept until the next: what it shows, its links and its attributes are
read one after another."""


@dataclass(frozen=True, slots=True)
class Text:
    """Character data, references resolved."""

    data: str


@dataclass(frozen=True, slots=True)
class Open:
    """A start tag; the first of duplicate attributes counts."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Close:
    """An end tag."""

    name: str


Token = Text | Open | Close


def tokens(html: str) -> Iterable[Token]:
    """Tags and text in order. Comments, declarations and anything left open at the end produce no token."""
    return _remembered(html) if len(html) <= REMEMBERED else _tokens(html)


@lru_cache(maxsize=1)
def _remembered(html: str) -> tuple[Token, ...]:
    return tuple(_tokens(html))


def _tokens(html: str) -> Iterator[Token]:
    at, size = 0, len(html)
    while at < size:
        markup = _MARKUP.search(html, at)
        if markup is None:
            yield Text(entities.unescape(html[at:]))
            return
        found = markup.start()
        if found > at:
            yield Text(entities.unescape(html[at:found]))
        if html[found + 1].isalpha():
            opened, at = _start_tag(html, found)
            if opened is None:
                return
            yield opened
            if opened.name in _RAW:
                ends = _RAW[opened.name].search(html, at)
                inside = html[at : ends.start() if ends else size]
                yield Text(entities.unescape(inside) if opened.name in _WORDS else inside)
                at = ends.start() if ends else size
        else:
            closed, at = _other(html, found)
            if closed is not None:
                yield closed


def _start_tag(html: str, at: int) -> tuple[Open | None, int]:
    """Return the tag that starts here and where it ends; None if it is never closed, which ends the document."""
    name = _NAME.match(html, at + 1)
    assert name is not None
    attributes: dict[str, str] = {}
    at, size = name.end(), len(html)
    if html[at : at + 1] != ">":
        at = _end(_GAP, html, at)
    while True:
        if at >= size:
            return None, size
        if html[at] == ">":
            return Open(name[0].lower(), attributes), at + 1
        found = _ATTRIBUTE.match(html, at)
        assert found is not None
        at = found.end()
        key, double, single, bare, _ = found.groups()
        value = double or single or bare
        if value is None:
            if double is None and single is None and html.startswith("=", found.start(5)):
                return None, size
            value = ""
        attributes.setdefault(key.lower(), entities.unescape(value) if "&" in value else value)


def _other(html: str, at: int) -> tuple[Close | None, int]:
    """Return an end tag, or None for a comment or declaration of any kind, and where it ends."""
    size = len(html)
    if html.startswith("<!--", at):
        ends = _COMMENT_END.search(html, at + 2)
        return None, ends.end() if ends else size
    if html[at + 1] == "/" and (name := _NAME.match(html, at + 2)):
        whole, end = _start_tag(html, at + 1)
        return Close(name[0].lower()) if whole else None, end
    end = html.find(">", at)
    return None, end + 1 if end >= 0 else size


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at

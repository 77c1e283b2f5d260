"""Append the required text (disclosure, unsubscribe link) to a message so that its reader sees it.

An agent's HTML could swallow what follows it (an open comment, a style, an attribute), hide it inside an element left
open, or style it away. So the block is placed outside all elements that the agent opened, which are closed here one by
one, and its own style is inline and important, which overrides any style sheet rule (CSS Cascade 4, 6). `hidden_by`
finds what can still hide it: rules for the whole page, and boxes laid over it.
"""

from __future__ import annotations

import html as htmllib
import re
from collections.abc import Iterator, Sequence
from typing import Final

from core.errors import Invalid
from core.text import html as text_html

_PROBE: Final = "postroom-end"
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_PAGE: Final = frozenset({"html", "body", "head"})
_IMPLIED: Final = frozenset({"p", "li", "td", "th", "tr", "tbody", "thead", "tfoot", "dt", "dd", "option", "optgroup"})
"""Elements whose end tag is optional: however many seem open, one end tag closes them."""
_RAW: Final = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"})
"""Elements whose content is text until their own end tag, as `text.html` parses them."""
_SWALLOWING: Final = frozenset({"plaintext", "frameset"})
_CLOSERS: Final = ("", "-->", ">", '">', "'>")
_DEEP: Final = 64
_MOST: Final = 300
_END: Final = re.compile(r"(?:</body\s{0,9}>)?\s{0,99}(?:</html\s{0,9}>)?\s{0,99}\Z", re.IGNORECASE)
_TAIL: Final = 250

_STYLE: Final = "".join(
    f"{name}:{value}!important;"
    for name, value in (
        ("all", "initial"), ("display", "block"), ("visibility", "visible"), ("opacity", "1"), ("position", "static"),
        ("float", "none"), ("clear", "both"), ("width", "auto"), ("height", "auto"), ("max-height", "none"),
        ("overflow", "visible"), ("margin", "16px 0 0"), ("padding", "8px"), ("text-indent", "0"),
        ("transform", "none"), ("clip-path", "none"), ("filter", "none"), ("background", "#ffffff"),
        ("background-color", "#ffffff"),
        ("color", "#333333"), ("font", "13px/1.5 Arial,sans-serif"), ("font-size", "13px"),
        ("text-align", "left"),
    )
)  # fmt: skip
_LINK: Final = (
    "display:inline!important;visibility:visible!important;opacity:1!important;font-size:13px!important;"
    "color:#0645ad!important;text-decoration:underline!important;"
)

_WHOLE: Final = re.compile(r"(?<![\w.#-])(?:html|body|:root|\*)(?![\w-])")
_HIDES: Final = re.compile(
    r"(?<![\w-])(?:display:none|opacity:(?:0?\.[0-4]|0(?![.\d])|[0-4]?\d%)"
    r"|(?:filter|transform|scale|translate|rotate):(?!none)"
    r"|zoom:(?:0|\.)|clip(?:-path)?:(?!auto|none)|mask[\w-]*:(?!none)|content-visibility:hidden|position:(?:fixed|absolute)"
    r"|(?:max-)?(?:height|width):0(?!\.?\d*(?:%|vh|vw))|margin[\w-]*:[^;]*-\d{2})"
)
_FIRST_LINES: Final = "first lines"
_DULLS: Final = re.compile(r"font|color|opacity|visibility|line-height|letter-spacing|text-")
_CLIPS: Final = re.compile(r"(?<![\w-])overflow(?:-y)?:(?:hidden|clip)")
_SHORT: Final = re.compile(r"(?<![\w-])(?:max-)?height:\d+(?:\.\d+)?(?:px|pt|em|rem|in|cm|mm)?(?:;|!|\Z)")
_COVERS: Final = re.compile(
    r"(?<![\w-])(?:position:fixed|margin-bottom:-\d{2}|(?:min-)?(?:height|margin[\w-]*|padding[\w-]*):[^;]*(?:[3-9]\d{3}|\d{5,})px)"
)
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\([0-9a-f]{1,6})\s?|\\")


def text_footer(text: str, lines: Sequence[str], *, link: str | None = None) -> str:
    """Append the footer's lines to the text. `link` is the unsubscribe link."""
    below = [*lines, *([f"Unsubscribe: {link}"] if link else ())]
    if not below:
        return text
    footer = "\n".join(below) + "\n"
    return f"{text.rstrip()}\n\n{footer}" if text.strip() else footer


def html_footer(html: str, lines: Sequence[str], *, link: str | None = None) -> str:
    """Append the footer to the HTML, after all of its elements.

    Raises `Invalid` for HTML after which nothing could be read (`<plaintext>`, hundreds of open elements).
    """
    block = _block(lines, link)
    return html_below(html, block) if block else html


def html_below(html: str, block: str) -> str:
    """Append markup to the HTML, after all of its elements. Raises `Invalid` as `html_footer` does."""
    tail = _END.search(html, max(0, len(html) - _TAIL))
    at = tail.start() if tail else len(html)
    closers = _closing(html[:at])
    if closers is None:  # the end tags of the page were not parsed as tags: a comment or an attribute swallows them
        at = len(html)
        closers = _closing(html)
    if closers is None:
        raise _unreadable("ends inside a tag or an element that swallows all that follows")
    return f"{html[:at]}{closers}{block}\r\n{html[at:]}"


def without_text_footer(text: str, lines: Sequence[str], *, link: str | None = None) -> str | None:
    """The text without the footer that `text_footer` appended; None if it ends in another way."""
    footer = text_footer("", lines, link=link).rstrip()
    whole = text.rstrip()
    return whole.removesuffix(footer).rstrip() + "\n" if footer and whole.endswith(footer) else None


def without_html_footer(html: str, lines: Sequence[str], *, link: str | None = None) -> str | None:
    """The HTML without the block that `html_footer` appended; None if there is none."""
    block = f"{_block(lines, link)}\n"
    before, found, after = html.rpartition(block)
    return before + after if found and len(block) > 1 else None


def hidden_by(html: str) -> str | None:
    """What in an agent's HTML would hide the footer from its reader, in a few words; None if nothing does."""
    if "style" not in (lowered := html.lower()) and "hidden" not in lowered:
        return None
    for where, declared in _declarations(html):
        if where == _FIRST_LINES and _DULLS.search(declared):
            return f"a style of {where}"
        if where is not None and (_HIDES.search(declared) or (_CLIPS.search(declared) and _SHORT.search(declared))):
            return f"a style of {where}"
        if found := _COVERS.search(declared):
            return f"{found[0][:40]}, which lays a part of the message over it or pushes it out of sight"
    return None


def _block(lines: Sequence[str], link: str | None) -> str:
    shown = [htmllib.escape(line) for line in lines]
    if link:
        shown.append(f'<a href="{htmllib.escape(link)}" style="{_LINK}">Unsubscribe</a>')
    return f'<div style="{_STYLE}">{"<br>".join(shown)}</div>' if shown else ""


def _unreadable(what: str) -> Invalid:
    return Invalid(
        f"html {what}: the text that the desk adds could not be read",
        fix="close what the HTML opens, and use neither plaintext nor frameset",
        problems=(("html", what),),
    )


def _closing(html: str) -> str | None:
    """The text that closes everything open at the end of the HTML; None if nothing can."""
    raw = ""
    for closer in _CLOSERS:
        reached, opened, raw = _left_open(html + closer)
        if reached:
            return closer + "".join(f"</{name}>" for name in opened)
        if raw:
            break
    if raw:
        closer = f"</{raw}>"
        reached, opened, _ = _left_open(html + closer)
        return closer + "".join(f"</{name}>" for name in opened) if reached else None
    return None


def _left_open(html: str) -> tuple[bool, list[str], str]:
    """Whether a tag after the HTML is parsed as one, the elements it would be in, the raw element that swallows it.

    Raises `Invalid` where no closing text can help.
    """
    stack: list[str] = []
    reached = False
    last = ""
    for token in text_html.tokens(f"{html}<{_PROBE}>"):
        reached = False
        match token:
            case text_html.Open(name):
                if name in _SWALLOWING:
                    raise _unreadable(f"has a <{name}>")
                last = name if name in _RAW else ""
                if name == _PROBE:
                    reached = True
                elif name not in _VOID and name not in _PAGE and not (name in _IMPLIED and name in stack[-1:]):
                    stack.append(name)
            case text_html.Close(name):
                last = ""
                _close(stack, name)
            case text_html.Text():
                pass
    if len(stack) > _MOST:
        raise _unreadable(f"leaves {len(stack):,} elements open")
    names = stack[::-1]
    kept = [name for n, name in enumerate(names) if name not in _IMPLIED or name not in names[:n]]
    return reached, kept, "" if reached else last


def _close(stack: list[str], name: str) -> None:
    for back in range(1, min(_DEEP, len(stack)) + 1):
        if stack[-back] == name:
            del stack[-back:]
            return


def _declarations(html: str) -> Iterator[tuple[str | None, str]]:
    """Each rule and inline style, without spaces, in lower case, with its target if that is the whole page."""
    sheet = False
    for token in text_html.tokens(html):
        match token:
            case text_html.Open(name, attributes):
                sheet = name == "style"
                if name in {"html", "body"} and "hidden" in attributes:
                    yield name, "display:none"
                if "style" in attributes:
                    yield name if name in {"html", "body"} else None, _packed(attributes["style"])
            case text_html.Text(data) if sheet:
                for piece in _COMMENT.sub("", data).lower().split("}"):
                    prelude, brace, declared = piece.rpartition("{")
                    if brace:
                        yield _for_all(re.split(r"[{;]", prelude)[-1]), _packed(declared)
            case _:
                sheet = False


def _for_all(prelude: str) -> str | None:
    """The target of a selector that matches the whole page, or the lines and boxes of every element; else None."""
    if "first-line" in prelude or "first-letter" in prelude:
        return _FIRST_LINES
    last = [re.split(r"[\s>+~]", one.strip())[-1] for one in prelude.split(",")]
    return "the whole page" if any(_WHOLE.match(one) for one in last) else None


def _packed(style: str) -> str:
    if "\\" in style:
        style = _ESCAPE.sub(
            lambda found: chr(int(found[1], 16)) if found[1] and int(found[1], 16) < 0x110000 else "", style
        )
    return "".join(_COMMENT.sub("", style).lower().split())

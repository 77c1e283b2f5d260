"""Determine what HTML shows its reader and what it hides, in one pass over its tags.

Open elements are kept on a stack and closed as browsers do (HTML 13.2.6): a paragraph by the next block, a cell by the
next cell, and an end tag never reaches beyond its table. Searches of the stack are bounded, so nesting costs no more
than its length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from core.rules.content.css import STYLING, Look, Sheet, look
from core.text import html as text_html
from core.text import prechecks, unicode_safety
from core.text.html import Close, Open, Text

DEEP: Final = 64
"""Maximum number of open elements to search for the one an end tag closes."""
FIRST: Final = 80
"""Maximum number of characters of hidden text that an explanation quotes."""
_SILENT: Final = frozenset({"script", "style", "title", "iframe", "noembed", "noframes"})
_BLOCKS: Final = frozenset(
    {
        "p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "blockquote", "hr", "ul", "ol",
        "section", "article", "header", "footer", "pre", "center", "dl", "dt", "dd", "form",
    }
)  # fmt: skip
_CLOSE_SET: Final = frozenset({"br", "tr", "li", "dt", "dd", "div"})
"""Blocks drawn without an empty line below."""
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_TABLE: Final = frozenset({"table"})
_SCOPE: Final = frozenset({"table", "td", "th", "caption", "template", "object", "marquee", "applet"})
_CELLS: Final = frozenset({"td", "th", "tr", "tbody", "thead", "tfoot", "caption", "table"})
_ENDS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    **{name: (frozenset({"p"}), _SCOPE | {"button"}) for name in _BLOCKS - {"br", "tr"}},
    "li": (frozenset({"li"}), _SCOPE | {"ul", "ol"}),
    "td": (frozenset({"td", "th"}), frozenset({"tr", "table"})),
    "th": (frozenset({"td", "th"}), frozenset({"tr", "table"})),
    "tr": (frozenset({"tr"}), frozenset({"table"})),
    "dt": (frozenset({"dt", "dd"}), _SCOPE | {"dl"}),
    "dd": (frozenset({"dt", "dd"}), _SCOPE | {"dl"}),
    "a": (frozenset({"a"}), _SCOPE),
    "option": (frozenset({"option"}), frozenset({"select"})),
}
"""For each start tag, the open elements it closes, and those at which the search for them stops."""
_WORD: Final = re.compile(r"[^\W_]+")
_FILLERS: Final = dict.fromkeys(map(ord, "\u00ad\u034f\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
"""Characters that newsletters use to pad the inbox preview; they carry no meaning."""

_FILLER: Final = f"[{''.join(map(chr, _FILLERS))}]+"
_PADDING: Final = re.compile(rf"(?<!\w){_FILLER}|{_FILLER}(?!\w)")


@dataclass(frozen=True, slots=True)
class Row:
    """One visible line. `bare`: it has words outside links. `targets` are those of links with words.

    `gap`: a paragraph or heading ends here, so readers see an empty line below it.
    """

    text: str
    bare: bool
    targets: tuple[str, ...]
    gap: bool = True


@dataclass(frozen=True, slots=True)
class Sight:
    """`words` is all text of the HTML, hidden or not; `rows` is what its reader sees, `hidden` what they do not.

    `named` are the alternative texts of pictures, `given` the attribute values that hold more than plain characters.
    """

    words: str = ""
    rows: tuple[Row, ...] = ()
    hidden: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    images: int = 0

    @property
    def hides(self) -> bool:
        return any(_WORD.search(run) for run in self.hidden)

    @property
    def deceiving(self) -> int:
        """Number of hidden characters; preview padding does not count."""
        shown = unicode_safety.hidden_in("\n".join(row.text for row in self.rows))
        inside = sum(unicode_safety.hidden_in(_PADDING.sub("", run)) for run in self.hidden)
        return shown + inside + sum(unicode_safety.hidden_in(value) for value in self.given)

    def kept_back(self, also: str = "") -> tuple[str, ...]:
        """Hidden runs of text whose content appears nowhere in the visible text.

        A preheader, or a second version for small screens, repeats visible text (or `also`, the subject) and does not
        count: one word in five may be its own, but no figure.
        """
        if not self.hidden:
            return ()
        shown = {word for text in (*(row.text for row in self.rows), *self.named, also) for word in _words(text)}
        return tuple(" ".join(run.split())[:FIRST] for run in self.hidden if _own(_words(run), shown))


def _words(text: str) -> list[str]:
    if text.isascii():
        return prechecks.ascii_words(text.lower())
    return _WORD.findall(unicodedata.normalize("NFKC", text.translate(_FILLERS)).lower())


def _is_plain(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or unicode_safety.PLAIN.issuperset(text)


def _own(words: list[str], shown: set[str]) -> bool:
    missing = [word for word in words if word not in shown]
    return len(missing) * 5 > len(words) or any(char.isdigit() for word in missing for char in word)


def sight(html: str) -> Sight:
    """Read HTML. Never raises, whatever the message contains."""
    reader = _Reader()
    for token in text_html.tokens(html):
        match token:
            case Open(name, given):
                reader.open(name, given)
            case Close(name):
                reader.close(name)
            case Text(data):
                reader.text(data)
            case _:
                assert_never(token)
    return reader.done()


@dataclass(slots=True)
class _Reader:
    out: list[str] = field(default_factory=list)
    stack: list[tuple[str, Look]] = field(default_factory=list)
    look: Look = field(default_factory=Look)
    sheet: Sheet = field(default_factory=Sheet)
    rows: list[Row] = field(default_factory=list)
    row: list[str] = field(default_factory=list)
    bare: bool = False
    targets: dict[str, None] = field(default_factory=dict)
    hidden: list[list[str]] = field(default_factory=list)
    hiding: bool = False
    named: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    images: int = 0
    target: str | None = None
    raw: str = ""
    looks: dict[tuple[Look | str | bool | None, ...], Look] = field(default_factory=dict)

    def open(self, name: str, given: Mapping[str, str]) -> None:
        if given:
            self.given += [value for value in given.values() if not _is_plain(value)]
        if name in _ENDS:
            self._end(*_ENDS[name])
        self._break(name)
        drawn = self._drawn(name, given)
        if name == "a":
            self.target = given.get("href")
        elif name == "img":
            self.images += 1
            self.out.append(f"[image {given.get('alt', '')}]".replace(" ]", "]"))
            if drawn.sees:
                self.named.append(given.get("alt", ""))
        if name in _SILENT:
            self.raw = name
        elif name not in _VOID:
            self.stack.append((name, self.look))
            self.look = drawn

    def _drawn(self, name: str, given: Mapping[str, str]) -> Look:
        """How an element is drawn; worked out once for all that are styled alike, as the rows of a newsletter are."""
        linked = name == "a" and ("href" in given or "xlink:href" in given)
        key = (self.look, name, linked, *map(given.get, STYLING))
        drawn = self.looks.get(key)
        if drawn is None:
            drawn = self.looks[key] = look(self.look, name, given, self.sheet)
        return drawn

    def close(self, name: str) -> None:
        if name == self.raw:
            self.raw = ""
            return
        self._break(name)
        if name == "a" and self.target is not None:
            self.out.append(f" ({self.target})")
            self.target = None
        self._end(frozenset({name}), _TABLE if name in _CELLS else _SCOPE)

    def text(self, data: str) -> None:
        if self.raw:
            if self.raw == "style":
                self.sheet.add(data)
                self.looks.clear()
            return
        self.out.append(data.replace("\n", " "))
        if not self.look.sees:
            if not self.hiding:
                self.hidden.append([])
            self.hiding = True
            self.hidden[-1].append(data)
            return
        if not data.isspace():
            self.hiding = False
        self.row.append(data.replace("\n", " ").replace("\r", " "))
        if _WORD.search(data):
            if self.target is None:
                self.bare = True
            else:
                self.targets[self.target] = None

    def done(self) -> Sight:
        self._break("p")
        lines = "".join(self.out).splitlines()
        words = re.sub(r"\n{3,}", "\n\n", "\n".join(" ".join(line.split()) for line in lines)).strip()
        hidden = tuple("".join(run) for run in self.hidden)
        return Sight(words, tuple(self.rows), hidden, tuple(self.named), tuple(self.given), self.images)

    def _break(self, name: str) -> None:
        if name not in _BLOCKS:
            if name in {"td", "th"}:
                self.row.append(" ")
            return
        self.out.append("\n")
        if self.hiding:
            self.hidden[-1].append(" ")
        if self.row:
            self.rows.append(Row("".join(self.row), self.bare, tuple(self.targets), name not in _CLOSE_SET))
            self.row, self.bare, self.targets = [], False, {}

    def _end(self, names: frozenset[str], stops: frozenset[str]) -> None:
        """Close the innermost open element with one of these names, and everything open inside it."""
        for back in range(1, min(DEEP, len(self.stack)) + 1):
            name = self.stack[-back][0]
            if name in names:
                self.look = self.stack[-back][1]
                del self.stack[-back:]
                return
            if name in stops:
                return

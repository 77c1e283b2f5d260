"""Determine how a piece of HTML is rendered, as far as that decides its visibility: size, colour, position.

This is not a style engine. It reads inline declarations and rules with one simple selector, as mail clients support
them. What cannot be judged (a background image, a nested selector's colour) counts as visible, to avoid false alarms on
newsletter layouts. Rules for narrow screens (`@media (...)`) do not apply to every reader and are left out.

tinycss2 parses the CSS: escapes, strings, blocks and colours, as CSS Syntax 3 and CSS Color 4 define them. The result
is serialised to plain text again, because lengths and functions are judged by their text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

Colour = tuple[int, int, int]
Declared = Mapping[str, tuple[str, bool]]
"""Maps each property to its value and whether it is `!important`."""

TINY: Final = 3.0
"""Font size in pixels below which text is unreadable: preheaders use 0 or 1."""
FAINT: Final = 0.1
ALIKE: Final = 16
"""Maximum difference per channel at which two colours look the same to a reader."""
FAR: Final = -400.0
WHITE: Final = (255, 255, 255)
_LINK: Final = (0, 0, 238)
_DIGITS: Final = re.compile(r"\d{9}\d+")
"""Ten or more digits: no length needs them, and Python refuses integers of thousands of digits."""
_SHORT: Final = 500
"""Maximum length of a style that is cached: newsletters repeat one style in hundreds of cells."""
_NESTED: Final = 3
_LENGTH: Final = re.compile(r"([-+]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}))(px|pt|em|rem|%|vh|vw|cm|mm|in|pc|ex|ch)?")
_OF_FONT: Final = re.compile(r"(?<![\w.#-])(?:\d{1,9}\.?\d{0,9}(?:px|pt|em|rem|%)|0(?=[/\s]))")
_SIMPLE: Final = re.compile(r"(?:[a-z][\w-]*|\*)?(?:[.#][\w-]+)?")
_HASHLESS: Final = re.compile(r"[0-9a-f]{6}")
"""A colour without `#`, valid in attributes, and in styles in quirks mode (Quirks Mode Standard 3.1)."""
_UNITS: Final = {
    "px": 1.0,
    "pt": 1.333,
    "rem": 16.0,
    "cm": 37.8,
    "mm": 3.78,
    "in": 96.0,
    "pc": 16.0,
    "vh": 8.0,
    "vw": 8.0,
}
_READ: Final = frozenset(
    {
        "display", "visibility", "opacity", "filter", "overflow", "overflow-x", "overflow-y", "height", "max-height",
        "width", "max-width", "position", "left", "top", "right", "bottom", "clip", "clip-path", "transform",
        "text-indent", "margin-left", "margin-top", "margin-right", "font", "font-size", "color",
        "-webkit-text-fill-color", "background", "background-color", "background-image", "background-clip",
        "-webkit-background-clip",
    }
)  # fmt: skip
"""The properties that `look` reads.

Others are dropped at once: ten thousand of them in one rule, for ten thousand elements or selectors, would keep a desk
busy for minutes.
"""


@dataclass(frozen=True, slots=True)
class Look:
    """How text is drawn. A colour or ground of None cannot be judged; `gone`: nothing inside can be seen."""

    gone: bool = False
    invisible: bool = False
    size: float = 16.0
    opacity: float = 1.0
    colour: Colour | None = (0, 0, 0)
    clear: bool = False
    """Whether the text colour itself is transparent."""
    ground: Colour | None = WHITE

    @property
    def sees(self) -> bool:
        """Whether a reader sees text with this look."""
        if self.gone or self.invisible or self.clear or self.size < TINY or self.opacity < FAINT:
            return False
        if self.colour is None or self.ground is None:
            return True
        return any(abs(a - b) > ALIKE for a, b in zip(self.colour, self.ground, strict=True))


def declared(style: str) -> Declared:
    """The relevant declarations of a style: the last of each property, unless an earlier one is `!important`."""
    return _remembered(style) if len(style) <= _SHORT else _declared(style)


def _declared(block: str | list[Any]) -> Declared:
    import tinycss2  # noqa: PLC0415 - 50 ms of CPU that commands which read no mail need not spend

    tokens = _DIGITS.sub("999999999", block) if isinstance(block, str) else block
    found: dict[str, tuple[str, bool]] = {}
    for one in tinycss2.parse_blocks_contents(tokens, skip_comments=True, skip_whitespace=True):
        if one.type == "declaration" and one.lower_name in _READ:
            _put(found, one.lower_name, (_spelled(one.value).strip(), one.important))
    return found


_remembered: Final = lru_cache(maxsize=1024)(_declared)


def _put(found: dict[str, tuple[str, bool]], name: str, declaration: tuple[str, bool]) -> None:
    if declaration[1] or not found.get(name, ("", False))[1]:
        found[name] = declaration


def _spelled(tokens: Iterable[Any], *, within: int = 0) -> str:
    """Serialise CSS canonically: lower case, no escapes, no comments. Deep nesting decides nothing and is dropped."""
    return "".join(_spelled_one(token, within=within) for token in tokens)


def _spelled_one(token: Any, *, within: int) -> str:
    match token.type:
        case "ident":
            text = token.lower_value
        case "whitespace":
            text = " "
        case "literal":
            text = token.value
        case "hash":
            text = f"#{token.value.lower()}"
        case "number" | "percentage" | "dimension":
            text = _number(token) + ("%" if token.type == "percentage" else getattr(token, "lower_unit", ""))
        case "function" if within < _NESTED:
            text = f"{token.lower_name}({_spelled(token.arguments, within=within + 1)})"
        case "() block" if within < _NESTED:
            text = f"({_spelled(token.content, within=within + 1)})"
        case "url":
            text = "url()"
        case _:
            text = "?"
    return str(text)


def _number(token: Any) -> str:
    """The number as written, but with exponents expanded: `1e-3` becomes 0.001."""
    if "e" not in token.representation.lower():
        return str(token.representation)
    return f"{max(-999_999_999, min(999_999_999, token.value)):.6f}"


# --- sheets -------------------------------------------------------------------------------------------------------


def rules(css: str) -> Iterator[tuple[str, Declared]]:
    """`(selector, declarations)` of each simple selector: a name, a class, an id, or a name with one of the others."""
    import tinycss2  # noqa: PLC0415 - as above

    sheet = tinycss2.parse_stylesheet(_DIGITS.sub("999999999", css), skip_comments=True, skip_whitespace=True)
    waiting = [iter(sheet)]  # no recursion: hostile sheets nest blocks by the thousand
    while waiting:
        one = next(waiting[-1], None)
        if one is None:
            waiting.pop()
        elif one.type == "qualified-rule":
            declared = _declared(one.content)
            for selector in _spelled(one.prelude).split(","):
                yield from _rule(selector.strip(), declared)
        elif one.type == "at-rule" and one.content is not None and _for_every_reader(one):
            waiting.append(iter(tinycss2.parse_rule_list(one.content, skip_comments=True, skip_whitespace=True)))


def _for_every_reader(rule: Any) -> bool:
    condition = _spelled(rule.prelude)
    return rule.lower_at_keyword in {"media", "supports", "layer"} and not ("(" in condition or "print" in condition)


def _rule(selector: str, declared: Declared) -> Iterator[tuple[str, Declared]]:
    if _SIMPLE.fullmatch(selector) and selector:
        yield selector.removeprefix("*") or "*", declared
        return
    last = re.split(r"[\s>+~]", selector)[-1]
    if _SIMPLE.fullmatch(last) and last:  # its scope is unknown, so its colours cannot be judged
        unknown = {name: ("unknown", False) for name in declared if name.startswith(("background", "color"))}
        if unknown:
            yield last, unknown


class Sheet:
    """The rules of a message's `<style>` elements, by selector."""

    def __init__(self) -> None:
        self._rules: dict[str, dict[str, tuple[str, bool]]] = {}

    def add(self, css: str) -> None:
        for selector, declared in rules(css):
            known = self._rules.setdefault(selector, {})
            for name, value in declared.items():
                _put(known, name, value)

    def given(self, name: str, attributes: Mapping[str, str]) -> dict[str, tuple[str, bool]]:
        """The declarations that apply to an element, its own style last."""
        found: dict[str, tuple[str, bool]] = {}
        if self._rules:
            classes = dict.fromkeys(attributes.get("class", "").lower().split())
            keys = ["*", name, *(f".{one}" for one in classes), *(f"{name}.{one}" for one in classes)]
            if one := attributes.get("id", "").lower():
                keys += [f"#{one}", f"{name}#{one}"]
            for key in keys:
                for what, value in self._rules.get(key, {}).items():
                    _put(found, what, value)
        if "style" in attributes:
            for what, value in declared(attributes["style"]).items():
                _put(found, what, value)
        return found


STYLING: Final = ("class", "id", "style", "hidden", "bgcolor", "background", "color", "text", "size", "open")
"""The attributes that `look` depends on; of a link also whether it leads anywhere."""

# --- looks --------------------------------------------------------------------------------------------------------


def look(above: Look, name: str, attributes: Mapping[str, str], sheet: Sheet) -> Look:
    """How an element is drawn inside a parent drawn as `above`."""
    declared = {what: value for what, (value, _) in sheet.given(name, attributes).items()}
    legacy = attributes.keys() & {"hidden", "bgcolor", "background", "color", "text", "size"}
    if not declared and not legacy and name not in {"a", "dialog", "template"}:
        return above
    hidden = (
        above.gone
        or ("hidden" in attributes and "display" not in declared)
        or (name == "dialog" and "open" not in attributes)
        or name == "template"
        or _gone(declared)
    )
    opacity = above.opacity * _fraction(declared.get("opacity", "1"))
    if found := re.search(r"opacity\(([^)]{1,20})\)", declared.get("filter", "")):
        opacity *= _fraction(found[1])
    visibility = declared.get("visibility", "inherit")
    invisible = visibility in {"hidden", "collapse"} or (above.invisible and visibility == "inherit")
    drawn = replace(
        above, gone=hidden, opacity=opacity, invisible=invisible, size=_size(above, name, attributes, declared)
    )
    drawn = replace(drawn, ground=_ground(above, attributes, declared))
    return _coloured(drawn, name, attributes, declared)


def _gone(declared: Mapping[str, str]) -> bool:
    if declared.get("display") == "none":
        return True
    if declared.get("overflow", declared.get("overflow-y", declared.get("overflow-x", ""))).startswith(
        ("hidden", "clip")
    ):
        sides = [_pixels(declared[side]) for side in ("height", "max-height", "width", "max-width") if side in declared]
        if any(side is not None and side < TINY - 1 for side in sides):
            return True
    moves = ["text-indent", "margin-left", "margin-top", "margin-right"]
    if declared.get("position") in {"absolute", "fixed", "relative"}:
        moves += ["left", "top", "right", "bottom"]
        if re.match(r"rect\(\s*(?:0|1px)\D", declared.get("clip", "")):
            return True
    if any((_pixels(declared[move]) or 0.0) <= FAR for move in moves if move in declared):
        return True
    turned = declared.get("transform", "")
    if re.search(r"scale[xy]?\(\s*0(?:\.0\d*)?\s*[,)]", turned) or re.search(r"translate\w*\([^)]{0,20}-\d{4}", turned):
        return True
    return re.match(r"(?:inset\(\s*(?:50|100)%|circle\(\s*0)", declared.get("clip-path", "")) is not None


def _pixels(value: str, *, whole: float = 16.0) -> float | None:
    """A length in pixels, or None if it cannot be computed. `whole` is the base of em and percentages."""
    found = _LENGTH.fullmatch(value)
    if found is None:
        numbers = re.findall(r"\d{1,9}(?:\.\d{1,9})?", value)
        return 0.0 if "(" in value and numbers and all(float(number) == 0 for number in numbers) else None
    number, unit = float(found[1]), found[2]
    match unit:
        case "%":
            return whole * number / 100
        case "em" | "ex" | "ch":
            return whole * number
        case None:
            return number
        case _:
            return number * _UNITS[unit]


def _size(above: Look, name: str, attributes: Mapping[str, str], declared: Mapping[str, str]) -> float:
    value = declared.get("font-size")
    if value is None and (shorthand := _OF_FONT.search(declared.get("font", ""))):
        value = shorthand[0]
    if value is None:
        return 16.0 if name == "font" and "size" in attributes else above.size
    size = _pixels(value, whole=above.size)
    return size if size is not None else above.size if value in {"inherit", "smaller", "larger"} else 13.0


def _fraction(value: str) -> float:
    found = _LENGTH.fullmatch(value.strip())
    if found is None:
        return 1.0
    return min(1.0, max(0.0, float(found[1]) / (100 if found[2] == "%" else 1)))


def _ground(above: Look, attributes: Mapping[str, str], declared: Mapping[str, str]) -> Colour | None:
    shorthand = declared.get("background", "")
    painted = shorthand + declared.get("background-image", "")
    if "background" in attributes or "url(" in painted or "gradient" in painted or shorthand == "unknown":
        return None
    named = declared.get("background-color") or shorthand or attributes.get("bgcolor", "").lower().strip()
    if not named or named in {"none", "transparent", "inherit", "initial", "unset"}:
        return above.ground
    found, opaque = _colour(named)
    if found is None and opaque and " " in named:
        found = next((one for word in named.split() if (one := _colour(word)[0]) is not None), None)
    if opaque >= 1:
        return found
    return above.ground if opaque < FAINT else None


def _coloured(drawn: Look, name: str, attributes: Mapping[str, str], declared: Mapping[str, str]) -> Look:
    named = declared.get("-webkit-text-fill-color") or declared.get("color")
    legacy = "text" if name == "body" else "color" if name == "font" else ""
    named = named or attributes.get(legacy, "").lower().strip()
    if not named:
        linked = name == "a" and ("href" in attributes or "xlink:href" in attributes)
        return replace(drawn, colour=_LINK, clear=False) if linked else drawn
    if "text" in (declared.get("background-clip"), declared.get("-webkit-background-clip")):
        return replace(drawn, colour=None, clear=False)  # text filled with its background
    if named == "inherit":
        return drawn
    found, opaque = _colour(named)
    return replace(drawn, colour=found if opaque >= 1 else None, clear=opaque < FAINT)


@lru_cache(maxsize=1024)
def _colour(value: str) -> tuple[Colour | None, float]:
    """A colour and its opacity; the colour is None if it cannot be computed."""
    from tinycss2 import color4  # noqa: PLC0415 - as above

    try:
        found = color4.parse_color(f"#{value}" if _HASHLESS.fullmatch(value) else value)
        if found is None or isinstance(found, str):  # "currentcolor"
            return None, 1.0
        red, green, blue = (round(255 * max(0.0, min(1.0, part))) for part in found.to("srgb").coordinates)
    except (ValueError, NotImplementedError):  # `color()`; other colour spaces such as lab() are not converted to sRGB
        return None, 1.0
    return (red, green, blue), found.alpha

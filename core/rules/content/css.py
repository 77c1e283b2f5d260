"""How a piece of HTML would be drawn, as far as it decides whether its reader sees it: size, colour, place.

Not a style engine: inline declarations and rules of one simple selector are read, as mail programs support them; what
cannot be judged (a picture as ground, a nested selector's colour) counts as seen, so that a newsletter's layout does
not cry wolf. A narrow screen's rules (`@media (...)`) are no statement about every reader and are left out.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

Colour = tuple[int, int, int]
Declared = Mapping[str, tuple[str, bool]]
"""A property's value, and whether it is important."""

TINY: Final = 3.0
"""Pixels below which nobody reads: preheaders take 0 or 1."""
FAINT: Final = 0.1
ALIKE: Final = 16
"""What every channel of two colours may differ by and still be one colour to a reader."""
FAR: Final = -400.0
WHITE: Final = (255, 255, 255)
_LINK: Final = (0, 0, 238)
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)
_LENGTH: Final = re.compile(r"([-+]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}))(px|pt|em|rem|%|vh|vw|cm|mm|in|pc|ex|ch)?")
_OF_FONT: Final = re.compile(r"(?<![\w.#-])(?:\d{1,9}\.?\d{0,9}(?:px|pt|em|rem|%)|0(?=[/\s]))")
_SIMPLE: Final = re.compile(r"(?:[a-z][\w-]*|\*)?(?:[.#][\w-]+)?")
_HEX: Final = re.compile(r"#?([0-9a-f]{6})(?:[0-9a-f]{2})?|#([0-9a-f]{3})[0-9a-f]?")
_CALLED: Final = re.compile(r"(rgb|hsl)a?\(([^()]{1,80})\)")
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
_NAMES: Final[Mapping[str, Colour]] = {
    name: (value >> 16, value >> 8 & 255, value & 255)
    for name, value in {
        "white": 0xFFFFFF, "snow": 0xFFFAFA, "ivory": 0xFFFFF0, "ghostwhite": 0xF8F8FF, "whitesmoke": 0xF5F5F5,
        "floralwhite": 0xFFFAF0, "azure": 0xF0FFFF, "mintcream": 0xF5FFFA, "seashell": 0xFFF5EE, "honeydew": 0xF0FFF0,
        "aliceblue": 0xF0F8FF, "lightyellow": 0xFFFFE0, "linen": 0xFAF0E6, "lavenderblush": 0xFFF0F5, "black": 0,
        "red": 0xFF0000, "green": 0x008000, "lime": 0x00FF00, "blue": 0x0000FF, "yellow": 0xFFFF00, "navy": 0x000080,
        "gray": 0x808080, "grey": 0x808080, "silver": 0xC0C0C0, "maroon": 0x800000, "purple": 0x800080,
        "teal": 0x008080, "aqua": 0x00FFFF, "cyan": 0x00FFFF, "fuchsia": 0xFF00FF, "magenta": 0xFF00FF,
        "olive": 0x808000, "orange": 0xFFA500, "gainsboro": 0xDCDCDC, "lightgray": 0xD3D3D3, "lightgrey": 0xD3D3D3,
        "darkgray": 0xA9A9A9, "darkgrey": 0xA9A9A9, "dimgray": 0x696969, "dimgrey": 0x696969,
    }.items()
}  # fmt: skip


_READ: Final = frozenset(
    {
        "display", "visibility", "opacity", "filter", "overflow", "overflow-x", "overflow-y", "height", "max-height",
        "width", "max-width", "position", "left", "top", "right", "bottom", "clip", "clip-path", "transform",
        "text-indent", "margin-left", "margin-top", "margin-right", "font", "font-size", "color",
        "-webkit-text-fill-color", "background", "background-color", "background-image", "background-clip",
        "-webkit-background-clip",
    }
)  # fmt: skip
"""The properties that `look` reads. Others are dropped at once: ten thousand of them in one rule, for ten thousand
elements or selectors, would keep a desk busy for minutes."""


@dataclass(frozen=True, slots=True)
class Look:
    """How text is drawn here. A colour or ground of None cannot be judged; `gone`: nothing inside can be seen."""

    gone: bool = False
    invisible: bool = False
    size: float = 16.0
    opacity: float = 1.0
    colour: Colour | None = (0, 0, 0)
    clear: bool = False
    """Whether the letters themselves are transparent."""
    ground: Colour | None = WHITE

    @property
    def sees(self) -> bool:
        """Whether a reader sees text that is drawn so."""
        if self.gone or self.invisible or self.clear or self.size < TINY or self.opacity < FAINT:
            return False
        if self.colour is None or self.ground is None:
            return True
        return any(abs(a - b) > ALIKE for a, b in zip(self.colour, self.ground, strict=True))


def declared(style: str) -> dict[str, tuple[str, bool]]:
    """The declarations of a style that are read, the last of each property unless an earlier one is important."""
    if "\\" in style:
        style = _ESCAPE.sub(_unescaped, style)
    if "/*" in style:
        style = _COMMENT.sub("", style)
    found: dict[str, tuple[str, bool]] = {}
    for piece in style.lower().split(";"):
        name, colon, value = piece.partition(":")
        if colon and (known := name.strip()) in _READ:
            plain, mark, _ = value.partition("!")
            _put(found, known, (plain.strip(), bool(mark)))
    return found


def _put(found: dict[str, tuple[str, bool]], name: str, given: tuple[str, bool]) -> None:
    if given[1] or not found.get(name, ("", False))[1]:
        found[name] = given


def _unescaped(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else 0
    return chr(code) if 0 < code < 0x110000 else found[2] or ""


# --- sheets -------------------------------------------------------------------------------------------------------


def rules(css: str) -> Iterator[tuple[str, Declared]]:
    """`(selector, declarations)` of each simple selector: a name, a class, an id, or a name with one of the others."""
    css = _COMMENT.sub("", css)
    at = 0
    while (brace := css.find("{", at)) >= 0:
        prelude = re.split(r"[;}]", css[at:brace].lower())[-1].strip()
        if prelude.startswith("@"):
            plain = prelude.split()[0] in {"@media", "@supports", "@layer"} and "(" not in prelude
            at = brace + 1 if plain and "print" not in prelude else _closed(css, brace)
            continue
        end = css.find("}", brace)
        end = len(css) if end < 0 else end
        given = declared(css[brace + 1 : end])
        at = end + 1
        for selector in prelude.split(","):
            yield from _rule(selector.strip(), given)


def _rule(selector: str, given: Declared) -> Iterator[tuple[str, Declared]]:
    if _SIMPLE.fullmatch(selector) and selector:
        yield selector.removeprefix("*") or "*", given
        return
    last = re.split(r"[\s>+~]", selector)[-1]
    if _SIMPLE.fullmatch(last) and last:  # where it applies is not known, so its colours cannot be judged
        unknown = {name: ("unknown", False) for name in given if name.startswith(("background", "color"))}
        if unknown:
            yield last, unknown


def _closed(css: str, brace: int) -> int:
    """Where the block that opens at `brace` ends."""
    depth = 0
    for found in re.compile(r"[{}]").finditer(css, brace):
        depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return found.end()
    return len(css)


class Sheet:
    """The rules of a mail's `<style>` elements, by selector."""

    def __init__(self) -> None:
        self._rules: dict[str, dict[str, tuple[str, bool]]] = {}

    def add(self, css: str) -> None:
        for selector, given in rules(css):
            known = self._rules.setdefault(selector, {})
            for name, value in given.items():
                _put(known, name, value)

    def given(self, name: str, attributes: Mapping[str, str]) -> dict[str, tuple[str, bool]]:
        """What is declared for an element, its own style last."""
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


# --- looks --------------------------------------------------------------------------------------------------------


def look(above: Look, name: str, attributes: Mapping[str, str], sheet: Sheet) -> Look:
    """How an element is drawn inside of one that is drawn as `above`."""
    given = {what: value for what, (value, _) in sheet.given(name, attributes).items()}
    legacy = attributes.keys() & {"hidden", "bgcolor", "background", "color", "text", "size"}
    if not given and not legacy and name not in {"a", "dialog", "template"}:
        return above
    gone = (
        above.gone
        or ("hidden" in attributes and "display" not in given)
        or (name == "dialog" and "open" not in attributes)
        or name == "template"
        or _gone(given)
    )
    opacity = above.opacity * _fraction(given.get("opacity", "1"))
    if found := re.search(r"opacity\(([^)]{1,20})\)", given.get("filter", "")):
        opacity *= _fraction(found[1])
    visibility = given.get("visibility", "inherit")
    invisible = visibility in {"hidden", "collapse"} or (above.invisible and visibility == "inherit")
    drawn = replace(above, gone=gone, opacity=opacity, invisible=invisible, size=_size(above, name, attributes, given))
    drawn = replace(drawn, ground=_ground(above, attributes, given))
    return _coloured(drawn, name, attributes, given)


def _gone(given: Mapping[str, str]) -> bool:
    if given.get("display") == "none":
        return True
    if given.get("overflow", given.get("overflow-y", given.get("overflow-x", ""))).startswith(("hidden", "clip")):
        sides = [_pixels(given[side]) for side in ("height", "max-height", "width", "max-width") if side in given]
        if any(side is not None and side < TINY - 1 for side in sides):
            return True
    moves = ["text-indent", "margin-left", "margin-top", "margin-right"]
    if given.get("position") in {"absolute", "fixed", "relative"}:
        moves += ["left", "top", "right", "bottom"]
        if re.match(r"rect\(\s*(?:0|1px)\D", given.get("clip", "")):
            return True
    if any((_pixels(given[move]) or 0.0) <= FAR for move in moves if move in given):
        return True
    turned = given.get("transform", "")
    if re.search(r"scale[xy]?\(\s*0(?:\.0\d*)?\s*[,)]", turned) or re.search(r"translate\w*\([^)]{0,20}-\d{4}", turned):
        return True
    return re.match(r"(?:inset\(\s*(?:50|100)%|circle\(\s*0)", given.get("clip-path", "")) is not None


def _pixels(value: str, *, whole: float = 16.0) -> float | None:
    """A length; `whole` is what em and per cent are of. None: it cannot be told."""
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


def _size(above: Look, name: str, attributes: Mapping[str, str], given: Mapping[str, str]) -> float:
    value = given.get("font-size")
    if value is None and (shorthand := _OF_FONT.search(given.get("font", ""))):
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


def _ground(above: Look, attributes: Mapping[str, str], given: Mapping[str, str]) -> Colour | None:
    shorthand = given.get("background", "")
    painted = shorthand + given.get("background-image", "")
    if "background" in attributes or "url(" in painted or "gradient" in painted or shorthand == "unknown":
        return None
    named = given.get("background-color") or shorthand or attributes.get("bgcolor", "").lower().strip()
    if not named or named in {"none", "transparent", "inherit", "initial", "unset"}:
        return above.ground
    found, opaque = _colour(named)
    if found is None and opaque and " " in named:
        found = next((one for word in named.split() if (one := _colour(word)[0]) is not None), None)
    if opaque >= 1:
        return found
    return above.ground if opaque < FAINT else None


def _coloured(drawn: Look, name: str, attributes: Mapping[str, str], given: Mapping[str, str]) -> Look:
    named = given.get("-webkit-text-fill-color") or given.get("color")
    legacy = "text" if name == "body" else "color" if name == "font" else ""
    named = named or attributes.get(legacy, "").lower().strip()
    if not named:
        linked = name == "a" and ("href" in attributes or "xlink:href" in attributes)
        return replace(drawn, colour=_LINK, clear=False) if linked else drawn
    if "text" in (given.get("background-clip"), given.get("-webkit-background-clip")):
        return replace(drawn, colour=None, clear=False)  # letters filled with their ground
    if named == "inherit":
        return drawn
    found, opaque = _colour(named)
    return replace(drawn, colour=found if opaque >= 1 else None, clear=opaque < FAINT)


def _colour(value: str) -> tuple[Colour | None, float]:
    """A colour and how opaque it is; None: it cannot be told."""
    if value == "transparent":
        return None, 0.0
    if value in _NAMES:
        return _NAMES[value], 1.0
    if found := _HEX.fullmatch(value):
        digits = found[1] or "".join(digit * 2 for digit in found[2])
        alpha = value.lstrip("#")[len(found[1] or found[2]) :]
        return _rgb(int(digits, 16)), int(alpha, 16) / (16 ** len(alpha) - 1) if alpha else 1.0
    called = _CALLED.fullmatch(value)
    parts = re.split(r"[\s,/]+", called[2].strip()) if called else []
    numbers = [float(one[1]) for part in parts if (one := _LENGTH.match(part))]
    if called is None or len(numbers) != len(parts) or len(parts) not in {3, 4}:
        return None, 1.0
    opaque = _fraction(parts[3]) if len(parts) == 4 else 1.0
    if called[1] == "hsl":
        red, green, blue = colorsys.hls_to_rgb(numbers[0] / 360, numbers[2] / 100, numbers[1] / 100)
        return (round(red * 255), round(green * 255), round(blue * 255)), opaque
    first = [number * 2.55 if part.endswith("%") else number for number, part in zip(numbers, parts, strict=True)]
    return (round(first[0]), round(first[1]), round(first[2])), opaque


def _rgb(value: int) -> Colour:
    return value >> 16, value >> 8 & 255, value & 255

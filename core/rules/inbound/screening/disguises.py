"""Undo what hides words from people or filters: tag characters, spaced letters, digits for letters, base64, rot13."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from core.rules.inbound.screening.types import Finding
from core.text import prechecks, unicode_safety
from core.text.prechecks import Guarded

LONGEST: Final = 40_000
"""Characters that are undone."""
_TAGS: Final = re.compile("[\U000e0020-\U000e007e]{2,}")
_FLAG: Final = re.compile("\U0001f3f4[\U000e0020-\U000e007f]{1,8}")
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{6,}")
_LETTER: Final = "A-Za-z\u00c0-\u024f\u0370-\u052f"
_ZERO: Final = "\u200b-\u200d\u2060-\u2064\ufeff\u180e\u061c\u034f"
_INSIDE: Final = re.compile(f"(?<=[{_LETTER}])[{_ZERO}]+(?=[{_LETTER}])")
_CODE: Final = re.compile(f"[{_ZERO}]{{12,}}")
_OVERRIDE: Final = re.compile("[\u202d\u202e]")
_SPACED: Final = re.compile(r"(?<!\S)(?:[^\W\d_][ ._*|/~-]{1,3}){7,}[^\W\d_](?!\S)")
_APART: Final = bytes(
    ord(" ") if chr(code) in " ._*|/~-" else ord("a") if chr(code).isalpha() or chr(code) == "?" else ord("\n")
    for code in range(256)
)
"""For `_SPACED`: what parts letters is a blank, a letter an a; a question mark stands for all that is not ASCII."""
_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/]{32,4000}={0,2}(?![A-Za-z0-9+/=])")
_HEX: Final = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}[ :]?){24,2000}(?![0-9a-fA-F])|(?:\\x[0-9a-fA-F]{2}){12,}")
_ESCAPED: Final = re.compile(r"(?:%[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|&#x?[0-9a-fA-F]{2,5};){8,}")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_LEET_MARK: Final = Guarded(re.compile("[013457@$!]"), tuple("013457@$!"))
"""One of these is in all that stands between blanks and that `_LEET_WORD` matches in."""
_LEET_WORD: Final = re.compile(r"(?=[^\s]{0,30}[a-zA-Z])(?=[^\s]{0,30}[013457@$!])[a-zA-Z013457@$!]{4,30}")
_TELLING: Final = ("ignore", "disregard", "instruction", "forget", "prompt")
"""One of these is in what is worth reading backwards."""
_BACKWARDS: Final = tuple(word[::-1] for word in _TELLING)
_ROTATED: Final = tuple(codecs.encode(word, "rot13") for word in _TELLING)
_ADDRESS_OR_LINK_MARK: Final = Guarded(re.compile("@|https?:"), ("@", "http"))
_ADDRESS_OR_LINK: Final = re.compile(r"\S{1,64}@\S{1,64}\.\S{1,64}|https?:\S{1,300}")
_LONG_BASE64: Final = prechecks.Run(f"{prechecks.ALNUM}+/", 32)
_LONG_HEX: Final = prechecks.Run("0123456789abcdefABCDEF :", 48)
_READABLE: Final = re.compile(r"[\x20-\x7e\n\r\t]{16,}")


@dataclass(frozen=True, slots=True)
class Undone:
    """Text that was hidden or encoded, and how."""

    how: str
    text: str

    @property
    def deliberate(self) -> bool:
        """Whether somebody encoded it: chance does not make readable text."""
        return self.how in {"base64", "hexadecimal", "Unicode tag characters", "escapes"}


def hidden_characters(text: str, where: str) -> Iterator[Finding]:
    """Characters that carry text nobody sees."""
    if text.isascii():
        return
    unflagged = _FLAG.sub("", text)
    tags = sum(len(run) for run in _TAGS.findall(unflagged))
    if tags:
        said = "".join(_TAGS.findall(unflagged))
        yield Finding(
            "tag_characters",
            "Unicode tag characters spell a text that nobody sees",
            0.85,
            where,
            untagged(said),
        )
    if _SELECTORS.search(text):
        yield Finding("variation_selectors", "variation selectors carry a hidden text", 0.8, where)
    inside = len(_INSIDE.findall(text))
    if inside >= 3:
        weight = 0.65 if inside >= 8 else 0.5
        yield Finding("zero_width", "zero-width characters split words", weight, where)
    elif inside:
        yield Finding("zero_width", "zero-width characters split words", 0.2, where)
    runs = [run for run in _CODE.findall(text) if len(set(run)) > 1]
    if runs:
        yield Finding("zero_width_code", "zero-width characters in a row may encode a text", 0.65, where)
    turned = len(_OVERRIDE.findall(text))
    if turned:
        yield Finding("bidi_override", "characters override the direction of the text", 0.62, where)


def untagged(text: str) -> str:
    """Tag characters as the ASCII they stand for."""
    return "".join(chr(ord(char) - 0xE0000) if 0xE0020 <= ord(char) <= 0xE007E else char for char in text)


def undone(text: str) -> Iterator[Undone]:
    """What the text says once a disguise is undone; nothing if it has none."""
    text = text[:LONGEST]
    if not text.isascii():
        tags = "".join(_TAGS.findall(_FLAG.sub("", text)))
        if tags:
            yield Undone("Unicode tag characters", untagged(tags))
        if any("\u200b" <= char <= "\u2064" or char == "\u00ad" for char in set(text)):
            yield Undone("zero-width characters", re.sub(f"[{_ZERO}\u00ad]", "", text))
    for found in list(_SPACED.finditer(text))[:20] if _may_be_spaced(text) else ():
        yield Undone("spaced letters", _joined(found[0]))
    written = prechecks.changed(text[:10_000], _ADDRESS_OR_LINK_MARK, lambda one: _ADDRESS_OR_LINK.sub(" ", one))
    if any(_LEET_WORD.search(written, *chunk) for chunk in prechecks.chunks(written, _LEET_MARK)):
        yield Undone("digits for letters", prechecks.changed(written, _LEET_MARK, _lettered))
    yield from _decoded(text)
    begins = text[:5_000].lower()
    if any(word in begins for word in _ROTATED):
        yield Undone("rot13", codecs.encode(begins, "rot13"))
    if any(word in begins for word in _BACKWARDS):
        yield Undone("reversed text", begins[::-1])


def _lettered(chunk: str) -> str:
    return _LEET_WORD.sub(lambda one: one[0].translate(_LEET), chunk)


def _may_be_spaced(text: str) -> bool:
    """Whether eight characters stand apart in a row, as `_SPACED` needs."""
    apart = text.encode("ascii", "replace").translate(_APART)
    return b"a a a a a a a a" in apart.replace(b"  ", b" ").replace(b"  ", b" ")


def _decoded(text: str) -> Iterator[Undone]:
    """Texts that stand encoded in a text."""
    for found in list(_BASE64.finditer(text))[:20] if _LONG_BASE64.within(text) else ():
        if (said := _readable(_unbase64(found[0]))) is not None:
            yield Undone("base64", said)
    for found in list(_HEX.finditer(text))[:10] if _LONG_HEX.within(text) or "\\x" in text else ():
        digits = re.sub(r"[^0-9a-fA-F]", "", found[0].replace("\\x", ""))
        if (said := _readable(bytes.fromhex(digits[: len(digits) // 2 * 2]))) is not None:
            yield Undone("hexadecimal", said)
    for found in list(_ESCAPED.finditer(text))[:10] if "%" in text or "\\u" in text or "&#" in text else ():
        yield Undone("escapes", _unescaped(found[0]))


def _joined(spaced: str) -> str:
    """Letters without the spaces between them; wider spaces part words."""
    words = re.split(r"\s{2,}|\s[/|]\s", spaced)
    return " ".join(re.sub(r"[ ._*|/~-]", "", word) for word in words)


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _readable(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if _READABLE.match(text) and " " in text else None


def _unescaped(text: str) -> str:
    return re.sub(
        r"%([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|&#(?:x([0-9a-fA-F]{2,5})|(\d{2,6}));",
        lambda one: chr(min(0x10FFFF, int(one[1] or one[2] or one[3] or "20", 16) if not one[4] else int(one[4]))),
        text,
    )


def spelled(text: str, *, most: int = 120) -> str:
    """An excerpt with hidden characters made visible, on one line."""
    line = " ".join(text.split())[:most]
    return unicode_safety.spell_out(line)[0]

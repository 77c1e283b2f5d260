"""Characters that a reader cannot see or a terminal would obey: detect them, and replace them by visible markers.

Terminals obey more than ESC: C1 controls open escape sequences in one byte, bidi controls reorder a line so that
`exe.png` reads `gnp.exe`, zero-width and tag characters smuggle text a human cannot see, stacked accents paint over the
lines above. The checks of a message, the console and the command line share one definition, so that the count a
reviewer is given matches what they are shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

# Characters of frames, gauges and most mail: known to be harmless without checking each one.
PLAIN: Final = frozenset(
    chr(code)
    for low, high in ((0x20, 0x7E), (0xA1, 0xAC), (0xAE, 0x2FF), (0x2500, 0x25FF))
    for code in range(low, high + 1)
) | frozenset("…—•€⏎⋮✖✔⚠⟨⟩←↑→↓\u2013\u2018\u2019\u201c\u201d")

_NARROW: Final = PLAIN - frozenset("\u25fd\u25fe")
"""One cell each in every terminal."""

STACK: Final = 3
"""Combining marks allowed on one letter: pointed Hebrew needs three; a hundred paint over the rows above."""
TAB: Final = 8

# Not actually printable, though their category says letter, mark or symbol: Hangul fillers, the blank Braille pattern,
# the combining grapheme joiner, Khmer inherent vowels, and the variation selectors, which can carry a hidden text.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffc\U0001d159\U000e0100-\U000e01ef]"
)
# Letters that join the previous one and occupy no cell of their own: Hangul vowels and finals.
_JOINING: Final = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")
_EMOJI_STYLE: Final = frozenset("\ufe0e\ufe0f")
_SKIN_TONES: Final = frozenset("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
# First characters of the sequences in emoji-variation-sequences.txt and emoji-zwj-sequences.txt, in ranges.
_EMOJI: Final = re.compile(
    "[©®‼⁉™\u2139↔-↙↩↪⌚⌛⌨⏏⏩-⏳⏸-⏺Ⓜ▪▫▶◀◻-◾\u2600-\u27bf⤴⤵⬅-⬇⬛⬜⭐⭕〰〽㊗㊙\U0001f000-\U0001faff]"
)
_JOINERS: Final = frozenset("\u200c\u200d")
# Scripts whose spelling needs joiners (Unicode 15, chapters 9, 12, 13, 16): Arabic and related ones, the Indic ones.
_JOINED: Final = re.compile(
    "[\u0600-\u08ff\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1800-\u18af\u1b00-\u1b7f\ua840-\ua87f\ua8e0-\ua8ff"
    "\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00010aff\U00011000-\U00011fff\U0001e900-\U0001e95f]"
)
# Scripts that write no visible spaces and may mark word ends with a zero-width one (U+200B).
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
# England, Scotland, Wales: the only flags encoded with tag characters (emoji-sequences.txt).
_TAG_FLAG: Final = re.compile(
    "\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074"
    "|\U000e0077\U000e006c\U000e0073)\U000e007f"
)


@lru_cache(maxsize=4096)
def is_hidden(char: str) -> bool:
    """Return whether a character has no visible form of its own, or one that differs between terminals.

    Categories Cc, Cf, Cs, Co, Cn, Zl and Zp: exactly what is neither printable nor a space.
    """
    return bool(_BLANK.match(char)) or (not char.isprintable() and unicodedata.category(char) != "Zs")


@lru_cache(maxsize=4096)
def is_combining(char: str) -> bool:
    return unicodedata.category(char) in {"Mn", "Me", "Mc"} or bool(_JOINING.match(char))


def marker(char: str) -> str:
    """`⟨U+202E⟩`."""
    return f"⟨U+{ord(char):04X}⟩"


def spell_out(line: str, spell: Callable[[str], str] = marker) -> tuple[str, int]:
    """Replace each hidden character with `spell(char)`; returns the line and their number. Idempotent."""
    if PLAIN.issuperset(line):
        return line, 0
    shown: list[str] = []
    hidden = stacked = 0
    base = ""  # the visible character that marks and selectors attach to; none at the start, none after a marker
    left_out = ""
    for index, char in enumerate(line):
        if base and not left_out and _dresses(char, base, line[index + 1 : index + 2]):
            left_out = char  # terminals disagree on its width. A second one would be hiding something
            continue
        combining = is_combining(char)
        # a mark without a base would attach to our own frame or label
        if is_hidden(char) or char in _SKIN_TONES or (combining and (not base or stacked >= STACK)):
            shown.append(spell(char))
            hidden += 1
            base, stacked, left_out = "", 0, ""
            continue
        if combining:
            stacked += 1
        else:
            base, stacked, left_out = char, 0, ""
        # U+00A0 and its like look like a space and are drawn as one, of the same width
        shown.append(char if char.isprintable() else " " * (2 if char == "\u3000" else 1))
    return "".join(shown), hidden


def deceiving(line: str) -> int:
    """Count the characters of a line that are hidden and out of place.

    Fewer than `spell_out` replaces: it also replaces a joiner within an emoji or an Indic word, because terminals
    disagree on it, and people do write those.
    """
    if PLAIN.issuperset(line):
        return 0
    plain = _TAG_FLAG.sub("\U0001f3f4", line)
    return spell_out(plain)[1] - sum(_ordinary(plain, at) for at, char in enumerate(plain) if _may_be(char))


def _may_be(char: str) -> bool:
    return char in _JOINERS or char == "\u200b" or (char >= "\U0001f300" and is_hidden(char))


def _ordinary(line: str, at: int) -> bool:
    """Whether a joiner, a zero-width break or an emoji newer than our tables is where it belongs."""
    char, before, after = line[at], line[at - 1 : at], line[at + 1 : at + 2]
    if char >= "\U0001f300":
        return bool(_EMOJI.match(char))
    if char == "\u200b":
        return bool(_UNSPACED.match(before) and _UNSPACED.match(after))
    if char == "\u200d" and _EMOJI.match(after):
        # skin tone or selector: what it modifies is one character further back
        base = line[at - 2 : at - 1] if before == "\ufe0f" or before in _SKIN_TONES else before
        return bool(_EMOJI.match(base))
    if not (_JOINED.match(before) or _JOINED.match(after)):
        return False
    return not any(near and is_hidden(near) for near in (before, after))


def hidden_in(text: str) -> int:
    """Count the deceptive characters of a text of several lines; line ends and tabs do not count."""
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return 0
    lines = text.expandtabs(TAB).split("\n")
    return sum(deceiving(line) for line in lines)


def width(text: str) -> int:
    """Return the number of terminal cells of a line from `spell_out`."""
    if text.isascii() or _NARROW.issuperset(text):
        return len(text)
    import wcwidth  # noqa: PLC0415 - its tables cost 40 ms, and most command output needs none

    return max(0, wcwidth.wcswidth(text))


def _dresses(char: str, base: str, after: str) -> bool:
    """Return whether it only modifies an emoji: `❤️`, `1️⃣`, `👍🏽` without a colour of its own; then it hides nothing."""
    if char in _SKIN_TONES:
        return bool(_EMOJI.match(base))
    return char in _EMOJI_STYLE and (bool(_EMOJI.match(base)) or (base in "0123456789#*" and after == "\u20e3"))

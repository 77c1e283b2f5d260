"""Format header fields: folding, encoded words, address lists, parameters (RFC 5322, 2047, 2231, 6532).

Every function returns the whole field as text, including its CRLF. Input has passed `unsafe`: a value without control
characters cannot end its field and begin another. Lines aim at 78 octets and never exceed 998.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from typing import Final, Protocol
from urllib.parse import quote

_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_OVERRIDES: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_SPECIALS: Final = re.compile(r'(["\\])')

# RFC 2047 5 (3): characters allowed as themselves in an encoded word of any header; the space becomes `_`.
_Q_SAFE: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/ "
_Q_SPELLED: Final = tuple(
    "_" if octet == 0x20 else chr(octet) if octet in _Q_SAFE else f"={octet:02X}" for octet in range(256)
)
_WORD: Final = 75  # RFC 2047 2: maximum length of an encoded word; a line with one has 76
_FRAME: Final = len("=?utf-8?q??=")
_LINE: Final = 78
_LONGEST_WORD: Final = 880
"""A longer word, after a name of at most 76 octets, would approach the 998 octets of RFC 5322 2.1.1: it is encoded."""
_PHRASE: Final = 60


class AddressLike(Protocol):
    """The parts of a parsed address that a header shows."""

    @property
    def local(self) -> str: ...
    @property
    def domain_ascii(self) -> str: ...
    @property
    def display(self) -> str: ...


def unsafe(text: str) -> str | None:
    """Why this text may not be in a header, or None."""
    found = _UNSAFE.search(text)
    return None if found is None else f"contains a control character (U+{ord(found[0]):04X})"


def without_controls(text: str) -> str:
    """The text on one line, without what `unsafe` and `deceptive` refuse: for words that came from somebody else."""
    return " ".join(_OVERRIDES.sub("", _UNSAFE.sub(" ", text)).split())


def deceptive(text: str) -> str | None:
    """`unsafe`, and for names also direction overrides, which show `gpj.exe` as `exe.jpg`."""
    found = _OVERRIDES.search(text)
    return unsafe(text) if found is None else f"contains a direction override (U+{ord(found[0]):04X})"


def unstructured(name: str, value: str) -> str:
    """Format a free-text field: Subject, or any of an agent's own fields."""
    if not value:
        return f"{name}:\r\n"
    if not value.isascii() or "=?" in value or "  " in value or value[0] == " " or value[-1] == " ":
        # Not ASCII; or a reader would decode it as an encoded word, or not restore all its spaces.
        return f"{name}: {encoded_words(value, column=len(name) + 2)}\r\n"
    if len(name) + 2 + len(value) <= _LINE:
        return f"{name}: {value}\r\n"
    pieces = value.split(" ")
    if max(map(len, pieces)) > _LONGEST_WORD:
        return f"{name}: {encoded_words(value, column=len(name) + 2)}\r\n"
    return folded(name, pieces)


def folded(name: str, pieces: Sequence[str]) -> str:
    """Format a field of words separated by one space, folded before the word that would exceed the line."""
    lines = [f"{name}: {pieces[0]}"]
    for piece in pieces[1:]:
        if len(lines[-1]) + 1 + len(piece) <= _LINE:
            lines[-1] += f" {piece}"
        else:
            lines.append(f" {piece}")
    return "\r\n".join(lines) + "\r\n"


def encoded_words(text: str, *, column: int) -> str:
    """Encode the whole text as UTF-8 encoded words, the first of which begins at `column` (RFC 2047).

    Q or B, whichever is shorter; a character is never split (RFC 2047 5), folds are between words.
    """
    octets = text.encode()
    q = 6 * len(octets.translate(None, _Q_SAFE)) < len(octets) + 9  # 2 octets more for each, against a third of all
    full = _WORD - _FRAME
    room = max(full - column, 24)
    words: list[str] = []
    chunk: list[str] = []
    used = 0
    for char in text:
        encoded = "".join([_Q_SPELLED[octet] for octet in char.encode()]) if q else char
        cost = len(encoded) if q else len(char.encode())
        if used + cost > (room if q else room // 4 * 3):
            words.append(_word(chunk, q=q))
            chunk, used, room = [], 0, full
        chunk.append(encoded)
        used += cost
    words.append(_word(chunk, q=q))
    return "\r\n ".join(words)


def _word(chunk: list[str], *, q: bool) -> str:
    text = "".join(chunk)
    return f"=?utf-8?q?{text}?=" if q else f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


def addresses(name: str, who: Iterable[tuple[AddressLike, str]]) -> str:
    """Format From, To, Cc or Reply-To from (address, display name). Non-ASCII local parts stay UTF-8 (RFC 6532)."""
    text = f"{name}:"
    for number, (address, display) in enumerate(who):
        item = _mailbox(address, display, column=len(name) + 2)
        head, folds, _ = item.partition("\r\n")
        column = len(text) - text.rfind("\n") - 1
        if number:
            text += ",\r\n" if folds or column + len(head) + 3 > _LINE else ","
        text += f" {item}"
    return text + "\r\n"


def _mailbox(address: AddressLike, display: str, *, column: int) -> str:
    spec = f"{address.local}@{address.domain_ascii}"
    if not display:
        return spec
    phrase = _phrase(display, column=column)
    last = phrase.rpartition("\n")[2]
    tail = len(last) if len(last) < len(phrase) else column + len(last)
    apart = "\r\n " if tail + len(spec) + 4 > _LINE else " "
    return f"{phrase}{apart}<{spec}>"


def _phrase(display: str, *, column: int) -> str:
    """Format a display name (RFC 5322 3.2.5). Runs of spaces become one: parsers differ on their meaning."""
    display = " ".join(display.split())
    if not display.isascii() or "=?" in display or len(display) > _PHRASE:
        return encoded_words(display, column=column)
    if _ATOMS.fullmatch(display):
        return display
    return '"' + _SPECIALS.sub(r"\\\1", display) + '"'


def filename(name: str) -> str:
    """`; filename=...` of Content-Disposition (RFC 2183), in RFC 2231's extended form if not ASCII."""
    if name.isascii() and "=?" not in name and len(name) <= _PHRASE:
        return ';\r\n filename="' + _SPECIALS.sub(r"\\\1", name) + '"'
    pieces = [""]
    for char in name:
        encoded = quote(char, safe="!#$&+-.^_`{}~")
        if len(pieces[-1]) + len(encoded) > _PHRASE - 10:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return f";\r\n filename*=utf-8''{pieces[0]}"
    pieces[0] = f"utf-8''{pieces[0]}"
    return "".join(f";\r\n filename*{number}*={piece}" for number, piece in enumerate(pieces))

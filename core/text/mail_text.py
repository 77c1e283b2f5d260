"""Decode the text of mail: charsets, encoded words, base64. Every function takes any input and never raises.

Mail names charsets that Python knows by other names, or that it knows and must not use: some codecs take quadratic
time, others are no charsets at all.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from typing import Final

MAX_HEADER: Final = 8_000
"""Characters of a header's value that are decoded."""

_CHARSET: Final = re.compile(
    # An allow-list: some of Python's codecs (punycode) take quadratic time, others are not charsets.
    r"utf-?(?:8|16)(?:-?[lb]e)?|(?:us-)?ascii|(?:iso|windows|cp|koi8|euc|shift|gb|ks_c|big|tis|mac|"
    r"x-sjis|sjis|latin)[\w.-]{0,20}",
    re.IGNORECASE,
)
_ENCODED: Final = re.compile(r"=\?([^?\s*]{1,40})(?:\*[^?\s]{0,20})?\?([BbQq])\?([^?\r\n]{0,2000})\?=")
_BETWEEN_ENCODED: Final = re.compile(r"(\?=)\s{1,80}(?==\?)")
_BLANKS: Final = re.compile(r"\s+")
_NO_BASE64: Final = bytes(
    byte for byte in range(256) if not (chr(byte).isascii() and chr(byte).isalnum()) and byte not in b"+/"
)


def decoded(data: bytes, charset: str) -> str:
    """Decode bytes by the named charset, else as UTF-8, else as Windows-1252."""
    for name in (charset, "utf-8"):
        if _CHARSET.fullmatch(name):
            try:
                return data.decode(name)
            except (LookupError, ValueError):
                continue
    return data.decode("cp1252", "replace")


def unbase64(data: bytes) -> bytes:
    """Decode base64; characters that do not belong to it are ignored, as mail programs do."""
    data = data.translate(None, _NO_BASE64)
    data = data[: len(data) - (len(data) % 4 == 1)]
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4))
    except binascii.Error:
        return b""


def header_value(value: str, *, most: int = MAX_HEADER) -> str:
    """A header's value, given as Latin-1: eight-bit characters and RFC 2047 words decoded, unfolded, on one line."""
    text = decoded(value[:most].encode("latin-1", "replace"), "utf-8")
    if "=?" in text:
        text = _ENCODED.sub(_encoded_word, _BETWEEN_ENCODED.sub(r"\1", text))
    return _BLANKS.sub(" ", text).strip()


def _encoded_word(hit: re.Match[str]) -> str:
    data = hit[3].encode("ascii", "replace")
    if hit[2] in "Bb":
        return decoded(unbase64(data), hit[1])
    return decoded(quopri.decodestring(data, header=True), hit[1])

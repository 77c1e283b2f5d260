"""Find codes in a server's text: reply codes (RFC 5321 4.2) and enhanced status codes (RFC 3463).

Both occur among other numbers: versions, addresses, sizes, counts. A number at the start of the text is a reply code
even where a count would fit: `552 Message for jane would exceed her quota`.
"""

from __future__ import annotations

import re
from typing import Final

_AFTER_REPLY: Final = re.compile(r"(?<![\d.])[245]\d\d[ \-]{1,3}[#(\[]?([245]\.\d{1,3}\.\d{1,3})(?![.]?\d)")
_MARKED: Final = re.compile(
    r"(?:#|\(|\[|status:?\s?|dsn=|code:?\s?|error:?\s?)([245]\.\d{1,3}\.\d{1,3})(?![.]?\d)", re.IGNORECASE
)
_BARE: Final = re.compile(r"(?<![\w.\-/])([245]\.[0-7]\.\d{1,3})(?![.]?\d)")
_SPELLED: Final = re.compile(r"\b([245])\s?\.\s?(\d{1,3})\s?\.\s?(\d{1,3})\b")
_FIRST: Final = re.compile(
    r"(?:^\W{0,3}|\b(?:said|smtp|reply|response|responded|code|error|server|host)\W{1,4})([45]\d\d)(?=[ \-:#,.;)\]]|$)"
    r"(?!\s?(?:[kmg]?bytes?|[kmg]b)\b)(?!\.\d)",
    re.IGNORECASE,
)
_REPLY: Final = re.compile(
    r"(?:^|[\s:;,<(\[\"'#=>])([45][0-5]\d)(?=[ \-:#,.;)\]]|$)"
    r"(?!\s?(?:[kmg]?bytes?|[kmg]b|messages|recipients|seconds?|minutes?|hours?|days?|times?)\b)(?!\.\d)",
    re.IGNORECASE,
)


def spelled_status(value: str) -> str | None:
    """The code of a Status field despite comments and typing errors: `5.1.1 (bad mailbox)`, `5. 1. 1`, `550 5.1.1`."""
    hit = _AFTER_REPLY.search(value) or _SPELLED.search(value)
    return ".".join(hit.groups() if hit.re is _SPELLED else (hit[1],)) if hit else None


def enhanced_code(text: str) -> str | None:
    """The likeliest enhanced status code in a server's text; version and host numbers are skipped."""
    for pattern in (_AFTER_REPLY, _MARKED, _BARE):
        # A class 2 code in a failure text acknowledges an earlier command.
        for hit in pattern.finditer(text):
            if hit[1][0] != "2":
                return hit[1]
    return None


def reply_code(text: str) -> int | None:
    """The first SMTP reply code of class 4 or 5 (RFC 5321 4.2) in a server's text."""
    hit = _FIRST.search(text) or _REPLY.search(text)
    return int(hit[1]) if hit else None

"""Recognise a recipient's address in a report, and normalise it.

Reports have addresses with a type (`rfc822;`), quoted, encoded twice and surrounded by helpdesk addresses. Every
repetition in a pattern here is bounded: reports come from strangers.
"""

from __future__ import annotations

import re
from typing import Final

LOCAL: Final = (
    r"(?:\"[^\"@\r\n]{1,64}\"|[^\s<>()\[\]\\,;:@\"|"
    r"\u00ab\u00bb\u201c\u201d\u300c\u300d\uff08\uff09\uff0c\uff1a\uff1b\uff1c\uff1e\u3001\u3002]{1,12"
    r"8})"
)
DOMAIN: Final = r"[^\W_](?:[\w-]{0,62})(?:\.[\w-]{1,63}){1,8}"
ADDRESS: Final = rf"{LOCAL}@{DOMAIN}"

_ADDRESS: Final = re.compile(ADDRESS)
# Mail sent to an invalid domain is reported with that address in a field, where accepting it is not a guess.
_FIELD: Final = re.compile(rf"{LOCAL}@(?:{DOMAIN}|\[[0-9A-Fa-f:.]{{3,45}}\]|[^\s<>()\[\]\\,;:@\"]{{1,253}})")
_WORD: Final = re.compile(r"\w")
_TYPE: Final = re.compile(r"^\s*(?:rfc-?822|utf-?8|smtp|unknown|local|internet|x-local)\s*(?:;|:)\s*", re.IGNORECASE)
_UNICODE: Final = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_XTEXT: Final = re.compile(r"\+(2B|3D)")
_RAW_PLUS: Final = re.compile(r"\+(?!2B|3D)")
_DAEMONS: Final = re.compile(r"(?:mailer[-_.]?daemon|mail[-_.]?daemon|no-?reply|do-?not-?reply)", re.IGNORECASE)
_DESKS: Final = re.compile(
    r"(?:post-?master|abuse|helpdesk|help|support|admin|administrator|mail-?admin|hostmaster|root|"
    r"webmaster|security|owner-.{1,60}|.{1,60}-(?:owner|bounces|request))",
    re.IGNORECASE,
)
_ELIDED: Final = re.compile(r"\.{3}|\u2026|\*{2}")
_REDACTED: Final = re.compile(
    # A digest of the address replaces it (RFC 6590 2).
    r"redact|^[x*.#-]{3,}$|^\W*$|^(?:user|recipient|undisclosed)[-_]?(?:hidden|removed)$|^[0-9a-f]{32,64}$",
    re.IGNORECASE,
)


def spelled(address: str) -> str:
    """Normalise an address: no brackets or stray quotes around it, the domain in lower case."""
    local, _, domain = address.strip(" \t<>").rpartition("@")
    if not (local.startswith('"') and local.endswith('"')):
        local = local.strip("'\"`*=.-" if local[:1] in "'`*" else "'\"`")
    return f"{local}@{domain.lower().rstrip('.-')}"


def found_in(text: str) -> list[str]:
    """All addresses in a line of text, in order."""
    each = map(spelled, _ADDRESS.findall(text)) if "@" in text else ()
    return [address for address in each if _WORD.search(address.rpartition("@")[0])]


def of_field(value: str) -> str | None:
    r"""The address in a recipient field (RFC 3464 2.3.1, 2.3.2), or None if there is none.

    Decodes RFC 6533 (`utf-8; caf\x{E9}@...`) and the remains of RFC 3461's xtext that some systems leave. Only `+2B`
    and `+3D` are decoded, and only if there is no other plus: `jane+20@` is a tagged address, not a space.
    """
    value = _TYPE.sub("", value, count=1)
    value = _UNICODE.sub(lambda hit: _character(hit[1]), value)
    match = _FIELD.search(value)
    if not match:
        return None
    address = match[0]
    if not _RAW_PLUS.search(address):
        address = _XTEXT.sub(lambda hit: chr(int(hit[1], 16)), address)
    address = spelled(address)
    # Exchange encapsulates non-internet addresses this way; nobody ever sent mail to one.
    return None if daemon(address) or address.upper().startswith("IMCEA") or len(address) > 254 else address


def _character(digits: str) -> str:
    number = int(digits, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def daemon(address: str) -> bool:
    """Whether this is a mail system's own address, which is never a recipient of ours."""
    return _DAEMONS.fullmatch(address.rpartition("@")[0]) is not None


def desk(address: str) -> bool:
    """Whether this is a contact address for help: not a recipient, unless a field says so."""
    return daemon(address) or _DESKS.fullmatch(address.rpartition("@")[0]) is not None


def elided(address: str) -> bool:
    """Whether an address is shortened for display (`david...@`). Some Japanese carriers' addresses end in dots."""
    local, _, domain = address.rpartition("@")
    return _ELIDED.search(local) is not None and not domain.endswith(("docomo.ne.jp", "ezweb.ne.jp", "au.com"))


def redacted(address: str) -> bool:
    """Whether this is a placeholder that a feedback loop substituted for the person (RFC 6590)."""
    local, _, domain = address.rpartition("@")
    return _REDACTED.search(local) is not None or domain.startswith("redacted")


def unique(addresses: list[str]) -> list[str]:
    """Deduplicate addresses regardless of case; the first spelling wins."""
    kept: dict[str, str] = {}
    for each in addresses:
        kept.setdefault(each.lower(), each)
    return list(kept.values())

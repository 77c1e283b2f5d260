"""What is wrong with a link's target itself: its scheme, a bare address, a user that looks like a host.

Targets are parsed as browsers do (WHATWG URL): surrounding control characters and whitespace, and line breaks inside,
are ignored; `0x7f.1` and `2130706433` are 127.0.0.1; and everything before the last `@` is the user.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import unquote

from core.text import unicode_safety

ALLOWED: Final = frozenset({"http", "https", "mailto", "tel"})
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"(?:https?:[/\\]*|[/\\]{2})([^/\\?#]*)", re.IGNORECASE)
_HOST_LIKE: Final = re.compile(r"(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])|https?:|www\.", re.IGNORECASE)
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|\d+", re.IGNORECASE)
_NOTHING: Final = str.maketrans("", "", "\t\r\n")
_LOCAL: Final = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})


def cleaned(target: str) -> str:
    """A target as a browser reads it, without invisible characters around it or line breaks inside."""
    if target.isascii() and target.isprintable() and target[:1] != " " and target[-1:] != " ":
        return target
    plain = target.translate(_NOTHING)
    start, end = 0, len(plain)
    while start < end and _nothing(plain[start]):
        start += 1
    while end > start and _nothing(plain[end - 1]):
        end -= 1
    return plain[start:end]


def _nothing(char: str) -> bool:
    return char <= " " or char.isspace() or unicode_safety.is_hidden(char)


def foreign_scheme(target: str) -> str | None:
    """The scheme (such as `javascript`) if a link in a message has no business with it, else None."""
    found = _SCHEME.match(cleaned(target))
    return found[1].lower() if found and found[1].lower() not in ALLOWED else None


def bare_address(target: str, host: str) -> str | None:
    """Why a host that is an IP address or local name is suspicious, or None; `host` is where the target leads."""
    if host in _LOCAL or host.endswith(".localhost"):
        return f"{host} is the reader's own machine"
    plain = cleaned(target)
    if not _AUTHORITY.match(plain) and not re.match(r"\d+\.\d+\.\d+\.\d+(?![\w.])", plain):
        return None
    if "[" in plain or ":" in host:
        return _judged(_ipv6(host), host)
    labels = host.split(".")
    if not _NUMBER.fullmatch(labels[-1]):
        return None
    return _judged(_ipv4(labels), host)


def _judged(address: IPv4Address | IPv6Address | None, host: str) -> str:
    if address is None:
        return f"{host} is no valid address"
    shown = f"{host} ({address})" if str(address) != host else host
    inside = getattr(address, "ipv4_mapped", None) or address
    if inside.is_unspecified or inside.is_loopback:
        return f"{shown} is the reader's own machine"
    if inside.is_link_local:
        return f"{shown} is a link-local address"
    if inside.is_private:
        return f"{shown} is an address of a private network"
    return f"{shown} is a bare address without a name"


def _ipv6(host: str) -> IPv6Address | None:
    try:
        return IPv6Address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _ipv4(labels: list[str]) -> IPv4Address | None:
    """One to four numbers, decimal, octal or hexadecimal; the last fills the rest (WHATWG URL, IPv4 parser)."""
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) and len(label) < 40 for label in labels):
        return None
    try:
        numbers = [_number(label.lower()) for label in labels]
        head = bytes(numbers[:-1])
        return IPv4Address(head + numbers[-1].to_bytes(4 - len(head), "big"))
    except (ValueError, OverflowError):
        return None


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8) if len(label) > 1 and label.startswith("0") else int(label)


def posing_user(target: str) -> str | None:
    """The user of a target if it looks like a host: `bank.example` in `https://bank.example@evil.example/`."""
    found = _AUTHORITY.match(cleaned(target))
    user = unquote(found[1].rpartition("@")[0]) if found else ""
    named = _HOST_LIKE.search(user[:1_000])
    return user[:100] if named else None

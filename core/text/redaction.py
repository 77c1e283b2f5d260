"""Take e-mail addresses out of text that is kept for good, or is shown to people who may not read mail."""

from __future__ import annotations

import re
from typing import Any, Final

REDACTED: Final = "[address]"
"""Stands where an address was."""
HIDDEN: Final = "***"
"""Stands where a local part was."""
# Each part begins only where no character of its own kind comes before it: text without an address costs one pass.
# A local part of `*` alone is a pattern for a whole domain, which names nobody.
_ADDRESS: Final = re.compile(
    r'(?:"[^"]+"|(?<![^\s"<>()\[\],;:@])(?!\*+@)[^\s"<>()\[\],;:@]++)'
    r"@(?:\[[^\]\s]+\]|\w(?:[\w.-]*\w)?)"
)
# Receivers quote a recipient without its domain (`<jane> unknown`), or encoded as in a return path (`jane=acme.com`).
_QUOTED: Final = re.compile(
    r"<(?![^<>]*://)[^<>@\s]++>|(?<![^\s\"<>()\[\],;:@=])[^\s\"<>()\[\],;:@=]++(?==(?:[\w-]+\.)+[a-zA-Z]{2,})"
)


def without_local_parts(text: str) -> str:
    """Return a receiver's text with `HIDDEN` in place of the local part of each address in it: the domain stays."""
    whole = _ADDRESS.sub(lambda found: HIDDEN + found[0][found[0].rindex("@") :], text) if "@" in text else text
    return _QUOTED.sub(lambda found: f"<{HIDDEN}>" if found[0].startswith("<") else HIDDEN, whole)


def without_addresses(value: Any) -> Any:
    """Return the same text, list or object with `REDACTED` in place of each address (RFC 5321 4.1.2, 6531)."""
    match value:
        case str():
            return _ADDRESS.sub(REDACTED, value) if "@" in value else value
        case list():
            return [without_addresses(one) for one in value]
        case dict():
            return {without_addresses(name): without_addresses(one) for name, one in value.items()}
        case _:
            return value

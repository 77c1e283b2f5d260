"""Take e-mail addresses out of text that is kept for good."""

from __future__ import annotations

import re
from typing import Any, Final

REDACTED: Final = "[address]"
"""Stands where an address was."""
# Each part begins only where no character of its own kind comes before it: text without an address costs one pass.
# A local part of `*` alone is a pattern for a whole domain, which names nobody.
_ADDRESS: Final = re.compile(
    r'(?:"[^"]+"|(?<![^\s"<>()\[\],;:@])(?!\*+@)[^\s"<>()\[\],;:@]++)'
    r"@(?:\[[^\]\s]+\]|\w(?:[\w.-]*\w)?)"
)


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

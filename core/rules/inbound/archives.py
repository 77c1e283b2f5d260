"""The names in a ZIP archive, from its directory alone (APPNOTE 4.3.12). Nothing is unpacked."""

from __future__ import annotations

from typing import Final

MOST: Final = 500
"""Entries that are listed."""
_ENTRY: Final = b"PK\x01\x02"
_ENCRYPTED: Final = 1


def listed(content: bytes) -> tuple[tuple[str, ...], bool]:
    """Names of the entries, and whether any is encrypted. Empty if the directory cannot be read."""
    names: list[str] = []
    locked = False
    at = content.find(_ENTRY)
    while 0 <= at <= len(content) - 46 and len(names) < MOST:
        flags = int.from_bytes(content[at + 8 : at + 10], "little")
        length = int.from_bytes(content[at + 28 : at + 30], "little")
        names.append(content[at + 46 : at + 46 + length].decode("utf-8", "replace")[:255])
        locked = locked or bool(flags & _ENCRYPTED)
        at = content.find(_ENTRY, at + 46 + length)
    return tuple(names), locked

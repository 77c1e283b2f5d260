"""Identifiers: time-ordered numbers, their text form, and SHA-256 digests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, Protocol, Self

# An ID is 63 bits: 42 of milliseconds since 2020, 21 of a counter within the process. IDs sort by creation time, need
# no sequence (so batches need no RETURNING, gateways no coordination) and are written as a letter and 13 characters.
_EPOCH_MS: Final = 1_577_836_800_000
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [high + low for high in _ALPHABET for low in _ALPHABET]
_VALUES: Final[Mapping[str, int]] = {letter: value for value, letter in enumerate(_ALPHABET)}


class Ids:
    """Generates IDs that strictly increase within a process and in practice do not collide across processes.

    `chance` is a source of random bits (`random.SystemRandom().getrandbits`), called once per ID.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._last = 0

    def mint(self, now: int) -> int:
        """A new ID for the time `now` (microseconds)."""
        stamp = lowest(now)
        fresh = stamp | self._chance(20)
        self._last = fresh if fresh > self._last else self._last + 1
        return self._last

    @classmethod
    def seeded(cls, seed: int) -> Self:
        """For tests and scenarios: the same IDs on every run."""
        return cls(lambda bits: seed & ((1 << bits) - 1))


class Chance(Protocol):
    def __call__(self, bits: int, /) -> int: ...


_PIECE: Final = 2_047


def lowest(now: int) -> int:
    """The lowest id minted at this time: ids are in the order of time, unless the clock was set back."""
    return max(0, now // 1_000 - _EPOCH_MS) << 21


def sha256(*parts: bytes) -> bytes:
    """SHA-256 of the concatenated parts.

    `hashlib` releases the GIL for 2 KiB and more, and reacquiring it costs a busy event loop more than the digest of a
    message does, so messages are hashed in smaller pieces.
    """
    found = hashlib.sha256()
    for part in parts:
        piece = _PIECE if len(part) < 32 * _PIECE else len(part)
        for start in range(0, len(part), piece):
            found.update(part[start : start + piece])
    return found.digest()


def spell_id(prefix: str, number: int) -> str:
    """`m` and 13 characters of Crockford's base 32; sorts as the number does."""
    pairs = _PAIRS
    return (
        prefix + _ALPHABET[number >> 60 & 31]
        + pairs[number >> 50 & 1023] + pairs[number >> 40 & 1023] + pairs[number >> 30 & 1023]
        + pairs[number >> 20 & 1023] + pairs[number >> 10 & 1023] + pairs[number & 1023]
    )  # fmt: skip


def id_range(prefix: str, text: str) -> tuple[int, int] | None:
    """The lowest and highest number of the IDs that begin with this text, or None if none can."""
    if not text.startswith(prefix) or not 1 < len(text) <= 14:
        return None
    low, high = read_id(prefix, text.ljust(14, "0")), read_id(prefix, text.ljust(14, "z"))
    if low is None:
        return None
    return low, 2**63 - 1 if high is None else high


def read_item(text: str) -> int | None:
    """The number of a message or of a held action; None if it is no such id."""
    number = read_id("m", text)
    return read_id("a", text) if number is None else number


def read_id(prefix: str, text: str) -> int | None:
    """The number of an ID in text form, or None if it is not an ID with this letter."""
    if len(text) != 14 or text[0] != prefix:
        return None
    number = 0
    for char in text[1:].lower():
        value = _VALUES.get(char)
        if value is None:
            return None
        number = number << 5 | value
    return number if number < 2**63 else None

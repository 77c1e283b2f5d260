"""How many deliveries one worker has in progress: in all, for each stream, for each recipient domain of a stream.

A slow relay must leave room for other streams, and a domain at which the relay hangs must leave room for the stream's
other domains. A claimed delivery takes up room until it is settled, so no more is claimed for a stream or a domain that
has enough in progress.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from core.db.queue import Claimed

WINDOW: Final = 768
"""Deliveries in progress at once in one process."""
STREAM_WINDOW: Final = 192
"""Of these, for one stream: a relay that takes minutes for each answer must leave room for the others."""
DOMAIN_WINDOW: Final = 96
"""Of these, for one recipient domain: a domain that hangs must not close its stream.

`LANE_WINDOW` limits the mail of each mailbox to a domain, but not that of several mailboxes together.
"""
TURN: Final = 64
"""Most recipients of one claim. A stream or domain is closed while one more such claim could exceed its window."""


class InProgress:
    """Deliveries in progress, counted by stream and by recipient domain of a stream."""

    def __init__(self) -> None:
        self._streams: Counter[int] = Counter()
        self._domains: Counter[tuple[int, str]] = Counter()
        self._keys: Counter[tuple[int, int]] = Counter()
        """A recipient that was deferred may be claimed again before its first delivery is over here."""

    def add(self, claimed: Iterable[Claimed]) -> None:
        for one in claimed:
            self._streams[one.stream_id] += 1
            self._domains[one.stream_id, one.domain] += 1
            self._keys[one.key] += 1

    def remove(self, one: Claimed) -> bool:
        """Count one less. Returns whether that opens its stream or its domain for the next claim."""
        domain = one.stream_id, one.domain
        self._streams[one.stream_id] -= 1
        self._domains[domain] -= 1
        opened = self._streams[one.stream_id] + TURN == STREAM_WINDOW or self._domains[domain] + TURN == DOMAIN_WINDOW
        if not self._domains[domain]:
            del self._domains[domain]  # there is no limit to the domains a desk writes to
        self._keys[one.key] -= 1
        if not self._keys[one.key]:
            del self._keys[one.key]
        return opened

    def keys(self) -> frozenset[tuple[int, int]]:
        """Message and number of each recipient."""
        return frozenset(self._keys)

    def busy(self) -> list[int]:
        """Streams for which nothing is claimed now."""
        return [stream for stream, n in self._streams.items() if n + TURN > STREAM_WINDOW]

    def crowded(self) -> list[tuple[int, str]]:
        """Domains of streams for which nothing is claimed now."""
        return [domain for domain, n in self._domains.items() if n + TURN > DOMAIN_WINDOW]

"""Which part of a relay's connections one recipient domain may have: never all of them.

A relay that asks the recipient's own server before it answers RCPT takes minutes for a domain that hangs. With every
connection waiting for that domain, mail to all others would wait as long, although the relay is well.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

RESERVED: Final = 4
"""One connection in so many, and one at least, is kept for other domains."""


def share(connections: int) -> int:
    """How many of these connections one domain may have."""
    return max(1, connections - max(1, connections // RESERVED))


class Shares:
    """The deliveries over one host's connections, by recipient domain; who has its share waits in order."""

    def __init__(self, connections: Callable[[], int]) -> None:
        self._connections = connections
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def part(self, domain: str) -> AsyncIterator[None]:
        """A place among the connections, once the domain has less than its share."""
        await self._enter(domain)
        try:
            yield
        finally:
            self._leave(domain)

    async def _enter(self, domain: str) -> None:
        if not self._waiting.get(domain) and self._held[domain] < share(self._connections()):
            self._held[domain] += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(domain, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave(domain)  # it was let in as it was cancelled
            raise

    def _leave(self, domain: str) -> None:
        self._held[domain] -= 1
        waiting = self._waiting.get(domain)
        while waiting and self._held[domain] < share(self._connections()):
            place = waiting.popleft()
            if not place.done():
                self._held[domain] += 1
                place.set_result(None)
        if not waiting:
            self._waiting.pop(domain, None)
        if not self._held[domain]:
            del self._held[domain]

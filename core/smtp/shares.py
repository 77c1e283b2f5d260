"""Limited places for the deliveries to one host, never all of them for one recipient domain.

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
"""One place in so many, and one at least, is kept for other domains."""


def share(places: int) -> int:
    """How many of these places one domain may have."""
    return max(1, places - max(1, places // RESERVED))


class Places:
    """Places for the deliveries to one host, granted in order of arrival, to the waiting domains in turn.

    `count` may change; call `admit` when it has grown. The domain None has no share: its host serves one domain only.
    """

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._taken = 0
        self._held: Counter[str | None] = Counter()
        self._waiting: dict[str | None, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def take(self, domain: str | None) -> AsyncIterator[None]:
        """Wait for a free place and for the domain to have less than its share."""
        await self._enter(domain)
        try:
            yield
        finally:
            self._leave(domain)

    def admit(self) -> None:
        """Grant every place that is free now."""
        while self._admit_one():
            pass

    def _free(self, domain: str | None) -> bool:
        count = self._count()
        return self._taken < count and (domain is None or self._held[domain] < share(count))

    def _grant(self, domain: str | None) -> None:
        self._taken += 1
        self._held[domain] += 1

    async def _enter(self, domain: str | None) -> None:
        if domain not in self._waiting and self._free(domain):
            self._grant(domain)
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(domain, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave(domain)  # the place was granted as the wait was cancelled
            raise

    def _leave(self, domain: str | None) -> None:
        self._taken -= 1
        self._held[domain] -= 1
        if not self._held[domain]:
            del self._held[domain]
        self.admit()

    def _admit_one(self) -> bool:
        """Grant one place; the domain that gets it goes behind the others. Returns whether there was one to grant."""
        for domain, waiting in self._waiting.items():
            if self._free(domain):
                del self._waiting[domain]
                place = waiting.popleft()
                if waiting:
                    self._waiting[domain] = waiting
                if not place.done():  # cancelled meanwhile
                    self._grant(domain)
                    place.set_result(None)
                return True
        return False

"""`Prefer: wait`: many requests wait for the outcome of their mail, and one task reads the database for all of them.

A request that polls by itself reads twenty times a second in the event loop: two hundred of them delayed another
agent's mail by ten seconds. Here a commit of this process wakes one reader, which queries for all waiting requests at
once. Commits of other processes (egress, other gateways) are found at its next poll.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from typing import Final

from core.api.shared_reader import SharedReader
from core.db.queries import message as messages
from core.db.store import Store

GAP: Final = 0.05
"""Seconds between two looks, however many commits there are."""
PER_AGENT: Final = 256
MOST: Final = 1_024


class OutcomeWaiter(SharedReader):
    """The requests that wait, by message. `wake` may be called after any commit."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, gap=GAP, reads="outcomes")
        self._waiting: dict[int, list[asyncio.Event]] = {}
        self._of_agent: Counter[int] = Counter()

    async def wait(self, message_id: int, *, agent_id: int, seconds: float) -> None:
        """Return once every recipient of the message is final, or the time is over.

        Returns at once if too many requests wait already: `Prefer` is a wish (RFC 7240 2), and the mail is accepted
        anyway.
        """
        if self._of_agent[agent_id] >= PER_AGENT or self._of_agent.total() >= MOST:
            return
        final = asyncio.Event()
        self._of_agent[agent_id] += 1
        self._waiting.setdefault(message_id, []).append(final)
        self._start_reading()
        self.wake()  # the new waiter's message may be final already
        patience = asyncio.ensure_future(self._store.clock.sleep(seconds))
        finished = asyncio.ensure_future(final.wait())
        try:
            await asyncio.wait((patience, finished), return_when=asyncio.FIRST_COMPLETED)
        finally:
            patience.cancel()
            finished.cancel()
            self._of_agent[agent_id] -= 1
            if not self._of_agent[agent_id]:
                del self._of_agent[agent_id]
            self._leave(message_id, final)

    def _leave(self, message_id: int, final: asyncio.Event) -> None:
        others = self._waiting.get(message_id)
        if others is not None and final in others:
            others.remove(final)
            if not others:
                del self._waiting[message_id]

    def _awaited(self) -> bool:
        return bool(self._waiting)

    def _under_way(self, message_ids: Collection[int]) -> set[int]:
        with self._store.read() as conn:
            return messages.under_way(conn, message_ids)

    async def _look(self) -> None:
        message_ids = list(self._waiting)
        if not message_ids:
            return
        undecided = await asyncio.to_thread(self._under_way, message_ids)
        for message_id in message_ids:
            if message_id not in undecided:
                for final in self._waiting.pop(message_id, ()):
                    final.set()

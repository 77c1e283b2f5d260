"""`GET /mailboxes/{address}/wait`: many requests wait for mail, and one task reads the log for all of them.

The reader asks once for every mailbox that is waited for. It only finds messages; the route
decides whether one may be shown, and logs that before it answers.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Final

from core.api.shared_reader import SharedReader
from core.db.gate_queries import TokenFacts
from core.db.store import Store
from core.services.receiving import wait
from core.services.receiving.inbox import Received
from core.services.receiving.wait import Arrival, Wanted

GAP: Final = 0.02
"""Seconds between two looks, however many commits there are."""
PER_TOKEN: Final = 16
MOST: Final = 1_024


@dataclass(eq=False, slots=True)
class _Waiter:
    mailbox_id: int
    wanted: Wanted
    token: TokenFacts
    after: int
    future: asyncio.Future[tuple[int, Received] | None]


class TooManyWaiters(Exception):
    """A token, or all tokens together, wait for mail in as many requests as they may."""


class InboxWaiter(SharedReader):
    """The requests that wait for mail. `wake` may be called after any commit."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, gap=GAP, reads="received mail")
        self._waiting: set[_Waiter] = set()
        self._of_token: Counter[int] = Counter()
        self._read_to = 0
        self._closed = False

    def close(self) -> None:
        """Answer every waiter now: the gateway is stopping, and must not wait for them."""
        self._closed = True
        for one in self._waiting:
            if not one.future.done():
                one.future.set_result(None)

    async def wait(
        self, mailbox_id: int, wanted: Wanted, *, token: TokenFacts, after: int, seconds: float
    ) -> tuple[int, Received] | None:
        """The first wanted message after this position, with its own; None once the time is over.

        Raises `TooManyWaiters`.
        """
        if self._of_token[token.id] >= PER_TOKEN or len(self._waiting) >= MOST:
            raise TooManyWaiters
        waiter = _Waiter(mailbox_id, wanted, token, after, asyncio.get_running_loop().create_future())
        self._of_token[token.id] += 1
        self._waiting.add(waiter)
        patience = asyncio.ensure_future(self._store.clock.sleep(seconds))
        try:
            # The reader's position first, the waiter's own look second: what is committed between is found by one.
            await self._start()
            found = await asyncio.to_thread(self._already, waiter)
            if found is not None or self._closed:
                return found
            await asyncio.wait((patience, waiter.future), return_when=asyncio.FIRST_COMPLETED)
            return waiter.future.result() if waiter.future.done() else None
        finally:
            patience.cancel()
            self._waiting.discard(waiter)
            self._of_token[token.id] -= 1
            if not self._of_token[token.id]:
                del self._of_token[token.id]

    async def _start(self) -> None:
        if self._reading():
            return
        last = await asyncio.to_thread(self._head)
        if not self._reading():  # another request may have started it meanwhile
            self._read_to = last
            self._start_reading()

    def _awaited(self) -> bool:
        return bool(self._waiting)

    async def _look(self) -> None:
        found, self._read_to = await asyncio.to_thread(self._arrived)
        # Who waits is asked after the look: whoever came meanwhile may have looked before this mail was committed.
        waiters = [one for one in self._waiting if not one.future.done()]
        if not found or not waiters:
            return
        for waiter, match in await asyncio.to_thread(self._matching, waiters, found):
            if not waiter.future.done():
                waiter.future.set_result(match)

    # --- in threads ---

    def _head(self) -> int:
        with self._store.read() as conn:
            return wait.head(conn)

    def _arrived(self) -> tuple[list[Arrival], int]:
        with self._store.read() as conn:
            return wait.arrived(conn, after=self._read_to)

    def _matching(
        self, waiters: list[_Waiter], found: list[Arrival]
    ) -> list[tuple[_Waiter, tuple[int, Received]]]:  # fmt: skip
        matches = []
        with self._store.read() as conn:
            for waiter in waiters:
                mine = [
                    (one.seq, one.message)
                    for one in found
                    if one.mailbox == waiter.mailbox_id and one.seq > waiter.after
                ]
                match = wait.first(conn, mine, waiter.wanted, caller=waiter.token) if mine else None
                if match is not None:
                    matches.append((waiter, match))
        return matches

    def _already(self, waiter: _Waiter) -> tuple[int, Received] | None:
        with self._store.read() as conn:
            return wait.already(conn, waiter.mailbox_id, waiter.wanted, after=waiter.after, caller=waiter.token)

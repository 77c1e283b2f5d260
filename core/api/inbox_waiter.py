"""`GET /mailboxes/{address}/wait`: many requests wait for mail, and one task reads the log for all of them.

As in `outcome_waiter`: a commit of this process wakes the reader, which asks once for every mailbox that is waited for;
commits of other processes are found at its next look. It only finds: whether a message may be shown, and that it is in
the log first, is the route's business.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Final

import structlog

from core.db.gate_queries import TokenFacts
from core.db.store import Store
from core.errors import Unavailable
from core.services.receiving import wait
from core.services.receiving.inbox import Received
from core.services.receiving.wait import Arrival, Wanted

LOOK: Final = 0.5
"""Seconds between looks if no commit wakes the reader."""
GAP: Final = 0.02
"""Minimum pause of the reader after each look, in seconds, however many commits there are."""
PER_TOKEN: Final = 16
MOST: Final = 1_024

log = structlog.get_logger("inbox_waiter")


@dataclass(eq=False, slots=True)
class _Waiter:
    mailbox_id: int
    wanted: Wanted
    token: TokenFacts
    after: int
    future: asyncio.Future[tuple[int, Received] | None]


class TooManyWaiters(Exception):
    """A token, or all tokens together, wait for mail in as many requests as they may."""


class InboxWaiter:
    """The requests that wait for mail. `wake` may be called after any commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: set[_Waiter] = set()
        self._of_token: Counter[int] = Counter()
        self._woken: asyncio.Event | None = None
        self._reader: asyncio.Task[None] | None = None
        self._read_to = 0
        self._closed = False

    def wake(self) -> None:
        if self._woken is not None:
            self._woken.set()

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
            self._woken = asyncio.Event()
            self._reader = asyncio.create_task(self._read())

    def _reading(self) -> bool:
        return self._reader is not None and not self._reader.done()

    async def _read(self) -> None:
        woken = self._woken
        assert woken is not None
        while self._waiting:
            looking = asyncio.ensure_future(self._store.clock.sleep(LOOK))
            waking = asyncio.ensure_future(woken.wait())
            await asyncio.wait((looking, waking), return_when=asyncio.FIRST_COMPLETED)
            looking.cancel()
            waking.cancel()
            woken.clear()
            try:
                await self._look()
            except Unavailable as error:  # looked again at the next turn
                log.warning("received mail could not be read", reason=error.reason)
            except Exception:
                log.exception("received mail could not be read")
            await asyncio.sleep(GAP)

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

"""Connections kept open: a bounded number to each host, reused while they are fresh, closed when they lie idle.

A connection costs a TCP and often a TLS handshake, 10 to 100 times a message; and receivers count connections, so
there is a bound to each. Who waits for a free one waits in line, and shares the news when the host turns out down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from core.smtp.conversation import Conversation, Letter, Target
from core.smtp.route import Limits
from core.words import SECOND, Clock, Reply

Open = Callable[[Target], Awaitable[Conversation | Reply]]


@dataclass(slots=True)
class _Host:
    slots: asyncio.Semaphore
    idle: list[tuple[Conversation, int]] = field(default_factory=list)
    """With the time each came back; the last in is the first out, so that the rest can grow old and go."""
    users: int = 0
    failures: int = 0
    failure: Reply | None = None


class Connections:
    """All open connections of one courier, by target."""

    def __init__(self, *, converse: Open, clock: Clock, limits: Limits) -> None:
        self._converse = converse
        self._clock = clock
        self._limits = limits
        self._hosts: dict[Target, _Host] = {}
        self._farewells: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._closed = False

    async def carry(self, letter: Letter, *, to: Target, bound: int) -> Reply:
        """Carry a letter over a kept connection, or a new one if there is room for it."""
        host = self._hosts.get(to)
        if host is None:
            host = self._hosts[to] = _Host(asyncio.Semaphore(bound))
        host.users += 1
        seen = host.failures
        try:
            async with host.slots:
                if host.failures > seen and host.failure is not None and not host.idle:
                    # It failed while we stood in line: fifty waiters must not each spend a connect timeout.
                    return host.failure
                return await self._carry(letter, to=to, host=host)
        finally:
            host.users -= 1
            self._forget(to, host)

    async def close(self) -> None:
        """Say goodbye on every idle connection; those in use follow when their letter is carried."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for host in self._hosts.values():
            while host.idle:
                self._retire(host.idle.pop()[0])
        while self._farewells:
            await asyncio.gather(*self._farewells)

    async def _carry(self, letter: Letter, *, to: Target, host: _Host) -> Reply:
        talk = self._kept(host)
        while True:
            if talk is None:
                opened = await self._converse(to)
                if isinstance(opened, Reply):
                    host.failures += 1
                    host.failure = opened
                    return opened
                talk = opened
            try:
                reply = await talk.transact(letter)
            except BaseException:
                talk.abort()  # half a transaction: nobody can use this connection again
                raise
            if not talk.stale:
                self._keep(talk, host)
                return reply
            # The receiver closed it while it lay idle, and took nothing of this letter: not the letter's fault.
            talk.abort()
            talk = None

    def _kept(self, host: _Host) -> Conversation | None:
        oldest = self._clock.now() - round(self._limits.idle * SECOND)
        while host.idle:
            talk, since = host.idle.pop()
            if talk.alive and since > oldest:
                return talk
            self._retire(talk)
        return None

    def _keep(self, talk: Conversation, host: _Host) -> None:
        if self._closed or not talk.alive or talk.carried >= self._limits.messages:
            self._retire(talk)
            return
        host.idle.append((talk, self._clock.now()))
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep())

    def _retire(self, talk: Conversation) -> None:
        if not talk.alive:
            talk.abort()
            return
        farewell = asyncio.create_task(talk.quit())
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)

    def _forget(self, target: Target, host: _Host) -> None:
        if host.users == 0 and not host.idle:
            self._hosts.pop(target, None)

    async def _sweep(self) -> None:
        """Close what lies idle; ends when nothing does."""
        while any(host.idle for host in self._hosts.values()):
            await self._clock.sleep(self._limits.idle / 2)
            oldest = self._clock.now() - round(self._limits.idle * SECOND)
            for target, host in list(self._hosts.items()):
                for talk, since in [kept for kept in host.idle if kept[1] <= oldest or not kept[0].alive]:
                    host.idle.remove((talk, since))
                    self._retire(talk)
                self._forget(target, host)

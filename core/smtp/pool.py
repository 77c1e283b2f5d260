"""Open connections: a bounded number to each host, reused while they are fresh, closed when idle.

A connection costs a TCP and often a TLS handshake, 10 to 100 times the cost of a message, and receivers count
connections, so each host has a limit. Deliveries waiting for a connection queue up, and share the news if the host
turns out to be down.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from core.durations import SECOND
from core.model import Clock, Outcome, Reply
from core.smtp.connection import Conversation, OutgoingMessage, Target
from core.smtp.route import Bound, Limits
from core.smtp.shares import Places

_STREAK: Final = 100
"""Messages delivered without a refusal after which one more connection to the host is tried again."""

_ROUND_TRIP_GROWTH: Final = 1.25
"""The most by which one new connection lengthens the known round trip.

The shortest measurement is the distance; longer ones include a wait for a busy receiver or for our own event loop. It
can still grow, slowly, because routes change.
"""

_AHEAD: Final = 2
"""Deliveries admitted for each connection: while one uses it, the next commits its attempt.

With one for each, connections would be idle during every commit; with no limit, hundreds would have committed an
attempt, which no suspension can stop, and would then wait for minutes to leave.
"""

Open = Callable[[Target], Awaitable[Conversation | Reply]]


@dataclass(slots=True)
class _Host:
    bound: Bound
    slots: Places = field(init=False)
    """Its connections, each with the message it carries."""
    admitted: Places = field(init=False)
    """Deliveries that may start: those that use a connection, and as many that are next."""
    idle: list[tuple[Conversation, int]] = field(default_factory=list)
    """Each with the time it was returned; the last in is the first out, so that the rest can grow old and be closed."""
    users: int = 0
    most: int = 1
    """Messages after which a connection retires."""
    failures: int = 0
    failure: Reply | None = None
    open: int = 0
    """Connections that have opened, idle or in use."""
    round_trip: float | None = None
    ceiling: int = field(init=False)
    """Connections beyond which the host refused another one while it served others."""
    streak: int = 0
    """Messages delivered since the last such refusal."""

    def __post_init__(self) -> None:
        self.ceiling = max(self.bound.near, self.bound.far)
        self.slots = Places(self.connections)
        self.admitted = Places(lambda: _AHEAD * self.connections())

    def wanted(self) -> int:
        """Connections appropriate to its distance."""
        return self.bound.at(self.round_trip or 0)

    def connections(self) -> int:
        """The most connections to it now."""
        return min(self.wanted(), self.ceiling)

    def lies_at(self, round_trip: float) -> None:
        """Update the distance with the round trip that a new connection measured."""
        before = self.connections()
        longest = round_trip if self.round_trip is None else self.round_trip * _ROUND_TRIP_GROWTH
        self.round_trip = min(round_trip, longest)
        if self.connections() > before:
            self.admit()

    def admit(self) -> None:
        """Grant every place that is free now."""
        self.slots.admit()
        self.admitted.admit()


class Connections:
    """All open connections of one client, by target."""

    def __init__(self, *, converse: Open, clock: Clock, limits: Limits) -> None:
        self._converse = converse
        self._clock = clock
        self._limits = limits
        self._hosts: dict[Target, _Host] = {}
        self._farewells: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._closed = False

    @contextlib.asynccontextmanager
    async def admission(self, *, to: Target, bound: Bound, domain: str | None = None) -> AsyncIterator[int]:
        """Wait until a delivery is among the next for one of the host's `bound` connections, so that it may start.

        `domain` is the recipient's, if the host takes mail for many domains: none may use all of its connections.
        Yields the number of failures of the host when the wait began, for `carry`.
        """
        with self._using(to, bound) as host:
            seen = host.failures
            async with host.admitted.take(domain):
                yield seen

    async def carry(
        self,
        message: OutgoingMessage,
        *,
        to: Target,
        bound: Bound,
        most: int | None = None,
        domain: str | None = None,
        seen: int | None = None,
    ) -> Reply:
        """Deliver a message over a kept connection, or over a new one if the limit allows.

        A connection retires after `most` messages (None: as `Limits` says). `seen` is what `admission` yielded: if the
        host has failed since, this delivery gets the same reply and spends no connect timeout of its own.
        """
        with self._using(to, bound) as host:
            host.most = most or self._limits.messages
            seen = host.failures if seen is None else seen
            while True:
                async with host.slots.take(domain):
                    if host.failures > seen and host.failure is not None and not host.idle:
                        # It failed while we waited: fifty waiters must not each spend a connect timeout.
                        return host.failure
                    reply = await self._carry(message, to=to, host=host)
                    if not self._narrow(host, reply):
                        return reply

    async def close(self) -> None:
        """Send QUIT on every idle connection; those in use follow when their message is delivered."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for host in self._hosts.values():
            while host.idle:
                self._retire(host.idle.pop()[0], host)
        while self._farewells:
            await asyncio.gather(*self._farewells)

    @contextlib.contextmanager
    def _using(self, to: Target, bound: Bound) -> Iterator[_Host]:
        host = self._hosts.get(to)
        if host is None:
            host = self._hosts[to] = _Host(bound)
        host.users += 1
        try:
            yield host
        finally:
            host.users -= 1
            self._forget(to, host)

    async def _carry(self, message: OutgoingMessage, *, to: Target, host: _Host) -> Reply:
        talk = self._kept(host)
        while True:
            if talk is None:
                opened = await self._converse(to)
                if isinstance(opened, Reply):
                    if not _full(opened, host):
                        host.failures += 1
                        host.failure = opened
                    return opened
                talk = opened
                host.open += 1
                host.lies_at(talk.round_trip)
            try:
                reply = await talk.transact(message)
            except BaseException:
                self._drop(talk, host)  # half a transaction: nobody can use this connection again
                raise
            if not talk.stale:
                self._keep(talk, host)
                return reply
            # Nothing of this message was accepted over it: only a refusal on a fresh connection counts.
            self._drop(talk, host)
            talk = None

    def _narrow(self, host: _Host, reply: Reply) -> bool:
        """Whether the host accepts no more connections than it has: one fewer is used, and the caller waits again.

        A 421 to one connection too many must not back off a route that serves all the others.
        """
        if _full(reply, host):
            host.ceiling = max(1, host.connections() - 1)
            host.streak = 0
            return True
        host.streak += 1
        if host.ceiling < host.wanted() and host.streak >= _STREAK:
            host.ceiling += 1
            host.streak = 0
            host.admit()
        return False

    def _kept(self, host: _Host) -> Conversation | None:
        oldest = self._clock.now() - round(self._limits.idle * SECOND)
        while host.idle:
            talk, since = host.idle.pop()
            if talk.alive and since > oldest:
                return talk
            self._retire(talk, host)
        return None

    def _keep(self, talk: Conversation, host: _Host) -> None:
        if self._closed or not talk.alive or talk.carried >= host.most:
            self._retire(talk, host)
            return
        host.idle.append((talk, self._clock.now()))
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep())

    def _drop(self, talk: Conversation, host: _Host) -> None:
        host.open -= 1
        talk.abort()

    def _retire(self, talk: Conversation, host: _Host) -> None:
        host.open -= 1
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
        """Close idle connections; ends when there are none."""
        while any(host.idle for host in self._hosts.values()):
            await self._clock.sleep(self._limits.idle / 2)
            oldest = self._clock.now() - round(self._limits.idle * SECOND)
            for target, host in list(self._hosts.items()):
                for talk, since in [kept for kept in host.idle if kept[1] <= oldest or not kept[0].alive]:
                    host.idle.remove((talk, since))
                    self._retire(talk, host)
                self._forget(target, host)


def _full(reply: Reply, host: _Host) -> bool:
    """Whether the host itself refused another connection (with a 4xx) while it serves others of ours."""
    early = reply.outcome is Outcome.ROUTE_DOWN and reply.stage in {"connect", "ehlo", "auth"}
    return early and reply.code is not None and 400 <= reply.code < 500 and host.open > 0

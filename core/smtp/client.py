"""Deliver one parcel: find the hosts, use a kept connection, report what came of it.

Each transaction has one envelope recipient, so every recipient has an answer of its own. Nothing here retries later: a
deferral is a value, and the lanes decide when to try again.
"""

from __future__ import annotations

import contextlib
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Final, assert_never

from core.model import Clock, Outcome, Reply
from core.smtp import mx
from core.smtp.connection import Conversation, OutgoingMessage, Target, converse
from core.smtp.credentials import Source, secrets
from core.smtp.pool import Connections
from core.smtp.replies import refused
from core.smtp.route import Bound, Limits, Parcel, Route, Timeouts

Carry = Callable[[], Awaitable[Reply]]
"""Delivers the parcel that was admitted; awaited once, inside the admission."""

REHEARSED: Final = 2
"""Hosts of a domain that a rehearsal tries: somebody is waiting for it."""


class SmtpClient:
    """Delivers parcels over connections it keeps open. One for each event loop.

    `hello` is our name in EHLO (None: the machine's), `look_up` the resolver for direct routes, `trust` the TLS context
    of verified connections, `ca_file` adds certificate authorities to it, `sources` says where relays' passwords come
    from, by host; `private` lets direct mail go to addresses that are not public (a closed network, tests).
    """

    def __init__(
        self,
        *,
        clock: Clock,
        hello: str | None = None,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        look_up: mx.LookUp | None = None,
        chance: mx.Chance | None = None,
        trust: ssl.SSLContext | None = None,
        ca_file: Path | None = None,
        private: bool = False,
        sources: Mapping[str, Source] | None = None,
    ) -> None:
        self._hello = hello
        self._limits = limits or Limits()
        self._each = Bound(self._limits.direct, self._limits.direct)
        self._timeouts = timeouts or Timeouts()
        self._given_look_up = look_up
        self._chance = chance or random.SystemRandom().random
        self._given_trust = trust
        self._ca_file = ca_file
        self._secrets = secrets(sources or {})
        self._private = private
        self._connections = Connections(converse=self._converse, clock=clock, limits=self._limits)

    async def deliver(self, parcel: Parcel) -> Reply:
        """One attempt. Never raises for anything a receiver or a network does; cancelling drops the connection."""
        async with self.admission(parcel) as carry:
            return await carry()

    @contextlib.asynccontextmanager
    async def admission(self, parcel: Parcel) -> AsyncIterator[Carry]:
        """Wait until the parcel is among the next for a connection to its host; await what is yielded to deliver it.

        Record the start of the delivery in between. Recorded before the wait, it would cover every delivery that waits
        for a slow host: a suspension could stop none of them, and after a crash each would be uncertain.
        """
        message = OutgoingMessage(parcel.sender, parcel.recipient, parcel.message, parcel.smtputf8)
        route, domain = parcel.route, parcel.domain
        carry = self._connections.carry
        match route.kind:
            case "relay":
                to, bound = self._relay(route), Bound(self._limits.relay, self._limits.far_relay)
                async with self._connections.admission(to=to, bound=bound, domain=domain) as seen:
                    yield partial(carry, message, to=to, bound=bound, most=route.messages, domain=domain, seen=seen)
            case "direct":
                hosts = await mx.exchangers(domain, look_up=self._look_up, chance=self._chance, private=self._private)
                if isinstance(hosts, Reply):
                    yield partial(_known, hosts)
                    return
                first = self._exchanger(route, hosts[0])
                # To the first host only: two deliveries, each admitted to the host the other waits for, would deadlock.
                async with self._connections.admission(to=first, bound=self._each) as seen:
                    yield partial(self._direct, message, hosts=hosts, route=route, seen=seen)
            case never:
                assert_never(never)

    async def rehearse(
        self, route: Route, *, sender: str, domain: str | None = None
    ) -> tuple[Reply, Mapping[str, object]]:
        """Do everything before RCPT on a new connection: returns the last reply and the receiver's certificate.

        `domain` is the one whose mail exchangers a direct route goes to.
        """
        talk = await self._converse(self._relay(route)) if domain is None else await self._exchange(route, domain)
        if isinstance(talk, Reply):
            return talk, {}
        try:
            return await talk.rehearse(sender), talk.certificate()
        finally:
            await talk.quit()

    async def close(self) -> None:
        """Close every connection with QUIT. Deliveries in progress finish."""
        await self._connections.close()

    async def _direct(
        self, message: OutgoingMessage, *, hosts: Sequence[mx.Exchanger], route: Route, seen: int
    ) -> Reply:
        for place, host in enumerate(hosts):
            reply = await self._connections.carry(
                message,
                to=self._exchanger(route, host),
                bound=self._each,
                most=route.messages,
                seen=None if place else seen,
            )
            if reply.outcome is not Outcome.ROUTE_DOWN:
                # A host that accepted the conversation speaks for the domain; trying the next would be shopping around.
                return reply
        return reply

    async def _exchange(self, route: Route, domain: str) -> Conversation | Reply:
        """A conversation with one of a domain's mail exchangers; if none answers, what the last one tried said."""
        hosts = await mx.exchangers(domain, look_up=self._look_up, chance=self._chance, private=self._private)
        if isinstance(hosts, Reply):
            return hosts
        talk: Conversation | Reply = refused(f"{domain} has no host", enhanced="5.4.4", stage="connect", host=None)
        for host in hosts[:REHEARSED]:
            talk = await self._converse(self._exchanger(route, host))
            if not isinstance(talk, Reply):
                break
        return talk

    async def _converse(self, target: Target) -> Conversation | Reply:
        return await converse(target, timeouts=self._timeouts, hello=self._hello)

    def _relay(self, route: Route) -> Target:
        return Target(
            name=route.host,
            address=route.host,
            port=route.port,
            tls=route.tls == "starttls",
            implicit=route.tls == "implicit",
            username=route.username,
            password=route.password,
            secret=self._secrets.get(route.host.lower()),
            context=self._context(route),
        )

    def _exchanger(self, route: Route, host: mx.Exchanger) -> Target:
        return Target(
            name=host.name,
            address=host.address,
            port=route.port,
            tls=None if route.opportunistic else route.tls == "starttls",
            implicit=route.tls == "implicit",
            context=self._context(route),
        )

    def _context(self, route: Route) -> ssl.SSLContext | None:
        if route.tls == "none":
            return None
        return self._verifying if route.verify else self._believing

    # Building a context reads every root certificate: 43 ms. Built once, shared by all connections.

    @cached_property
    def _verifying(self) -> ssl.SSLContext:
        context = self._given_trust or ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        return context

    @cached_property
    def _believing(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    @cached_property
    def _look_up(self) -> mx.LookUp:
        return self._given_look_up or mx.system_resolver()


async def _known(reply: Reply) -> Reply:
    return reply

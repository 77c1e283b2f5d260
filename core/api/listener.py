"""Limits of one listening port: connections, their duration and their memory.

uvicorn limits none of this: its only timeout is for idle keep-alive connections, and every byte resets it. A thousand
clients that never finish their headers would use up the process's file descriptors, and so block agents, operators and
delivery. Each listener has its own limits, so load on the public one does not affect agents.
"""

from __future__ import annotations

import asyncio
import ipaddress
import resource
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog

from core.settings import Http

SWEEP: Final = 0.25
"""Seconds between sweeps for overdue connections."""
SAY_EVERY: Final = 60.0
"""Seconds between two log lines about refused connections, so that an attack cannot fill the disk."""
SMALL: Final = 64 * 1024
"""Bytes of each body that do not count against body memory: ordinary mail is accepted even when that is used up."""
BODY_RATE: Final = 8 * 1024
"""Minimum rate of a body, in bytes a second, after its first seconds: 2G is faster."""
DRAIN: Final = 5.0
"""Seconds to drain the rest of a body that was answered early: a client that is still sending reads no response."""
MOST_FILES: Final = 65_536
RESERVED: Final = 1_024
"""File descriptors kept from connections: for the database, deliveries, the children's pipes, webhooks."""

log = structlog.get_logger("listener")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Held(Protocol):
    """A connection, as its listener sees it."""

    address: str

    def overdue(self, now: float) -> str | None:
        """Why the connection should be dropped now, or None."""

    @property
    def streams(self) -> bool:
        """Whether it answers with a stream that does not end by itself."""

    def drop(self, why: str) -> None:
        """Close it, with a response if one can still be sent."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one listener. Addresses in `proxies` may hold more connections than `per_address`."""

    connections: int = 2_000
    per_address: int = 128
    header_bytes: int = 32 * 1024
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    write_seconds: float = 30.0
    body_memory: int = 192 * 2**20
    proxies: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class Bodies:
    """Memory budget for the bodies of all unanswered requests of a listener."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def take(self, count: int) -> bool:
        """Reserve this many bytes. Returns whether there was room."""
        if self.held + count > self.limit:
            return False
        self.held += count
        return True

    def give(self, count: int) -> None:
        self.held -= count


class Listener:
    """One port: its open connections, the ones that keep it waiting, and refusal counters."""

    def __init__(self, name: str, limits: Limits, *, used: asyncio.Event | None = None) -> None:
        self.name = name
        self._used = used
        self.limits = limits
        self.bodies = Bodies(limits.body_memory)
        self.refused: Counter[str] = Counter()
        self._open: set[Held] = set()
        self._of_address: Counter[str] = Counter()
        self._waiting: dict[Held, None] = {}
        self._logged_counts: Counter[str] = Counter()
        self._logged_at: float | None = None

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Held) -> bool:
        """Accept a new connection. A full listener drops the one that has kept it waiting longest.

        So clients that finish their requests are served even during a flood of clients that do not.
        """
        if self._used is not None:
            self._used.set()
        address = connection.address
        if self._of_address[address] >= self.limits.per_address and not self._is_proxy(address):
            self.refused["too many from one address"] += 1
            return False
        if len(self._open) >= self.limits.connections:
            oldest = next(iter(self._waiting), None)
            if oldest is None:
                self.refused["too many connections"] += 1
                return False
            self.refused["dropped for a newer one"] += 1
            oldest.drop("dropped for a newer one")
            self.leave(oldest)
        self._open.add(connection)
        self._of_address[address] += 1
        self._waiting[connection] = None
        return True

    def leave(self, connection: Held) -> None:
        """Remove a connection that is closed or closing. Idempotent."""
        self._waiting.pop(connection, None)
        if connection in self._open:
            self._open.discard(connection)
            self._of_address[connection.address] -= 1
            if not self._of_address[connection.address]:
                del self._of_address[connection.address]

    def waits(self, connection: Held) -> None:
        """Mark it as between requests or in the middle of a header: it may be dropped for a newer connection."""
        if connection in self._open:
            self._waiting[connection] = None

    def works(self, connection: Held) -> None:
        """Mark it as serving a request: it is not dropped for a newer connection."""
        self._waiting.pop(connection, None)

    @property
    def swept(self) -> bool:
        """Whether another sweep would find nothing: no connection is open, and every refusal is logged."""
        return not self._open and self.refused == self._logged_counts

    def sweep(self, now: float) -> None:
        """Drop overdue connections, and log what was refused, once a minute."""
        for connection in list(self._open):
            why = connection.overdue(now)
            if why is not None:
                self.refused[why] += 1
                connection.drop(why)
        self._say(now)

    def drop_streams(self) -> None:
        """Cut the streams that are left: their clients do not read, and would keep a gateway from stopping."""
        for connection in [one for one in self._open if one.streams]:
            connection.drop("the gateway is stopping")

    def _say(self, now: float) -> None:
        if self._logged_at is not None and now - self._logged_at < SAY_EVERY:
            return
        news = self.refused - self._logged_counts
        if news:
            log.warning("connections refused", listener=self.name, connections=len(self), refused=dict(news))
            self._logged_counts, self._logged_at = Counter(self.refused), now

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return True  # the socket has no address
        mapped = getattr(found, "ipv4_mapped", None) or found
        return any(mapped.version == network.version and mapped in network for network in self.limits.proxies)


class Traffic:
    """The listeners of one gateway."""

    def __init__(self, http: Http | None = None) -> None:
        http = http or Http()
        inside = Limits(
            connections=http.connections,
            per_address=http.connections_per_address,
            header_seconds=http.header_seconds,
            body_seconds=http.body_seconds,
            write_seconds=http.write_seconds,
            body_memory=http.body_megabytes * 2**20,
            proxies=tuple(ipaddress.ip_network(one) for one in http.proxies),
        )
        outside = replace(inside, connections=http.public_connections, body_memory=http.public_body_megabytes * 2**20)
        self._used = asyncio.Event()
        self.inside = Listener("inside", inside, used=self._used)
        self.public = Listener("public", outside, used=self._used)

    @property
    def listeners(self) -> tuple[Listener, ...]:
        return self.inside, self.public

    def fit(self, files: int) -> None:
        """Lower the connection limits so that the desk keeps file descriptors, however few the process may open."""
        room = max(files - RESERVED, files // 3)
        connections = sum(one.limits.connections for one in self.listeners)
        if connections <= room:
            return
        for one in self.listeners:
            one.limits = replace(one.limits, connections=max(1, one.limits.connections * room // connections))
        log.warning(
            "few files may be opened: fewer connections are taken", files=files,
            connections={one.name: one.limits.connections for one in self.listeners},
            fix="raise the limit of open files of the service (LimitNOFILE, ulimit -n)",
        )  # fmt: skip

    async def watch(self) -> None:
        """Sweep for overdue connections, while there are any, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._used.wait()
            await asyncio.sleep(SWEEP)
            for one in self.listeners:
                one.sweep(loop.time())
            if all(one.swept for one in self.listeners):
                self._used.clear()


def raise_file_limit() -> int:
    """Raise this process's limit of open files as far as allowed. Returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_FILES
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(soft, most)

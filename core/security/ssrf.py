"""Which addresses belong to the public network, and which lead elsewhere however they are written.

Separate from whatever connects, because it is a table and a few lines of arithmetic that must be right for every
spelling: an IPv4 address hides inside four kinds of IPv6 address, and a C library reads 127.1 as loopback. Only
`only_public` acts: it holds a library's own connections to the same table.
"""

from __future__ import annotations

import contextlib
import functools
import re
import socket
import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from core.errors import Invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
"""A host name in its bare spelling: lower case, ASCII, no final dot needed."""
# IANA's special-purpose registries (RFC 6890 and its successors). Our own table, because `is_global` of the standard
# library changed its mind within 3.11.
_SPECIAL: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ip_network(network), why)
    for network, why in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),  # RFC 6598
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved (former 6to4 relays)"),  # RFC 7526
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::/96", "IPv4-compatible"),
        # RFC 8215 leaves open where in it the IPv4 address sits, so it cannot be judged by that.
        ("64:ff9b:1::/48", "local NAT64"),
        ("100::/64", "discard-only"),
        ("2001:2::/48", "benchmarking"),
        ("2001:10::/28", "ORCHID"),
        ("2001:20::/28", "ORCHID"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_TEREDO: Final = IPv6Network("2001::/32")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})
_METADATA: Final[frozenset[Address]] = frozenset(
    ip_address(address)
    for address in (
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # AWS, containers
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google
        "fd00:42::42",  # Scaleway
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure: in the middle of public space
    )
)


@dataclass(frozen=True, slots=True)
class Exceptions:
    """What `postroom.toml` allows although it is not public: networks, addresses and host names."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def read(cls, allow: Iterable[str]) -> Exceptions:
        """From `10.1.0.0/16`, `127.0.0.1` or `hooks.corp.example`. Raises `Invalid`."""
        networks: list[Network] = []
        hosts: set[str] = set()
        for entry in allow:
            try:
                networks.append(ip_network(entry.strip()))
            except ValueError as error:
                name = bare(entry.strip())
                if "/" in name or not HOST.fullmatch(name):
                    raise Invalid(
                        f"{entry!r} is neither a network nor a host name",
                        fix="write 10.1.0.0/16, 127.0.0.1 or hooks.corp.example",
                    ) from error
                hosts.add(name)
        return cls(tuple(networks), frozenset(hosts))

    def permit(self, address: Address, *, host: str) -> bool:
        # A wide exception must not expose the machine's credentials: metadata services are allowed by name only.
        if address in _METADATA:
            return any(address in network and network.num_addresses == 1 for network in self.networks)
        return bare(host) in self.hosts or any(address in network for network in self.networks)


def why_refused(address: Address) -> str | None:
    """Why a webhook may not go to this address, in a few words, or None if it may."""
    if address in _METADATA:
        return "cloud metadata"
    for network, why in _SPECIAL:
        if address in network:
            return why
    if isinstance(address, IPv4Address):
        return None
    if address not in _GLOBAL_V6 and address not in _NAT64:
        return "reserved"
    for inner, by in _embedded(address):
        why_inner = why_refused(inner)
        if why_inner:
            return f"{why_inner}, by way of {by}"
    return None


def refuse_bad(addresses: Iterable[Address], *, host: str, exceptions: Exceptions) -> None:
    """Raise `Invalid` for the first address that is neither public nor an exception."""
    for address in addresses:
        why = why_refused(address)
        if why and not exceptions.permit(address, host=host):
            raise Invalid(
                f"{host} leads to {address}, which is not public ({why})",
                fix="allow it in postroom.toml if that is what you want",
            )


def bare(host: str) -> str:
    """A host name without the differences that do not matter."""
    return host.lower().removesuffix(".")


def literal(host: str) -> Address | None:
    """The address a host is written as, in any spelling that a C library accepts: 127.1, 0x7f000001, 017700000001."""
    try:
        return ip_address(host)
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))
        except OSError:
            return None


def _embedded(address: IPv6Address) -> Iterable[tuple[IPv4Address, str]]:
    """The IPv4 addresses at which a packet to this address would come out again, and by which mechanism."""
    number = int(address)
    if address in _NAT64:  # RFC 6052 2.2
        yield IPv4Address(number & 0xFFFF_FFFF), "NAT64"
    if address in _SIX_TO_FOUR:  # RFC 3056 2
        yield IPv4Address(number >> 80 & 0xFFFF_FFFF), "6to4"
    if address in _TEREDO:  # RFC 4380 4: the server in clear, the client's with every bit flipped
        yield IPv4Address(number >> 64 & 0xFFFF_FFFF), "Teredo"
        yield IPv4Address(~number & 0xFFFF_FFFF), "Teredo"
    if number >> 32 & 0xFFFF_FFFF in _ISATAP:  # RFC 5214 6.1
        yield IPv4Address(number & 0xFFFF_FFFF), "ISATAP"


# --- connections that a library opens -------------------------------------------------------------------------------


class Refused(OSError):
    """A connection to an address that is neither public nor allowed. Libraries treat it as a network that is down."""


class Watch:
    """What a library connects to within `only_public`; `refused` says what was blocked."""

    def __init__(self, exceptions: Exceptions) -> None:
        self._exceptions = exceptions
        self._host = ""
        self.refused: str | None = None

    def resolves(self, host: object) -> None:
        self._host = host.decode(errors="replace") if isinstance(host, bytes) else str(host)

    def connects(self, target: object) -> None:
        """Raise `Refused` unless `target`, a socket's address, may be reached."""
        host = target[0] if isinstance(target, tuple) and target else None
        address = literal(host.partition("%")[0]) if isinstance(host, str) else None
        if address is None:
            # A local socket, or a name that the system resolves after this check.
            self.refused = "it connects in a way that cannot be checked"
            raise Refused(self.refused)
        why = why_refused(address)
        if why and not self._exceptions.permit(address, host=self._host):
            self.refused = f"{address} is not public ({why}); allow it under [notify] in postroom.toml"
            raise Refused(self.refused)


_WATCH: Final[ContextVar[Watch | None]] = ContextVar("postroom_only_public", default=None)


@contextlib.contextmanager
def only_public(exceptions: Exceptions) -> Iterator[Watch]:
    """Inside it, and in threads that run in a copy of its context, connections reach public addresses only.

    The address is checked when a socket connects, not when a URL is read, so neither a redirect nor a name that
    resolves differently the second time gets around it.
    """
    _listen()
    watch = Watch(exceptions)
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


@functools.cache
def _listen() -> None:
    """Once per process: CPython cannot remove an audit hook."""
    sys.addaudithook(_audit)


def _audit(event: str, args: tuple[object, ...]) -> None:
    if not event.startswith("socket."):
        return
    watch = _WATCH.get()
    if watch is None:
        return
    if event == "socket.getaddrinfo":
        watch.resolves(args[0])
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        watch.connects(args[1])

"""A domain's mail exchangers, in the order to try them (RFC 5321 5.1, RFC 7505).

The owner of the recipient's domain writes these records, so they are untrusted input: their number is bounded, and
addresses that are not public are dropped. Otherwise one MX record would make the gateway talk to its own network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX

from core.model import Reply
from core.security.ssrf import why_refused
from core.smtp.replies import refused

LookUp = Callable[[str, str], Awaitable[Sequence[dns.rdata.Rdata]]]
"""`await look_up(name, "MX")`: the records; raises dnspython's exceptions."""
Chance = Callable[[], float]

_MOST: Final = 5
"""Addresses tried for one message; a domain with hundreds must not hold a worker for an hour."""


@dataclass(frozen=True, slots=True)
class Exchanger:
    """One place to deliver to: the name in the MX record and one of its addresses."""

    name: str
    address: str


def system_resolver(*, patience: float = 15.0) -> LookUp:
    """The machine's resolvers, with a cache that honours each record's time to live; `patience` in seconds."""
    resolver = dns.asyncresolver.Resolver()
    resolver.cache = dns.resolver.LRUCache(10_000)
    resolver.lifetime = patience

    async def look_up(name: str, kind: str) -> Sequence[dns.rdata.Rdata]:
        return tuple(await resolver.resolve(name, kind))

    return look_up


async def exchangers(
    domain: str, *, look_up: LookUp, chance: Chance, private: bool = False
) -> tuple[Exchanger, ...] | Reply:
    """Where to deliver mail for `domain`, best first; or why it cannot be (`failed`) or not now (`deferred`)."""
    try:
        found = await look_up(domain, "MX")
    except dns.resolver.NoAnswer:
        names = [domain]  # RFC 5321 5.1: no MX at all means the host itself
    except (dns.resolver.NXDOMAIN, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel) as error:
        return _no("5.1.2", f"the domain {domain} does not exist ({type(error).__name__})")
    except (dns.exception.DNSException, OSError, UnicodeError) as error:
        return _no("4.4.3", f"the mail exchangers of {domain} cannot be looked up now ({type(error).__name__})")
    else:
        # Equal preferences are tried in random order: RFC 5321 5.1 wants the load spread.
        order = sorted((record.preference, chance(), record) for record in found if isinstance(record, MX))
        names = [record.exchange.to_text(omit_final_dot=True) for _, _, record in order]
        if names == ["."]:
            return _no("5.1.10", f"the domain {domain} accepts no mail (null MX)")
    return await _addresses(domain, names, look_up=look_up, private=private)


async def _addresses(
    domain: str, names: Sequence[str], *, look_up: LookUp, private: bool
) -> tuple[Exchanger, ...] | Reply:
    found: list[Exchanger] = []
    unsure = hidden = False
    for name in names[: 2 * _MOST]:
        for kind in ("A", "AAAA"):
            try:
                records = await look_up(name, kind)
            except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
                continue
            except (dns.exception.DNSException, OSError, UnicodeError):
                unsure = True
                continue
            addresses = [str(record.to_text()) for record in records]
            open_ones = [text for text in addresses if private or why_refused(ipaddress.ip_address(text)) is None]
            hidden = hidden or len(open_ones) < len(addresses)
            found += [Exchanger(name, text) for text in open_ones]
        if len(found) >= _MOST:
            break
    if found:
        return tuple(found[:_MOST])
    if unsure:
        return _no("4.4.3", f"the addresses of {domain}'s mail exchangers cannot be looked up now")
    if hidden:
        return _no("5.4.4", f"the mail exchangers of {domain} have no public address")
    return _no("5.4.4", f"the domain {domain} has no mail exchanger with an address")


def _no(enhanced: str, text: str) -> Reply:
    return refused(text, enhanced=enhanced, stage="connect", host=None)

"""Compare the DNS records that a stream should publish with what DNS answers.

Three results, because two would mislead: the record is published, it is not, or DNS could not be asked. A desk on a
machine without a network must not report that its keys are unpublished.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import dns.exception
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from core.rules.stream_records import DnsRecord, Found

PATIENCE: Final = 3.0
"""Timeout of one query, in seconds; somebody waits at a terminal."""


class Zone:
    """Public DNS, through the machine's resolvers or the one given."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None, *, patience: float = PATIENCE) -> None:
        self._resolver = resolver
        self._patience = patience

    def look_up(self, records: Sequence[DnsRecord]) -> list[Found]:
        """One result per record, in order; the queries run in parallel."""
        try:
            self._asked()
        except dns.exception.DNSException:  # no /etc/resolv.conf
            return [Found.UNKNOWN] * len(records)
        with ThreadPoolExecutor(max(1, min(8, len(records)))) as pool:
            return list(pool.map(self._look_up, records))

    def values(self, record: DnsRecord) -> list[str]:
        """The published values with the name, type and kind of a record."""
        kind = _kind(record.value)
        try:
            return [one for one in self._ask(record) if _same(one).lower().startswith(kind)]
        except (dns.exception.DNSException, OSError):
            return []

    def published(self, name: str, kind: str) -> tuple[str, ...] | None:
        """All TXT or MX values of a name; empty if it has none, None if DNS did not answer."""
        try:
            answer = self._asked().resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except (dns.exception.DNSException, OSError):
            return None
        return tuple(value for one in answer if (value := _value(one)) is not None)

    def exists(self, name: str) -> bool | None:
        """Whether the name exists in DNS, with records or only as the parent of some. None: DNS did not answer."""
        try:
            self._asked().resolve(name, "SOA", search=False)
        except dns.resolver.NXDOMAIN:
            return False
        except dns.resolver.NoAnswer:
            return True
        except (dns.exception.DNSException, OSError):
            return None
        return True

    def _asked(self) -> dns.resolver.Resolver:
        """The resolver. Raises a `DNSException` if the machine has none."""
        if self._resolver is None:
            self._resolver = dns.resolver.Resolver()
        self._resolver.lifetime = self._patience
        return self._resolver

    def _look_up(self, record: DnsRecord) -> Found:
        try:
            values = self._ask(record)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return Found.MISSING
        except (dns.exception.DNSException, OSError):
            return Found.UNKNOWN
        if any(serves(value, record) for value in values):
            return Found.THERE
        kind = _kind(record.value)
        return Found.OTHER if any(_same(value).lower().startswith(kind) for value in values) else Found.MISSING

    def _ask(self, record: DnsRecord) -> list[str]:
        answer = self._asked().resolve(record.name, record.type, search=False)
        return [value for one in answer if (value := _value(one)) is not None]


def serves(published: str, record: DnsRecord) -> bool:
    """Whether a published value serves the record's purpose, even if it is written differently.

    SPF may list more senders, DMARC may be stricter and report elsewhere; an MX that is not required may be another's.
    """
    if _same(published) == _same(record.value):
        return True
    if record.type == "MX":
        return not record.required
    wanted, given = record.value.lower(), published.lower()
    match _kind(wanted):
        case "v=spf1":
            terms = given.split()
            return set(wanted.split()[1:-1]) <= set(terms) and terms[-1] in {"-all", "~all"}
        case "v=dmarc1" if "p=" in wanted:
            tags = dict(part.strip().partition("=")[::2] for part in given.split(";"))
            known = tags.get("v") == "dmarc1" and tags.get("p") in {"none", "quarantine", "reject"}
            return known and tags.get("rua", "").startswith("mailto:")
        case _:
            return False


def _kind(value: str) -> str:
    return _same(value).partition(" ")[0].partition(";")[0].lower()


def _value(record: object) -> str | None:
    match record:
        case TXT():
            return b"".join(record.strings).decode(errors="replace")
        case MX():
            return f"{record.preference} {record.exchange.to_text().lower()}"
        case _:
            return None


def _same(value: str) -> str:
    """Normalise whitespace, which is up to the zone file (RFC 6376 3.2 allows it around tags), and a trailing dot."""
    return " ".join(value.split()).replace("; ", ";").rstrip(".;")

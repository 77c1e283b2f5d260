"""What DNS answers, compared with what a stream should publish.

Three answers, because two would lie: a record is there, it is not, or nobody could tell. A desk on a machine without a
network must not be told that its keys are unpublished.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import dns.exception
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from core.rules.dns import DnsRecord

PATIENCE: Final = 3.0
"""Seconds for one answer; somebody waits at a terminal."""


class Found(enum.Enum):
    """What became of looking for one record."""

    THERE = "published"
    OTHER = "published with another value"
    MISSING = "not published"
    UNKNOWN = "DNS did not answer"


class Zone:
    """The world's view of names, through the machine's resolvers or the one given."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None, *, patience: float = PATIENCE) -> None:
        self._resolver = resolver
        self._patience = patience

    def look_up(self, records: Sequence[DnsRecord]) -> list[Found]:
        """One answer a record, in order; asked for at once."""
        if self._resolver is None:
            try:
                self._resolver = dns.resolver.Resolver()
            except dns.exception.DNSException:  # no /etc/resolv.conf
                return [Found.UNKNOWN] * len(records)
        self._resolver.lifetime = self._patience
        with ThreadPoolExecutor(max(1, min(8, len(records)))) as pool:
            return list(pool.map(self._look_up, records))

    def _look_up(self, record: DnsRecord) -> Found:
        assert self._resolver is not None
        try:
            answer = self._resolver.resolve(record.name, record.type, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return Found.MISSING
        except (dns.exception.DNSException, OSError):
            return Found.UNKNOWN
        values = [value for one in answer if (value := _value(one)) is not None]
        if _same(record.value) in {_same(value) for value in values}:
            return Found.THERE
        kind = _same(record.value).partition(" ")[0].partition(";")[0]
        return Found.OTHER if any(_same(value).startswith(kind) for value in values) else Found.MISSING


def _value(record: object) -> str | None:
    match record:
        case TXT():
            return b"".join(record.strings).decode(errors="replace")
        case MX():
            return f"{record.preference} {record.exchange.to_text().lower()}"
        case _:
            return None


def _same(value: str) -> str:
    """Spaces are the zone file's business (RFC 6376 3.2 allows them around tags), and a final dot too."""
    return " ".join(value.split()).replace("; ", ";").rstrip(".;")

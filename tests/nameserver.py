"""A name server on loopback: what the world would see, without asking the world."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence

import dns.asyncresolver
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.resolver
import dns.rrset

from core.dns_check import Zone
from core.smtp.mx import LookUp


class Nameserver(threading.Thread):
    """Knows a few records and nothing else; `silent`: hears every question and answers none."""

    def __init__(self, records: dict[tuple[str, str], str], *, silent: bool) -> None:
        super().__init__(daemon=True)
        self.records = records
        self.silent = silent
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, peer = self.socket.recvfrom(4096)
                if not self.silent:
                    self.socket.sendto(self.answer(dns.message.from_wire(wire)).to_wire(), peer)

    def answer(self, asked: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(asked)
        question = asked.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        value = self.records.get((name, kind))
        if value is not None:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, value))
        elif not any(known == name or known.endswith(f".{name}") for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)  # RFC 8020: a name with names below it exists
        return answer


def quoted(value: str) -> str:
    """A TXT value as a zone file spells it, in strings of 255 characters."""
    return " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))


@contextlib.contextmanager
def nameserver(records: Mapping[tuple[str, str], str], *, silent: bool = False) -> Iterator[Zone]:
    """A view of a world that has these records by (name, type), TXT values bare."""
    with _served(records, silent=silent) as port:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], port
        yield Zone(resolver, patience=0.2 if silent else 30.0)


@contextlib.contextmanager
def resolving(records: Mapping[tuple[str, str], str], *, silent: bool = False) -> Iterator[LookUp]:
    """The same world, as delivery and receiving ask it."""
    with _served(records, silent=silent) as port:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], port
        resolver.lifetime = 0.2 if silent else 30.0

        async def look_up(name: str, kind: str) -> Sequence[dns.rdata.Rdata]:
            return tuple(await resolver.resolve(name, kind))

        yield look_up


@contextlib.contextmanager
def _served(records: Mapping[tuple[str, str], str], *, silent: bool) -> Iterator[int]:
    spelled = {key: quoted(value) if key[1] == "TXT" else value for key, value in records.items()}
    server = Nameserver(spelled, silent=silent)
    server.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.socket.close()

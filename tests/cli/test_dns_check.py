from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from core.cli.dns_check import Found, Zone
from core.rules.dns import DnsRecord

LONG = "v=DKIM1; k=rsa; h=sha256; p=" + "A" * 400


class Nameserver(threading.Thread):
    """A name server on loopback that knows a few records and nothing else."""

    def __init__(self, records: dict[tuple[str, str], str]) -> None:
        super().__init__(daemon=True)
        self.records = records
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, peer = self.socket.recvfrom(4096)
                self.socket.sendto(self.answer(dns.message.from_wire(wire)).to_wire(), peer)

    def answer(self, asked: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(asked)
        question = asked.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        value = self.records.get((question.name.to_text(omit_final_dot=True), kind))
        if value is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, value))
        return answer


@pytest.fixture
def zone() -> Iterator[Zone]:
    pieces = " ".join(f'"{LONG[at : at + 255]}"' for at in range(0, len(LONG), 255))
    server = Nameserver(
        {
            ("a._domainkey.bot.test", "TXT"): pieces,
            ("bot.test", "TXT"): '"v=spf1 include:elsewhere.test -all"',
            ("bounces.bot.test", "MX"): "10 Mail.bot.test.",
        }
    )
    server.start()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = server.socket.getsockname()[1]
    yield Zone(resolver)
    server.socket.close()


def test_each_record_is_there_other_or_missing(zone: Zone) -> None:
    assert zone.look_up(
        [
            DnsRecord("TXT", "a._domainkey.bot.test", LONG, ""),
            DnsRecord("MX", "bounces.bot.test", "10 mail.bot.test.", ""),
            DnsRecord("TXT", "bot.test", "v=spf1 a:mail.bot.test -all", ""),
            DnsRecord("TXT", "_dmarc.bot.test", "v=DMARC1; p=reject", ""),
        ]
    ) == [Found.THERE, Found.THERE, Found.OTHER, Found.MISSING]


def test_a_name_server_that_does_not_answer_proves_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], silent.getsockname()[1]
        assert Zone(resolver, patience=0.2).look_up([DnsRecord("MX", "x.test", "10 m.test.", "")]) == [Found.UNKNOWN]

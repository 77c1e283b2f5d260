from __future__ import annotations

import socket
from collections.abc import Iterator

import dns.resolver
import pytest

from core.dns_check import Zone
from core.rules.stream_records import DnsRecord, Found
from tests.nameserver import nameserver

LONG = "v=DKIM1; k=rsa; h=sha256; p=" + "A" * 400


@pytest.fixture
def zone() -> Iterator[Zone]:
    records = {
        ("a._domainkey.bot.test", "TXT"): LONG,
        ("bot.test", "TXT"): "v=spf1 include:elsewhere.test -all",
        ("bounces.bot.test", "MX"): "10 Mail.bot.test.",
    }
    with nameserver(records) as found:
        yield found


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


def test_a_name_exists_if_only_by_what_is_below_it(zone: Zone) -> None:
    assert [zone.exists(name) for name in ("bot.test", "test", "elsewhere.test")] == [True, True, False]
    assert zone.published("bot.test", "TXT") == ("v=spf1 include:elsewhere.test -all",)
    assert zone.published("elsewhere.test", "TXT") == ()
    with nameserver({}, silent=True) as silent:
        assert (silent.exists("bot.test"), silent.published("bot.test", "TXT")) == (None, None)

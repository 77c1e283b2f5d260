"""Which hosts a domain's mail goes to, and that no record makes us talk to our own network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import pytest

from core.model import Outcome, Reply
from core.smtp.client import SmtpClient
from core.smtp.mx import Exchanger, LookUp, exchangers
from core.smtp.route import Limits, Parcel, Route, Timeouts
from tests.smtp.receiver import Hours, receiver

pytestmark = pytest.mark.anyio

Zone = Mapping[tuple[str, str], Sequence[str] | dns.exception.DNSException]

BROKEN = dns.resolver.NoNameservers()  # type: ignore[no-untyped-call]  # dnspython types half of its exceptions
SILENT = dns.resolver.LifetimeTimeout(timeout=1, errors=[])  # type: ignore[no-untyped-call]  # the same


def resolver(zone: Zone) -> LookUp:
    async def look_up(name: str, kind: str) -> Sequence[dns.rdata.Rdata]:
        found = zone.get((name, kind))
        if isinstance(found, dns.exception.DNSException):
            raise found
        if found is None:
            raise dns.resolver.NoAnswer if any(name == known for known, _ in zone) else dns.resolver.NXDOMAIN
        kind_code = dns.rdatatype.from_text(kind)
        return tuple(dns.rdata.from_text(dns.rdataclass.IN, kind_code, text) for text in found)

    return look_up


async def hosts(zone: Zone, *, private: bool = False, chance: float = 0.5) -> tuple[Exchanger, ...] | Reply:
    return await exchangers("example.com", look_up=resolver(zone), chance=lambda: chance, private=private)


async def test_preference_decides() -> None:
    found = await hosts(
        {
            ("example.com", "MX"): ["20 b.example.", "10 a.example."],
            ("a.example", "A"): ["8.8.8.8"],
            ("a.example", "AAAA"): ["2606:4700::1"],
            ("b.example", "A"): ["9.9.9.9"],
        }
    )
    assert found == (
        Exchanger("a.example", "8.8.8.8"),
        Exchanger("a.example", "2606:4700::1"),
        Exchanger("b.example", "9.9.9.9"),
    )


async def test_equal_preferences_are_shuffled() -> None:
    zone: Zone = {
        ("example.com", "MX"): ["10 a.example.", "10 b.example."],
        ("a.example", "A"): ["8.8.8.8"],
        ("b.example", "A"): ["9.9.9.9"],
    }
    orders = set()
    for draws in ([0.1, 0.9], [0.9, 0.1]):
        found = await exchangers("example.com", look_up=resolver(zone), chance=iter(draws).__next__)
        assert not isinstance(found, Reply)
        orders.add(tuple(host.name for host in found))
    assert orders == {("a.example", "b.example"), ("b.example", "a.example")}


async def test_without_mx_the_host_itself() -> None:
    assert await hosts({("example.com", "A"): ["8.8.8.8"]}) == (Exchanger("example.com", "8.8.8.8"),)


@pytest.mark.parametrize(
    ("zone", "outcome", "enhanced"),
    [
        ({("example.com", "MX"): ["0 ."]}, Outcome.FAILED, "5.1.10"),
        ({}, Outcome.FAILED, "5.1.2"),
        ({("example.com", "MX"): BROKEN}, Outcome.DEFERRED, "4.4.3"),
        ({("example.com", "MX"): SILENT}, Outcome.DEFERRED, "4.4.3"),
        ({("example.com", "MX"): ["10 gone.example."]}, Outcome.FAILED, "5.4.4"),
        (
            {("example.com", "MX"): ["10 a.example."], ("a.example", "A"): BROKEN},
            Outcome.DEFERRED,
            "4.4.3",
        ),
        ({("example.com", "TXT"): ["x"]}, Outcome.FAILED, "5.4.4"),
    ],
)
async def test_where_no_mail_can_go(zone: Zone, outcome: Outcome, enhanced: str) -> None:
    reply = await hosts(zone)
    assert isinstance(reply, Reply)
    assert (reply.outcome, reply.enhanced, reply.stage) == (outcome, enhanced, "connect")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1"])
async def test_an_mx_record_cannot_aim_at_our_own_network(address: str) -> None:
    zone: Zone = {("example.com", "MX"): ["10 in.example."], ("in.example", "A"): [address]}
    reply = await hosts(zone)
    assert isinstance(reply, Reply)
    assert (reply.outcome, reply.enhanced) == (Outcome.FAILED, "5.4.4")
    assert await hosts(zone, private=True) == (Exchanger("in.example", address),)


async def test_a_domain_with_very_many_hosts_is_bounded() -> None:
    zone = {("example.com", "MX"): [f"{n} h{n}.example." for n in range(100)]} | {
        (f"h{n}.example", "A"): ["8.8.8.8"] for n in range(100)
    }
    found = await hosts(zone)
    assert not isinstance(found, Reply)
    assert len(found) == 5


async def test_the_next_exchanger_is_tried_when_the_first_is_down() -> None:
    async with receiver({"greeting": b"554 no\r\n"}) as down, receiver() as up:
        # one port for all of a direct route: two loopback addresses would need two listeners on it
        assert (await _direct(up.port, mx=["10 nobody.example.", "20 mx.example."])).outcome is Outcome.SENT
        assert (await _direct(down.port, mx=["10 mx.example."])).outcome is Outcome.ROUTE_DOWN


async def test_a_refusal_is_the_domains_last_word() -> None:
    async with receiver({"RCPT": b"550 5.1.1 unknown\r\n"}) as world:
        reply = await _direct(world.port, mx=["10 mx.example.", "20 mx.example."])
        assert (reply.outcome, reply.host) == (Outcome.FAILED, "mx.example")
        assert len([command for command in world.commands if command.startswith(b"RCPT")]) == 1


@pytest.mark.parametrize("say", [b"454 4.7.0 not now\r\n", b"220 go\r\nnot a handshake"])
async def test_direct_mail_goes_in_clear_where_the_offer_of_tls_is_broken(say: bytes) -> None:
    async with receiver({"EHLO": b"250-mx\r\n250 STARTTLS\r\n", "STARTTLS": say}) as world:
        reply = await _direct(world.port, mx=["10 mx.example."])
        assert (reply.outcome, reply.tls) == (Outcome.SENT, False)


async def _direct(port: int, *, mx: Sequence[str]) -> Reply:
    zone: Zone = {
        ("example.com", "MX"): mx,
        ("mx.example", "A"): ["127.0.0.1"],
        ("nobody.example", "A"): ["127.255.255.254"],
    }
    post = SmtpClient(
        clock=Hours(),
        hello="gw.example",
        limits=Limits(),
        timeouts=Timeouts(connect=5, command=5, data=5, dot=5, quit=1),
        look_up=resolver(zone),
        private=True,
    )
    reply = await post.deliver(
        Parcel(Route.direct(port=port), "example.com", "b@acme.example", "jane@example.com", b"Subject: x\r\n\r\nx\r\n")
    )
    await post.close()
    return reply

"""One parcel, and receivers that do everything a receiver may do to it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from core.model import Outcome, Reply
from core.smtp.client import SmtpClient
from core.smtp.route import Limits, Parcel, Route, Timeouts
from tests.smtp.receiver import CLOSE, LATER, LOCKSTEP, SILENCE, Hours, Receiver, Say, certificate, receiver

pytestmark = pytest.mark.anyio

QUICK = Timeouts(connect=5.0, command=5.0, data=5.0, dot=5.0, quit=1.0)
IMPATIENT = Timeouts(connect=0.2, command=0.2, data=0.2, dot=0.2, quit=0.1)
MESSAGE = b"From: a@acme.example\r\nSubject: x\r\n\r\nHello.\r\n"
WAYS = pytest.mark.parametrize("way", [{}, LOCKSTEP], ids=["pipelined", "lockstep"])
Way = Mapping[str, Say]


@contextlib.asynccontextmanager
async def courier(
    *, timeouts: Timeouts = QUICK, limits: Limits | None = None, trust: ssl.SSLContext | None = None
) -> AsyncIterator[SmtpClient]:
    one = SmtpClient(clock=Hours(), hello="gw.example", timeouts=timeouts, limits=limits, trust=trust)
    try:
        yield one
    finally:
        await one.close()


def parcel(port: int, **changes: object) -> Parcel:
    fields: dict[str, object] = {
        "route": Route.parse(f"smtp://127.0.0.1:{port}"),
        "domain": "example.com",
        "sender": "b+1@bounces.acme.example",
        "recipient": "jane@example.com",
        "message": MESSAGE,
        **changes,
    }
    return Parcel(**fields)  # type: ignore[arg-type]  # fields vary by test


async def one_reply(script: Mapping[str, Say], *, timeouts: Timeouts = QUICK, **changes: object) -> Reply:
    async with receiver(script) as world, courier(timeouts=timeouts) as post:
        return await post.deliver(parcel(world.port, **changes))


@WAYS
async def test_a_message_arrives_as_it_was_given(way: Way) -> None:
    message = MESSAGE + b".one dot\r\n..two\r\n.\r\nend\r\n"
    async with receiver(way) as world, courier() as post:
        reply = await post.deliver(parcel(world.port, message=message))
    assert reply == Reply(Outcome.SENT, 250, "2.0.0", "2.0.0 taken as 42", "dot", "127.0.0.1", tls=False)
    assert [line.replace(b"..", b".", 1) if line.startswith(b"..") else line for line in _lines(world)] == [
        line + b"\r\n" for line in message.split(b"\r\n")[:-1]
    ]
    assert world.commands[1].startswith(b"MAIL FROM:<b+1@bounces.acme.example>")
    assert world.commands[2] == b"RCPT TO:<jane@example.com>"


async def test_a_dot_at_the_very_beginning_is_stuffed_too() -> None:
    async with receiver() as world, courier() as post:
        assert (await post.deliver(parcel(world.port, message=b".\r\n\r\nend\r\n"))).outcome is Outcome.SENT
    assert _lines(world) == [b"..\r\n", b"\r\n", b"end\r\n"]


def _lines(world: Receiver) -> list[bytes]:
    return world.messages[0].splitlines(keepends=True)


@WAYS
async def test_lone_line_ends_never_leave(way: Way) -> None:
    smuggled = b"Subject: x\r\n\r\none\n.\nMAIL FROM:<evil@x.example>\r.\rtwo\n.\r\nthree"
    async with receiver(way) as world, courier() as post:
        reply = await post.deliver(parcel(world.port, message=smuggled))
    assert reply.outcome is Outcome.SENT
    assert len(world.messages) == 1
    assert b"\n" not in world.messages[0].replace(b"\r\n", b"")
    assert b"\r" not in world.messages[0].replace(b"\r\n", b"")
    assert b"\r\n.\r\n" not in world.messages[0]


async def test_pipelined_commands_go_in_one_breath() -> None:
    # The replies to all three come only after DATA was read: who waited for each would wait for ever.
    reply = await one_reply({"MAIL": LATER, "RCPT": LATER, "DATA": b"250 a\r\n250 b\r\n354 c\r\n"})
    assert reply.outcome is Outcome.SENT


@WAYS
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize(
    ("say", "outcome", "enhanced"),
    [
        (b"450 4.2.1 greylisted\r\n", Outcome.DEFERRED, "4.2.1"),
        (b"451 later\r\n", Outcome.DEFERRED, "4.3.0"),
        (b"550-5.7.1 policy\r\n550 5.7.1 says no\r\n", Outcome.FAILED, "5.7.1"),
        (b"554 no\r\n", Outcome.FAILED, "5.0.0"),
        (b"550 2.0.0 liar\r\n", Outcome.FAILED, None),
    ],
)
async def test_refusals_at_each_stage(way: Way, stage: str, say: bytes, outcome: Outcome, enhanced: str | None) -> None:
    async with receiver({**way, stage: say}) as world, courier() as post:
        reply = await post.deliver(parcel(world.port))
        assert (reply.outcome, reply.code, reply.stage) == (outcome, int(say[:3]), stage.lower())
        if enhanced is not None:
            assert reply.enhanced == enhanced
        # and the connection serves the next message
        world.script[stage] = b"354 ok\r\n" if stage == "DATA" else b"250 ok\r\n"
        assert (await post.deliver(parcel(world.port))).outcome is Outcome.SENT
        assert world.connections == 1
        # a transaction that was begun and refused is still open: a second MAIL would be answered 503
        assert (b"RSET" in world.commands) == (stage != "dot")


async def test_a_lone_dot_ends_what_the_receiver_began_without_a_recipient() -> None:
    script = {"RCPT": b"550 5.1.1 unknown\r\n", "dot": b"554 5.5.1 no recipients\r\n"}
    async with receiver(script) as world, courier() as post:
        reply = await post.deliver(parcel(world.port))
        assert (reply.code, reply.stage, reply.enhanced) == (550, "rcpt", "5.1.1")
        assert world.messages == [b""]


@WAYS
@pytest.mark.parametrize("stage", ["greeting", "EHLO", "MAIL"])
async def test_a_receiver_that_closes_takes_the_route_down(way: Way, stage: str) -> None:
    reply = await one_reply({**way, stage: b"421 4.3.2 closing\r\n", "HELO": b"421 closing\r\n"})
    assert (reply.outcome, reply.code) == (Outcome.ROUTE_DOWN, 421)


@WAYS
@pytest.mark.parametrize("stage", ["RCPT", "DATA", "dot"])
async def test_a_421_that_the_recipient_or_the_message_may_have_drawn_spends_its_retry(way: Way, stage: str) -> None:
    reply = await one_reply({**way, stage: b"421 4.7.0 too much\r\n"})
    assert (reply.outcome, reply.enhanced) == (Outcome.DEFERRED, "4.7.0")


@WAYS
async def test_authentication_wanted_for_one_recipient_is_about_that_recipient(way: Way) -> None:
    reply = await one_reply({**way, "RCPT": b"530 5.7.1 Client was not authenticated\r\n"})
    assert (reply.outcome, reply.code) == (Outcome.DEFERRED, 530)


async def test_authentication_wanted_is_about_the_route() -> None:
    reply = await one_reply({"MAIL": b"530 5.7.0 Must issue a STARTTLS command first\r\n"})
    assert reply.outcome is Outcome.ROUTE_DOWN


async def test_a_relay_that_is_not_there() -> None:
    async with receiver() as world:
        port = world.port
    async with courier() as post:
        reply = await post.deliver(parcel(port))
    assert (reply.outcome, reply.stage, reply.enhanced) == (Outcome.ROUTE_DOWN, "connect", "4.4.1")


@WAYS
@pytest.mark.parametrize(
    ("stage", "outcome"),
    [
        ("greeting", Outcome.ROUTE_DOWN),
        ("EHLO", Outcome.ROUTE_DOWN),
        ("MAIL", Outcome.DEFERRED),
        ("RCPT", Outcome.DEFERRED),
        ("DATA", Outcome.DEFERRED),
        ("dot", Outcome.UNCERTAIN),
    ],
)
@pytest.mark.parametrize("how", [CLOSE, b"\x00\xff no such protocol\r\n", b"999 what\r\n", b"250"], ids=repr)
async def test_lost_or_garbled_at_each_stage(way: Way, stage: str, outcome: Outcome, how: Say) -> None:
    script = {**way, stage: how, **({"HELO": how} if stage == "EHLO" else {})}
    reply = await one_reply(script, timeouts=IMPATIENT)
    assert reply.outcome is outcome
    assert reply.text.isprintable()


@WAYS
@pytest.mark.parametrize("stage", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot"])
async def test_a_tarpit_holds_nobody_for_ever(way: Way, stage: str) -> None:
    reply = await one_reply({**way, stage: SILENCE}, timeouts=IMPATIENT)
    in_talk = Outcome.UNCERTAIN if stage == "dot" else Outcome.DEFERRED
    assert reply.outcome is (Outcome.ROUTE_DOWN if stage in {"greeting", "EHLO"} else in_talk)
    assert reply.enhanced in {"4.4.1", "4.4.2"}


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "dot"])
@pytest.mark.parametrize("flood", [b"250-more\r\n" * 20_000, b"2" * 200_000], ids=["lines", "one line"])
async def test_a_reply_without_end_is_cut_off(stage: str, flood: bytes) -> None:
    reply = await one_reply({stage: flood, "HELO": b"502 no\r\n"})
    in_talk = Outcome.UNCERTAIN if stage == "dot" else Outcome.DEFERRED
    assert reply.outcome is (Outcome.ROUTE_DOWN if stage == "EHLO" else in_talk)
    assert len(reply.text) <= 1_000


async def test_a_long_but_honest_reply_is_read_and_shortened() -> None:
    reply = await one_reply({"RCPT": b"550-5.1.1 no such user\r\n" * 200 + b"550 5.1.1 bye\r\n"})
    assert (reply.outcome, reply.enhanced) == (Outcome.FAILED, "5.1.1")
    assert len(reply.text) <= 1_000


async def test_hostile_words_reach_no_terminal() -> None:
    reply = await one_reply({"RCPT": b"550 5.1.1 \x1b]0;owned\x07 \xe2\x80\xae\xc2\x9bm \xff\r\n"})
    assert reply.text.isprintable()
    assert reply.enhanced == "5.1.1"


@WAYS
async def test_dropped_in_the_middle_of_a_big_message_nothing_was_accepted(way: Way) -> None:
    async with receiver(way, read_at_most=100_000) as world, courier() as post:
        reply = await post.deliver(parcel(world.port, message=MESSAGE + b"x" * 70 + b"\r\n" + b"y" * 15_000_000))
    assert (reply.outcome, reply.stage) == (Outcome.DEFERRED, "data")


async def test_a_receiver_that_stops_reading_holds_nobody_for_ever() -> None:
    async with receiver({"DATA": b"354 ok\r\n"}) as world, courier(timeouts=IMPATIENT) as post:
        world.gate = asyncio.Event()
        reply = await post.deliver(parcel(world.port))
    assert reply.outcome is Outcome.UNCERTAIN


async def test_a_big_message_arrives_whole() -> None:
    message = MESSAGE + (b"." * 77 + b"\r\n") * 60_000
    async with receiver() as world, courier() as post:
        assert (await post.deliver(parcel(world.port, message=message))).outcome is Outcome.SENT
    assert world.messages[0].count(b"." * 78 + b"\r\n") == 60_000


@pytest.mark.parametrize(
    ("changes", "enhanced"),
    [
        ({"recipient": "jörg@example.com"}, "5.6.7"),
        ({"smtputf8": True}, "5.6.7"),
        ({"message": MESSAGE + "é\r\n".encode()}, "5.6.3"),
        ({"message": MESSAGE + b"x" * 2_000}, "5.3.4"),
        ({"recipient": "jane@example.com>\r\nRCPT TO:<eve@x.example"}, "5.1.3"),
        ({"sender": "a@b.example> SIZE=1"}, "5.1.3"),
        ({"recipient": "jane"}, "5.1.3"),
    ],
)
async def test_what_a_plain_receiver_cannot_take_fails_without_asking(
    changes: dict[str, object], enhanced: str
) -> None:
    async with receiver({"EHLO": b"250-mx\r\n250 SIZE 1000\r\n"}) as world, courier() as post:
        reply = await post.deliver(parcel(world.port, **changes))
        assert (reply.outcome, reply.enhanced) == (Outcome.FAILED, enhanced)
        assert (await post.deliver(parcel(world.port))).outcome is Outcome.SENT
        assert len(world.messages) == 1


async def test_extensions_are_used_where_needed_and_offered() -> None:
    async with receiver() as world, courier() as post:
        await post.deliver(parcel(world.port, recipient="jörg@example.com", message=MESSAGE + "é\r\n".encode()))
        await post.deliver(parcel(world.port, sender="", recipient='"a b>"@example.com'))
    mails = [command for command in world.commands if command.startswith(b"MAIL")]
    size = len(MESSAGE)
    assert mails[0] == f"MAIL FROM:<b+1@bounces.acme.example> SMTPUTF8 BODY=8BITMIME SIZE={size + 4}".encode()
    assert mails[1] == f"MAIL FROM:<> SIZE={size}".encode()
    assert "RCPT TO:<jörg@example.com>".encode() in world.commands
    assert b'RCPT TO:<"a b>"@example.com>' in world.commands


async def test_a_server_that_is_busy_is_not_asked_again_with_helo() -> None:
    async with receiver({"EHLO": b"421 4.3.2 busy\r\n"}) as world, courier() as post:
        reply = await post.deliver(parcel(world.port))
    assert (reply.outcome, reply.code) == (Outcome.ROUTE_DOWN, 421)
    assert not [command for command in world.commands if command.startswith(b"HELO")]


async def test_helo_serves_where_ehlo_is_unknown() -> None:
    async with receiver({"EHLO": b"502 what\r\n"}) as world, courier() as post:
        assert (await post.deliver(parcel(world.port))).outcome is Outcome.SENT
    assert b"HELO gw.example" in world.commands


def _relay(world: Receiver, extra: str = "", *, scheme: str = "smtp", user: str = "") -> Route:
    return Route.parse(f"{scheme}://{user}localhost:{world.port}{extra}")


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path, "localhost")


STARTTLS = b"250-mx\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 PIPELINING\r\n"


async def test_starttls_with_a_certificate_that_fits(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async with receiver({"EHLO": STARTTLS}, tls=contexts[0]) as world, courier(trust=contexts[1]) as post:
        for _ in range(2):
            reply = await post.deliver(parcel(world.port, route=_relay(world, "?tls=starttls", user="u:p@")))
            assert (reply.outcome, reply.tls) == (Outcome.SENT, True)
        assert world.connections == 1


async def test_implicit_tls(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async with receiver(tls=contexts[0], implicit=True) as world, courier(trust=contexts[1]) as post:
        reply = await post.deliver(parcel(world.port, route=_relay(world, scheme="smtps")))
        assert (reply.outcome, reply.tls) == (Outcome.SENT, True)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_certificate_nobody_vouches_for(scheme: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    extra = "?tls=starttls" if scheme == "smtp" else "?"
    async with receiver({"EHLO": STARTTLS}, tls=contexts[0], implicit=scheme == "smtps") as world, courier() as post:
        reply = await post.deliver(parcel(world.port, route=_relay(world, extra, scheme=scheme)))
        assert (reply.outcome, reply.enhanced) == (Outcome.ROUTE_DOWN, "4.7.5")
        believing = _relay(world, f"{extra}&verify=no", scheme=scheme)
        assert (await post.deliver(parcel(world.port, route=believing))).outcome is Outcome.SENT


@pytest.mark.parametrize(
    ("script", "stage"),
    [
        ({}, "starttls"),
        ({"EHLO": STARTTLS, "STARTTLS": b"454 4.7.0 not now\r\n"}, "starttls"),
        ({"EHLO": STARTTLS, "STARTTLS": b"220 go\r\nnot a handshake"}, "starttls"),
        ({"EHLO": STARTTLS, "STARTTLS": CLOSE}, "starttls"),
    ],
)
async def test_tls_that_is_required_and_fails_takes_the_route_down(script: Way, stage: str) -> None:
    async with receiver(script) as world, courier(timeouts=IMPATIENT) as post:
        reply = await post.deliver(parcel(world.port, route=_relay(world, "?tls=starttls")))
    assert (reply.outcome, reply.stage) == (Outcome.ROUTE_DOWN, stage)
    assert not world.messages


@pytest.mark.parametrize("say", [b"535 5.7.8 wrong\r\n", b"454 4.7.0 later\r\n", CLOSE, b"\xff\r\n"])
async def test_a_password_that_is_refused_takes_the_route_down(say: Say) -> None:
    async with receiver({"EHLO": b"250-mx\r\n250 AUTH PLAIN\r\n", "AUTH": say}) as world, courier() as post:
        reply = await post.deliver(parcel(world.port, route=_relay(world, user="user:secret@")))
    assert (reply.outcome, reply.stage) == (Outcome.ROUTE_DOWN, "auth")
    assert "secret" not in repr(reply)


async def test_auth_wanted_and_not_offered_takes_the_route_down() -> None:
    async with receiver() as world, courier() as post:
        reply = await post.deliver(parcel(world.port, route=_relay(world, user="user:secret@")))
    assert (reply.outcome, reply.stage) == (Outcome.ROUTE_DOWN, "auth")


@WAYS
async def test_a_message_too_big_for_what_the_receiver_announced_says_both_figures(way: Way) -> None:
    reply = await one_reply({**way, "EHLO": b"250-mx\r\n250 SIZE 1000\r\n"}, message=MESSAGE + b"x" * 2_000)
    size = len(MESSAGE) + 2_000
    assert f"the message has {size:,} bytes, and 127.0.0.1 accepts at most 1,000 (SIZE)" in reply.text


async def test_a_message_of_exactly_the_announced_size_leaves() -> None:
    reply = await one_reply({"EHLO": f"250-mx\r\n250 SIZE {len(MESSAGE)}\r\n".encode()})
    assert reply.outcome is Outcome.SENT


@pytest.mark.parametrize("stage", ["MAIL", "DATA", "dot"])
async def test_a_message_refused_as_too_big_says_how_big_it_is(stage: str) -> None:
    reply = await one_reply({stage: b"552 Message size exceeds fixed limit\r\n"})
    assert (reply.outcome, reply.enhanced) == (Outcome.FAILED, "5.3.4")
    assert reply.text.startswith("Message size exceeds fixed limit (the message has ")
    assert "accepts at most 20,000,000 (SIZE)" in reply.text


async def test_a_full_mailbox_is_not_taken_for_a_big_message() -> None:
    reply = await one_reply({"RCPT": b"552 5.2.2 mailbox full\r\n"})
    assert reply.text == "5.2.2 mailbox full"

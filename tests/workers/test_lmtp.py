"""LMTP: real conversations over TCP and a Unix socket; the answers are those that a mail server acts on."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from sqlalchemy import update

from core.db.store import Store
from core.db.tables import MAILBOX
from core.db.writer import Writer
from core.rules.inbound.message import MAX_BYTES
from core.services.receiving.intake import Intake
from core.settings import Inbound
from core.workers import lmtp
from core.workers.lmtp import LmtpServer
from tests.factories.desk import ADDRESS, DOMAIN, Bench, add_mailbox, make_desk
from tests.factories.inbound import mail, received
from tests.factories.lmtp import MailServer

T = TypeVar("T")
OTHER: Final = f"sales@{DOMAIN}"
PORT: Final = "127.0.0.1:0"


@pytest.fixture
def desk(sqlite_store: Store) -> Bench:
    made = make_desk(sqlite_store)
    sqlite_store.transact(lambda tx: add_mailbox(tx, agent="sales-bot", address=OTHER, stream=made.stream_id))
    return made


@contextlib.asynccontextmanager
async def serving(desk: Bench, place: str = PORT, **settings: Any) -> AsyncIterator[LmtpServer]:
    writer = Writer(desk.store)
    writer.start()
    configured = Inbound.model_validate({"lmtp": place} | settings)
    intake = Intake(store=desk.store, writer=writer, ctx=desk.ctx, settings=configured)
    try:
        async with LmtpServer(intake, configured).running() as server:
            yield server
    finally:
        await writer.close()


def talk(desk: Bench, story: Callable[[MailServer], T], place: str = PORT, **settings: Any) -> T:
    """Run a conversation of a mail server with a desk that listens."""

    async def go() -> T:
        async with serving(desk, place, **settings) as server:
            where = (place.removeprefix("unix:"), 0) if server.port is None else ("127.0.0.1", server.port)

            def connected() -> T:
                with MailServer(*where, local_hostname="mx.acme.test", timeout=60) as mta:
                    return story(mta)

            return await asyncio.to_thread(connected)

    return asyncio.run(go())


@pytest.fixture(params=["tcp", "unix"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return PORT if request.param == "tcp" else f"unix:{tmp_path}/s"


def test_each_recipient_is_answered_and_what_is_answered_250_is_stored(desk: Bench, place: str) -> None:
    raw = mail(".\r\n..\r\n.hidden dots")

    def story(mta: MailServer) -> list[list[tuple[int, str]]]:
        first = mta.hand_over(raw, ADDRESS, f"nobody@{DOMAIN}", OTHER)
        return [first, mta.hand_over(raw, ADDRESS), mta.hand_over(mail("x"), f"nobody@{DOMAIN}")]

    assert talk(desk, story, place) == [
        [(250, "2.0.0"), (550, "5.1.1"), (250, "2.0.0")],
        [(250, "2.0.0")],
        [(550, "5.1.1")],
    ]
    rows = received(desk.store)
    assert [zlib.decompress(row.raw) for row in rows] == [raw, raw]
    assert not Path(place.removeprefix("unix:")).exists()


def test_a_report_with_an_empty_sender_and_eight_bit_mail_are_taken(desk: Bench) -> None:
    raw = mail("Grüße")

    def story(mta: MailServer) -> list[tuple[int, str]]:
        return mta.hand_over(raw, ADDRESS, sender="", options=["BODY=8BITMIME", f"SIZE={len(raw)}"])

    assert talk(desk, story) == [(250, "2.0.0")]
    (row,) = received(desk.store)
    assert row.text == "Grüße"
    assert row.automatic


def test_a_message_that_is_too_large_is_refused_before_and_after_it_is_sent(desk: Bench) -> None:
    def story(mta: MailServer) -> list[list[tuple[int, str]]]:
        declared = mta.hand_over(mail(), ADDRESS, options=[f"SIZE={MAX_BYTES + 1}"])
        mta.rset()
        sent = mta.hand_over(mail("x" * 900 + "\r\n" * 10) * (MAX_BYTES // 1_000), ADDRESS, OTHER)
        return [declared, sent, mta.hand_over(mail(), ADDRESS)]

    assert talk(desk, story) == [[(552, "5.3.4")], [(552, "5.3.4")] * 2, [(250, "2.0.0")]]
    assert len(received(desk.store)) == 1


def test_only_crlf_dot_crlf_ends_a_message(desk: Bench) -> None:
    """Other line ends would let a sender smuggle a second message, with recipients of its own (CVE-2023-51764)."""
    smuggled = mail("first\n.\nMAIL FROM:<eve@example.net>").replace(b"\r\n.\r\n", b"\n.\n")
    assert talk(desk, lambda mta: mta.hand_over(smuggled, ADDRESS)) == [(250, "2.0.0")]
    (row,) = received(desk.store)
    assert zlib.decompress(row.raw) == smuggled


@pytest.mark.parametrize("raw", [b"", b"\r\n", b".\r\n", b"\r\n.\r\n..\r\n", b"ends in a dot.\r\n" * 5_000])
def test_the_end_of_a_message_is_found_wherever_its_dots_are(desk: Bench, raw: bytes) -> None:
    def story(mta: MailServer) -> list[list[tuple[int, str]]]:
        return [mta.hand_over(raw, ADDRESS), mta.hand_over(mail("next"), ADDRESS)]

    assert talk(desk, story) == [[(250, "2.0.0")]] * 2
    assert [zlib.decompress(row.raw) for row in received(desk.store)] == [raw, mail("next")]


def test_addresses_of_any_bytes_are_taken_and_stored(desk: Bench) -> None:
    """What no database takes as text would fail each time, and stay in the mail server's queue for days."""

    def story(mta: MailServer) -> list[int]:
        mta.command_encoding = "latin-1"
        mta.ehlo_or_helo_if_needed()
        codes = [mta.docmd("MAIL", "FROM:<j\xffne@example.com>")[0], mta.docmd("RCPT", "TO:<n\xffbody@x.test>")[0]]
        codes += [mta.docmd("RCPT", f"TO:<{ADDRESS}>")[0], mta.docmd("DATA")[0]]
        mta.send(mail() + b".\r\n")
        return [*codes, mta.getreply()[0]]

    assert talk(desk, story) == [250, 550, 250, 354, 250]
    assert len(received(desk.store)) == 1


def test_lines_of_any_length_are_taken(desk: Bench) -> None:
    raw = mail("x" * 600_000)
    assert talk(desk, lambda mta: mta.hand_over(raw, ADDRESS)) == [(250, "2.0.0")]
    assert zlib.decompress(received(desk.store)[0].raw) == raw


def test_a_mailbox_over_its_quota_is_a_temporary_failure(desk: Bench) -> None:
    def story(mta: MailServer) -> list[list[tuple[int, str]]]:
        big = mail("x" * 900 + "\r\n") * 900
        return [mta.hand_over(big, ADDRESS), mta.hand_over(big + b"more\r\n", ADDRESS, OTHER)]

    assert talk(desk, story, mailbox_megabytes=1) == [[(250, "2.0.0")], [(452, "4.2.2"), (250, "2.0.0")]]


def test_while_the_database_is_away_the_mail_server_keeps_the_message(desk: Bench) -> None:
    file = Path(str(desk.store.engine.url.database))
    aside = file.with_name("aside.db")

    def story(mta: MailServer) -> list[list[tuple[int, str]]]:
        before = mta.hand_over(mail("before"), ADDRESS)
        file.rename(aside)
        away = mta.hand_over(mail("away"), ADDRESS, OTHER)
        aside.rename(file)
        return [before, away, mta.hand_over(mail("away"), ADDRESS)]

    assert talk(desk, story) == [[(250, "2.0.0")], [(451, "4.3.0")] * 2, [(250, "2.0.0")]]
    assert [row.text for row in received(desk.store)] == ["before", "away"]


def test_a_mailbox_that_is_retired_between_rcpt_and_the_message_is_unknown(desk: Bench) -> None:
    def story(mta: MailServer) -> tuple[int, bytes]:
        mta.ehlo_or_helo_if_needed()
        mta.mail("jane@example.com")
        assert mta.rcpt(ADDRESS)[0] == 250
        desk.store.transact(lambda tx: tx.write(update(MAILBOX).values(status="retired")))
        mta.docmd("DATA")
        mta.send(mail() + b".\r\n")
        return mta.getreply()

    assert talk(desk, story)[0] == 550


def test_a_mailbox_is_known_as_soon_as_it_is_made(desk: Bench) -> None:
    new = f"new@{DOMAIN}"

    def story(mta: MailServer) -> list[list[tuple[int, str]]]:
        before = mta.hand_over(mail(), new)
        desk.store.transact(lambda tx: add_mailbox(tx, agent="new-bot", address=new, stream=desk.stream_id))
        return [before, mta.hand_over(mail(), new)]

    assert talk(desk, story) == [[(550, "5.1.1")], [(250, "2.0.0")]]


def test_connections_beyond_the_limit_and_from_elsewhere_are_told_so(desk: Bench) -> None:
    async def greeting(**settings: Any) -> list[bytes]:
        async with serving(desk, **settings) as server:
            found = []
            async with contextlib.AsyncExitStack() as open_:
                for _ in range(2):
                    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                    open_.callback(writer.close)
                    found.append(await reader.readline())
            return [line[:9] for line in found]

    assert asyncio.run(greeting(lmtp_connections=1)) == [b"220 postr", b"421 4.3.2"]
    assert asyncio.run(greeting(lmtp_peers=["192.0.2.0/24"])) == [b"554 5.7.1"] * 2


def test_a_sender_that_never_ends_its_message_is_cut_off(desk: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmtp, "TIMEOUT", 0.3)

    async def story() -> bytes:
        async with serving(desk) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            for line in (b"LHLO mx", b"MAIL FROM:<jane@example.com>", f"RCPT TO:<{ADDRESS}>".encode(), b"DATA"):
                writer.write(line + b"\r\n")
            answers = asyncio.create_task(reader.read())
            while not answers.done():  # every byte would prolong a wait for the next one
                writer.write(b"x")
                await asyncio.wait([answers], timeout=0.02)
            writer.close()
            return await answers

    assert b"354 " in asyncio.run(story())
    assert received(desk.store) == []


def test_a_message_under_way_is_answered_before_the_server_stops(desk: Bench) -> None:
    async def story() -> bytes:
        async with serving(desk) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            lines = ["LHLO mx", "MAIL FROM:<jane@example.com>", f"RCPT TO:<{ADDRESS}>", "DATA"]
            writer.write("".join(f"{line}\r\n" for line in lines).encode())
            await reader.readuntil(b"354 ")
            writer.write(mail())

            async def finish() -> bytes:
                await reader.readline()
                writer.write(b".\r\n")
                said = await reader.read()
                writer.close()
                return said

            last = asyncio.create_task(finish())
        return await last

    assert asyncio.run(story()).startswith(b"250 2.0.0")
    assert len(received(desk.store)) == 1


def test_the_socket_can_be_used_by_the_group_and_nobody_else(desk: Bench, tmp_path: Path) -> None:
    path = tmp_path / "s"

    async def mode() -> int:
        async with serving(desk, f"unix:{path}"):
            return (await asyncio.to_thread(path.stat)).st_mode & 0o777

    assert asyncio.run(mode()) == 0o660

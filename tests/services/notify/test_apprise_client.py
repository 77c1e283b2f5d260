"""People are told through real HTTP on loopback; a channel that fails is a result that hides its secret."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from apprise.decorators import notify
from hypothesis import given
from hypothesis import strategies as st

from core.services.notify.apprise_client import (
    MAX_BODY,
    MAX_TITLE,
    AppriseClient,
    Notice,
    Reach,
    Result,
    Severity,
    digest,
    masked,
    worst,
)

# Apprise's mail channel imports it, on its way out of the standard library.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


HERE = Reach.read(allow=["127.0.0.1"], schemes=[])


@dataclass
class Receiver:
    """An HTTP server that keeps what it is sent; with status 0 it listens and never answers."""

    status: int
    port: int = 0
    bodies: list[dict[str, str]] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(row.split(":")[1]) for row in head.splitlines() if row.lower().startswith("content-length"))
        self.bodies.append(json.loads(await reader.readexactly(length)))
        if self.status == 0:
            await self.closing.wait()
        else:
            writer.write(f"HTTP/1.1 {self.status} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def receiver(status: int = 200) -> AsyncIterator[Receiver]:
    made = Receiver(status)
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        made.closing.set()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(("severity", "kind"), [("info", "info"), ("warning", "warning"), ("critical", "failure")])
def test_every_channel_is_told_title_body_and_severity(severity: Severity, kind: str) -> None:
    async def story() -> None:
        async with receiver() as one, receiver(204) as other:
            results = await AppriseClient([one.url, other.url], reach=HERE).post(
                "support-bot suspended", "3 of 1,000 <complained>", severity
            )
            assert results == (
                Result(f"json://127.0.0.1:{one.port}/...", ok=True),
                Result(f"json://127.0.0.1:{other.port}/...", ok=True),
            )
            for told in (*one.bodies, *other.bodies):
                assert told["title"] == "support-bot suspended"
                assert told["message"] == "3 of 1,000 <complained>"
                assert told["type"] == kind
            assert len(one.bodies) == len(other.bodies) == 1

    asyncio.run(story())


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1:{port}", "json://localhost:{port}", "xml://[::1]:{port}", "json://2130706433:{port}",
        "mailto://a:b@example.com?smtp=127.0.0.1&port={port}&to=c@example.com",
    ],
)  # fmt: skip
def test_a_channel_on_an_address_that_is_not_public_is_refused(url: str) -> None:
    async def story() -> None:
        async with receiver() as inside:
            (result,) = await AppriseClient([url.format(port=inside.port)]).post("title", "body", "info")
            assert not result.ok
            assert "not public" in (result.reason or "")
            assert inside.bodies == []

    asyncio.run(story())


def test_the_machine_s_metadata_is_let_through_by_no_network() -> None:
    wide = Reach.read(allow=["169.254.0.0/16"], schemes=[])
    (result,) = asyncio.run(AppriseClient(["json://169.254.169.254/latest"], reach=wide).post("t", "b", "info"))
    assert "cloud metadata" in (result.reason or "")


def test_a_redirect_inside_is_refused_as_well() -> None:
    async def story() -> None:
        async with receiver() as inside:

            async def lead(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                head = f"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.2:{inside.port}/\r\nContent-Length: 0\r\n\r\n"
                writer.write(head.encode())
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(lead, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            only = Reach.read(allow=["127.0.0.1"], schemes=[])
            (result,) = await AppriseClient([f"json://127.0.0.1:{port}"], reach=only).post("title", "body", "info")
            assert not result.ok
            assert inside.bodies == []
            server.close()
            await server.wait_closed()

    asyncio.run(story())


@pytest.mark.parametrize("url", ["syslog://", "rsyslog://127.0.0.1"])
def test_a_scheme_whose_connections_cannot_be_checked_is_refused(url: str) -> None:
    (result,) = asyncio.run(AppriseClient([url]).post("title", "body", "info"))
    assert "cannot be checked" in (result.reason or "")


def test_one_channel_that_fails_does_not_keep_the_others_from_being_told() -> None:
    async def story() -> None:
        async with receiver() as good, receiver(500) as broken, receiver(0) as silent:
            async with receiver() as gone:
                pass
            urls = [broken.url, silent.url, gone.url, "nonsense://x", "", "no url at all", good.url]
            results = await AppriseClient(urls, reach=HERE, timeout=1).post("title", "", "info")
            assert [result.ok for result in results] == [False, False, False, False, False, False, True]
            assert all(result.reason for result in results[:-1])
            assert "500" in (results[0].reason or "")
            assert results[1].reason == "no answer within 1 s"
            assert good.bodies[0]["message"] == "title"

    asyncio.run(story())


def test_desk_without_channels_tells_nobody_and_does_not_fail() -> None:
    assert asyncio.run(AppriseClient([]).post("title", "body", "info")) == ()


def test_results_never_show_a_channels_secret() -> None:
    async def story() -> None:
        async with receiver(500) as broken:
            secret = f"json://ann:hunter2pass@127.0.0.1:{broken.port}/hooks/T0KEN-IN-PATH?:key=S3CRET"
            (result,) = await AppriseClient([secret], reach=HERE).post("title", "body", "info")
            assert result.url == f"json://127.0.0.1:{broken.port}/..."
            for word in ("ann", "hunter2pass", "T0KEN-IN-PATH", "S3CRET"):
                assert word not in repr(result)

    asyncio.run(story())


def test_channel_that_repeats_its_secret_is_hushed() -> None:
    @notify(on="leaky")  # type: ignore[no-untyped-call, untyped-decorator]  # Apprise types only part of itself
    def leaky(*said: object, **given: object) -> bool:
        logging.getLogger("apprise").warning("refused: T0KEN/IN at leaky://x/T0KEN%2FIN")
        return False

    (result,) = asyncio.run(AppriseClient(["leaky://x/T0KEN%2FIN"], reach=None).post("title", "body", "info"))
    assert (result.url, result.ok) == ("leaky:///...", False)
    assert (result.reason or "").startswith("refused: **** at leaky://x/****")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("slack://TokenA1234/TokenB1234/TokenC12345678901234567890/#ops", "slack://T...4/..."),
        ("tgram://123456789:abcdefg_hijklmnop/lead2gold/", "tgram://1...p/..."),
        ("mailto://ann:hunter2@example.com", "mailto://example.com/..."),
        ("bogus://token/secret", "bogus://..."),
        ("a secret without a scheme", "..."),
        ("a secret://x", "..."),
        ("", "..."),
    ],
)
def test_masked_url_keeps_scheme_and_host_only(url: str, shown: str) -> None:
    assert masked(url) == shown


def held(number: int, agent: str = "support-bot") -> Notice:
    return Notice("message held", agent, f"Refund {number} for jane@example.com", "info")


def test_seventy_holds_are_one_notification_that_says_seventy() -> None:
    title, body = digest([held(n, "sales-bot" if n < 10 else "support-bot") for n in range(70)])
    assert title == "70 x message held"
    assert body.splitlines() == [
        "70 x message held: support-bot (60), sales-bot (10)",
        *(f"- Refund {n} for jane@example.com" for n in range(5)),
        "- and 65 more",
    ]


def test_single_notice_is_told_as_it_is() -> None:
    assert digest([held(1)]) == ("message held: support-bot", "Refund 1 for jane@example.com")


def test_worst_comes_first_and_gives_the_digest_its_severity() -> None:
    items = [
        Notice("another thing", "bot", "x"),
        held(1),
        held(2),
        Notice("agent suspended", "sales-bot", "2 of 900 complained", "critical"),
    ]
    title, body = digest(items)
    assert title == "1 x agent suspended, 2 x message held, 1 x another thing"
    assert body.startswith("1 x agent suspended: sales-bot (1)")
    assert worst(items) == "critical"
    assert worst([]) == "info"


def test_agents_words_cannot_draw_a_second_notification_into_a_digest() -> None:
    forged = Notice("message held", "bot\n1 x all-stop", "hi\r\n\r\n1 x agent resumed\u202e\u2028- fine", "info")
    _, body = digest([forged, held(2)])
    assert len(body.splitlines()) == 3
    assert "\u202e" not in body


@given(
    st.lists(st.builds(Notice, st.text(), st.text(), st.text(), st.sampled_from(["info", "warning", "critical"]))),
    st.integers(0, 300),
)
def test_digest_of_anything_is_bounded(items: list[Notice], times: int) -> None:
    title, body = digest(items * times)
    assert len(title) <= MAX_TITLE
    assert len(body) <= MAX_BODY


def test_every_notification_ends_with_the_command_that_opens_the_console_there() -> None:
    console = "postroom console --desk https://desk.acme.com"

    def last(*links: str, text: str = "x") -> str:
        notices = [Notice("message held", f"a{n}", text, link=link) for n, link in enumerate(links)]
        return digest(notices, console=console)[1].rpartition("\n")[2]

    assert last("--screen queue --open m1") == f"{console} --screen queue --open m1"
    assert last("--screen queue --open m1", "--screen queue --open m2") == f"{console} --screen queue"
    assert last("--screen queue --open m1", "--screen agents --open bot") == console
    assert last("") == console
    assert last("--screen queue --open m1", text="long " * 2_000).endswith("--open m1"), (
        "a long text does not cut it off"
    )
    assert len(digest([Notice("x", "y", "z" * 9_000)], console=console)[1]) <= MAX_BODY

"""Hostile receivers, hostile names and hostile addresses; and the one receiver that just says thank you."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.services.notify.webhook_client import WebhookClient, WebhookResponse

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LOOPBACK = ("127.0.0.1",)


class Receiver:
    """Somebody's web server on loopback, with an answer of its own; it keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.port = 0
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                headers = {}
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.requests.append((line.decode().strip(), headers, body))
                await self._answer(reader, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(answer: Answer, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def says(text: bytes) -> Answer:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)

    return answer


def names(**table: Sequence[str]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        assert port > 0
        return table[host.partition(".")[0]]

    return resolve


async def post(hooks: WebhookClient, url: str, *, seconds: float = 5.0, body: bytes = b"{}") -> WebhookResponse:
    try:
        return await hooks.post(url=url, body=body, headers={"webhook-id": "msg_1"}, timeout=seconds)
    finally:
        await hooks.close()


def told_by(answer: Answer, *, seconds: float = 5.0) -> WebhookResponse:
    """What a post to a receiver that answers so comes to."""

    async def story() -> WebhookResponse:
        async with receiving(answer) as receiver:
            return await post(WebhookClient(allow=LOOPBACK), f"http://127.0.0.1:{receiver.port}/hook", seconds=seconds)

    return asyncio.run(story())


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_body_headers_and_target_arrive_as_given() -> None:
    async def story() -> Receiver:
        async with receiving(says(OK)) as receiver:
            reply = await post(
                WebhookClient(allow=LOOPBACK),
                f"http://127.0.0.1:{receiver.port}/a/b?c=d",
                body=b'{"type":"email.sent"}',
            )
            assert (reply.status, reply.ok, reply.retry) == (200, True, False)
            return receiver

    receiver = asyncio.run(story())
    line, headers, body = receiver.requests[0]
    assert line == "POST /a/b?c=d HTTP/1.1"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert headers["webhook-id"] == "msg_1"
    assert body == b'{"type":"email.sent"}'


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "204 No Content", "299 Whatever"])
def test_any_2xx_is_an_acknowledgement(status: str) -> None:
    reply = told_by(says(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()))
    assert reply.ok
    assert not reply.retry


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "429 Slow Down", "500 Oops", "503 Later"])
def test_any_other_answer_is_tried_again(status: str) -> None:
    reply = told_by(says(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()))
    assert reply.status == int(status[:3])
    assert not reply.ok
    assert reply.retry


def test_gone_is_not_tried_again() -> None:
    reply = told_by(says(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"))
    assert (reply.ok, reply.retry) == (False, False)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_redirect_is_a_failure_and_is_not_followed(status: str) -> None:
    async def story() -> WebhookResponse:
        async with receiving(says(OK)) as inside:
            location = f"http://127.0.0.1:{inside.port}/secrets"
            moved = f"HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
            async with receiving(says(moved)) as receiver:
                reply = await post(WebhookClient(allow=LOOPBACK), f"http://127.0.0.1:{receiver.port}/")
            assert inside.requests == []
            return reply

    reply = asyncio.run(story())
    assert not reply.ok
    assert "redirects are not followed" in reply.reason


async def _never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def _drip_header(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Slow: drip\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _drip_interim(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("answer", [_never, _drip_header, _drip_interim])
def test_receiver_that_takes_its_time_is_left_at_the_deadline(answer: Answer) -> None:
    reply = told_by(answer, seconds=0.9)
    assert (reply.status, reply.ok, reply.retry) == (None, False, True)
    assert reply.reason == "no answer within 0.9 s"


async def _drip_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


def test_acknowledgement_counts_although_its_body_drips() -> None:
    reply = told_by(_drip_body, seconds=2.0)
    assert (reply.status, reply.ok) == (200, True)


def test_endless_body_is_left_after_64_kilobytes() -> None:
    written = 0

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            await writer.drain()
            written += 65_536

    reply = told_by(endless, seconds=20.0)
    assert reply.ok
    assert written < 64 * 1_024 * 1_024  # what the kernel's buffers swallow, not what a reader would have taken


def test_compressed_bomb_is_not_unpacked() -> None:
    bomb = b"HTTP/1.1 500 Oops\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    assert told_by(says(bomb)).status == 500


def test_endless_header_is_left() -> None:
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    reply = told_by(endless)
    assert (reply.status, reply.ok, reply.retry) == (None, False, True)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 20", b"SSH-2.0-OpenSSH_9.6\r\n", b"\x1b[2J\x00\xff\r\n\r\n", b"HTTP/1.1 200\x1b[31m\r\n\r\n"],
)
def test_broken_answer_is_tried_again_and_none_of_it_reaches_the_reason(answer: bytes) -> None:
    async def broken(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    reply = told_by(broken)
    assert not reply.ok
    assert reply.retry
    assert reply.reason.isprintable()
    assert "SSH" not in reply.reason


def test_reset_connection_is_tried_again() -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    assert told_by(reset).retry


def test_nobody_listening_is_tried_again() -> None:
    async def story() -> WebhookResponse:
        async with receiving(says(OK)) as receiver:
            port = receiver.port
        return await post(WebhookClient(allow=LOOPBACK), f"http://127.0.0.1:{port}/")

    reply = asyncio.run(story())
    assert (reply.status, reply.retry, reply.reason) == (None, True, "no connection")


def test_plain_http_behind_https_is_named_as_a_tls_failure() -> None:
    async def story() -> WebhookResponse:
        async with receiving(says(OK)) as receiver:
            return await post(WebhookClient(allow=LOOPBACK), f"https://127.0.0.1:{receiver.port}/", seconds=3.0)

    reply = asyncio.run(story())
    assert (reply.ok, reply.retry) == (False, True)


def test_cookie_of_one_answer_is_not_carried_to_the_next_post() -> None:
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: id=1; Path=/\r\nContent-Length: 0\r\n\r\n"

    async def story() -> Receiver:
        async with receiving(says(cookie)) as receiver:
            hooks = WebhookClient(allow=LOOPBACK)
            for _ in range(2):
                await hooks.post(url=f"http://127.0.0.1:{receiver.port}/", body=b"{}", headers={}, timeout=5.0)
            await hooks.close()
            return receiver

    receiver = asyncio.run(story())
    assert len(receiver.requests) == 2
    assert "cookie" not in receiver.requests[1][1]


def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with receiving(says(OK)) as proxy, receiving(says(OK)) as receiver:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            await post(WebhookClient(allow=LOOPBACK), f"http://127.0.0.1:{receiver.port}/")
            assert len(receiver.requests) == 1
            assert proxy.requests == []

    asyncio.run(story())


def test_slow_receiver_does_not_delay_another() -> None:
    async def story() -> None:
        async with receiving(_never) as slow, receiving(says(OK)) as quick:
            hooks = WebhookClient(allow=LOOPBACK)
            stuck = [
                asyncio.create_task(
                    hooks.post(url=f"http://127.0.0.1:{slow.port}/", body=b"{}", headers={}, timeout=60.0)
                )
                for _ in range(50)
            ]
            reply = await hooks.post(url=f"http://127.0.0.1:{quick.port}/", body=b"{}", headers={}, timeout=30.0)
            assert reply.ok
            assert not any(task.done() for task in stuck)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
            await hooks.close()

    asyncio.run(story())


# Names


def test_loopback_is_refused_unless_it_is_allowed() -> None:
    async def story() -> WebhookResponse:
        async with receiving(says(OK)) as receiver:
            reply = await post(WebhookClient(), f"http://127.0.0.1:{receiver.port}/")
            assert receiver.requests == []
            return reply

    reply = asyncio.run(story())
    assert reply.reason.startswith("refused: 127.0.0.1 leads to 127.0.0.1, which is not public (loopback)")


def test_name_that_resolves_to_this_machine_is_refused_without_a_connection() -> None:
    async def story() -> WebhookResponse:
        async with receiving(says(OK)) as receiver:
            reply = await post(
                WebhookClient(resolve=names(evil=["127.0.0.1"])), f"http://evil.example:{receiver.port}/", seconds=3.0
            )
            assert receiver.requests == []
            return reply

    assert "loopback" in asyncio.run(story()).reason


def test_one_bad_address_among_good_ones_refuses_the_name() -> None:
    hooks = WebhookClient(resolve=names(mixed=["93.184.215.14", "10.0.0.7"]))
    reply = asyncio.run(post(hooks, "http://mixed.example/", seconds=3.0))
    assert "10.0.0.7, which is not public (private)" in reply.reason


def test_name_is_resolved_once_per_connection_and_the_checked_address_is_used() -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        return answers.pop(0)

    async def story() -> None:
        async with receiving(says(OK)) as receiver:
            # Only loopback is allowed: had the name been resolved again, the second answer would have been refused.
            reply = await post(
                WebhookClient(allow=LOOPBACK, resolve=rebinding), f"http://rebind.example:{receiver.port}/"
            )
            assert reply.ok
            assert receiver.requests[0][1]["host"] == f"rebind.example:{receiver.port}"
        assert answers == [["169.254.169.254"]]

    asyncio.run(story())


def test_name_that_was_good_yesterday_is_checked_again_today() -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"]]

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        return answers.pop(0)

    async def story() -> None:
        hanging_up = says(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        async with receiving(hanging_up) as receiver:
            hooks = WebhookClient(allow=LOOPBACK, resolve=rebinding)
            url = f"http://rebind.example:{receiver.port}/"
            assert (await hooks.post(url=url, body=b"{}", headers={}, timeout=5.0)).ok
            assert "127.0.0.2" in (await post(hooks, url)).reason

    asyncio.run(story())


def test_first_address_that_refuses_is_not_the_last_tried() -> None:
    async def story() -> WebhookResponse:
        async with receiving(says(OK)) as receiver:
            hooks = WebhookClient(allow=("127.0.0.0/8",), resolve=names(two=["127.0.0.9", "127.0.0.1"]))
            return await post(hooks, f"http://two.example:{receiver.port}/")

    assert asyncio.run(story()).ok


def test_first_address_that_swallows_everything_leaves_time_for_the_second() -> None:
    async def story() -> WebhookResponse:
        async with receiving(says(OK)) as receiver:
            hooks = WebhookClient(allow=("127.0.0.0/8",), resolve=names(two=["127.0.0.9", "127.0.0.1"]))
            with ExitStack() as hole:
                silent = hole.enter_context(closing(socket.socket()))
                silent.bind(("127.0.0.9", receiver.port))
                silent.listen(0)
                for _ in range(4):  # the queue of a listener that accepts nobody is full, the next knock is dropped
                    knock = hole.enter_context(closing(socket.socket()))
                    knock.setblocking(False)
                    knock.connect_ex(("127.0.0.9", receiver.port))
                return await post(hooks, f"http://two.example:{receiver.port}/", seconds=6.0)

    assert asyncio.run(story()).ok


def test_handshake_that_is_cancelled_closes_its_connection() -> None:
    async def story() -> None:
        hung_up = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(4_096):
                hello.set()
            writer.close()
            hung_up.set()

        hello = asyncio.Event()
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        hooks = WebhookClient(allow=LOOPBACK)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        posting = asyncio.create_task(hooks.post(url=url, body=b"{}", headers={}, timeout=60.0))
        await hello.wait()
        posting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await posting
        await asyncio.wait_for(hung_up.wait(), 60)
        await hooks.close()
        server.close()

    gc.disable()  # the collector would close it as well, some day
    try:
        asyncio.run(story())
    finally:
        gc.enable()


def test_allowed_host_may_be_private_but_never_cloud_metadata() -> None:
    async def story() -> None:
        async with receiving(says(OK)) as receiver:
            url = f"http://hooks.corp.example:{receiver.port}/"
            allow = ("hooks.corp.example", "169.254.0.0/16")
            assert (await post(WebhookClient(allow=allow, resolve=names(hooks=["127.0.0.1"])), url)).ok
            reply = await post(WebhookClient(allow=allow, resolve=names(hooks=["169.254.169.254"])), url)
            assert "cloud metadata" in reply.reason

    asyncio.run(story())


def test_name_without_an_address_is_tried_again() -> None:
    async def nowhere(_host: str, _port: int) -> Sequence[str]:
        return []

    reply = asyncio.run(post(WebhookClient(resolve=nowhere), "https://nowhere.example/"))
    assert (reply.status, reply.retry) == (None, True)


# TLS


@pytest.fixture(scope="module")
def hooks_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for hooks.example, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = Encoding.PEM
    path: Path = tmp_path_factory.mktemp("tls") / "hooks.example.pem"
    path.write_bytes(key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(pem))
    return path


@pytest.mark.parametrize(("host", "ok"), [("hooks.example", True), ("other.example", False)])
def test_certificate_is_checked_against_the_name_although_we_connect_to_the_address(
    hooks_example: Path, *, host: str, ok: bool
) -> None:
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(hooks_example)
    trusted = ssl.create_default_context(cafile=str(hooks_example))

    async def story() -> WebhookResponse:
        async with receiving(says(OK), tls=served) as receiver:
            hooks = WebhookClient(allow=LOOPBACK, tls=trusted, resolve=names(hooks=LOOPBACK, other=LOOPBACK))
            return await post(hooks, f"https://{host}:{receiver.port}/")

    reply = asyncio.run(story())
    assert reply.ok == ok
    assert ok or reply.reason == "TLS failed: the certificate or the handshake is not acceptable"

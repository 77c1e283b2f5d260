"""Webhook client: post a body to a URL and return the receiver's answer, guarded against request forgery.

The URL is written by someone who must not reach our network, so this is a path for server-side request forgery.
httpx has no resolver hook, and checking a name before handing it to a client checks another answer than the one it
connects to (DNS rebinding). So this client uses httpcore with a network backend of ours: it resolves once, checks every
address and connects to the checked address; TLS and `Host` still carry the name. httpcore by itself follows no
redirect, keeps no cookie, decompresses no body and reads no proxy from the environment, so none of these has to be
switched off.

Nothing a receiver wrote goes into a reason: reasons go into the log and onto screens.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final

import httpcore
import httpx
from standardwebhooks.webhooks import Webhook

from core.durations import MICROS
from core.errors import Invalid
from core.security.ssrf import HOST, Exceptions, bare, literal, refuse_bad
from core.security.tls_roots import public_roots

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_URL_LIMIT: Final = 2_048
_BODY_LIMIT: Final = 64 * 1_024
_RESOLVERS: Final = 16


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """The outcome of one attempt. `status` is None if nobody answered; `retry` says whether to try again."""

    status: int | None
    ok: bool
    retry: bool
    reason: str
    elapsed_ms: int


def check_url(url: str, *, allow: Sequence[str] = ()) -> str | None:
    """Check a URL as far as possible without the network. Returns a warning worth showing, or None.

    A name that resolves to a bad address passes here and is refused when it is used. Raises `Invalid`.
    """
    target, host = _read(url)
    exceptions = Exceptions.read(allow)
    address = literal(host)
    if address is not None:
        refuse_bad((address,), host=host, exceptions=exceptions)
    elif host not in exceptions.hosts and (host == "localhost" or host.endswith(".localhost")):  # RFC 6761 6.3
        raise Invalid(f"{host} is this machine", fix="allow it in postroom.toml if that is what you want")
    return "http: what is sent can be read on the way; https is better" if target.scheme == b"http" else None


def signed_headers(*, event_id: str, at: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt at `at` (microseconds). `secrets` are current first: one or, during rotation, two.

    Raises `Invalid` without a secret.
    """
    if not secrets:
        raise Invalid("a webhook is never sent unsigned", fix="give the mailbox's webhook a secret")
    moment = datetime.fromtimestamp(at // MICROS, tz=UTC)
    text = body.decode()
    # For receivers that support only a plain HMAC: the whole formatted secret is the key, the bare body the message.
    # During rotation, a receiver without the new secret checks the second header.
    plain = dict(zip(("X-Postroom-Signature", "X-Postroom-Signature-Previous"), secrets, strict=False))
    return {
        "Content-Type": "application/json",
        "User-Agent": "Postroom",
        "webhook-id": event_id,
        "webhook-timestamp": str(at // MICROS),
        "webhook-signature": " ".join(Webhook(secret).sign(event_id, moment, text) for secret in secrets),
        **{name: hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for name, secret in plain.items()},
    }


class WebhookClient:
    """Posts bodies to receivers. Any number of posts may run at once; none waits for another.

    `allow` holds exceptions from `postroom.toml`, `resolve` returns the addresses of a host and port, `tls` verifies
    receivers (default: the public roots). Call `close` at the end.
    """

    def __init__(
        self, *, allow: Sequence[str] = (), resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._allow = tuple(allow)
        # Its own threads: a name whose servers do not answer must not hold up the gateway's default executor.
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="hook-dns")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or public_roots(),
            max_connections=None,  # a limit here would let slow receivers starve the others; the loop limits its work
            max_keepalive_connections=32,
            keepalive_expiry=5.0,
            network_backend=_CheckedNetwork(
                exceptions=Exceptions.read(allow), resolve=resolve or self._resolve_by_system
            ),
        )

    async def close(self) -> None:
        await self._pool.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def post(self, *, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> WebhookResponse:  # noqa: ASYNC109 - it bounds the attempt, body included, and the caller wants a reply, not an exception
        """Make one attempt, over within `timeout` seconds. Never raises for anything a receiver or a URL does."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        status: int | None = None
        trouble = ""
        try:
            check_url(url, allow=self._allow)
            async with asyncio.timeout(timeout):
                target, _ = _read(url)
                # A third for each connection, so that a dead first address leaves time for the next.
                waits = {"timeout": {"connect": timeout / 3}}
                async with self._pool.stream(
                    "POST", target, headers=_raw(url, headers), content=body, extensions=waits
                ) as response:
                    status = response.status
                    await _drain(response)
        except TimeoutError:
            trouble = f"no answer within {timeout:g} s"
        except Invalid as error:
            trouble = f"refused: {error.reason}"
        except _TROUBLE as error:
            trouble = _spell(error)
        elapsed_ms = int((loop.time() - started) * 1_000)
        # Once the status line has arrived the receiver has answered: a body that stalls, breaks off or never ends is no
        # reason to send the event again.
        return (
            _judge(status, elapsed_ms=elapsed_ms) if status else WebhookResponse(None, False, True, trouble, elapsed_ms)
        )

    async def _resolve_by_system(self, host: str, port: int) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(entry[4][0]) for entry in found]


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only. All of a name's addresses must be good: one bad one counts as an attack."""

    def __init__(self, *, exceptions: Exceptions, resolve: Resolve) -> None:
        self._exceptions = exceptions
        self._resolve = resolve
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        written = literal(host)
        found = (str(written),) if written is not None else await self._resolve(host, port)
        addresses = tuple(dict.fromkeys(ip_address(text) for text in found))
        refuse_bad(addresses, host=host, exceptions=self._exceptions)
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in addresses:
            try:
                # The address and not the name: a second lookup could return another answer.
                stream = await self._sockets.connect_tcp(
                    str(address), port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream)
        raise failure

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's signature
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        raise Invalid("webhooks do not go to sockets of this machine")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that is closed when its TLS handshake is cancelled; httpcore closes it on errors only."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except asyncio.CancelledError:
            await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


_TROUBLE: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    OSError,  # includes socket.gaierror and ssl.SSLError
    ValueError,  # a resolver that returns no address, a header that cannot be encoded
)


def _judge(status: int, *, elapsed_ms: int) -> WebhookResponse:
    try:
        text = f"answered {status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        text = f"answered {status}"
    match status // 100:
        case 2:
            return WebhookResponse(status, True, False, text, elapsed_ms)
        case 3:
            return WebhookResponse(status, False, True, f"{text}: redirects are not followed", elapsed_ms)
        case _ if status == http.HTTPStatus.GONE:
            return WebhookResponse(status, False, False, f"{text}: the receiver wants no more", elapsed_ms)
        case _:
            return WebhookResponse(status, False, True, text, elapsed_ms)


def _spell(error: Exception) -> str:
    match error:
        case socket.gaierror():
            return "the name does not resolve"
        case httpcore.RemoteProtocolError():
            return "the answer is not HTTP, or broke off"
        case httpcore.ConnectError() if isinstance(error.__cause__ or error.__context__, ssl.SSLError):
            return "TLS failed: the certificate or the handshake is not acceptable"
        case httpcore.ConnectError() | httpcore.ConnectTimeout():
            return "no connection"
        case httpcore.NetworkError():
            return "the connection broke"
        case _:
            return f"could not be sent ({type(error).__name__})"


async def _drain(response: httpcore.Response) -> None:
    """Read a short body so that the connection can be reused; abandon a long one together with its connection."""
    taken = 0
    async for chunk in response.aiter_stream():
        taken += len(chunk)
        if taken > _BODY_LIMIT:
            return


def _read(url: str) -> tuple[httpcore.URL, str]:
    """Return the request target and the bare host. Raises `Invalid`."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Invalid("this is not a URL") from error
    host = bare(parsed.raw_host.decode("ascii"))
    if len(url) > _URL_LIMIT:
        raise Invalid(f"the URL is longer than {_URL_LIMIT} characters")
    if parsed.scheme not in ("https", "http"):
        raise Invalid("a webhook's URL begins with https://")
    if parsed.userinfo:
        raise Invalid("a webhook's URL carries no user and no password", fix="receivers know us by the signature")
    if not HOST.fullmatch(host) and not (":" in host and "%" not in host and literal(host)):
        raise Invalid("the URL names no host that could be looked up")
    if parsed.port is not None and not 0 < parsed.port < 65_536:
        raise Invalid(f"{parsed.port} is not a port")
    target = httpcore.URL(
        scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path or b"/"
    )
    return target, host


def _raw(url: str, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    host = httpx.URL(url).netloc
    return [(b"Host", host), *((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items())]

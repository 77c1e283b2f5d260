"""LMTP server (RFC 2033): the mail server in front hands received mail over, and gets an answer for each recipient.

Postfix, Stalwart or Dovecot keep port 25, TLS, the queue and the spam filter. What is answered 250 is committed; while
the database is away the answer is 451 and the mail server keeps the message. aiosmtpd speaks the protocol, except for
DATA: there RFC 2033 wants a reply for each recipient, and reading line by line costs more CPU than all the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from core.errors import PostroomError, Unavailable
from core.rules.inbound.message import MAX_BYTES
from core.services.receiving.intake import Intake
from core.services.receiving.receive import Receipt
from core.settings import Inbound, split_listen

MAX_RECIPIENTS: Final = 200
"""Of one message; RFC 5321 4.5.3.1.8 asks for at least 100."""
LARGE: Final = 1 << 20
"""Bytes of a message from which it needs one of `LARGE_AT_ONCE` places: memory is bounded, senders wait."""
LARGE_AT_ONCE: Final = 8
TIMEOUT: Final = 300.0
"""Seconds for one command, DATA with its message included."""
DRAIN: Final = 30.0
"""Seconds that messages under way have when the gateway stops."""
STREAM: Final = 256 * 1024
"""Bytes of a connection that are buffered."""
HOSTNAME: Final = "postroom"

END: Final = b"\r\n.\r\n"
_PLAIN: Final = re.compile(
    r"\s*<([\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9.-]{1,255})>(?:\s(.*))?", re.ASCII | re.IGNORECASE
)
_SIZE: Final = re.compile(r"\sSIZE=(\d{1,20})\b", re.IGNORECASE)
_ANSWERS: Final = {
    Receipt.STORED: "250 2.0.0 stored",
    Receipt.DUPLICATE: "250 2.0.0 stored before",
    Receipt.FEEDBACK: "250 2.0.0 taken as feedback",
    Receipt.UNKNOWN: "550 5.1.1 no such mailbox here",
    Receipt.OVER_QUOTA: "452 4.2.2 the mailbox is over its quota",
}
TOO_LARGE: Final = f"552 5.3.4 the message is larger than {MAX_BYTES >> 20} MiB"
LATER: Final = "451 4.3.0 the desk cannot store mail now; try again later"

log = structlog.get_logger("lmtp")


class LmtpServer:
    """Listens on HOST:PORT or unix:PATH while `running`."""

    def __init__(self, intake: Intake, settings: Inbound) -> None:
        self._intake = intake
        self._settings = settings
        self._peers = [ipaddress.ip_network(one) for one in settings.lmtp_peers]
        self._open: set[_Conversation] = set()
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self.port: int | None = None
        """The port that is listened on, once running."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[LmtpServer]:
        """Serve; at the end finish the messages under way, then close. Does nothing if `lmtp` is not set."""
        place = self._settings.lmtp
        if place is None:
            yield self
            return
        server = await self._listen(place)
        log.info("serving LMTP", listen=place)
        try:
            yield self
        finally:
            server.close()
            await self._drain()
            if place.startswith("unix:"):
                await asyncio.to_thread(Path(place.removeprefix("unix:")).unlink, missing_ok=True)

    async def _listen(self, place: str) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        if place.startswith("unix:"):
            path = place.removeprefix("unix:")
            server = await loop.create_unix_server(self._answer, path)
            # The mail server runs as another user: it connects through the group of the socket or of its directory.
            os.chmod(path, 0o660)  # noqa: PTH101 - a socket, no file of ours
            return server
        host, port = split_listen(place)
        server = await loop.create_server(self._answer, host, port, backlog=self._settings.lmtp_connections)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def _answer(self) -> asyncio.Protocol:
        if len(self._open) >= self._settings.lmtp_connections:
            return _Refusal(b"421 4.3.2 too many connections; try again later\r\n")
        return _Conversation(self._intake, self._open, self._large, self._peers)

    async def _drain(self) -> None:
        """Let each conversation answer the command it is in; idle ones end at once."""
        conversations = list(self._open)
        for one in conversations:
            one.stop()
        if conversations:
            await asyncio.wait([one.task() for one in conversations], timeout=DRAIN)


class _Refusal(asyncio.Protocol):
    """Says why, and closes."""

    def __init__(self, line: bytes) -> None:
        self._line = line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._line)
        transport.close()


class _Handler:
    """What aiosmtpd asks before DATA."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name for it
        self, _server: object, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        try:
            known = await self._intake.knows(address)
        except Unavailable as error:
            log.warning("a recipient could not be looked up", reason=error.reason)
            return LATER
        if not known:
            return _ANSWERS[Receipt.UNKNOWN]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 ok"


class _Conversation(LMTP):
    """One connection."""

    line_length_limit = STREAM

    def __init__(
        self, intake: Intake, others: set[_Conversation], large: asyncio.Semaphore, peers: Sequence[Any]
    ) -> None:
        super().__init__(
            _Handler(intake), data_size_limit=MAX_BYTES, enable_SMTPUTF8=True, hostname=HOSTNAME, timeout=TIMEOUT,
            loop=asyncio.get_running_loop(),
        )  # fmt: skip
        self._intake = intake
        self._others = others
        self._slots = large
        self._peers = peers
        self._busy = False
        self._stopping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._others.add(self)
        super().connection_made(transport)
        if not self._welcome(transport.get_extra_info("peername")):
            assert isinstance(transport, asyncio.Transport)
            transport.write(b"554 5.7.1 not from here\r\n")
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._others.discard(self)
        super().connection_lost(error)

    def task(self) -> asyncio.Task[None]:
        """The conversation itself. No property: aiosmtpd reads every attribute before the conversation begins."""
        assert self._handler_coroutine is not None
        return self._handler_coroutine

    def stop(self) -> None:
        """End the connection, after the answer if a message is under way."""
        self._stopping = True
        if not self._busy and self.transport is not None:
            self.transport.close()

    def _welcome(self, peer: object) -> bool:
        if not isinstance(peer, tuple):
            return True  # a Unix socket: its permissions decide
        address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
        return any(address in network for network in self._peers)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The address of a command and what follows it; the usual form without aiosmtpd's parser (300 us)."""
        plain = _PLAIN.fullmatch(arg)
        if plain is not None:
            return plain[1], plain[2] or ""
        address, rest = super()._getaddr(arg)
        return address, rest

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name for it
        declared = _SIZE.search(arg or "")
        if declared is not None and int(declared[1]) > MAX_BYTES:
            await self.push(TOO_LARGE)
            return
        await super().smtp_MAIL(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name for it
        """Take the message, and answer once for each recipient (RFC 2033 4.2)."""
        if await self.check_helo_needed("LHLO"):
            return
        envelope = self.envelope
        if envelope is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 there is no valid recipient")
            return
        if arg:
            await self.push("501 5.5.4 DATA takes no argument")
            return
        self._busy = True
        try:
            answers = await self._message(envelope)
            self._set_post_data_state()  # type: ignore[no-untyped-call]  # aiosmtpd leaves this one untyped
            for line in answers:
                await self.push(line)
        finally:
            self._busy = False
            if self._stopping and self.transport is not None:
                self.transport.close()

    async def _message(self, envelope: Envelope) -> list[str]:
        recipients = list(envelope.rcpt_tos)
        await self.push("354 end the message with a line of one dot")
        async with contextlib.AsyncExitStack() as held:
            raw = await self._content(held)
            if raw is None:
                return [TOO_LARGE] * len(recipients)
            sender = envelope.mail_from
            try:
                receipts = await self._intake.take(
                    raw, sender="" if sender == "<>" else sender, recipients=recipients, source="lmtp"
                )
            except PostroomError as error:
                log.warning("a message was left with the mail server", reason=str(error))
                return [LATER] * len(recipients)
            except Exception:
                log.exception("a message was left with the mail server")
                return [LATER] * len(recipients)
        return [_ANSWERS[one] for one in receipts]

    async def _content(self, held: contextlib.AsyncExitStack) -> bytes | None:
        """The message up to the final dot, without dot-stuffing; None if it is too large. Only CRLF ends a line."""
        data = bytearray()
        size, large, ended = 0, False, False
        # The line end of DATA itself belongs to the end of an empty message. Reading to `.CRLF` instead would return
        # for each line that ends in a dot, and hold up all other connections.
        self._reader._buffer[:0] = b"\r\n"  # type: ignore[attr-defined]  # noqa: SLF001 - a StreamReader takes nothing back
        while not ended:
            try:
                piece, ended = await self._reader.readuntil(END), True
            except asyncio.LimitOverrunError as error:
                piece = await self._reader.read(max(error.consumed, 1))
            size += len(piece)
            if size > MAX_BYTES + len(END):
                data.clear()  # keep reading: the answer comes after the message, whatever its size
                continue
            data += piece
            if size > LARGE and not large:
                large = True
                await held.enter_async_context(self._slots)
        if size > MAX_BYTES + len(END):
            return None
        return bytes(data[:-3]).replace(b"\r\n.", b"\r\n")[2:]  # without that line end, and the last `.CRLF`

"""One connection to a receiver: opened by aiosmtplib, then mail transactions pipelined over its transport (RFC 2920).

aiosmtplib does connecting, EHLO, STARTTLS and AUTH. For the transactions the transport is handed to our own protocol,
through asyncio's public `set_protocol`, for three reasons: aiosmtplib waits for every reply, which costs five round
trips per message instead of two, and five times the CPU; it does not say whether the end of data had left when a
connection broke, and "sent" depends on that; and it drops unsolicited replies. Without PIPELINING the same code sends
one command at a time.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast

import aiosmtplib

from core.model import Outcome, Reply
from core.smtp.credentials import Secret
from core.smtp.replies import OPENING_ERRORS, Answer, Garbled, Reader, Stage, broken, judge, refused, unopened
from core.smtp.route import Timeouts, is_loopback
from core.text.numbers import whole_number

_PIECE: Final = 65_536
_TOO_BIG: Final = frozenset({"5.3.4", "5.2.3"})
_LINE_ENDS: Final = re.compile(rb"\r\n|\n|\r")
_ADDRESS: Final = re.compile(
    r'(?:"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"|[^\s<>"\x00-\x1f\x7f@]+)@[^\s<>"\x00-\x1f\x7f@]+'
)


@dataclass(frozen=True, slots=True)
class Target:
    """One host to connect to. `name` is what its certificate must say, `address` where it is."""

    name: str
    address: str
    port: int
    tls: bool | None
    """True: STARTTLS is required, or TLS is implicit; None: TLS where offered; False: clear text."""
    implicit: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    secret: Secret | None = None
    """Credentials named in postroom.toml, which take precedence over a password of the route."""
    context: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """The envelope and the bytes of one transaction."""

    sender: str
    recipient: str
    message: bytes
    smtputf8: bool


@dataclass(frozen=True, slots=True)
class _Fault:
    text: str
    enhanced: str


_LOST: Final = _Fault("the connection was lost", "4.4.2")
_SILENT: Final = _Fault("no reply in time", "4.4.2")


class Conversation(asyncio.Protocol):
    """A connection past EHLO, STARTTLS and AUTH; one transaction at a time."""

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        host: str,
        tls: bool,
        extensions: Mapping[str, str],
        timeouts: Timeouts,
        round_trip: float,
    ) -> None:
        self.round_trip = round_trip
        """Seconds from EHLO to its reply, which takes a receiver no work: the distance."""
        self.carried = 0
        self.stale = False
        """A reused connection ended before the receiver was sent any of the message: ask again over a fresh one.

        It may have been idle for too long, or have carried as many messages as this receiver takes over one connection.
        Only what a fresh connection says is charged to the message.
        """
        self._transport = transport
        self._host = host
        self._tls = tls
        self._pipelining = "pipelining" in extensions
        self._smtputf8 = "smtputf8" in extensions
        self._8bitmime = "8bitmime" in extensions
        size = extensions.get("size")
        self._size = whole_number(size or "") or 0
        self._sizes = size is not None
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._reader = Reader()
        self._answers: list[Answer] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._full = False
        self._soiled = False
        self._fault: _Fault | None = None
        transport.set_protocol(self)

    @property
    def alive(self) -> bool:
        return self._fault is None and not self._transport.is_closing()

    # What the transport calls

    def data_received(self, data: bytes) -> None:
        if self._fault is not None:
            return
        try:
            self._answers += self._reader.feed(data)
        except Garbled as error:
            self._end(_Fault(f"no SMTP reply: {error}", "4.5.0"))
            return
        if self._wanted == 0 or len(self._answers) > self._wanted:
            # Unsolicited, as in a 421 before closing: it must never be taken for the reply to the next command.
            self._end(_Fault("unexpected reply from the receiver", "4.5.0"))
        elif len(self._answers) == self._wanted:
            self._wake()

    def eof_received(self) -> bool:
        self._end(_LOST)
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the transport's signature
        self._end(_LOST)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._wanted == 0:
            self._wake()

    # What a caller does

    async def transact(self, message: OutgoingMessage) -> Reply:
        """Send one message. A cancelled transaction must be followed by `abort`."""
        self.stale = False
        options = self._options(message)
        if isinstance(options, Reply):
            return options
        reused = self.carried > 0
        self.carried += 1
        commands: list[tuple[Stage, bytes]] = [
            ("mail", f"MAIL FROM:<{message.sender}>{options}\r\n".encode()),
            ("rcpt", f"RCPT TO:<{message.recipient}>\r\n".encode()),
            ("data", b"DATA\r\n"),
        ]
        if self._soiled:
            commands.insert(0, ("mail", b"RSET\r\n"))
        answers = await self._command(commands)
        for (stage, command), answer in zip(commands, answers, strict=False):
            if not (answer.go_ahead if command == b"DATA\r\n" else answer.good):
                self.stale = reused and (answer.code == 421 or (answer.code == 503 and stage == "mail"))
                await self._retreat(answer, begun=len(answers) == len(commands) and answers[-1].go_ahead)
                return self._judged(answer, stage, message)
        if len(answers) < len(commands):
            stage = commands[len(answers)][0]
            self.stale = reused and self._fault is not _SILENT
            return self._broken(stage)
        self._soiled = False
        return await self._send(message)

    async def rehearse(self, sender: str) -> Reply:
        """MAIL FROM and RSET: whether mail from this sender would be accepted here, without sending any."""
        answers = await self._ask(f"MAIL FROM:<{sender}>\r\n".encode(), 1, self._timeouts.command)
        if not answers:
            return self._broken("mail")
        reply = judge(answers[0], stage="mail", host=self._host, tls=self._tls)
        if not answers[0].good:
            return reply
        await self._ask(b"RSET\r\n", 1, self._timeouts.command)
        return replace(reply, outcome=Outcome.SENT, enhanced=None)

    def certificate(self) -> Mapping[str, object]:
        """The receiver's certificate, as `ssl` describes it; empty in clear text, or if it was not verified."""
        return self._transport.get_extra_info("peercert") or {}

    async def quit(self) -> None:
        """Send QUIT, wait briefly for the answer, close."""
        if self.alive and self._wanted == 0:
            await self._ask(b"QUIT\r\n", 1, self._timeouts.quit)
        self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._end(_LOST)

    # One transaction

    def _options(self, message: OutgoingMessage) -> str | Reply:
        addresses = message.sender + message.recipient
        if not _ADDRESS.fullmatch(message.recipient) or not (not message.sender or _ADDRESS.fullmatch(message.sender)):
            # Checked here too, because here a line end in an address would become a command.
            return self._refused("an address that an SMTP command cannot carry", "5.1.3")
        options = ""
        if message.smtputf8 or not addresses.isascii():
            if not self._smtputf8:
                return self._refused("the receiver does not support internationalised addresses (SMTPUTF8)", "5.6.7")
            options = " SMTPUTF8"
        if not message.message.isascii():
            if not self._8bitmime:
                # RFC 6152 3: no 8-bit data without 8BITMIME; recoding would break the signatures.
                return self._refused("the receiver accepts 7-bit messages only", "5.6.3")
            options += " BODY=8BITMIME"
        if self._sizes:
            if 0 < self._size < len(message.message):
                return self._refused(self._sizes_of(message), "5.3.4")
            options += f" SIZE={len(message.message)}"
        return options

    async def _command(self, commands: list[tuple[Stage, bytes]]) -> list[Answer]:
        """The replies, in order; fewer than commands if one refused (without PIPELINING) or the connection ended."""
        if self._pipelining:
            return await self._ask(b"".join(line for _, line in commands), len(commands), self._timeouts.command)
        answers: list[Answer] = []
        for _, line in commands:
            answer = await self._ask(line, 1, self._timeouts.command)
            answers += answer
            if not answer or not answer[0].good:
                break
        return answers

    async def _retreat(self, answer: Answer, *, begun: bool) -> None:
        """Leave a refused transaction so that the connection can serve the next one."""
        self._soiled = True
        if answer.code == 421 or not 400 <= answer.code < 600:
            self._end(_LOST)
        elif begun:
            # RFC 2920 3.1: DATA was answered 354 although every recipient was refused: a lone dot, and no message.
            await self._ask(b".\r\n", 1, self._timeouts.command)

    async def _send(self, message: OutgoingMessage) -> Reply:
        wire = _on_the_wire(message.message)
        cut = max(0, len(wire) - _PIECE)
        for start in range(0, cut, _PIECE):
            if not self.alive:
                break
            self._transport.write(wire[start : min(start + _PIECE, cut)])
            await self._drained(self._timeouts.data)
        if not self.alive:
            return self._cut_short(message)
        # From here on the dot may have reached the receiver, even if our own buffer still seems to hold it: never claim
        # that it is not.
        answers = await self._ask(wire[cut:], 1, self._timeouts.dot)
        if not answers:
            return self._broken("dot")
        reply = self._judged(answers[0], "dot", message)
        if answers[0].code == 421 or answers[0].go_ahead:
            self._end(_LOST)
        return reply

    def _cut_short(self, message: OutgoingMessage) -> Reply:
        # Refused or lost in the middle of the message: without its dot nothing was accepted (RFC 5321 4.1.1.4).
        answer = self._answers[0] if self._answers else None
        reply = self._judged(answer, "data", message) if answer else self._broken("data")
        self._end(_LOST)
        return reply

    def _judged(self, answer: Answer, stage: Stage, message: OutgoingMessage) -> Reply:
        reply = judge(answer, stage=stage, host=self._host, tls=self._tls)
        if reply.enhanced in _TOO_BIG and not answer.good:
            return replace(reply, text=f"{reply.text} ({self._sizes_of(message)})")
        return reply

    def _sizes_of(self, message: OutgoingMessage) -> str:
        size = f"the message has {len(message.message):,} bytes"
        return f"{size}, and {self._host} accepts at most {self._size:,} (SIZE)" if self._size else size

    def _broken(self, stage: Stage) -> Reply:
        fault = self._fault or _LOST
        return broken(fault.text, enhanced=fault.enhanced, stage=stage, host=self._host, tls=self._tls)

    def _refused(self, text: str, enhanced: str) -> Reply:
        return refused(text, enhanced=enhanced, stage="mail", host=self._host, tls=self._tls)

    # The wire

    async def _ask(self, data: bytes, wanted: int, seconds: float) -> list[Answer]:
        self._answers = []
        if self.alive:  # uvloop raises on a transport that is closing
            self._wanted = wanted
            self._transport.write(data)
            await self._wait(seconds)
            self._wanted = 0
        answers, self._answers = self._answers, []
        return answers[:wanted]

    async def _drained(self, seconds: float) -> None:
        if not self._full:
            await asyncio.sleep(0)
            return
        await self._wait(seconds)

    async def _wait(self, seconds: float) -> None:
        if self._fault is not None:
            return
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._end, _SILENT)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _end(self, fault: _Fault) -> None:
        if self._fault is None:
            self._fault = fault
            self._transport.abort()
        self._wake()


async def converse(target: Target, *, timeouts: Timeouts, hello: str | None) -> Conversation | Reply:
    """Connect, greet, encrypt, log in. A `Reply` says why there is no conversation (`route_down`)."""
    talk = await _open(target, timeouts=timeouts, hello=hello, starttls=target.tls)
    if isinstance(talk, Reply) and talk.stage == "starttls" and target.tls is None:
        # RFC 7435: where nothing requires TLS, a broken offer of it must not stop the mail.
        return await _open(target, timeouts=timeouts, hello=hello, starttls=False)
    return talk


async def _open(
    target: Target, *, timeouts: Timeouts, hello: str | None, starttls: bool | None
) -> Conversation | Reply:
    client = aiosmtplib.SMTP(
        hostname=target.address,
        port=target.port,
        local_hostname=hello,
        timeout=timeouts.command,
        use_tls=target.implicit,
        start_tls=False,
        tls_context=target.context,
    )
    stage: Stage = "connect"
    encrypted = target.implicit
    try:
        await client.connect(timeout=timeouts.connect)
        stage = "ehlo"
        round_trip = await _greet(client)
        if not target.implicit and (starttls or (starttls is None and client.supports_extension("starttls"))):
            stage = "starttls"
            await client.starttls(server_hostname=target.name)
            encrypted = True
            stage = "ehlo"
            round_trip = await _greet(client)
        if target.secret is not None:
            stage = "auth"
            await target.secret.log_in(client, target.username, private=encrypted or is_loopback(target.address))
        elif target.username is not None:
            stage = "auth"
            await client.login(target.username, target.password or "")
    except OPENING_ERRORS as error:
        client.close()
        return unopened(error, stage=stage, host=target.name, tls=encrypted)
    except BaseException:
        client.close()
        raise
    if client.transport is None:
        gone = aiosmtplib.SMTPServerDisconnected("the connection was lost")
        return unopened(gone, stage=stage, host=target.name, tls=encrypted)
    return Conversation(
        cast("asyncio.Transport", client.transport),
        host=target.name,
        tls=encrypted,
        extensions=dict(client.esmtp_extensions),
        timeouts=timeouts,
        round_trip=round_trip,
    )


async def _greet(client: aiosmtplib.SMTP) -> float:
    """Say EHLO, or HELO. Returns the seconds until the answer."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as error:
        # RFC 5321 3.2: a server that does not know EHLO may know HELO; one that is closing or busy will not.
        if error.code < 500:
            raise
        await client.helo()
    return loop.time() - began


def _on_the_wire(message: bytes) -> bytes:
    """CRLF line ends, dots stuffed, the final dot (RFC 5321 4.5.2).

    A lone CR or LF must not leave: receivers that treat it as a line end let a message smuggle in a second one.
    """
    lines = message.count(b"\r\n")
    if message.count(b"\n") != lines or message.count(b"\r") != lines:
        message = _LINE_ENDS.sub(b"\r\n", message)
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    if b"\r\n." in message:
        message = message.replace(b"\r\n.", b"\r\n..")
    return message + b".\r\n"

"""The outside world: SMTP receivers on loopback that answer by a script, badly where the script says so."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

CLOSE = None
"""In a script: close the connection instead of answering."""
LATER = b""
"""In a script: no answer yet."""
SILENCE = b"(silence)"
"""In a script: no answer ever, to anything."""

Say = bytes | None
USUAL: Mapping[str, Say] = {
    "greeting": b"220 mx.example ESMTP\r\n",
    "full": b"421 4.7.0 too many concurrent connections\r\n",
    "EHLO": b"250-mx.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 20000000\r\n",
    "HELO": b"250 mx.example\r\n",
    "STARTTLS": b"220 go ahead\r\n",
    "AUTH": b"235 2.7.0 welcome\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go on\r\n",
    "dot": b"250 2.0.0 taken as 42\r\n",
    "RSET": b"250 2.0.0 ok\r\n",
    "QUIT": b"221 bye\r\n",
}
LOCKSTEP: Mapping[str, Say] = {"EHLO": b"250-mx.example\r\n250 8BITMIME\r\n"}


@dataclass
class Receiver:
    """What came in. `script` may be changed between messages.

    A key with a space is a pattern for a whole command, such as `RCPT TO:<a@b`; DATA and dot are then spelled with the
    RCPT before them, as in `dot RCPT TO:<a@b`.
    """

    script: dict[str, Say]
    context: ssl.SSLContext | None = None
    read_at_most: int | None = None
    """Bytes of a message after which the receiver hangs up."""
    most: int | None = None
    """Connections served at once; to one more it says that it is full."""
    port: int = 0
    connections: int = 0
    open_now: int = 0
    most_open: int = 0
    commands: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    gate: asyncio.Event | None = None
    """Where set, every message waits for it before its answer."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, true: Callable[[], bool]) -> None:
        async with self.changed:
            await self.changed.wait_for(true)

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        self.writers.append(writer)
        await self._tell()
        try:
            # RuntimeError: what uvloop says of a transport that the other side has closed
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, RuntimeError):
                await self._converse(reader, writer)
        finally:
            self.open_now -= 1
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
            await self._tell()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rcpt = ""
        greeting = "full" if self.most is not None and self.open_now > self.most else "greeting"
        if not await self._say(greeting, writer):
            await self._listen(reader, "greeting")
            return
        while line := await reader.readline():
            said = line.strip().decode("utf-8", "replace")
            verb = said.split(" ", 1)[0].upper()
            rcpt = said if verb == "RCPT" else rcpt
            key = self._key(f"DATA {rcpt}" if verb == "DATA" else said)
            self.commands.append(line.rstrip(b"\r\n"))
            await self._tell()
            if not await self._say(key, writer) or verb == "QUIT":
                await self._listen(reader, key)
                return
            if verb == "STARTTLS" and self.context is not None:
                await writer.start_tls(self.context)
            if verb == "DATA" and b"354" in (self.script.get(key) or b""):
                if self.read_at_most is not None:
                    await reader.readexactly(self.read_at_most)
                    return
                self.messages.append(await self._message(reader))
                await self._tell()
                if (gate := self.gate) is not None:  # another thread may take it away
                    await gate.wait()
                dot = self._key(f"dot {rcpt}") if rcpt else "dot"
                if not await self._say(dot, writer):
                    await self._listen(reader, dot)
                    return

    def _key(self, said: str) -> str:
        """The entry of the script by which a command is answered: its own, else its verb's."""
        own = (key for key in self.script if " " in key and re.match(key, said))
        return next(own, "dot" if said.startswith("dot ") else said.split(" ", 1)[0].upper())

    async def _listen(self, reader: asyncio.StreamReader, when: str) -> None:
        if self.script.get(when) is SILENCE:
            await reader.read(-1)

    async def _message(self, reader: asyncio.StreamReader) -> bytes:
        lines = []
        while (line := await reader.readuntil(b"\n")) != b".\r\n":
            lines.append(line)
        return b"".join(lines)

    async def _say(self, when: str, writer: asyncio.StreamWriter) -> bool:
        say = self.script.get(when, b"502 5.5.1 what?\r\n")
        if say is CLOSE or say is SILENCE:
            return False
        if say:
            writer.write(say)
            await writer.drain()
        return not say.startswith(b"421")


@contextlib.asynccontextmanager
async def receiver(
    script: Mapping[str, Say] | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    implicit: bool = False,
    read_at_most: int | None = None,
) -> AsyncIterator[Receiver]:
    world = Receiver({**USUAL, **(script or {})}, context=tls, read_at_most=read_at_most)
    server = await asyncio.start_server(world.serve, "127.0.0.1", 0, ssl=tls if implicit else None, limit=2**25)
    world.port = server.sockets[0].getsockname()[1]
    try:
        yield world
    finally:
        server.close()
        if world.gate is not None:
            world.gate.set()
        for writer in world.writers:
            writer.transport.abort()
        await world.until(lambda: world.open_now == 0)


@dataclass
class Hours:
    """A clock that stands still until told; sleepers wake as it passes them."""

    micros: int = 1_700_000_000_000_000
    sleepers: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list)

    def now(self) -> int:
        return self.micros

    async def sleep(self, seconds: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.micros + round(seconds * 1_000_000), waiter))
        await waiter

    def pass_by(self, seconds: float) -> None:
        self.micros += round(seconds * 1_000_000)
        for due, waiter in self.sleepers:
            if due <= self.micros and not waiter.done():
                waiter.set_result(None)
        self.sleepers = [sleeper for sleeper in self.sleepers if not sleeper[1].done()]


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `names`, and a client's that trusts it."""
    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed.public_bytes(Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))

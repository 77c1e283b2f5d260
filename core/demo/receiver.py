"""The outside world on loopback: a real SMTP receiver that refuses, defers, bounces and complains as receivers do.

Its behaviour is determined by a seed: an address behaves the same in every run, and whether the n-th message of an
agent draws a complaint does not depend on the connection. It counts what it received itself, so that the desk's figures
can be checked against an independent count. Its memory is bounded: it must withstand a runaway agent.

Bounces and complaints are passed to `report`, as raw messages; the caller delivers them to the desk.
"""

from __future__ import annotations

import asyncio
import enum
import hashlib
import logging
import re
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session

from core.demo.reports import Received, bounce, complaint
from core.durations import MICROS
from core.model import Clock

Report = Callable[[bytes], Awaitable[None]]

_KEPT: Final = 1_000
_REMEMBERED: Final = 100_000
_OUTSTANDING: Final = 20_000
_SIZE_LIMIT: Final = 32 * 1_024 * 1_024
_AGENT: Final = re.compile(rb"(?im)^X-Agent-ID:[ \t]*([^\r\n]*)")
_SIGNATURE: Final = re.compile(rb"(?im)^DKIM-Signature:")


class Behaviour(enum.StrEnum):
    """How an address always treats mail."""

    FRIENDLY = "friendly"
    UNKNOWN = "nobody"
    FULL = "full"
    CROWDED = "crowded"
    """Over quota at first: accepts at the third attempt."""
    GREYLISTING = "greylist"
    SLOW = "slow"
    BOUNCING = "bounce"
    """Accepts, and reports later that it could not deliver."""
    ANGRY = "angry"
    """Accepts, and complains about every message."""


@dataclass(frozen=True, slots=True)
class ReceiverProfile:
    """Shares and delays, in seconds. Behaviours are shares of addresses, the rest shares of messages."""

    unknown: float = 0.01
    full: float = 0.002
    crowded: float = 0.002
    greylisting: float = 0.03
    slow: float = 0.005
    bouncing: float = 0.002
    busy: float = 0.001
    complaints: float = 0.000_02
    complaints_by_agent: Mapping[str, float] = field(default_factory=dict)
    complaints_by_phrase: Mapping[str, float] = field(default_factory=dict)
    """A phrase in the raw message -> the share of complaints it draws; the highest that applies counts."""
    slow_for: float = 2.0
    complains_after: tuple[float, float] = (2.0, 15.0)
    bounces_after: tuple[float, float] = (1.0, 8.0)


@dataclass(slots=True)
class Tally:
    """What the receivers saw of one agent. Times are microseconds, 0 before the first message."""

    accepted: int = 0
    signed: int = 0
    signatures: int = 0
    complained: int = 0
    bounced: int = 0
    first_at: int = 0
    last_at: int = 0


class World:
    """A receiver for every domain. Start it, point a stream's relay at `host:port`, stop it.

    `codes` counts answers by reply and enhanced status code, `tallies` the accepted messages by `X-Agent-ID`, `latest`
    holds the last 1,000 messages. A report that cannot be delivered is counted in `unreported`.
    """

    def __init__(self, *, seed: int, clock: Clock, report: Report, climate: ReceiverProfile | None = None) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.codes: Counter[str] = Counter()
        self.tallies: dict[str, Tally] = {}
        self.latest: deque[Received] = deque(maxlen=_KEPT)
        self.unreported = 0
        self._seed = seed
        self._clock = clock
        self._report = report
        self._climate = climate or ReceiverProfile()
        self._tempers = _bands(self._climate)
        self._phrases = tuple((text.encode(), share) for text, share in self._climate.complaints_by_phrase.items())
        self._transactions = 0
        self._attempts: OrderedDict[str, int] = OrderedDict()
        self._later: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._guests: weakref.WeakSet[SMTP] = weakref.WeakSet()

    async def start(self, *, port: int = 0) -> None:
        """Listen on loopback, on a free port unless one is named."""
        # aiosmtpd logs every command at INFO: at a thousand messages a second that would flood the desk's log.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._meet, self.host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close all connections; reports not yet made are dropped."""
        if self._server is not None:
            self._server.close()
        for guest in self._guests:
            if guest.transport is not None:
                guest.transport.close()
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    @property
    def outstanding(self) -> int:
        """Bounces and complaints still to come."""
        return len(self._later)

    async def reported(self) -> None:
        """Return once every bounce and complaint so far has been delivered."""
        while self._later:
            await asyncio.gather(*self._later, return_exceptions=True)

    @property
    def accepted(self) -> int:
        return sum(tally.accepted for tally in self.tallies.values())

    def temper(self, address: str) -> Behaviour:
        """Return this address's behaviour: by its name (`nobody.3@...`, `angry@...`), else by the seed."""
        named = _NAMED.get(re.split(r"[.+@-]", address, maxsplit=1)[0])
        if named is not None:
            return named
        drawn = self._fraction("temper", address)
        return next((temper for share, temper in self._tempers if drawn < share), Behaviour.FRIENDLY)

    def _meet(self) -> SMTP:
        guest = SMTP(
            _Conversation(self),
            hostname="mx.world.example",
            ident="ESMTP",
            enable_SMTPUTF8=True,
            data_size_limit=_SIZE_LIMIT,
            loop=asyncio.get_running_loop(),
        )
        self._guests.add(guest)
        return guest

    def _fraction(self, *what: object) -> float:
        """Return a number in [0, 1) determined by the seed and `what` alone."""
        digest = hashlib.blake2b(
            "\0".join(map(str, (self._seed, *what))).encode("utf-8", "replace"), digest_size=8
        ).digest()
        return int.from_bytes(digest) / 2**64

    def busy(self) -> bool:
        """Return whether the receiver is too busy for this transaction."""
        self._transactions += 1
        return self._fraction("busy", self._transactions) < self._climate.busy

    async def greet(self, address: str) -> str | None:
        """Return the reply to RCPT, or None to accept."""
        temper = self.temper(address)
        match temper:
            case Behaviour.UNKNOWN:
                return _unknown(address)
            case Behaviour.FULL:
                return f"552 5.2.2 <{address}>: the mailbox is full"
            case Behaviour.CROWDED if self._attempt(address) <= 2:
                return f"452 4.2.2 <{address}>: the recipient is over quota, try again later"
            case Behaviour.GREYLISTING if self._attempt(address) <= 1:
                return f"451 4.7.1 <{address}>: greylisted, try again in a few minutes"
            case Behaviour.SLOW:
                await self._clock.sleep(self._climate.slow_for)
                return None
            case Behaviour.FRIENDLY | Behaviour.BOUNCING | Behaviour.ANGRY | Behaviour.CROWDED | Behaviour.GREYLISTING:
                return None
            case _:
                assert_never(temper)

    def accept(self, *, sender: str, recipients: list[str], raw: bytes) -> str:
        """Accept a message and schedule its bounces and complaints. Returns its queue id."""
        now = self._clock.now()
        headers = raw[: raw.find(b"\r\n\r\n") + 2]
        found = _AGENT.search(headers)
        agent = found[1].strip().decode("utf-8", "replace") if found else ""
        tally = self.tallies.setdefault(agent, Tally(first_at=now))
        signatures = len(_SIGNATURE.findall(headers))
        for recipient in recipients:
            tally.accepted += 1
            tally.signatures += signatures
            tally.signed += signatures > 0
            tally.last_at = now
            message = Received(now, sender, recipient, agent, raw)
            self.latest.append(message)
            self._react(message, tally=tally, headers=headers)
        return f"{self._transactions:08x}"

    def _react(self, message: Received, *, tally: Tally, headers: bytes) -> None:
        temper = self.temper(message.recipient)
        lot = (message.agent, tally.accepted)
        if temper is Behaviour.BOUNCING:
            tally.bounced += 1
            after = _between(self._climate.bounces_after, self._fraction("bounce", *lot))
            self._say_later(after, bounce(message, headers=headers, at=message.at + int(after * MICROS)))
        elif temper is Behaviour.ANGRY or self._fraction("complaint", *lot) < self._anger(message):
            tally.complained += 1
            after = _between(self._climate.complains_after, self._fraction("delay", *lot))
            self._say_later(after, complaint(message, headers=headers, at=message.at + int(after * MICROS)))

    def _anger(self, message: Received) -> float:
        share = self._climate.complaints_by_agent.get(message.agent, self._climate.complaints)
        return max([share, *(more for text, more in self._phrases if text in message.raw)])

    def _say_later(self, seconds: float, raw: bytes) -> None:
        async def say() -> None:
            await self._clock.sleep(seconds)
            try:
                await self._report(raw)
            except (OSError, httpx.HTTPError):
                self.unreported += 1

        if len(self._later) >= _OUTSTANDING:
            self.unreported += 1
            return
        task = asyncio.get_running_loop().create_task(say())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _attempt(self, address: str) -> int:
        count = self._attempts.pop(address, 0) + 1
        self._attempts[address] = count
        if len(self._attempts) > _REMEMBERED:
            self._attempts.popitem(last=False)
        return count


class _Conversation:
    """aiosmtpd's hooks for one connection."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle_MAIL(  # noqa: N802 - aiosmtpd finds it by this name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._world.busy():
            # RFC 5321 3.8: 421 closes the channel. The reply is written before the next turn of the event loop.
            if server.transport is not None:
                asyncio.get_running_loop().call_soon(server.transport.close)
            return self._answer("421 4.3.2 too many connections, try again later")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._answer("250 2.1.0 Ok", count=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds it by this name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = await self._world.greet(address.lower())
        if refusal is not None:
            return self._answer(refusal)
        envelope.rcpt_tos.append(address.lower())
        envelope.rcpt_options.extend(options)
        return self._answer("250 2.1.5 Ok", count=False)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd finds it by this name
        raw = envelope.original_content or b""
        queue_id = self._world.accept(sender=envelope.mail_from or "", recipients=envelope.rcpt_tos, raw=raw)
        return self._answer(f"250 2.0.0 Ok: queued as {queue_id}")

    def _answer(self, text: str, *, count: bool = True) -> str:
        if count:
            self._world.codes[text[:9].replace("-", " ")] += 1
        return text


def _unknown(address: str) -> str:
    """Each receiver words the refusal its own way; they share only the status code."""
    match address.rpartition("@")[2]:
        case "gmail.com":
            return (
                "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n"
                "550-5.1.1 double-checking the recipient's email address for typos or\r\n"
                "550 5.1.1 unnecessary spaces. - gsmtp"
            )
        case "outlook.com" | "hotmail.com":
            return "550 5.1.1 RESOLVER.ADR.RecipientNotFound; not found"
        case _:
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox table"


def _between(span: tuple[float, float], drawn: float) -> float:
    return span[0] + (span[1] - span[0]) * drawn


def _bands(climate: ReceiverProfile) -> tuple[tuple[float, Behaviour], ...]:
    bands = []
    upto = 0.0
    for share, temper in (
        (climate.unknown, Behaviour.UNKNOWN),
        (climate.full, Behaviour.FULL),
        (climate.crowded, Behaviour.CROWDED),
        (climate.greylisting, Behaviour.GREYLISTING),
        (climate.slow, Behaviour.SLOW),
        (climate.bouncing, Behaviour.BOUNCING),
    ):
        upto += share
        bands.append((upto, temper))
    return tuple(bands)


_NAMED: Final[Mapping[str, Behaviour]] = {temper.value: temper for temper in Behaviour}

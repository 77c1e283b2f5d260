"""The values everybody speaks in. No I/O: only names for what the desk knows and decides.

Times are UTC integer microseconds, everywhere; durations too, unless the name says seconds.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Final, NewType, Protocol, Self

from core.errors import Invalid

MICROS: Final = 1_000_000
SECOND: Final = MICROS
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
FAR_FUTURE: Final = 2**62
"""A wake time that never comes: the row waits for somebody's act, not for the clock."""

BEAT: Final = 5 * SECOND
"""How often a process of the desk says that it lives."""
SILENT: Final = 12 * SECOND
"""After how long without a beat a process counts as gone: two beats did not come, and the database had time."""

Site = NewType("Site", str)
"""Where a recipient's mail goes: the recipient domain, or its MX provider once known."""


class Clock(Protocol):
    """The one source of time; tests and the morning scenario bring their own."""

    def now(self) -> int:
        """UTC microseconds since the epoch."""

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Return once `seconds` have passed on this clock."""


class Mode(enum.StrEnum):
    """How much a mailbox may do by itself, from least to most."""

    READ_ONLY = "read_only"
    GATED_ALL = "gated_all"
    GATED_SEND = "gated_send"
    MONITORED = "monitored"
    AUTONOMOUS = "autonomous"

    @property
    def rung(self) -> int:
        """Position on the ladder, 0 (read_only) to 4 (autonomous)."""
        return list(Mode).index(self)


class Action(enum.StrEnum):
    """What an agent can ask of a mailbox; also the `kind` of a pending item."""

    SEND = "send"
    REPLY = "reply"
    READ = "read"
    TAG = "tag"


class Role(enum.StrEnum):
    """What a human may do. `admin` excludes every other role."""

    REVIEWER = "reviewer"
    ONCALL = "oncall"
    OWNER = "owner"
    GOVERNANCE = "governance"
    DELIVERABILITY = "deliverability"
    AUDITOR = "auditor"
    ADMIN = "admin"


TIGHTENERS: Final = frozenset({Role.REVIEWER, Role.ONCALL, Role.OWNER, Role.GOVERNANCE, Role.DELIVERABILITY})
"""Who may suspend, pause, stop, suppress, reject, lower a mode or a limit."""


class Scope(enum.StrEnum):
    """What a token of an agent is good for."""

    SEND = "send"
    READ = "read"


class ContentClass(enum.StrEnum):
    """What kind of mail it is; a mailbox is signed off for some of them."""

    TRANSACTIONAL = "transactional"
    REPLY = "reply"
    NOTIFICATION = "notification"
    INTERNAL = "internal"
    COLD_OUTREACH = "cold_outreach"
    COMMITMENT = "commitment"


DEFAULT_CLASSES: Final = (
    ContentClass.TRANSACTIONAL,
    ContentClass.REPLY,
    ContentClass.NOTIFICATION,
    ContentClass.INTERNAL,
)
UNSUBSCRIBE_CLASSES: Final = frozenset({ContentClass.COLD_OUTREACH})
"""Classes that need one-click unsubscribe (RFC 8058) and so exactly one address."""
OPTIONAL_CLASSES: Final = frozenset({ContentClass.NOTIFICATION})
"""Classes that a recipient may leave too, by an unsubscribe of their provider's; what is owed to them (receipts,
answers, promises) is in neither set and goes on."""
EVERY_CLASS: Final = "*"
"""Of a suppression or a consent: whatever the class."""


class Status(enum.StrEnum):
    """Where a message or one of its recipients stands."""

    PENDING = "pending"
    QUEUED = "queued"
    SENDING = "sending"
    DEFERRED = "deferred"
    UNCERTAIN = "uncertain"
    SENT = "sent"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in FINAL


FINAL: Final = frozenset(
    {Status.SENT, Status.FAILED, Status.REJECTED, Status.EXPIRED, Status.CANCELLED, Status.BLOCKED}
)
WAITING: Final = frozenset({Status.QUEUED, Status.DEFERRED})
"""States in which a recipient waits for a delivery attempt."""


class Feedback(enum.StrEnum):
    """What came back about a recipient after sending; never changes `sent`."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a decision. `code` is stable (`mode`, `class`, `run_cap`, `consent`, ...), `text` a sentence.

    `rules` name what exactly held it (`class:commitment`, `allow_list:0`): an approval covers those and no others.
    """

    code: str
    text: str
    rules: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Execute:
    """The action may go on; `notify` asks for a notification of the humans as well."""

    notify: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A human decides first."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Refused. `error` is the stable code of the HTTP answer, `fix` what to do where somebody can."""

    error: str
    reason: str
    fix: str | None = None


Verdict = Execute | Hold | Block


@dataclass(frozen=True, slots=True)
class Limit:
    """A gauge, read from the counter that enforces it.

    `window` is in seconds (None: for a run's whole life, or a pace), `next_at` when room next appears, or None
    while there is room.
    """

    name: str
    used: int
    cap: int
    window: int | None = None
    next_at: int | None = None

    @property
    def left(self) -> int:
        return max(0, self.cap - self.used)


class Outcome(enum.StrEnum):
    """What one delivery attempt came to."""

    SENT = "sent"
    DEFERRED = "deferred"
    """This message, a 4xx: try again later."""
    FAILED = "failed"
    """This message, a 5xx or an address that cannot be reached."""
    UNCERTAIN = "uncertain"
    """The connection was lost after the final dot: delivered or not, nobody knows."""
    ROUTE_DOWN = "route_down"
    """No conversation, or one that ended at MAIL FROM: connection, TLS, AUTH, 421. Backs off the route."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the receiver (or the network) said to one attempt.

    `code` is the SMTP reply code (RFC 5321 4.2), `enhanced` the status code (RFC 3463) or None, `stage` the
    command that drew the reply (connect, ehlo, starttls, auth, mail, rcpt, data, dot), `host` who said it.
    """

    outcome: Outcome
    code: int | None
    enhanced: str | None
    text: str
    stage: str
    host: str | None = None
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a message goes to, before any transport: the approved set. Addresses are normalised."""

    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every distinct address, in the order given."""
        return tuple(dict.fromkeys((*self.to, *self.cc, *self.bcc)))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: `operator`, `agent`, `guard`, `system` or `recipient`, and their name."""

    kind: str
    name: str
    roles: frozenset[Role] = field(default=frozenset(), compare=False)
    token: bytes | None = field(default=None, compare=False, repr=False)
    """SHA-256 of the token an operator came with: every act and read looks it up again (core.flow.access)."""

    def __str__(self) -> str:
        return self.name if self.kind == "operator" else f"{self.kind}:{self.name}" if self.name else self.kind


PARTS: Final = frozenset({"agent", "guard", "init", "operator", "recipient", "system"})
"""The log spells an operator by the bare name: nobody may be called like what is not a person."""


def is_operator(spelled: str) -> bool:
    """Whether an actor as the log spells it is an operator."""
    return ":" not in spelled and spelled not in PARTS


SYSTEM: Final = Actor("system", "")
GUARD: Final = Actor("guard", "")

_DURATION: Final = re.compile(r"(\d{1,9})\s*(ms|s|m|h|d|w)")
_UNITS: Final[Mapping[str, int]] = {
    "ms": 1_000,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
    "w": 7 * DAY,
}


def duration(text: str) -> int:
    """Microseconds of `72h`, `10s`, `30d`, `5m`. Raises `Invalid`."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise Invalid(f"{text!r} is not a duration", fix="write a number and a unit: 10s, 5m, 72h, 30d")
    return int(found[1]) * _UNITS[found[2]]


def spell(micros: int) -> str:
    """The shortest exact spelling of a duration: 259200000000 -> `72h`."""
    for unit in ("d", "h", "m", "s"):
        if micros >= _UNITS[unit] and micros % _UNITS[unit] == 0 and not (unit == "d" and micros < 7 * DAY):
            return f"{micros // _UNITS[unit]}{unit}"
    return f"{micros // 1_000}ms"


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 message`, `1,284 messages`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def stamp(micros: int) -> str:
    """RFC 3339 in UTC with milliseconds, as the doors and the command line show it."""
    moment = dt.datetime.fromtimestamp(micros // 1_000 / 1_000, tz=dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_stamp(text: str) -> int:
    """Microseconds of an RFC 3339 time or a date (midnight UTC). Raises `Invalid`."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a time", fix="write it as 2026-01-31 or 2026-01-31T12:00:00Z") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp() * MICROS)


# An id is 63 bits: 42 of milliseconds since 2020, 21 that count on within one process. Ids sort by birth, need no
# sequence (so batches need no RETURNING and gateways no agreement) and spell as a letter and 13 characters.
_EPOCH_MS: Final = 1_577_836_800_000
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final[Mapping[str, int]] = {letter: value for value, letter in enumerate(_ALPHABET)}


class Ids:
    """Mints ids that rise strictly within a process and do not collide across processes in practice.

    `chance` is a source of random bits (`random.SystemRandom().getrandbits`), asked once a millisecond.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._last = 0

    def mint(self, now: int) -> int:
        """A new id born at `now` (microseconds)."""
        stamp = max(0, now // 1_000 - _EPOCH_MS) << 21
        fresh = stamp | self._chance(20)
        self._last = fresh if fresh > self._last else self._last + 1
        return self._last

    @classmethod
    def seeded(cls, seed: int) -> Self:
        """For tests and scenarios: the same ids on every run."""
        return cls(lambda bits: seed & ((1 << bits) - 1))


class Chance(Protocol):
    def __call__(self, bits: int, /) -> int: ...


_PIECE: Final = 2_047


def sha256(*parts: bytes) -> bytes:
    """SHA-256 of the parts one after the other.

    `hashlib` gives up the interpreter for 2 KiB and more, and to have it back costs a busy event loop more than the
    digest of a letter does: letters go in by pieces.
    """
    found = hashlib.sha256()
    for part in parts:
        piece = _PIECE if len(part) < 32 * _PIECE else len(part)
        for start in range(0, len(part), piece):
            found.update(part[start : start + piece])
    return found.digest()


def spell_id(letter: str, number: int) -> str:
    """`m` and 13 letters of Crockford's base 32; sorts as the number does."""
    digits = []
    for _ in range(13):
        digits.append(_ALPHABET[number & 31])
        number >>= 5
    return letter + "".join(reversed(digits))


def read_id(letter: str, text: str) -> int | None:
    """The number behind a spelled id, or None if it is not one of this letter."""
    if len(text) != 14 or text[0] != letter:
        return None
    number = 0
    for char in text[1:].lower():
        value = _VALUES.get(char)
        if value is None:
            return None
        number = number << 5 | value
    return number if number < 2**63 else None

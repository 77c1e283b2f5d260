"""The value types that every layer shares: modes, actions, roles, statuses, verdicts, replies. No I/O."""

from __future__ import annotations

import enum
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final, NewType, Protocol

from core.durations import SECOND

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
    SCHEDULED = "scheduled"
    """Allowed to leave, at a time that its agent chose and that has not come."""
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
    """The connection was lost after the end of data: delivered or not, nobody knows."""
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
    """SHA-256 of the token an operator came with: every act and read looks it up again (core.services.access)."""

    def __str__(self) -> str:
        return self.name if self.kind == "operator" else f"{self.kind}:{self.name}" if self.name else self.kind


PARTS: Final = frozenset({"agent", "guard", "init", "operator", "recipient", "system"})
"""The log spells an operator by the bare name: nobody may be called like what is not a person."""


def is_operator(spelled: str) -> bool:
    """Whether an actor as the log spells it is an operator."""
    return ":" not in spelled and spelled not in PARTS


SYSTEM: Final = Actor("system", "")
GUARD: Final = Actor("guard", "")


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 message`, `1,284 messages`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"

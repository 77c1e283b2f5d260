"""The value types that every layer shares: modes, actions, roles, statuses, verdicts, replies. No I/O."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Collection
from dataclasses import dataclass, field, fields
from typing import Final, NewType, Protocol

from core.durations import SECOND

SILENT: Final = 12 * SECOND
"""Time without a heartbeat after which a process counts as gone: two were missed, and the database had time."""

Site = NewType("Site", str)
"""The destination of a recipient's mail: the recipient domain, or its MX provider once known."""


class Clock(Protocol):
    """The one source of time; tests and the incident scenario supply their own."""

    def now(self) -> int:
        """UTC microseconds since the epoch."""

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Return once `seconds` have passed on this clock."""


class Mode(enum.StrEnum):
    """How much a mailbox may do without a person, from least to most."""

    READ_ONLY = "read_only"
    GATED_ALL = "gated_all"
    GATED_SEND = "gated_send"
    MONITORED = "monitored"
    AUTONOMOUS = "autonomous"

    @property
    def rung(self) -> int:
        """Position on the ladder, 0 (read_only) to 4 (autonomous)."""
        return list(Mode).index(self)


class LogLevel(enum.StrEnum):
    """How bad a line of the gateway's own log is, or at least is."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Action(enum.StrEnum):
    """What an agent can ask of a mailbox; also the `kind` of a pending item."""

    SEND = "send"
    REPLY = "reply"
    READ = "read"
    TAG = "tag"


RECEIVE: Final = "receive"
"""The `kind` of a pending item that is received mail. No agent asks for it, so it is no `Action` and has no mode."""


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
"""Roles that may suspend, pause, stop, suppress, reject, lower a mode or a limit."""


class Scope(enum.StrEnum):
    """What an agent's token permits."""

    SEND = "send"
    READ = "read"
    REQUEST = "request"
    """Ask for a mailbox, and nothing else. Only an owner issues it, never beside another scope."""


GRANTABLE: Final = (Scope.SEND, Scope.READ)
"""What governance may grant, and an agent delegate."""


class ContentClass(enum.StrEnum):
    """The kind of a message's content; a mailbox is signed off for some of them."""

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
"""Classes that a recipient may opt out of too, through their provider's unsubscribe.

Classes that the recipient is owed (receipts, answers, promises) are in neither set and continue.
"""
EVERY_CLASS: Final = "*"
"""Any class, in a suppression or a consent."""


class Status(enum.StrEnum):
    """The state of a message or one of its recipients."""

    PENDING = "pending"
    SCHEDULED = "scheduled"
    """Allowed to leave, at a future time that its agent chose."""
    QUEUED = "queued"
    SENDING = "sending"
    DEFERRED = "deferred"
    UNCERTAIN = "uncertain"
    SENT = "sent"
    FAILED = "failed"
    REJECTED = "rejected"
    RETURNED = "returned"
    """Given back to its agent with a comment; the agent may submit it again."""
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen without an action."""
        return self in FINAL


FINAL: Final = frozenset(
    {
        Status.SENT,
        Status.FAILED,
        Status.REJECTED,
        Status.RETURNED,
        Status.EXPIRED,
        Status.CANCELLED,
        Status.BLOCKED,
    }
)
WAITING: Final = frozenset({Status.QUEUED, Status.DEFERRED})
"""States in which a recipient waits for a delivery attempt."""


class Feedback(enum.StrEnum):
    """Feedback about a recipient after sending; never changes `sent`."""

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
    """The action may proceed; `notify` asks for a notification of people as well."""

    notify: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A human decides first."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Refused. `error` is the stable code of the HTTP response, `fix` what to do, if anything."""

    error: str
    reason: str
    fix: str | None = None


Verdict = Execute | Hold | Block


@dataclass(frozen=True, slots=True)
class Limit:
    """The state of a limit, read from the counter that enforces it.

    `window` is in seconds (None: for a run's whole life, or a rate), `next_at` when capacity next frees up, or None
    while there is some.
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
    """The result of one delivery attempt."""

    SENT = "sent"
    DEFERRED = "deferred"
    """A 4xx for this message: try again later."""
    FAILED = "failed"
    """A 5xx for this message, or an unreachable address."""
    UNCERTAIN = "uncertain"
    """The connection was lost after the end of data: it is unknown whether the message was delivered."""
    ROUTE_DOWN = "route_down"
    """No SMTP session, or one that ended at MAIL FROM: connection, TLS, AUTH, 421. Backs off the route."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of the receiver (or the network) to one attempt.

    `code` is the SMTP reply code (RFC 5321 4.2), `enhanced` the status code (RFC 3463) or None, `stage` the command
    that drew the reply (connect, ehlo, starttls, auth, mail, rcpt, data, dot), `host` who sent it.
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
    """The recipients of a message, independent of any transport: the approved set. Addresses are normalised."""

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
    """Who acted: `operator`, `agent`, `guard`, `system` or `recipient`, and their name."""

    kind: str
    name: str
    roles: frozenset[Role] = field(default=frozenset(), compare=False)
    token: bytes | None = field(default=None, compare=False, repr=False)
    """SHA-256 of the operator's token: every write and read checks it again (core.services.access)."""
    tightens_only: bool = field(default=False, compare=False, repr=False)
    """Their program asks that this act may tighten only: they have not yet typed the name of a guarded desk."""

    def __str__(self) -> str:
        return self.name if self.kind == "operator" else f"{self.kind}:{self.name}" if self.name else self.kind


PARTS: Final = frozenset({"agent", "guard", "init", "operator", "recipient", "system"})
"""Names no operator may have: the log writes an operator as the bare name, and these as something else."""


def is_operator(name: str) -> bool:
    """Whether an actor as written in the log is an operator."""
    return ":" not in name and name not in PARTS


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMembers:
    """What a run may declare about itself: who started it, with what, and its task (`purpose`, `targets`)."""

    user: str | None = None
    via: tuple[str, ...] = ()
    agent_version: str | None = None
    prompt_version: str | None = None
    tools_version: str | None = None
    purpose: str | None = None
    targets: tuple[str, ...] = ()


RUN_MEMBERS: Final = tuple(one.name for one in fields(RunMembers))
"""The policy can require each; each is free text, so erasure looks at each."""


SYSTEM: Final = Actor("system", "")
GUARD: Final = Actor("guard", "")


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 message`, `1,284 messages`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def approvals_missing(needs: int, approvers: Collection[str], editors: Collection[str]) -> int:
    """How many people must still approve an item.

    Whoever edited it cannot be its only approver: otherwise one person could write mail in an agent's name and send it.
    """
    others = set(approvers) - set(editors)
    return max(needs - len(approvers), 1 if editors and not others else 0, 0)

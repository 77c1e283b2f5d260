"""The life of a message, from submission until a receiver accepts or refuses it: `email.*`.

Review decisions are in `review`, feedback after sending in `feedback`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.events.catalogue import Event, fact


@fact("email.submitted")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSubmitted(Event):
    """An agent submitted a message; it is durable.

    `digest` covers rendered bytes and envelope, `issued` the call as made.
    """

    kind: str
    digest: str
    size: int
    recipients: int
    content_class: str
    policy: int
    token: int
    untraced: bool = False
    test: bool = False
    issued: str | None = None


@fact("email.blocked")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailBlocked(Event):
    """An action was refused: `error` is the code the agent received. Without a message ID nothing was stored.

    After the first ten of a kind in an hour, one entry stands for many: `refusals` counts them.
    """

    kind: str
    error: str
    reason: str
    recipients: int = 0
    refusals: int = 1


@fact("email.cancelled")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailCancelled(Event):
    """Cancelled before it was sent: by its agent, by an operator, or because its mailbox was retired."""

    kind: str
    reason: str | None = None


@fact("email.scheduled")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailScheduled(Event):
    """Allowed to leave, and kept until `send_at`, the time its agent chose. The gate is checked again then."""

    recipients: int
    send_at: int


@fact("email.queued")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailQueued(Event):
    """Ready to send from `due` on, as far as lanes and budgets allow."""

    recipients: int
    due: int


@fact("email.sent")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSent(Event):
    """A receiver took responsibility for recipient `n` (RFC 5321 4.5.5)."""

    n: int
    attempt: int
    code: int | None
    enhanced: str | None = None
    site: str = ""
    test: bool = False


@fact("email.deferred")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailDeferred(Event):
    """A receiver asked to try recipient `n` again later."""

    n: int
    attempt: int
    code: int | None
    enhanced: str | None
    stage: str
    next_at: int


@fact("email.failed")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailFailed(Event):
    """Delivery to recipient `n` failed: refused for good, or `give_up` has passed."""

    n: int
    attempt: int
    code: int | None
    enhanced: str | None
    stage: str
    cause: str = "refused"


@fact("email.uncertain")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailUncertain(Event):
    """Delivery to recipient `n` is unknown: the connection or the process died after the end of data.

    `then` is the policy's response: `retry` or `hold`.
    """

    n: int
    attempt: int
    then: str


@fact("email.altered")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailAltered(Event):
    """The stored bytes or recipients do not match the digest: the message is held and never sent as it is."""


@fact("email.suppressed")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSuppressed(Event):
    """Recipient `n` was skipped because of a suppression record."""

    n: int
    suppression: int
    cause: str


@fact("email.read")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRead(Event):
    """Mail was shown to an agent or operator: `what` names the view, `door` the interface.

    Repeats within the same clock hour add no entry. `what` is message, difference, status (of an agent's own mail),
    messages (a mailbox's list), body or attachment (of a received message), thread, contacts (of a mailbox), pending
    (the list of held mail) or trace, which covered `messages`. `token` is the agent's; `item` the held action that was
    shown, or whose approval allowed this one read.
    """

    what: str
    door: str
    token: int | None = None
    item: int | None = None
    messages: list[str] = field(default_factory=list)


@fact("email.tagged")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailTagged(Event):
    """An agent replaced a message's tags: it now has `count`, and `digest` is the SHA-256 of the list."""

    count: int
    digest: str
    token: int
    item: int | None = None

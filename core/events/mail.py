"""A message's life, from its submission to the receiver that took it or refused it: `email.*`.

What a human decides about it is in `review`, what came back after it left in `feedback`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.events.catalogue import Event, fact


@fact("email.submitted")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSubmitted(Event):
    """An agent handed in a message, durably. `digest` covers rendered bytes and envelope, `issued` the call as made."""

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
    """An action was refused: `error` is the code the agent was told. Without a message id nothing was stored.

    After the first ten of a kind in an hour, one entry stands for many: `refusals` says how many.
    """

    kind: str
    error: str
    reason: str
    recipients: int = 0
    refusals: int = 1


@fact("email.cancelled")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailCancelled(Event):
    """Taken back before it left: by its agent, by an operator, or because its mailbox was retired."""

    kind: str
    reason: str | None = None


@fact("email.scheduled")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailScheduled(Event):
    """Allowed to leave, and kept until `send_at`, the time that its agent chose. Every gate is asked again then."""

    recipients: int
    send_at: int


@fact("email.queued")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailQueued(Event):
    """Free to leave from `due` on, as far as lanes and budgets allow."""

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
    """Recipient `n` will not get it: refused for good, or `give_up` has passed."""

    n: int
    attempt: int
    code: int | None
    enhanced: str | None
    stage: str
    cause: str = "refused"


@fact("email.uncertain")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailUncertain(Event):
    """Nobody knows whether recipient `n` got it: the connection or the process died after the end of data.

    `then` says what policy does about it: `retry` or `hold`.
    """

    n: int
    attempt: int
    then: str


@fact("email.altered")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailAltered(Event):
    """Its bytes or recipients in the database are not those of its digest: it is held and never sent as it is."""


@fact("email.suppressed")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSuppressed(Event):
    """Recipient `n` was left out because of a suppression record."""

    n: int
    suppression: int
    cause: str


@fact("email.read")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRead(Event):
    """Somebody was shown mail: `what` of it, through which `door`. Repeats within the clock hour add no entry.

    `what` is message, difference, status (of an agent's own mail), messages (a mailbox's list), pending (the list of
    held mail) or trace, which told of `messages`. `token` is the agent's; `item` the held action that was shown, or
    whose approval allowed this one read.
    """

    what: str
    door: str
    token: int | None = None
    item: int | None = None
    messages: list[str] = field(default_factory=list)


@fact("email.tagged")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailTagged(Event):
    """An agent replaced a message's tags: `count` of them now, `digest` is the SHA-256 of their list."""

    count: int
    digest: str
    token: int
    item: int | None = None

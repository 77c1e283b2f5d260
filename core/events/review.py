"""Review decisions: held, approved, undone, rejected or expired.

These are named `email.*` too, the prefix webhooks select mail by; a held read or tag uses the same names.
`review.hurried` is about the reviewer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.events.catalogue import Event, fact


@fact("email.pending")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailPending(Event):
    """A person must decide first. `reasons` are the codes of what held it, `item` is the ID to decide on."""

    kind: str
    item: int
    reasons: list[str]
    expires_at: int
    digest: str | None = None


@fact("email.approved")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailApproved(Event):
    """A reviewer approved exactly the bytes of `digest`; it is released at `release_at`.

    `dwell_ms`: how long the reviewer had it open (None: decided unopened); `batch`: the decision it was part of.
    `overridden`: the failed checks it was approved despite, for which `reason` says why.
    """

    kind: str
    item: int
    digest: str | None
    policy: int
    release_at: int
    dwell_ms: int | None = None
    batch: str | None = None
    reason: str | None = None
    complete: bool = True
    overridden: list[str] = field(default_factory=list)


@fact("email.approval_undone")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailApprovalUndone(Event):
    """An approval was undone before its release; the item is pending again."""

    item: int


@fact("email.rejected")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRejected(Event):
    """A reviewer rejected it; it is cancelled for good, at once or at `release_at` unless undone before."""

    kind: str
    item: int
    reason: str | None
    dwell_ms: int | None = None
    batch: str | None = None
    release_at: int | None = None


@fact("email.rejection_undone")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRejectionUndone(Event):
    """A rejection was undone before it took effect; the item is pending again."""

    item: int


@fact("email.expired")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailExpired(Event):
    """Nobody decided in time; it is cancelled for good."""

    kind: str
    item: int


@fact("review.expiring")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewExpiring(Event):
    """Held messages expire within `before` microseconds: `count` of them, the first, `item`, at `first_at`."""

    count: int
    before: int
    first_at: int
    item: int


@fact("review.hurried")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewHurried(Event):
    """A reviewer approved faster than anyone can read: `approved` within a minute, `unread` of them barely opened.

    `seconds` is how long all of them were open together; the last two members are the policy's thresholds.
    """

    approved: int
    unread: int
    seconds: int
    seconds_per_message: int
    messages_per_minute: int

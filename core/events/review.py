"""Review decisions: held, approved, undone, rejected, returned, edited or expired; claims and notes of reviewers.

These are named `email.*` too, the prefix webhooks select mail by; a held read or tag uses the same names.
`review.*` are about the reviewers.
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


@fact("email.returned")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailReturned(Event):
    """A reviewer returned it to its agent with a comment, `reason`: it never leaves; the agent may submit it again."""

    kind: str
    item: int
    reason: str
    digest: str | None = None
    dwell_ms: int | None = None


@fact("email.edited")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailEdited(Event):
    """A person edited the held message: `digest` covers its bytes from now on, `before` covered the earlier ones.

    `edit` counts its edits from 1. The gate decided again on these bytes, and earlier approvals count for nothing;
    `reasons` are what they are held for.
    """

    item: int
    edit: int
    digest: str
    before: str
    size: int
    content_class: str
    policy: int
    reasons: list[str] = field(default_factory=list)


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


@fact("review.claimed")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewClaimed(Event):
    """A reviewer took a held item for themselves until `until`; nobody else is kept from deciding on it."""

    item: int
    until: int


@fact("review.claim_released")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewClaimReleased(Event):
    """A reviewer gave a claimed item back before its time; a decision releases its claim without this event."""

    item: int


@fact("review.noted")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewNoted(Event):
    """An operator added note `note` to a message, an agent or an incident; its text is in a table, for erasure."""

    note: int
    incident: str | None = None


@fact("desk.acknowledged")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskAcknowledged(Event):
    """An operator knows about `key`, which needs attention: it is not shown until `until` unless it gets worse.

    `level` is how bad it was, 0 the worst. `until` in the past: it is shown again from now on. A table has its reason.
    """

    key: str
    level: int
    until: int

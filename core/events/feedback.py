"""Feedback received after mail was sent, and the suppression and consent records that block or allow mail.

An `email.*` event here is authenticated or the receiver's own answer; a report that proves nothing is
`feedback.unverified`. `suppression.*` and `consent.*` name a record by its ID, never by its address.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.events.catalogue import Event, fact


@fact("email.delivered")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailDelivered(Event):
    """Authenticated feedback: the message was delivered to recipient `n`."""

    n: int
    source: str


@fact("email.bounced")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailBounced(Event):
    """Authenticated feedback, or the receiver's own 5xx: the message to recipient `n` bounced.

    `permanent`: the address is dead. `forwarded`: the report names another address, to which `n` seems to forward.
    """

    n: int
    source: str
    permanent: bool
    status: str | None = None
    forwarded: bool = False


@fact("email.complained")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailComplained(Event):
    """Authenticated feedback: recipient `n` reported it as spam."""

    n: int
    source: str


@fact("email.unsubscribed")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailUnsubscribed(Event):
    """Recipient `n` unsubscribed."""

    n: int
    source: str


@fact("feedback.unverified")
@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackUnverified(Event):
    """An unauthenticated report: shown and counted separately; it changes no rate and suppresses no address."""

    source: str
    kind: str
    reason: str
    digest: str | None = None


@fact("suppression.added")
@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionAdded(Event):
    """Mail of `classes` to this recipient is blocked, for good or until `expires_at`; `*` is every class."""

    suppression: int
    cause: str
    classes: str = "*"
    expires_at: int | None = None
    count: int = 1


@fact("suppression.removed")
@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionRemoved(Event):
    """The recipient may receive mail again."""

    suppression: int
    reason: str


@fact("recipient.erased")
@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientErased(Event):
    """A person was erased on request: `messages` lost body, subject and address, `records` were deleted or lost it.

    An erasure takes several transactions; each leaves an event with its own figures. `suppression` is the record that
    stops the desk from writing to this person again; None if one already existed.
    """

    messages: int
    records: int
    suppression: int | None
    reason: str


@fact("consent.recorded")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecorded(Event):
    """A legal basis for writing to a recipient was recorded, with its source."""

    consent: int
    basis: str
    count: int = 1


@fact("consent.withdrawn")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(Event):
    """Consent was withdrawn; classes that need it are held or blocked."""

    consent: int
    reason: str | None = None

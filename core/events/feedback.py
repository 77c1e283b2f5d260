"""What came back after mail left, and the records that keep mail away or let it through.

`email.*` here is authenticated or the receiver's own answer; what proves nothing is `feedback.unverified`.
`suppression.*` and `consent.*` name a record by its id, never by its address.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.events.catalogue import Event, fact


@fact("email.delivered")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailDelivered(Event):
    """Authenticated feedback: recipient `n` has it."""

    n: int
    source: str


@fact("email.bounced")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailBounced(Event):
    """Authenticated feedback, or the receiver's own 5xx: recipient `n` does not get mail.

    `permanent`: the address is dead. `forwarded`: the report names somebody else, to whom `n` seems to forward.
    """

    n: int
    source: str
    permanent: bool
    status: str | None = None
    forwarded: bool = False


@fact("email.complained")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailComplained(Event):
    """Authenticated feedback: recipient `n` called it spam."""

    n: int
    source: str


@fact("email.unsubscribed")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailUnsubscribed(Event):
    """Recipient `n` asked for no more."""

    n: int
    source: str


@fact("feedback.unverified")
@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackUnverified(Event):
    """A report that proves nothing: shown and counted apart; it moves no rate and suppresses nobody."""

    source: str
    kind: str
    reason: str
    digest: str | None = None


@fact("suppression.added")
@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionAdded(Event):
    """Nothing of `classes` goes to this recipient any more, or until `expires_at`; `*` is every class."""

    suppression: int
    cause: str
    classes: str = "*"
    expires_at: int | None = None
    count: int = 1


@fact("suppression.removed")
@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionRemoved(Event):
    """The recipient may be written to again."""

    suppression: int
    reason: str


@fact("recipient.erased")
@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientErased(Event):
    """A person was erased on request: `messages` lost body, subject and address, `records` were deleted or lost it.

    `suppression` is the record that keeps the desk from writing to them again; None where one was there.
    """

    messages: int
    records: int
    suppression: int | None
    reason: str


@fact("consent.recorded")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecorded(Event):
    """A basis for writing to a recipient, with its source."""

    consent: int
    basis: str
    count: int = 1


@fact("consent.withdrawn")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(Event):
    """The basis is gone; classes that need it are held or blocked."""

    consent: int
    reason: str | None = None

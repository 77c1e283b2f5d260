"""The life of an identity: requested, approved by three signers, activated, changed, renewed, retired: `mailbox.*`.

Each of the three approvals is an event of its own; one veto ends the request.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.events.catalogue import Data, Event, fact


@fact("mailbox.requested")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRequested(Event):
    """An identity was requested; nobody has approved it yet."""

    mode: str
    expires_at: int | None
    missing: list[str]
    token: int | None = None
    """The enrolment token with which an agent filed it; None: an operator filed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed(Event):
    """A signature with its checklist: who answered for each item, and what the desk found against it."""

    checklist: dict[str, Data] = field(default_factory=dict)
    """Item -> `desk` (the desk verified it), `signer` (the signer affirmed it), `override` (signed despite the desk).
    """
    found_false: dict[str, Data] = field(default_factory=dict)
    """Item -> the desk's finding that makes it false."""
    reasons: dict[str, Data] = field(default_factory=dict)
    """Item -> the signer's reason for signing anyway, or a note on it."""
    reason: str | None = None
    record_digest: str | None = None
    """SHA-256 of the record that was signed."""
    shown_digest: str | None = None
    """SHA-256 of what the signer was shown: the record and the desk's findings."""
    widening: int | None = None
    """The widening that was signed; None: the identity itself."""


@fact("mailbox.owner_approved")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxOwnerApproved(_Signed):
    """The workflow's owner completed the owner's checklist and answers for the identity."""


@fact("mailbox.governance_approved")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxGovernanceApproved(_Signed):
    """Governance completed its checklist."""


@fact("mailbox.signed_off")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxSignedOff(_Signed):
    """Deliverability approved the identity for sending."""


@fact("mailbox.vetoed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxVetoed(Event):
    """One of the three signers vetoed the request, or the `widening` that its agent asked for."""

    kind: str
    reason: str
    widening: int | None = None


@fact("mailbox.widening_requested")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxWideningRequested(Event):
    """An agent asked for more: higher limits, classes, or `allow` further recipients. Nothing has changed yet."""

    widening: int
    token: int
    limits: dict[str, Data]
    classes: list[str]
    allow: int


@fact("mailbox.activated")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxActivated(Event):
    """All sign-offs are complete; the identity is active from now on."""

    mode: str
    expires_at: int | None


@fact("mailbox.mode_changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxModeChanged(Event):
    """The oversight mode changed; pending mail is not affected."""

    old: str
    new: str
    reason: str


@fact("mailbox.limits_changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxLimitsChanged(Event):
    """An identity's caps, allow-list, classes, expiry of pending mail or webhook changed."""

    changes: dict[str, Data]
    widened: bool
    reason: str


@fact("mailbox.expiring")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxExpiring(Event):
    """The identity expires soon unless it is renewed."""

    expires_at: int


@fact("mailbox.renewed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRenewed(Event):
    """Governance changed the identity's expiry."""

    old: int | None
    new: int
    reason: str


@fact("mailbox.retired")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRetired(Event):
    """The identity was retired; its waiting mail is cancelled."""

    reason: str
    cancelled: int = 0

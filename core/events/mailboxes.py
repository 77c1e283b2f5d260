"""An identity's life: asked for, signed for by three, activated, changed, renewed, retired: `mailbox.*`.

Each yes of the three is a fact of its own; one no ends the request.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.events.catalogue import Data, Event, fact


@fact("mailbox.requested")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRequested(Event):
    """Somebody asks for an identity; nobody has approved it yet."""

    mode: str
    expires_at: int | None
    missing: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed(Event):
    """A signature with its checklist: who answered for each item, and what the desk found against it."""

    checklist: dict[str, Data] = field(default_factory=dict)
    """Item -> `desk` (it saw that it is so), `signer` (they affirmed it), `override` (signed against what it saw)."""
    found_false: dict[str, Data] = field(default_factory=dict)
    """Item -> what the desk saw that makes it false."""
    reasons: dict[str, Data] = field(default_factory=dict)
    """Item -> why the signer signed it all the same, or what they noted on it."""
    reason: str | None = None
    record_digest: str | None = None
    """SHA-256 of the record that was signed."""
    shown_digest: str | None = None
    """SHA-256 of what the signer was shown: the record and the desk's findings."""


@fact("mailbox.owner_approved")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxOwnerApproved(_Signed):
    """The workflow's owner went through its checklist and answers for the identity."""


@fact("mailbox.governance_approved")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxGovernanceApproved(_Signed):
    """Governance went through its checklist."""


@fact("mailbox.signed_off")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxSignedOff(_Signed):
    """Deliverability lets it send."""


@fact("mailbox.vetoed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxVetoed(Event):
    """One of the three said no."""

    kind: str
    reason: str


@fact("mailbox.activated")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxActivated(Event):
    """All sign-offs are there; the identity exists from now on."""

    mode: str
    expires_at: int | None


@fact("mailbox.mode_changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxModeChanged(Event):
    """The oversight mode moved; pending mail is untouched."""

    old: str
    new: str
    reason: str


@fact("mailbox.limits_changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxLimitsChanged(Event):
    """Caps, allow-list, classes, expiry of pending mail or webhook of an identity changed."""

    changes: dict[str, Data]
    widened: bool
    reason: str


@fact("mailbox.expiring")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxExpiring(Event):
    """The identity ends soon unless it is renewed."""

    expires_at: int


@fact("mailbox.renewed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRenewed(Event):
    """The identity's end was moved by governance."""

    old: int | None
    new: int
    reason: str


@fact("mailbox.retired")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRetired(Event):
    """The identity is gone; what it had waiting is cancelled."""

    reason: str
    cancelled: int = 0

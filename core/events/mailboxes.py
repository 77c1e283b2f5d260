"""An identity's life: asked for, signed for by three, activated, changed, renewed, retired: `mailbox.*`.

Each yes of the three is a fact of its own; one no ends the request.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.events.catalogue import Data, Event, fact


@fact("mailbox.requested")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRequested(Event):
    """Somebody asks for an identity; nobody has approved it yet."""

    mode: str
    expires_at: int | None
    missing: list[str]


@fact("mailbox.owner_approved")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxOwnerApproved(Event):
    """The workflow's owner answers for the identity."""

    reason: str | None = None
    record_digest: str | None = None
    """SHA-256 of the record that was signed."""


@fact("mailbox.governance_approved")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxGovernanceApproved(Event):
    """Governance went through its checklist."""

    checklist: dict[str, Data]
    reason: str | None = None
    record_digest: str | None = None
    """SHA-256 of the record that was signed."""


@fact("mailbox.signed_off")
@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxSignedOff(Event):
    """Deliverability lets it send; what the desk could check itself is marked so in `checklist`."""

    checklist: dict[str, Data]
    reason: str | None = None
    record_digest: str | None = None
    """SHA-256 of the record that was signed."""


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

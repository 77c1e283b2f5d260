"""Mailboxes as identities: their record, who has signed, who must still sign, the keys of their streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.rules.identity_findings import DrillResult
from core.rules.issuance import Kind
from core.views.agents import KeyRow


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """What a signer reads. Without secrets: the webhook's is nobody's to see."""

    id: int
    address: str
    status: str
    mode: str
    purpose: str | None
    owner: str | None
    system_owner: str | None
    systems: str | None
    users: str | None
    revoke_when: str | None
    classes: tuple[str, ...]
    allow: tuple[str, ...]
    requested_by: str
    requested_at: int
    expires_at: int | None
    agent: str | None
    domain: str


@dataclass(frozen=True, slots=True)
class Signature:
    """An approval or refusal of an identity: by item what was answered, what the desk found, why it was overridden."""

    kind: str
    operator: str
    approved: bool
    checklist: dict[str, Any]
    findings: dict[str, Any]
    reasons: dict[str, Any]
    reason: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Drill:
    """The last revocation drill of an identity's agent."""

    result: DrillResult
    at: int | None = None
    by: str | None = None
    failures: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """A mailbox's record, with what was signed and who must still sign."""

    record: IdentityRecord
    signed: tuple[Signature, ...]
    waiting: tuple[Kind, ...]
    missing: tuple[str, ...]
    drill: Drill
    asks: str | None = None
    """What its agent asks for beside what it may do, and why; None: nothing waits. Signatures are then those under it.
    """

    @property
    def open(self) -> bool:
        """Whether signatures are asked for: for the identity, or for more."""
        return self.record.status == "requested" or self.asks is not None


@dataclass(frozen=True, slots=True)
class Identities:
    """Requests first, then active identities, the first to expire first."""

    identities: tuple[Identity, ...]
    keys: tuple[KeyRow, ...]

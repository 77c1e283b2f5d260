"""Who comes to the desk: operators, and agents with their runs and tokens.

A token is told by its number alone; neither the secret nor its digest is in the log.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.events.catalogue import Data, Event, fact


@fact("agent.warned")
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWarned(Event):
    """A guard's warning line was crossed, or an anomaly suggests a lower mode."""

    guard: str
    figures: dict[str, Data]
    reason: str


@fact("agent.suspended")
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSuspended(Event):
    """No new delivery of this agent starts. `in_flight` had started before, `queued` and `pending` are frozen."""

    reason: str
    guard: str | None
    figures: dict[str, Data]
    in_flight: int
    queued: int
    pending: int


@fact("agent.resumed")
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentResumed(Event):
    """A second person let it go on; its guards look at what is sent from now on."""

    reason: str


@fact("run.confirmed")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfirmed(Event):
    """A human lets this run reach `up_to` recipients. `released` messages were held by the run cap alone."""

    up_to: int
    reason: str
    released: int = 0


@fact("run.declared")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunDeclared(Event):
    """The run says what it is for. `targets` is how many it names now; mail to others waits. 0: it names nobody."""

    targets: int = 0


@fact("run.closed")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunClosed(Event):
    """The run takes no more mail."""

    accepted: int


@fact("token.issued")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued(Event):
    """A short-lived secret of an agent; the desk keeps only its digest."""

    token: int
    scopes: list[str]
    expires_at: int
    test: bool = False
    bound_run: str | None = None


@fact("token.revoked")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(Event):
    """The token is no longer good for anything."""

    token: int
    reason: str | None = None


@fact("token.delegated")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDelegated(Event):
    """A narrower token was made from another; it ends no later than its parent."""

    token: int
    parent: int
    scopes: list[str]
    expires_at: int
    bound_run: str | None = None


@fact("identity.drill_due")
@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityDrillDue(Event):
    """Policy wants the agent's revocation exercised. `last_at` is its last drill; None: it never had one."""

    due_at: int
    last_at: int | None


@fact("identity.drilled")
@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityDrilled(Event):
    """A revocation drill ended: passed if nothing is in `failures` and `unreached`; `restored` are the fresh tokens."""

    passed: bool
    failures: list[str]
    revoked: list[int]
    """Tokens that were in force and were revoked."""
    probes: list[int]
    """Test tokens that stood for them: the desk knows no secret of an agent's, so it sent with these."""
    gateways: list[str]
    """Addresses at which every probe was tried."""
    closed_ms: int | None
    """Time from the revocation to the last refusal; None if something was not refused."""
    records: list[str]
    """DNS records to remove so that nothing signed with the streams' keys verifies."""
    remaining: list[str]
    """DNS records that would remain, and still vouch for mail that comes through the relay."""
    restored: list[int]
    unreached: list[str] = field(default_factory=list)
    """Gateways that run and could not be tried: where a revocation was not seen to hold, it is not proved."""


@fact("operator.added")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAdded(Event):
    """A human with roles. `unconfirmed` ones count only once governance has confirmed who claimed them."""

    operator: int
    roles: list[str]
    unconfirmed: list[str]


@fact("operator.claimed")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorClaimed(Event):
    """Somebody who says to be this operator made a token. It opens nothing before its fingerprint is confirmed."""

    operator: int
    fingerprint: str
    replaces: str | None


@fact("operator.confirmed")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorConfirmed(Event):
    """Governance compared `fingerprint` with the operator: their token and all of `roles` count from now on."""

    operator: int
    roles: list[str]
    confirmed: list[str]
    fingerprint: str | None = None


@fact("operator.rotated")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRotated(Event):
    """The operator replaced their own token; the old one opens nothing any more."""

    operator: int
    expires_at: int | None = None


@fact("operator.revoked")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRevoked(Event):
    """The operator's token was lost or is not trusted: they claim another, which is confirmed anew."""

    operator: int
    reason: str


@fact("operator.disabled")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorDisabled(Event):
    """The operator's token opens nothing any more."""

    operator: int


@fact("operator.signed_in")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSignedIn(Event):
    """An operator opened the console."""

    operator: int
    door: str

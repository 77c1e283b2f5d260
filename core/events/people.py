"""Events of operators, and of agents with their runs and tokens.

A token is identified by its number alone; neither the secret nor its digest is in the log.
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
    """No new delivery of this agent starts. `in_flight` had already started, `queued` and `pending` are frozen."""

    reason: str
    guard: str | None
    figures: dict[str, Data]
    in_flight: int
    queued: int
    pending: int


@fact("agent.resumed")
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentResumed(Event):
    """A second person resumed the agent; its guards measure what is sent from now on."""

    reason: str


@fact("run.confirmed")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfirmed(Event):
    """A person allowed this run up to `up_to` recipients. `released` messages were held by the run cap alone."""

    up_to: int
    reason: str
    released: int = 0


@fact("run.declared")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunDeclared(Event):
    """A run's purpose or targets were declared, or an operator opened or completed it. `targets` is how many it names.

    Mail to anyone else waits; 0: it is for everybody. What an agent declares beside its task (user, versions) leaves no
    event of its own.
    """

    targets: int = 0


@fact("run.tainted")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunTainted(Event):
    """An agent was shown `count` messages of strangers: its mail outside their threads is held.

    `messages` are the first of them. Without a `run`, all runs are tainted that begin before `until`, of tokens that no
    person bound to a run. `holds` is False if people are only notified (`inbound.taint`).
    """

    token: int
    count: int
    messages: list[str]
    until: int | None
    holds: bool


@fact("run.closed")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunClosed(Event):
    """The run is closed and accepts no more mail."""

    accepted: int


@fact("token.issued")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued(Event):
    """A short-lived secret was issued to an agent; the desk stores only its digest."""

    token: int
    scopes: list[str]
    expires_at: int
    test: bool = False
    bound_run: str | None = None
    owner: str | None = None
    """Of an enrolment token: who answers for what the agent requests with it."""


@fact("token.claimed")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaimed(Event):
    """An agent claimed its first token, once, after its own request for a mailbox was signed by people."""

    token: int
    request: int
    scopes: list[str]
    expires_at: int


@fact("token.claim_refused")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaimRefused(Event):
    """A claim was refused: `cause` is `wrong_secret`, or `claimed` if the first token had been claimed before."""

    request: int
    cause: str
    attempts: int
    """Refused claims of this request within the hour; further ones are not tried or logged."""


@fact("token.revoked")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(Event):
    """The token is no longer valid."""

    token: int
    reason: str | None = None


@fact("token.delegated")
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDelegated(Event):
    """A narrower token was derived from another; it expires no later than its parent."""

    token: int
    parent: int
    scopes: list[str]
    expires_at: int
    bound_run: str | None = None


@fact("identity.drill_due")
@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityDrillDue(Event):
    """A revocation drill of the agent is due by policy. `last_at` is its last drill; None: it has had none."""

    due_at: int
    last_at: int | None


@fact("identity.drilled")
@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityDrilled(Event):
    """A revocation drill ended: passed if `failures` and `unreached` are empty; `restored` are the new tokens."""

    passed: bool
    failures: list[str]
    revoked: list[int]
    """Tokens that were valid and were revoked."""
    probes: list[int]
    """Test tokens in their place: the desk stores no agent's secret, so it sent with these."""
    gateways: list[str]
    """Addresses where every probe was tried."""
    closed_ms: int | None
    """Time from the revocation to the last refusal; None if something was not refused."""
    records: list[str]
    """DNS records to remove so that no signature by the streams' keys verifies."""
    remaining: list[str]
    """DNS records that would remain and still authorize mail sent through the relay."""
    restored: list[int]
    unreached: list[str] = field(default_factory=list)
    """Running gateways that could not be tried: a revocation not observed there is not proven."""


@fact("operator.added")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAdded(Event):
    """A person with roles was added. `unconfirmed` roles count only once governance has confirmed who claimed them."""

    operator: int
    roles: list[str]
    unconfirmed: list[str]


@fact("operator.claimed")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorClaimed(Event):
    """Someone claiming to be this operator created a token. It is not valid until its fingerprint is confirmed."""

    operator: int
    fingerprint: str
    replaces: str | None


@fact("operator.confirmed")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorConfirmed(Event):
    """Governance compared `fingerprint` with the operator: their token and all of `roles` are valid from now on."""

    operator: int
    roles: list[str]
    confirmed: list[str]
    fingerprint: str | None = None


@fact("operator.rotated")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRotated(Event):
    """The operator replaced their own token; the old one is no longer valid."""

    operator: int
    expires_at: int | None = None


@fact("operator.revoked")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRevoked(Event):
    """The operator's token was lost or is not trusted: they claim another, which is confirmed again."""

    operator: int
    reason: str


@fact("operator.disabled")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorDisabled(Event):
    """The operator was disabled; their token is no longer valid."""

    operator: int


@fact("operator.signed_in")
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSignedIn(Event):
    """An operator opened the console."""

    operator: int
    door: str

"""Principals of the desk: operators, and agents with their tokens and runs.

Only digests of secrets are here. Suspension applies to a whole agent, whatever mailboxes it sends from (`streams`).
"""

from __future__ import annotations

from sqlalchemy import JSON, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db.tables.columns import AUTO, Json, big, json, maybe_big


class Operator(SQLModel, table=True):
    """A human. `roles` are in effect; `unconfirmed` ones wait for governance.

    `token_hash` grants access; `claim_hash` is of a token that its owner has created and nobody has confirmed yet.
    """

    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    roles: list[str] = json(default_factory=list)
    unconfirmed: list[str] = json(default_factory=list)
    token_hash: bytes | None = Field(default=None, sa_type=LargeBinary, unique=True)
    token_issued_at: int | None = maybe_big()
    token_expires_at: int | None = maybe_big()
    claim_hash: bytes | None = Field(default=None, sa_type=LargeBinary, unique=True)
    claim_started_at: int | None = maybe_big()
    claim_expires_at: int | None = maybe_big()
    added_by: str
    confirmed_by: str | None = None
    created_at: int = big()
    disabled_at: int | None = maybe_big()


class OperationAnswer(SQLModel, table=True):
    """The first answer to an operator's Idempotency-Key, kept for a day; `digest` is of the request."""

    __tablename__ = "operation_answer"
    __table_args__ = (UniqueConstraint("operator", "key"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    operator: str
    key: str
    digest: bytes = Field(sa_type=LargeBinary)
    answer: str
    keep_until: int = big(index=True)


class Agent(SQLModel, table=True):
    """A non-human identity. `guard_since`: start of its guards' measuring window (reset by a resume)."""

    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    status: str = "active"
    created_at: int = big()
    suspended_at: int | None = maybe_big()
    suspended_by: str | None = None
    suspend_reason: str | None = None
    suspend_figures: Json = json(default_factory=dict)
    guard_since: int = big(default=0)
    warned: Json = json(default_factory=dict)
    drill_started_at: int | None = maybe_big()
    """Start of an unfinished revocation drill. If old, the drill crashed and the agent has no token."""
    drilled_at: int | None = maybe_big()
    drilled_by: str | None = None
    drill_failures: list[str] | None = Field(default=None, sa_type=JSON)
    """Failures of the last drill; empty if it passed."""
    drill_unreached: list[str] | None = Field(default=None, sa_type=JSON)
    """Gateways at which the last drill could not try its tokens."""
    drill_asked_at: int | None = maybe_big()
    """When people were last notified that a drill is due."""
    tainted_at: int | None = maybe_big()
    """When it first read mail of a stranger (`taint`); NULL: never, so the gate need not look further."""


class Token(SQLModel, table=True):
    """A secret of an agent; only its SHA-256 is stored."""

    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True)
    hash: bytes = Field(sa_type=LargeBinary, unique=True)
    agent_id: int = Field(foreign_key="agent.id", index=True)
    scopes: list[str] = json(default_factory=list)
    test: bool = False
    run_key: str | None = None
    run_user: str | None = None
    parent_id: int | None = None
    issued_at: int = big()
    issued_by: str
    expires_at: int = big()
    revoked_at: int | None = maybe_big()
    last_used_at: int | None = maybe_big()
    """Last time an API request presented it, to within a minute; None: never."""
    owner: str | None = None
    """Of an enrolment token: the operator who issued it and answers for what is requested with it."""
    address: str | None = None
    """Of an enrolment token: the one address that may be requested; None: the agent names it."""


class Enrolment(SQLModel, table=True):
    """A request for an identity that an agent filed, and the one claim of its first token.

    Its state is that of the mailbox's record, as long as that is still the record filed here (`filed_at`).
    """

    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True)
    token_id: int = Field(foreign_key="token.id", index=True)
    agent_id: int = Field(foreign_key="agent.id", index=True)
    mailbox_id: int = Field(foreign_key="mailbox.id")
    filed_at: int = big()
    fingerprint: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of the request, so that a repeated call is answered again and another one refused."""
    claim_hash: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of a secret that the agent made and the desk has not seen."""
    claimed_at: int | None = maybe_big()
    claimed_token: int | None = None
    refused_claims: int = 0
    """Refused claims since `refused_since`."""
    refused_since: int = big(default=0)


class Widening(SQLModel, table=True):
    """An agent's request for more than its mailbox may do; nothing changes until three people have signed it."""

    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True)
    token_id: int = Field(foreign_key="token.id", index=True)
    agent_id: int = Field(foreign_key="agent.id", index=True)
    mailbox_id: int = Field(foreign_key="mailbox.id", index=True)
    filed_at: int = big()
    fingerprint: bytes = Field(sa_type=LargeBinary)
    reason: str
    limits: Json = json(default_factory=dict)
    """Name -> the limit asked for."""
    classes: list[str] = json(default_factory=list)
    """Content classes to add."""
    allow: list[str] = json(default_factory=list)
    """Patterns to add to the allow-list."""
    outcome: str | None = None
    """`granted` or `vetoed`; NULL while it waits."""
    closed_at: int | None = maybe_big()


class WideningSignoff(SQLModel, table=True):
    """An approval or refusal of a widening, by one person, of one kind. The columns are those of `Signoff`."""

    __table_args__ = (UniqueConstraint("widening_id", "kind"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    widening_id: int = Field(foreign_key="widening.id")
    kind: str
    operator: str
    approved: bool
    checklist: Json = json(default_factory=dict)
    findings: Json = json(default_factory=dict)
    reasons: Json = json(default_factory=dict)
    reason: str | None = None
    record_digest: str | None = None
    """SHA-256 of the record as it would be."""
    shown_digest: str | None = None
    at: int = big()


class Run(SQLModel, table=True):
    """One execution of an agent. Its accepted count is a counter; exceeding the cap needs `confirmed_up_to`.

    `targets` are its intended recipients, as address patterns; empty: not declared.
    """

    __table_args__ = (UniqueConstraint("agent_id", "key"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    agent_id: int = Field(foreign_key="agent.id")
    key: str
    token_id: int | None = None
    implicit: bool = False
    user: str | None = None
    via: list[str] = json(default_factory=list)
    agent_version: str | None = None
    prompt_version: str | None = None
    tools_version: str | None = None
    purpose: str | None = None
    targets: list[str] | None = json(default=None, nullable=True)
    opened_at: int = big()
    closed_at: int | None = maybe_big()
    confirmed_up_to: int | None = None
    confirmed_by: str | None = None

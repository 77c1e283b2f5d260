"""Sending identities: streams with their DKIM keys, and mailboxes on them with their signatures.

A mailbox is the record of an identity: its mode, its limits, its expiry. Secrets here are sealed with the master key.
"""

from __future__ import annotations

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db.tables.columns import AUTO, Json, big, json, maybe_big


class Stream(SQLModel, table=True):
    """A sending subdomain: its route, its warm-up, what commercial mail must state about the sender."""

    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True)
    domain: str = Field(unique=True)
    route: str
    route_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    provider: str = "none"
    protected: bool = False
    owners: list[str] = json(default_factory=list)
    organisation: str | None = None
    postal_address: str | None = None
    unsubscribe_url: str | None = None
    """Base URL of its unsubscribe links; NULL: the desk's public_url."""
    warm: bool = False
    warm_day: int = 0
    warm_cap: int | None = None
    first_sent_at: int | None = maybe_big()
    active_slot: str = "a"
    created_at: int = big()
    paused_at: int | None = maybe_big()
    paused_by: str | None = None
    pause_reason: str | None = None
    backoff_until: int = big(default=0)
    route_failures: int = 0
    last_reply: str | None = None
    connection_messages: int | None = None
    """Messages over one connection of its route; NULL: the gateway's default."""
    minute_messages: int | None = None
    """Attempts a minute over its route, of all its mailboxes together; NULL: no limit."""
    spf: str | None = None
    """The SPF terms that authorise its relay, as the relay's operator states them; NULL: the provider's."""


class StreamKey(SQLModel, table=True):
    """One DKIM key. Two slots x two algorithms a stream, dated selectors that are never reused."""

    __tablename__ = "stream_key"
    __table_args__ = (UniqueConstraint("stream_id", "selector"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    stream_id: int = Field(foreign_key="stream.id", index=True)
    slot: str
    algorithm: str
    selector: str
    private: bytes = Field(sa_type=LargeBinary)
    public: str
    created_at: int = big()
    retired_at: int | None = maybe_big()


class Mailbox(SQLModel, table=True):
    """An address that belongs to one agent: the identity's record, its mode, its limits, its place in the schedule.

    `wake_at` is when its budgets next allow sending; `served_at` keeps claims fair between mailboxes.
    """

    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True)
    address: str = Field(unique=True)
    display_name: str | None = None
    agent_id: int | None = Field(default=None, foreign_key="agent.id", index=True)
    """NULL while a request has not named its agent yet."""
    stream_id: int = Field(foreign_key="stream.id", index=True)
    status: str = "requested"
    mode: str
    mode_since: int = big()
    raised_at: int | None = maybe_big()
    """When the mode was last raised; NULL: never since the mailbox was activated."""
    pending_expiry: int | None = maybe_big()
    # the identity's record
    purpose: str | None = None
    owner: str | None = None
    system_owner: str | None = None
    systems: str | None = None
    users: str | None = None
    standing_reason: str | None = None
    revoke_when: str | None = None
    stores_or_forwards: bool = False
    governance_reviewer: str | None = None
    classes: list[str] = json(default_factory=list)
    allow: list[str] = json(default_factory=list)
    requested_by: str
    requested_at: int = big()
    activated_at: int | None = maybe_big()
    expires_at: int | None = maybe_big()
    warned_expiry_at: int | None = maybe_big()
    retired_at: int | None = maybe_big()
    updated_at: int = big()
    # limits: NULL means the policy's
    limit_run: int | None = None
    limit_hour: int | None = None
    limit_day: int | None = None
    limit_new_recipients_day: int | None = None
    limit_site_minute: int | None = None
    limit_site_hour: int | None = None
    # notifications
    webhook_url: str | None = None
    webhook_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    webhook_previous: bytes | None = Field(default=None, sa_type=LargeBinary)
    webhook_previous_until: int | None = maybe_big()
    webhook_events: list[str] | None = json(default=None, nullable=True)
    """The `email.*` events it subscribes to; NULL: all."""
    # the gate
    wake_at: int = big(default=0)
    served_at: int = big(default=0)
    waits_for: str | None = None


class Signoff(SQLModel, table=True):
    """An approval or refusal of an identity, by one person, of one kind."""

    __table_args__ = (UniqueConstraint("mailbox_id", "kind"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    mailbox_id: int = Field(foreign_key="mailbox.id")
    kind: str
    operator: str
    approved: bool
    checklist: Json = json(default_factory=dict)
    """Item -> who answers for it: `desk`, `signer` or `override`."""
    findings: Json = json(default_factory=dict, sa_column_kwargs={"server_default": "{}"})
    """Item -> what the desk found when it was signed: `found` and `detail`."""
    reasons: Json = json(default_factory=dict, sa_column_kwargs={"server_default": "{}"})
    """Item -> why it was signed against the desk's finding, or a note on it."""
    reason: str | None = None
    record_digest: str | None = None
    """SHA-256 of the record that the signer saw; NULL: signed before digests were stored."""
    shown_digest: str | None = None
    """SHA-256 of the record and the findings that the signer saw; NULL: signed before it was stored."""
    at: int = big()

"""Everything the desk remembers, one class a table.

Why this way: SQLModel says the shape once, alembic and the reads use it, hot writes go through SQLAlchemy Core on the
same tables (`table(Message)`). Times are UTC integer microseconds. SQLModel validates nothing on `table=True`: what
comes here was parsed at a door. Addresses, subjects and bodies are in `message`, `body`, `recipient`, `contact`,
`suppression` and `consent` alone, where retention and erasure may reach them; `event` never holds them.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary, Table, UniqueConstraint, text
from sqlmodel import Field, SQLModel

Big = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits on both; SQLite takes its row id only from a column spelled INTEGER."""

AUTO = {"sqlite_autoincrement": True}
CLUSTERED = {"sqlite_with_rowid": False}

Json = dict[str, Any]


def table(model: type[SQLModel]) -> Table:
    """The SQLAlchemy table behind a model, for Core statements."""
    return cast("Table", model.__table__)  # type: ignore[attr-defined]  # SQLModel adds it at class creation


def big(**more: Any) -> Any:
    """A 64-bit integer column."""
    return Field(sa_type=Big, **more)


def maybe_big(**more: Any) -> Any:
    """A 64-bit integer column that may be NULL."""
    return Field(default=None, sa_type=Big, **more)


def json(**more: Any) -> Any:
    """A column of small JSON."""
    return Field(sa_type=JSON, **more)


class Desk(SQLModel, table=True):
    """The one row of the installation: all-stop and the policy in force.

    `generation` rises whenever a row changes that processes remember between transactions.
    """

    id: int = Field(default=1, primary_key=True)
    created_at: int = big()
    stopped_at: int | None = maybe_big()
    stopped_by: str | None = None
    stop_reason: str | None = None
    start_votes: list[str] = json(default_factory=list)
    policy_version: int = 1
    generation: int = 0
    signing_key: bytes | None = Field(default=None, sa_type=LargeBinary)
    """What signs checkpoints of the log, sealed with the master key; made when it is first needed."""
    policy_edit: str | None = None
    """Digest of the last edit of policy.toml that was looked at: every gateway watches, one of them acts."""


class PolicyVersion(SQLModel, table=True):
    """One policy that was in force, whole, so that old decisions can be replayed."""

    __table_args__ = AUTO
    version: int | None = Field(default=None, primary_key=True)
    content: str
    digest: str
    applied_at: int = big()
    applied_by: str
    reason: str


class Operator(SQLModel, table=True):
    """A human. `roles` count; `unconfirmed` ones wait for governance."""

    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    roles: list[str] = json(default_factory=list)
    unconfirmed: list[str] = json(default_factory=list)
    token_hash: bytes | None = Field(default=None, sa_type=LargeBinary, unique=True)
    claim_hash: bytes | None = Field(default=None, sa_type=LargeBinary, unique=True)
    claim_expires_at: int | None = maybe_big()
    added_by: str
    confirmed_by: str | None = None
    created_at: int = big()
    disabled_at: int | None = maybe_big()


class Agent(SQLModel, table=True):
    """A non-human identity. `guard_since`: its guards look at what was sent from then on (re-armed by a resume)."""

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


class Token(SQLModel, table=True):
    """A secret of an agent; only its SHA-256 is kept."""

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


class Run(SQLModel, table=True):
    """One execution of an agent. What it had accepted is a counter; more than the cap needs `confirmed_up_to`."""

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
    opened_at: int = big()
    closed_at: int | None = maybe_big()
    confirmed_up_to: int | None = None
    confirmed_by: str | None = None


class Stream(SQLModel, table=True):
    """A sending subdomain: its route, its warm-up, what commercial mail must say about the sender."""

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
    """What its unsubscribe links begin with; NULL: the desk's public_url."""
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
    """An address that belongs to one agent: the identity's record, its mode, its limits, its turn at the gate.

    `wake_at` is when its budgets next let anything leave; `served_at` keeps claims fair between mailboxes.
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
    pending_expiry: int | None = maybe_big()
    # the identity's record
    purpose: str | None = None
    owner: str | None = None
    system_owner: str | None = None
    systems: str | None = None
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
    # limits: NULL takes the policy's
    limit_run: int | None = None
    limit_hour: int | None = None
    limit_day: int | None = None
    limit_new_recipients_day: int | None = None
    limit_site_minute: int | None = None
    limit_site_hour: int | None = None
    # who is told
    webhook_url: str | None = None
    webhook_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    webhook_previous: bytes | None = Field(default=None, sa_type=LargeBinary)
    webhook_previous_until: int | None = maybe_big()
    webhook_events: list[str] | None = json(default=None, nullable=True)
    """The `email.*` events it asks for; NULL: every one."""
    # the gate
    wake_at: int = big(default=0)
    served_at: int = big(default=0)
    waits_for: str | None = None


class Signoff(SQLModel, table=True):
    """One yes or no to an identity, by one person, of one kind."""

    __table_args__ = (UniqueConstraint("mailbox_id", "kind"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    mailbox_id: int = Field(foreign_key="mailbox.id")
    kind: str
    operator: str
    approved: bool
    checklist: Json = json(default_factory=dict)
    reason: str | None = None
    at: int = big()


class Message(SQLModel, table=True):
    """One submission. `conversation` is a digest of the root of its thread.

    `facts` are what the decision was made from, with `policy_version`, so that another policy can be replayed on it.
    `dated_at` is the Date header, fixed at release. `open` counts recipients that are not final yet.
    """

    __table_args__ = (
        Index("ix_message_mailbox", "mailbox_id", "id"),
        Index("ix_message_run", "run_id", "id"),
        Index("ix_message_conversation", "mailbox_id", "conversation"),
    )
    id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    mailbox_id: int
    agent_id: int
    stream_id: int
    run_id: int
    token_id: int
    kind: str
    direction: str = "out"
    test: bool = False
    untraced: bool = False
    status: str
    content_class: str
    declared_class: str | None = None
    subject: str
    digest: str
    rfc_message_id: str = Field(index=True)
    conversation: int = big()
    size: int
    smtputf8: bool = False
    tags: list[str] = json(default_factory=list)
    meta: Json = json(default_factory=dict)
    policy_version: int
    facts: Json = json(default_factory=dict)
    submitted_at: int = big()
    released_at: int | None = maybe_big()
    dated_at: int | None = maybe_big()
    final_at: int | None = maybe_big()
    recipients: int
    open: int


class Body(SQLModel, table=True):
    """The bytes: as issued by the tool call, and as rendered. Off the claim path; purged by retention."""

    message_id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    rendered: bytes | None = Field(default=None, sa_type=LargeBinary)
    issued: bytes | None = Field(default=None, sa_type=LargeBinary)
    preview: str = ""
    purge_at: int | None = maybe_big(index=True)


class Recipient(SQLModel, table=True):
    """One address of a message, with a state of its own.

    `address` is the key for suppression and consent, `path` what RCPT TO says, `given` how the agent wrote it.
    """

    __table_args__ = (
        Index(
            "ix_recipient_waits_for",
            "waits_for",
            sqlite_where=text("waits_for IS NOT NULL"),
            postgresql_where=text("waits_for IS NOT NULL"),
        ),
        Index(
            "ix_recipient_provider_id",
            "provider_id",
            sqlite_where=text("provider_id IS NOT NULL"),
            postgresql_where=text("provider_id IS NOT NULL"),
        ),
        CLUSTERED,
    )
    message_id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    n: int = Field(primary_key=True)
    address: str = Field(index=True)
    path: str
    given: str
    field: str
    lane_id: int | None = None
    status: str
    reason: str | None = None
    waits_for: int | None = maybe_big()
    charged: bool = False
    attempts: int = 0
    next_at: int | None = maybe_big()
    code: int | None = None
    enhanced: str | None = None
    reply: str | None = None
    sent_at: int | None = maybe_big()
    provider_id: str | None = None
    feedback: str | None = None
    feedback_at: int | None = maybe_big()


class Review(SQLModel, table=True):
    """A pending action: a held message (`id` is the message's), or a held read or tag (an id of its own)."""

    __table_args__ = (
        Index("ix_review_status", "status", "id"),
        Index("ix_review_worst", "status", "failed_checks", "id"),
        Index("ix_review_mailbox", "mailbox_id", "status", "id"),
        Index("ix_review_due", "status", "due_at"),
        Index("ix_review_likeness", "status", "likeness", "agent_id", "id"),
    )
    id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str
    mailbox_id: int
    agent_id: int
    message_id: int | None = maybe_big(index=True)
    target: str | None = None
    status: str = "pending"
    reasons: list[Json] = json(default_factory=list)
    failed_checks: int = 0
    likeness: int | None = maybe_big()
    """The same for messages of one agent that differ only in what belongs to their recipient."""
    submitted_at: int = big()
    due_at: int | None = maybe_big()
    """When the clock next acts on it: expiry while pending, release while approved, end of a granted read."""
    expires_at: int = big()
    needs: int = 1
    approvers: list[str] = json(default_factory=list)
    opened_at: int | None = maybe_big()
    opened_by: str | None = None
    """Who had it open first, and when; each reviewer's own time is in `reading`."""
    dwell_ms: int | None = maybe_big()
    """How long the deciding person had it open; NULL: decided unopened."""
    decided_at: int | None = maybe_big()
    decided_by: str | None = None
    reason: str | None = None
    release_at: int | None = maybe_big()
    batch: str | None = None


class Reading(SQLModel, table=True):
    """How long one reviewer had one item before their eyes, added up, and when they approved it.

    `dwell_ms` is what counts for their pace: 0 for what they could have opened and did not, NULL where nobody can know.
    """

    __table_args__ = (Index("ix_reading_pace", "operator", "approved_at"), CLUSTERED)
    item: int = big(primary_key=True)
    operator: str = Field(primary_key=True)
    first_at: int | None = maybe_big()
    read_us: int = big(default=0)
    approved_at: int | None = maybe_big()
    dwell_ms: int | None = maybe_big()


class Reader(SQLModel, table=True):
    """What one operator has before their eyes, since when; and when they were last told that they read too fast."""

    __table_args__ = CLUSTERED
    name: str = Field(primary_key=True)
    item: int | None = maybe_big(index=True)
    since: int = big()
    hurried_at: int | None = maybe_big()
    hurry: str | None = None


class Lane(SQLModel, table=True):
    """The queue of one mailbox towards one recipient domain.

    `next_at` is when it is next worth a look (FAR_FUTURE while empty); `not_before` holds all of it back (pace, cap,
    back-off, pause) in one write that touches no message.
    """

    __table_args__ = (UniqueConstraint("mailbox_id", "domain"), Index("ix_lane_due", "mailbox_id", "next_at"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    mailbox_id: int
    domain: str = Field(index=True)
    site: str = Field(index=True)
    site_known_at: int | None = maybe_big()
    """When the domain's MX was last asked; NULL: the site is a guess from the domain alone."""
    next_at: int = big()
    not_before: int = big(default=0)
    depth: int = 0
    in_flight: int = 0
    paused_at: int | None = maybe_big()
    paused_by: str | None = None
    pause_reason: str | None = None
    failures: int = 0
    waits_for: str | None = None
    last_reply: str | None = None
    last_reply_at: int | None = maybe_big()


class Ready(SQLModel, table=True):
    """A recipient free to leave, clustered in the order it leaves its lane."""

    __table_args__ = (
        # Retries, paid for already, found behind whatever waits for a spent cap; the many that are not cost nothing.
        # `charged` comes first, or SQLite would walk the lane in its own order instead.
        Index(
            "ix_ready_paid",
            "charged",
            "lane_id",
            "due",
            sqlite_where=text("charged = 1"),
            postgresql_where=text("charged"),
        ),
        CLUSTERED,
    )
    lane_id: int = Field(primary_key=True)
    due: int = big(primary_key=True)
    message_id: int = big(primary_key=True)
    n: int = Field(primary_key=True)
    charged: bool = False


class InFlight(SQLModel, table=True):
    """A claimed recipient. `attempted_at` is committed before the first byte goes to the network."""

    __tablename__ = "in_flight"
    __table_args__ = CLUSTERED
    message_id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    n: int = Field(primary_key=True)
    lane_id: int
    mailbox_id: int = Field(index=True)
    due: int = big()
    worker: int = big(index=True)
    lease_until: int = big(index=True)
    attempt: int = 0
    attempted_at: int | None = maybe_big()


class Worker(SQLModel, table=True):
    """A process that delivers; its leases live as long as it beats."""

    id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    started_at: int = big()
    beat_at: int = big()
    pid: int


class Pace(SQLModel, table=True):
    """GCRA state of a mailbox towards a site: the theoretical arrival time."""

    __table_args__ = CLUSTERED
    mailbox_id: int = Field(primary_key=True)
    site: str = Field(primary_key=True)
    tat: int = big()


class Counter(SQLModel, table=True):
    """How many `kind` happened to `scope:key` in the bucket that begins at `minute` (minutes since the epoch)."""

    __table_args__ = CLUSTERED
    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    minute: int = Field(primary_key=True)
    n: int = 0


class Contact(SQLModel, table=True):
    """Whom an agent has written to, for first-time recipients."""

    __table_args__ = CLUSTERED
    agent_id: int = Field(primary_key=True)
    address: str = Field(primary_key=True)
    first_at: int = big()


class Suppression(SQLModel, table=True):
    """Nothing goes to `address` (of every stream, or of `stream_id`) until `expires_at`."""

    __table_args__ = (Index("ix_suppression_address", "address"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    address: str
    stream_id: int | None = None
    cause: str
    source: str
    reason: str | None = None
    """Why, in the words of who added it; never in the log, for it may speak of the person."""
    message_id: int | None = maybe_big()
    added_by: str
    added_at: int = big()
    expires_at: int | None = maybe_big()
    removed_at: int | None = maybe_big()


class Consent(SQLModel, table=True):
    """A recipient's (or domain's) basis for being written to. Agents never write here."""

    __table_args__ = (Index("ix_consent_subject", "subject"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    subject: str
    stream_id: int | None = None
    basis: str
    scope: str = "*"
    source: str
    region: str | None = None
    given_at: int = big()
    expires_at: int | None = maybe_big()
    withdrawn_at: int | None = maybe_big()
    added_by: str


class Idempotency(SQLModel, table=True):
    """The first answer to a key. `status` is NULL while the first request is still running."""

    __table_args__ = CLUSTERED
    mailbox_id: int = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary)
    status: int | None = None
    answer: bytes | None = Field(default=None, sa_type=LargeBinary)
    message_id: int | None = maybe_big()
    keep_until: int = big(index=True)


class FeedbackSeen(SQLModel, table=True):
    """A provider's event that was absorbed; a second delivery of it counts nothing."""

    __tablename__ = "feedback_seen"
    __table_args__ = CLUSTERED
    key: str = Field(primary_key=True)
    at: int = big(index=True)


class Hook(SQLModel, table=True):
    """How far a mailbox's webhook has read the log, and its troubles.

    `trying` is the seq that failed `attempt` times and is tried again; `first_failed_at` is since when nothing got
    through. One gateway at a time speaks to the receiver: who holds the lease.
    """

    mailbox_id: int = Field(primary_key=True)
    cursor: int = big(default=0)
    trying: int | None = maybe_big()
    attempt: int = 0
    first_failed_at: int | None = maybe_big()
    next_at: int = big(default=0)
    last_error: str | None = None
    leased_by: int | None = maybe_big()
    lease_until: int = big(default=0)


class DeadHook(SQLModel, table=True):
    """An event whose webhook was given up; replayable from the log.

    `replayed_at`: somebody asked for it to be sent again; `delivered_at`: it was. A replay that fails for good too
    empties `replayed_at` again.
    """

    __tablename__ = "dead_hook"
    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True)
    mailbox_id: int = Field(index=True)
    seq: int = big()
    at: int = big()
    error: str
    replayed_at: int | None = maybe_big()
    delivered_at: int | None = maybe_big()


class Cursor(SQLModel, table=True):
    """How far a reader that is one for the whole desk has come; whoever holds the lease acts on what follows.

    `at` is a place in the log, or a time for a reader of rows that carry one.
    """

    name: str = Field(primary_key=True)
    at: int = big()
    leased_by: int | None = maybe_big()
    lease_until: int = big(default=0)


class LogEntry(SQLModel, table=True):
    """The append-only log. The database refuses UPDATE and DELETE; `hash` covers the entry and `prev`."""

    __tablename__ = "event"
    __table_args__ = (
        Index(
            "ix_event_message",
            "message",
            sqlite_where=text("message IS NOT NULL"),
            postgresql_where=text("message IS NOT NULL"),
        ),
        Index(
            "ix_event_mailbox",
            "mailbox",
            "seq",
            sqlite_where=text("mailbox IS NOT NULL"),
            postgresql_where=text("mailbox IS NOT NULL"),
        ),
        Index(
            "ix_event_agent",
            "agent",
            "seq",
            sqlite_where=text("agent IS NOT NULL AND message IS NULL"),
            postgresql_where=text("agent IS NOT NULL AND message IS NULL"),
        ),
    )
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: int = big()
    type: str
    actor: str
    message: int | None = maybe_big()
    mailbox: int | None = None
    agent: int | None = None
    run: int | None = None
    stream: int | None = None
    data: bytes = Field(sa_type=LargeBinary)
    prev: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)

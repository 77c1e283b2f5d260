"""The installation: the desk itself, each policy it has had, the log, and how far its readers have come.

`Desk` is one row that every process watches. Each reader stores its position in a row (`Cursor` for the whole desk,
`Hook` for the webhook of one mailbox), so that another gateway resumes where one ended.
"""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary, false, text
from sqlmodel import Field, SQLModel

from core.db.tables.columns import AUTO, big, json, maybe_big


class Desk(SQLModel, table=True):
    """The installation's only row: all-stop and the policy in force.

    `generation` becomes another whenever a row changes that processes cache between transactions.
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
    """The signing key for log checkpoints, sealed with the master key; created when first needed."""
    policy_edit: str | None = None
    """Digest of the last edit of policy.toml that was processed: every gateway watches, one of them applies it."""
    policy_waiting: str | None = None
    """The edited policy, complete, whose loosening waits for governance."""
    development: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Made by `init --dev` for one person, without signatures: its mail goes to loopback only, permanently."""


class PolicyVersion(SQLModel, table=True):
    """A policy that is or was in force, complete, so that old decisions can be replayed."""

    __table_args__ = AUTO
    version: int | None = Field(default=None, primary_key=True)
    content: str
    digest: str
    applied_at: int = big()
    applied_by: str
    reason: str


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


class Cursor(SQLModel, table=True):
    """Position of a reader of which the whole desk has one; the lease holder processes what follows.

    `at` is a seq in the log, or a time for a reader of timestamped rows.
    """

    name: str = Field(primary_key=True)
    at: int = big()
    leased_by: int | None = maybe_big()
    lease_until: int = big(default=0)


class Hook(SQLModel, table=True):
    """How far a mailbox's webhook has read the log, and its failures.

    `trying` is the seq that failed `attempt` times and is being retried; `first_failed_at` is since when no delivery
    has succeeded. Only one gateway at a time sends to the receiver: the lease holder.
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
    """An event whose webhook delivery was given up; replayable from the log.

    `replayed_at`: a replay was requested; `delivered_at`: it was delivered. A replay that also fails for good clears
    `replayed_at`.
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


class GatewayProcess(SQLModel, table=True):
    """A running gateway, from its start to its orderly end; one whose heartbeat stops is lost."""

    __tablename__ = "gateway"
    id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    host: str
    pid: int
    listen: str
    started_at: int = big()
    beat_at: int = big()

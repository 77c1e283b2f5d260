"""Submissions: messages, their bytes, each recipient's state, the response to an idempotency key.

Addresses and subjects of mail are here and bodies in a table of their own, off the claim path, so that retention and
erasure reach them. Where a recipient waits to be sent is in `lanes`; pending human decisions are in `review`.
"""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from core.db.tables.columns import CLUSTERED, Json, big, json, maybe_big


class Message(SQLModel, table=True):
    """One submission. `conversation` is a digest of its thread's root.

    `facts` are the inputs of the decision, with `policy_version`, so that another policy can be replayed on it.
    `dated_at` is the Date header, fixed at release. `open` counts recipients that are not final yet.
    """

    __table_args__ = (
        Index("ix_message_mailbox", "mailbox_id", "id"),
        Index("ix_message_run", "run_id", "id"),
        Index("ix_message_conversation", "mailbox_id", "conversation"),
        Index(
            "ix_message_altered",
            "altered_at",
            sqlite_where=text("altered_at IS NOT NULL"),
            postgresql_where=text("altered_at IS NOT NULL"),
        ),
        Index(
            "ix_message_scheduled",
            "send_at",
            sqlite_where=text("status = 'scheduled'"),
            postgresql_where=text("status = 'scheduled'"),
        ),
        # Erasure finds mail by reply address without reading every message.
        Index(
            "ix_message_reply_to",
            "reply_to",
            sqlite_where=text("reply_to IS NOT NULL"),
            postgresql_where=text("reply_to IS NOT NULL"),
        ),
        Index(
            "ix_message_revises",
            "revises",
            sqlite_where=text("revises IS NOT NULL"),
            postgresql_where=text("revises IS NOT NULL"),
        ),
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
    reply_to: str | None = None
    """Reply address, if not the mailbox; normalised, for the allow-list."""
    send_at: int | None = maybe_big()
    """The earliest it may be sent, if its agent chose a time."""
    tainted_by: int | None = maybe_big()
    """Received mail of a stranger that its run had read when it was accepted."""
    tags_tainted_by: int | None = maybe_big()
    """Received mail of a stranger that its agent had read when it set the tags; they may repeat it."""
    revises: int | None = maybe_big()
    """The returned message that its agent submits again."""
    altered_at: int | None = maybe_big()
    """When delivery found bytes or recipients that do not match the digest."""


class Body(SQLModel, table=True):
    """The bytes: as issued by the tool call, and as rendered. Off the claim path; purged by retention."""

    message_id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    rendered: bytes | None = Field(default=None, sa_type=LargeBinary)
    issued: bytes | None = Field(default=None, sa_type=LargeBinary)
    preview: str = ""
    purge_at: int | None = maybe_big(index=True)


class Recipient(SQLModel, table=True):
    """One address of a message, with a state of its own.

    `address` is the key for suppression and consent, `path` the address in RCPT TO, `given` what the agent wrote.
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


class Idempotency(SQLModel, table=True):
    """The first response to a key. `status` is NULL while the first request is still in progress.

    Test mail has keys of its own: otherwise a test would swallow a later live message with the same key.
    """

    __table_args__ = CLUSTERED
    mailbox_id: int = Field(primary_key=True)
    test: bool = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary)
    status: int | None = None
    answer: bytes | None = Field(default=None, sa_type=LargeBinary)
    message_id: int | None = maybe_big()
    keep_until: int = big(index=True)

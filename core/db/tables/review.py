"""Pending human decisions, and how long each reviewer had them open.

Separate from the message that is held back, because a held read or tag is reviewed too, under an id of its own.
"""

from __future__ import annotations

from sqlalchemy import Index, false
from sqlmodel import Field, SQLModel

from core.db.tables.columns import CLUSTERED, Json, big, json, maybe_big


class Review(SQLModel, table=True):
    """A pending action: a held message (`id` is the message's), or a held read or tag (an id of its own)."""

    __table_args__ = (
        Index("ix_review_status", "status", "id"),
        Index("ix_review_worst", "status", "failed_checks", "id"),
        Index("ix_review_mailbox", "mailbox_id", "status", "id"),
        Index("ix_review_due", "status", "due_at"),
        Index("ix_review_likeness", "status", "likeness", "agent_id", "id", "failed_checks"),
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
    """How many checks its content failed: approving it anyway requires a reason. `findings` are their results."""
    findings: list[Json] = json(default_factory=list, sa_column_kwargs={"server_default": "[]"})
    cautions: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """The number of reasons it is held for besides its mailbox's mode."""
    counted: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether its decision is in the counters that evidence is made from: each message counts once."""
    likeness: int | None = maybe_big()
    """Equal for messages of one agent that differ only in what belongs to their recipient."""
    submitted_at: int = big()
    due_at: int | None = maybe_big()
    """When the scheduler acts on it: expiry while pending, release while approved or rejecting, end of a grant."""
    expires_at: int = big()
    expiry_warned: int | None = maybe_big()
    """How long before its expiry people were last notified of it, in microseconds."""
    needs: int = 1
    approvers: list[str] = json(default_factory=list)
    editors: list[str] = json(default_factory=list, sa_column_kwargs={"server_default": "[]"})
    """Who edited it since it was submitted: none of them can be its only approver."""
    opened_at: int | None = maybe_big()
    opened_by: str | None = None
    """Who opened it first, and when; each reviewer's own time is in `reading`."""
    dwell_ms: int | None = maybe_big()
    """How long the deciding person had it open; NULL: decided unopened."""
    decided_at: int | None = maybe_big()
    decided_by: str | None = None
    reason: str | None = None
    release_at: int | None = maybe_big()
    batch: str | None = None
    settled: list[str] | None = json(default=None)
    """Rules of the gate that people approved this message under before it was sent back for another one."""


class Reading(SQLModel, table=True):
    """How long one reviewer had one item open, in total, and when they approved it.

    `dwell_ms` counts towards their review speed: 0 if they could have opened it and did not, NULL if that cannot be
    known.
    """

    __table_args__ = (Index("ix_reading_pace", "operator", "approved_at"), CLUSTERED)
    item: int = big(primary_key=True)
    operator: str = Field(primary_key=True)
    first_at: int | None = maybe_big()
    read_us: int = big(default=0)
    approved_at: int | None = maybe_big()
    dwell_ms: int | None = maybe_big()


class Reader(SQLModel, table=True):
    """The item one operator has open, and since when; and when they were last warned of approving too fast."""

    __table_args__ = CLUSTERED
    name: str = Field(primary_key=True)
    item: int | None = maybe_big(index=True)
    since: int = big()
    hurried_at: int | None = maybe_big()
    hurry: str | None = None

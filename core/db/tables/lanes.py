"""The queue: lanes, ready recipients, in-flight recipients and their workers, and rate control.

Rows of the hot path, narrow and indexed in the order they are read, so that a claim costs the same at any queue depth.
Caps, rates and gauges all read `Counter`.
"""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.db.tables.columns import AUTO, CLUSTERED, big, maybe_big


class Lane(SQLModel, table=True):
    """The queue of one mailbox towards one recipient domain.

    `next_at` is when to check it next (FAR_FUTURE while empty); `not_before` holds all of it back (pace, cap, back-off,
    pause) in one write that touches no message.
    """

    __table_args__ = (UniqueConstraint("mailbox_id", "domain"), Index("ix_lane_due", "mailbox_id", "next_at"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    mailbox_id: int
    domain: str = Field(index=True)
    site: str = Field(index=True)
    site_known_at: int | None = maybe_big()
    """When the domain's MX was last looked up; NULL: the site is guessed from the domain alone."""
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
    delivered: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Recipients ever accepted by receivers: how much of an agent's mail goes to this domain."""


class Ready(SQLModel, table=True):
    """A recipient free to leave, clustered in the order it leaves its lane."""

    __table_args__ = (
        # Finds retries, paid for already, behind rows that wait for a spent cap. Partial: unpaid rows cost nothing.
        # `charged` comes first, or SQLite would scan the lane in its own order instead.
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
    """A claimed recipient. `attempted_at` is committed before the first byte is sent to the network."""

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
    """A delivery process; its leases last as long as its heartbeat.

    `claimed_at` is when it last read the queue, `trouble` why it cannot.
    """

    id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    started_at: int = big()
    beat_at: int = big()
    pid: int
    claimed_at: int | None = maybe_big()
    trouble: str | None = None


class Pace(SQLModel, table=True):
    """GCRA state of a mailbox towards a site: the theoretical arrival time."""

    __table_args__ = CLUSTERED
    mailbox_id: int = Field(primary_key=True)
    site: str = Field(primary_key=True)
    tat: int = big()


class Counter(SQLModel, table=True):
    """How often `kind` happened to `scope:key` in the bucket that starts at `minute` (minutes since the epoch)."""

    __table_args__ = CLUSTERED
    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    minute: int = Field(primary_key=True)
    n: int = 0

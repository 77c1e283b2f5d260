"""The queue: lanes, what is ready and in flight, workers, pace; counters."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG


def create() -> None:
    _counter()
    _in_flight()
    _lane()
    _pace()
    _ready()
    _worker()


def _counter() -> None:
    op.create_table(
        "counter",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", "kind", "minute"),
        sqlite_with_rowid=False,
    )


def _in_flight() -> None:
    op.create_table(
        "in_flight",
        sa.Column("message_id", BIG, autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("lane_id", sa.Integer(), nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("due", BIG, nullable=False),
        sa.Column("worker", BIG, nullable=False),
        sa.Column("lease_until", BIG, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("attempted_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("message_id", "n"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_in_flight_lease_until"), "in_flight", ["lease_until"], unique=False)
    op.create_index(op.f("ix_in_flight_mailbox_id"), "in_flight", ["mailbox_id"], unique=False)
    op.create_index(op.f("ix_in_flight_worker"), "in_flight", ["worker"], unique=False)


def _lane() -> None:
    op.create_table(
        "lane",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("site_known_at", BIG, nullable=True),
        sa.Column("next_at", BIG, nullable=False),
        sa.Column("not_before", BIG, nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("in_flight", sa.Integer(), nullable=False),
        sa.Column("paused_at", BIG, nullable=True),
        sa.Column("paused_by", sa.String(), nullable=True),
        sa.Column("pause_reason", sa.String(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("waits_for", sa.String(), nullable=True),
        sa.Column("last_reply", sa.String(), nullable=True),
        sa.Column("last_reply_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mailbox_id", "domain"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_lane_domain"), "lane", ["domain"], unique=False)
    op.create_index("ix_lane_due", "lane", ["mailbox_id", "next_at"], unique=False)
    op.create_index(op.f("ix_lane_site"), "lane", ["site"], unique=False)


def _pace() -> None:
    op.create_table(
        "pace",
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("tat", BIG, nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id", "site"),
        sqlite_with_rowid=False,
    )


def _ready() -> None:
    op.create_table(
        "ready",
        sa.Column("lane_id", sa.Integer(), nullable=False),
        sa.Column("due", BIG, nullable=False),
        sa.Column("message_id", BIG, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("charged", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("lane_id", "due", "message_id", "n"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_ready_paid",
        "ready",
        ["charged", "lane_id", "due"],
        unique=False,
        sqlite_where=sa.text("charged = 1"),
        postgresql_where=sa.text("charged"),
    )


def _worker() -> None:
    op.create_table(
        "worker",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("started_at", BIG, nullable=False),
        sa.Column("beat_at", BIG, nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )

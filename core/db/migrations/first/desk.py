"""The installation, its policies; the log, its readers, webhooks and dead letters."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG


def create() -> None:
    _cursor()
    _dead_hook()
    _desk()
    _event()
    _hook()
    _policyversion()


def _cursor() -> None:
    op.create_table(
        "cursor",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("leased_by", BIG, nullable=True),
        sa.Column("lease_until", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _dead_hook() -> None:
    op.create_table(
        "dead_hook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("replayed_at", BIG, nullable=True),
        sa.Column("delivered_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_dead_hook_mailbox_id"), "dead_hook", ["mailbox_id"], unique=False)


def _desk() -> None:
    op.create_table(
        "desk",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("stopped_at", BIG, nullable=True),
        sa.Column("stopped_by", sa.String(), nullable=True),
        sa.Column("stop_reason", sa.String(), nullable=True),
        sa.Column("start_votes", sa.JSON(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("signing_key", sa.LargeBinary(), nullable=True),
        sa.Column("policy_edit", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def _event() -> None:
    op.create_table(
        "event",
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("message", BIG, nullable=True),
        sa.Column("mailbox", sa.Integer(), nullable=True),
        sa.Column("agent", sa.Integer(), nullable=True),
        sa.Column("run", sa.Integer(), nullable=True),
        sa.Column("stream", sa.Integer(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(
        "ix_event_agent",
        "event",
        ["agent", "seq"],
        unique=False,
        sqlite_where=sa.text("agent IS NOT NULL AND message IS NULL"),
        postgresql_where=sa.text("agent IS NOT NULL AND message IS NULL"),
    )
    op.create_index(
        "ix_event_mailbox",
        "event",
        ["mailbox", "seq"],
        unique=False,
        sqlite_where=sa.text("mailbox IS NOT NULL"),
        postgresql_where=sa.text("mailbox IS NOT NULL"),
    )
    op.create_index(
        "ix_event_message",
        "event",
        ["message"],
        unique=False,
        sqlite_where=sa.text("message IS NOT NULL"),
        postgresql_where=sa.text("message IS NOT NULL"),
    )


def _hook() -> None:
    op.create_table(
        "hook",
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("cursor", BIG, nullable=False),
        sa.Column("trying", BIG, nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("first_failed_at", BIG, nullable=True),
        sa.Column("next_at", BIG, nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("leased_by", BIG, nullable=True),
        sa.Column("lease_until", BIG, nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id"),
    )


def _policyversion() -> None:
    op.create_table(
        "policyversion",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("applied_at", BIG, nullable=False),
        sa.Column("applied_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
        sqlite_autoincrement=True,
    )

"""Contacts, suppressions, consents, processed reports."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG


def create() -> None:
    _consent()
    _contact()
    _feedback_seen()
    _suppression()


def _consent() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=True),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("given_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=True),
        sa.Column("withdrawn_at", BIG, nullable=True),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consent_subject", "consent", ["subject"], unique=False)


def _contact() -> None:
    op.create_table(
        "contact",
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("first_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "address"),
        sqlite_with_rowid=False,
    )


def _feedback_seen() -> None:
    op.create_table(
        "feedback_seen",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_feedback_seen_at"), "feedback_seen", ["at"], unique=False)


def _suppression() -> None:
    op.create_table(
        "suppression",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=True),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("message_id", BIG, nullable=True),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=True),
        sa.Column("removed_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_suppression_address", "suppression", ["address"], unique=False)

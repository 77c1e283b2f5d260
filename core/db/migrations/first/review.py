"""Held actions, and how long reviewers had them open."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG


def create() -> None:
    _reader()
    _reading()
    _review()


def _reader() -> None:
    op.create_table(
        "reader",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("item", BIG, nullable=True),
        sa.Column("since", BIG, nullable=False),
        sa.Column("hurried_at", BIG, nullable=True),
        sa.Column("hurry", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_reader_item"), "reader", ["item"], unique=False)


def _reading() -> None:
    op.create_table(
        "reading",
        sa.Column("item", BIG, nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("first_at", BIG, nullable=True),
        sa.Column("read_us", BIG, nullable=False),
        sa.Column("approved_at", BIG, nullable=True),
        sa.Column("dwell_ms", BIG, nullable=True),
        sa.PrimaryKeyConstraint("item", "operator"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_reading_pace", "reading", ["operator", "approved_at"], unique=False)


def _review() -> None:
    op.create_table(
        "review",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("message_id", BIG, nullable=True),
        sa.Column("target", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("failed_checks", sa.Integer(), nullable=False),
        sa.Column("likeness", BIG, nullable=True),
        sa.Column("submitted_at", BIG, nullable=False),
        sa.Column("due_at", BIG, nullable=True),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("needs", sa.Integer(), nullable=False),
        sa.Column("approvers", sa.JSON(), nullable=False),
        sa.Column("opened_at", BIG, nullable=True),
        sa.Column("opened_by", sa.String(), nullable=True),
        sa.Column("dwell_ms", BIG, nullable=True),
        sa.Column("decided_at", BIG, nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("release_at", BIG, nullable=True),
        sa.Column("batch", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_review_due", "review", ["status", "due_at"], unique=False)
    op.create_index("ix_review_likeness", "review", ["status", "likeness", "agent_id", "id"], unique=False)
    op.create_index("ix_review_mailbox", "review", ["mailbox_id", "status", "id"], unique=False)
    op.create_index(op.f("ix_review_message_id"), "review", ["message_id"], unique=False)
    op.create_index("ix_review_status", "review", ["status", "id"], unique=False)
    op.create_index("ix_review_worst", "review", ["status", "failed_checks", "id"], unique=False)

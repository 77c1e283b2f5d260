"""Add claims on held items, notes, edits of held mail, acknowledgements, and mail submitted again after its return."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "claim",
        sa.Column("item", BIG, nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("until", BIG, nullable=False),
        sa.PrimaryKeyConstraint("item"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_claim_until"), "claim", ["until"], unique=False)
    op.create_table(
        "note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("message", BIG, nullable=True),
        sa.Column("agent", sa.Integer(), nullable=True),
        sa.Column("incident", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    for column in ("at", "message", "agent", "incident"):
        op.create_index(op.f(f"ix_note_{column}"), "note", [column], unique=False)
    op.create_table(
        "edit",
        sa.Column("message_id", BIG, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("before_digest", sa.String(), nullable=False),
        sa.Column("after_digest", sa.String(), nullable=False),
        sa.Column("before_subject", sa.String(), nullable=False),
        sa.Column("before_rendered", sa.LargeBinary(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("html", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("message_id", "n"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "acknowledgement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("until", BIG, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_acknowledgement_until"), "acknowledgement", ["until"], unique=False)
    op.add_column("review", sa.Column("editors", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("message", sa.Column("revises", BIG, nullable=True))
    op.create_index(
        "ix_message_revises",
        "message",
        ["revises"],
        unique=False,
        sqlite_where=sa.text("revises IS NOT NULL"),
        postgresql_where=sa.text("revises IS NOT NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

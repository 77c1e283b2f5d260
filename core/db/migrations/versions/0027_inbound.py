"""Add received mail: its content, a row for each mailbox, the addresses it names."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbound_content",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("visible", sa.String(), nullable=False),
        sa.Column("hidden", sa.JSON(), nullable=False),
        sa.Column("attachments", sa.JSON(), nullable=False),
        sa.Column("purge_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_inbound_content_digest"), "inbound_content", ["digest"], unique=False)
    op.create_index(op.f("ix_inbound_content_purge_at"), "inbound_content", ["purge_at"], unique=False)
    op.create_table(
        "inbound_message",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("content_id", BIG, nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("rfc_message_id", sa.String(), nullable=True),
        sa.Column("in_reply_to", sa.String(), nullable=True),
        sa.Column("references", sa.JSON(), nullable=False),
        sa.Column("thread", BIG, nullable=False),
        sa.Column("thread_proof", sa.String(), nullable=True),
        sa.Column("answers", BIG, nullable=True),
        sa.Column("dated_at", BIG, nullable=True),
        sa.Column("received_at", BIG, nullable=False),
        sa.Column("attachments", sa.Integer(), nullable=False),
        sa.Column("automatic", sa.String(), nullable=True),
        sa.Column("authentication", sa.JSON(), nullable=False),
        sa.Column("dmarc", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("held_for", sa.JSON(), nullable=False),
        sa.Column("decided_at", BIG, nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("read_at", BIG, nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mailbox_id", "dedupe_key"),
    )
    for name, columns in (
        ("mailbox", ["mailbox_id", "status", "id"]),
        ("thread", ["mailbox_id", "thread", "id"]),
        ("named", ["mailbox_id", "rfc_message_id"]),
        ("status", ["status", "id"]),
        ("content", ["content_id"]),
    ):
        op.create_index(f"ix_inbound_message_{name}", "inbound_message", columns, unique=False)
    op.create_table(
        "inbound_address",
        sa.Column("inbound_id", BIG, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("given", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("inbound_id", "n"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_inbound_address_address"), "inbound_address", ["address"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

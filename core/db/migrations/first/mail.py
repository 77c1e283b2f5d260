"""Messages, bodies, recipients, answers to idempotency keys."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG


def create() -> None:
    _body()
    _idempotency()
    _message()
    _recipient()


def _body() -> None:
    op.create_table(
        "body",
        sa.Column("message_id", BIG, autoincrement=False, nullable=False),
        sa.Column("rendered", sa.LargeBinary(), nullable=True),
        sa.Column("issued", sa.LargeBinary(), nullable=True),
        sa.Column("preview", sa.String(), nullable=False),
        sa.Column("purge_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index(op.f("ix_body_purge_at"), "body", ["purge_at"], unique=False)


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("message_id", BIG, nullable=True),
        sa.Column("keep_until", BIG, nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_idempotency_keep_until"), "idempotency", ["keep_until"], unique=False)


def _message() -> None:
    op.create_table(
        "message",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("untraced", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("content_class", sa.String(), nullable=False),
        sa.Column("declared_class", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("rfc_message_id", sa.String(), nullable=False),
        sa.Column("conversation", BIG, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("smtputf8", sa.Boolean(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("meta", sa.JSON(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("submitted_at", BIG, nullable=False),
        sa.Column("released_at", BIG, nullable=True),
        sa.Column("dated_at", BIG, nullable=True),
        sa.Column("final_at", BIG, nullable=True),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_message_conversation", "message", ["mailbox_id", "conversation"], unique=False)
    op.create_index("ix_message_mailbox", "message", ["mailbox_id", "id"], unique=False)
    op.create_index(op.f("ix_message_rfc_message_id"), "message", ["rfc_message_id"], unique=False)
    op.create_index("ix_message_run", "message", ["run_id", "id"], unique=False)


def _recipient() -> None:
    op.create_table(
        "recipient",
        sa.Column("message_id", BIG, autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("given", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("lane_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("waits_for", BIG, nullable=True),
        sa.Column("charged", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", BIG, nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("enhanced", sa.String(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.Column("sent_at", BIG, nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("feedback", sa.String(), nullable=True),
        sa.Column("feedback_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("message_id", "n"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_recipient_address"), "recipient", ["address"], unique=False)
    op.create_index(
        "ix_recipient_provider_id",
        "recipient",
        ["provider_id"],
        unique=False,
        sqlite_where=sa.text("provider_id IS NOT NULL"),
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )
    op.create_index(
        "ix_recipient_waits_for",
        "recipient",
        ["waits_for"],
        unique=False,
        sqlite_where=sa.text("waits_for IS NOT NULL"),
        postgresql_where=sa.text("waits_for IS NOT NULL"),
    )

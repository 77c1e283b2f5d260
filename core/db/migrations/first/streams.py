"""Sending identities: streams and their keys, mailboxes and their signatures."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG


def create() -> None:
    _stream()
    _mailbox()
    _stream_key()
    _signoff()


def _stream() -> None:
    op.create_table(
        "stream",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("route_secret", sa.LargeBinary(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("owners", sa.JSON(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=True),
        sa.Column("postal_address", sa.String(), nullable=True),
        sa.Column("unsubscribe_url", sa.String(), nullable=True),
        sa.Column("warm", sa.Boolean(), nullable=False),
        sa.Column("warm_day", sa.Integer(), nullable=False),
        sa.Column("warm_cap", sa.Integer(), nullable=True),
        sa.Column("first_sent_at", BIG, nullable=True),
        sa.Column("active_slot", sa.String(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("paused_at", BIG, nullable=True),
        sa.Column("paused_by", sa.String(), nullable=True),
        sa.Column("pause_reason", sa.String(), nullable=True),
        sa.Column("backoff_until", BIG, nullable=False),
        sa.Column("route_failures", sa.Integer(), nullable=False),
        sa.Column("last_reply", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("domain"),
        sqlite_autoincrement=True,
    )


def _mailbox() -> None:
    op.create_table(
        "mailbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=True),
        sa.Column("agent_id", sa.Integer(), nullable=True),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("mode_since", BIG, nullable=False),
        sa.Column("pending_expiry", BIG, nullable=True),
        sa.Column("purpose", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("system_owner", sa.String(), nullable=True),
        sa.Column("systems", sa.String(), nullable=True),
        sa.Column("standing_reason", sa.String(), nullable=True),
        sa.Column("revoke_when", sa.String(), nullable=True),
        sa.Column("stores_or_forwards", sa.Boolean(), nullable=False),
        sa.Column("governance_reviewer", sa.String(), nullable=True),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("allow", sa.JSON(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", BIG, nullable=False),
        sa.Column("activated_at", BIG, nullable=True),
        sa.Column("expires_at", BIG, nullable=True),
        sa.Column("warned_expiry_at", BIG, nullable=True),
        sa.Column("retired_at", BIG, nullable=True),
        sa.Column("updated_at", BIG, nullable=False),
        sa.Column("limit_run", sa.Integer(), nullable=True),
        sa.Column("limit_hour", sa.Integer(), nullable=True),
        sa.Column("limit_day", sa.Integer(), nullable=True),
        sa.Column("limit_new_recipients_day", sa.Integer(), nullable=True),
        sa.Column("limit_site_minute", sa.Integer(), nullable=True),
        sa.Column("limit_site_hour", sa.Integer(), nullable=True),
        sa.Column("webhook_url", sa.String(), nullable=True),
        sa.Column("webhook_secret", sa.LargeBinary(), nullable=True),
        sa.Column("webhook_previous", sa.LargeBinary(), nullable=True),
        sa.Column("webhook_previous_until", BIG, nullable=True),
        sa.Column("webhook_events", sa.JSON(), nullable=True),
        sa.Column("wake_at", BIG, nullable=False),
        sa.Column("served_at", BIG, nullable=False),
        sa.Column("waits_for", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"],
            ["agent.id"],
        ),
        sa.ForeignKeyConstraint(
            ["stream_id"],
            ["stream.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_mailbox_agent_id"), "mailbox", ["agent_id"], unique=False)
    op.create_index(op.f("ix_mailbox_stream_id"), "mailbox", ["stream_id"], unique=False)


def _stream_key() -> None:
    op.create_table(
        "stream_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("selector", sa.String(), nullable=False),
        sa.Column("private", sa.LargeBinary(), nullable=False),
        sa.Column("public", sa.String(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("retired_at", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["stream_id"],
            ["stream.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("stream_id", "selector"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_stream_key_stream_id"), "stream_key", ["stream_id"], unique=False)


def _signoff() -> None:
    op.create_table(
        "signoff",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("checklist", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("at", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["mailbox_id"],
            ["mailbox.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mailbox_id", "kind"),
        sqlite_autoincrement=True,
    )

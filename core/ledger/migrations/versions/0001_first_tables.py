"""The first tables: everything that cannot be added later is here.

Decision facts and policy version of each submission, when a reviewer opened and decided, run open or closed, direction
of a message, live and test, and the log that the database itself keeps append-only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

REFUSE_SQLITE = (
    """CREATE TRIGGER event_no_update BEFORE UPDATE ON event
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
    """CREATE TRIGGER event_no_delete BEFORE DELETE ON event
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
)
REFUSE_POSTGRESQL = (
    """CREATE FUNCTION event_append_only() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the log is append-only'; END $$""",
    """CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE ON event
       FOR EACH ROW EXECUTE FUNCTION event_append_only()""",
    """CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event
       FOR EACH STATEMENT EXECUTE FUNCTION event_append_only()""",
)


def upgrade() -> None:
    _people()
    _streams()
    _mail()
    _review()
    _lanes()
    _feedback()
    _desk()
    _append_only()


def _append_only() -> None:
    """What the database itself refuses, whoever asks."""
    dialect = op.get_bind().dialect.name
    for statement in REFUSE_SQLITE if dialect == "sqlite" else REFUSE_POSTGRESQL:
        op.execute(statement)


def _people() -> None:
    """Operators; agents, their tokens and runs."""
    op.create_table(
        "agent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("suspended_at", BIG, nullable=True),
        sa.Column("suspended_by", sa.String(), nullable=True),
        sa.Column("suspend_reason", sa.String(), nullable=True),
        sa.Column("suspend_figures", sa.JSON(), nullable=False),
        sa.Column("guard_since", BIG, nullable=False),
        sa.Column("warned", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "operator",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("unconfirmed", sa.JSON(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("claim_hash", sa.LargeBinary(), nullable=True),
        sa.Column("claim_expires_at", BIG, nullable=True),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("disabled_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("claim_hash"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("token_hash"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=True),
        sa.Column("implicit", sa.Boolean(), nullable=False),
        sa.Column("user", sa.String(), nullable=True),
        sa.Column("via", sa.JSON(), nullable=False),
        sa.Column("agent_version", sa.String(), nullable=True),
        sa.Column("prompt_version", sa.String(), nullable=True),
        sa.Column("tools_version", sa.String(), nullable=True),
        sa.Column("opened_at", BIG, nullable=False),
        sa.Column("closed_at", BIG, nullable=True),
        sa.Column("confirmed_up_to", sa.Integer(), nullable=True),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"],
            ["agent.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("agent_id", "key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("run_key", sa.String(), nullable=True),
        sa.Column("run_user", sa.String(), nullable=True),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("issued_at", BIG, nullable=False),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("revoked_at", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"],
            ["agent.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_token_agent_id"), "token", ["agent_id"], unique=False)


def _streams() -> None:
    """What mail is sent from: streams and their keys, mailboxes and who signed for them."""
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


def _mail() -> None:
    """Messages, bodies, recipients, answers to idempotency keys."""
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


def _review() -> None:
    """Held actions, and how long reviewers had them open."""
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


def _lanes() -> None:
    """The queue: lanes, what is ready and in flight, workers, pace; counters."""
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
    op.create_table(
        "pace",
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("tat", BIG, nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id", "site"),
        sqlite_with_rowid=False,
    )
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
    op.create_table(
        "worker",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("started_at", BIG, nullable=False),
        sa.Column("beat_at", BIG, nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _feedback() -> None:
    """Contacts, suppressions, consents, reports that were absorbed."""
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
    op.create_table(
        "contact",
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("first_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "address"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feedback_seen",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_feedback_seen_at"), "feedback_seen", ["at"], unique=False)
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


def _desk() -> None:
    """The installation, its policies; the log, its readers, webhooks and dead letters."""
    op.create_table(
        "cursor",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("leased_by", BIG, nullable=True),
        sa.Column("lease_until", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
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


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

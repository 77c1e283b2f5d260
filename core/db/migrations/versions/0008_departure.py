"""What departure looks at again: altered bytes, Reply-To; and keys of test mail apart from those of live mail."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEPT = """INSERT INTO idempotency (mailbox_id, test, key, digest, status, answer, message_id, keep_until)
          SELECT old.mailbox_id, COALESCE((SELECT message.test FROM message WHERE message.id = old.message_id), FALSE),
                 old.key, old.digest, old.status, old.answer, old.message_id, old.keep_until
          FROM idempotency_old AS old"""


def upgrade() -> None:
    op.add_column("message", sa.Column("reply_to", sa.String(), nullable=True))
    op.add_column("message", sa.Column("altered_at", BIG, nullable=True))
    op.create_index(
        "ix_message_altered",
        "message",
        ["altered_at"],
        unique=False,
        sqlite_where=sa.text("altered_at IS NOT NULL"),
        postgresql_where=sa.text("altered_at IS NOT NULL"),
    )
    _idempotency()


def _idempotency() -> None:
    """A primary key cannot be widened in place on SQLite."""
    op.drop_index("ix_idempotency_keep_until", table_name="idempotency")
    op.rename_table("idempotency", "idempotency_old")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX idempotency_pkey RENAME TO idempotency_old_pkey")
    op.create_table(
        "idempotency",
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("message_id", BIG, nullable=True),
        sa.Column("keep_until", BIG, nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id", "test", "key"),
        sqlite_with_rowid=False,
    )
    op.execute(KEPT)
    op.drop_table("idempotency_old")
    op.create_index("ix_idempotency_keep_until", "idempotency", ["keep_until"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

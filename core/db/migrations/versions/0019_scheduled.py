"""When a message may leave at the earliest, where its agent chose a time; and the mail whose time has not come."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("send_at", BIG, nullable=True))
    op.create_index(
        "ix_message_scheduled",
        "message",
        ["send_at"],
        unique=False,
        sqlite_where=sa.text("status = 'scheduled'"),
        postgresql_where=sa.text("status = 'scheduled'"),
    )


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

"""Add taint: what a run has read of strangers, and the mail it wrote afterwards."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "taint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("until", BIG, nullable=True),
        sa.Column("inbound_id", BIG, nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("thread", BIG, nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("read_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_taint_run", "taint", ["agent_id", "run_id", "id"], unique=False)
    op.create_index("ix_taint_inbound", "taint", ["inbound_id"], unique=False)
    op.add_column("agent", sa.Column("tainted_at", BIG, nullable=True))
    op.add_column("message", sa.Column("tainted_by", BIG, nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

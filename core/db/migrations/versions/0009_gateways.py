"""Gateways that run, and what a worker can do: a process that lives and cannot claim is no delivery."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gateway",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("listen", sa.String(), nullable=False),
        sa.Column("started_at", BIG, nullable=False),
        sa.Column("beat_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("worker", sa.Column("claimed_at", BIG, nullable=True))
    op.add_column("worker", sa.Column("trouble", sa.String(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

"""Rates count people: whose complaint or bounce counted already, and how much of an agent's mail a domain gets."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate_event",
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("sent_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "measure", "address"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_rate_event_domain", "rate_event", ["agent_id", "measure", "domain"], unique=False)
    op.create_index(op.f("ix_rate_event_sent_at"), "rate_event", ["sent_at"], unique=False)
    op.add_column("lane", sa.Column("delivered", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

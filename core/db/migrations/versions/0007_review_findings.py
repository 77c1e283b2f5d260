"""A held message keeps the checks it failed, what else it is held for, and whether its decision was counted.

What was pending before keeps its number of failed checks, without their texts: approving it asks for a reason.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UNDONE = """UPDATE review SET counted = (1 = 1) WHERE status = 'pending'
            AND id IN (SELECT message FROM event WHERE type = 'email.approval_undone')"""
"""Approvals were counted when they were given, and stayed counted when they were taken back."""


def upgrade() -> None:
    op.add_column("review", sa.Column("findings", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("review", sa.Column("cautions", sa.Integer(), server_default="0", nullable=False))
    op.add_column("review", sa.Column("counted", sa.Boolean(), server_default=sa.false(), nullable=False))
    # what was decided before is in the counters already, and must not be counted again if it is asked again
    op.execute("UPDATE review SET counted = (status IN ('approved', 'released', 'rejected'))")
    op.execute(UNDONE)


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

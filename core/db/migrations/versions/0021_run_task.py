"""Add a run's task and targets; older runs have none."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("purpose", sa.String(), nullable=True))
    op.add_column("run", sa.Column("targets", sa.JSON(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

"""Add the taint of tags, and taint that came through what an agent wrote itself."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("taint", sa.Column("indirect", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("message", sa.Column("tags_tainted_by", BIG, nullable=True))
    op.add_column("inbound_message", sa.Column("tags_tainted_by", BIG, nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

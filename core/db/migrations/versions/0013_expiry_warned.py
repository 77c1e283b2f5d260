"""A held message keeps how long before its expiry people were last told of it."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("review", sa.Column("expiry_warned", BIG, nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

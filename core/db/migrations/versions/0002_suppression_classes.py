"""Suppressions name the content classes they keep away: an unsubscribe from offers must not stop receipts.

Records from before keep away every class, as they did.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("suppression", sa.Column("classes", sa.String(), server_default="*", nullable=False))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

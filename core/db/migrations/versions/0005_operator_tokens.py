"""When an operator's token was made and when it ends; when a claim was started."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("token_issued_at", "token_expires_at", "claim_started_at"):
        op.add_column("operator", sa.Column(name, BIG, nullable=True))
    # A one-time code that an admin has seen opens nothing any more: whoever held one starts a claim of their own.
    op.execute("UPDATE operator SET claim_hash = NULL, claim_expires_at = NULL")


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

"""Add an agent's last revocation drill and a token's last use."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agent", sa.Column("drill_started_at", BIG, nullable=True))
    op.add_column("agent", sa.Column("drilled_at", BIG, nullable=True))
    op.add_column("agent", sa.Column("drilled_by", sa.String(), nullable=True))
    op.add_column("agent", sa.Column("drill_failures", sa.JSON(), nullable=True))
    op.add_column("agent", sa.Column("drill_asked_at", BIG, nullable=True))
    op.add_column("token", sa.Column("last_used_at", BIG, nullable=True))
    # Messages show when a token was last used before uses were kept. Without this every identity of an old desk would
    # be reported as never used. Grouped: message has no index by token, and a look-up for each token would take hours.
    op.execute(
        "UPDATE token SET last_used_at = used.at FROM "
        "(SELECT token_id, max(submitted_at) AS at FROM message GROUP BY token_id) AS used "
        "WHERE used.token_id = token.id"
    )


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

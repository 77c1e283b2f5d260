"""Keep the edited policy whose loosening waits, so that governance can confirm it. An older edit waits for its file."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("desk", sa.Column("policy_waiting", sa.String(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

"""Store the desk's findings and override reasons with a signature, and in the record the people an identity affects."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("signoff", sa.Column("findings", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("signoff", sa.Column("reasons", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("signoff", sa.Column("shown_digest", sa.String(), nullable=True))
    op.add_column("mailbox", sa.Column("users", sa.String(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

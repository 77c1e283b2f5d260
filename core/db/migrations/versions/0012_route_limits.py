"""A stream may say how many messages its route takes over one connection, and in a minute.

NULL is what was until now: the gateway's own bound, and no limit.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stream", sa.Column("connection_messages", sa.Integer(), nullable=True))
    op.add_column("stream", sa.Column("minute_messages", sa.Integer(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

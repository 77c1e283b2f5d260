"""A mailbox keeps when its mode was last raised, so that two rungs are not climbed without a pause."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mailbox", sa.Column("raised_at", BIG, nullable=True))
    # Whether the last change was a raise, no column tells. A change that lowered costs at most one pause of waiting; a
    # raise that is not known would allow a second one on the day of the upgrade.
    op.execute(sa.text("UPDATE mailbox SET raised_at = mode_since WHERE activated_at < mode_since"))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

"""What receivers and checks said of mail whose body was purged before goes as well: the purge left it."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_PURGED = "SELECT message_id FROM body WHERE rendered IS NULL AND purge_at IS NULL"


def upgrade() -> None:
    op.execute(f"UPDATE recipient SET reply = NULL WHERE reply IS NOT NULL AND message_id IN ({_PURGED})")  # noqa: S608 - a constant of this file
    op.execute(f"UPDATE review SET reasons = '[]', findings = '[]' WHERE message_id IN ({_PURGED})")  # noqa: S608 - a constant of this file


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

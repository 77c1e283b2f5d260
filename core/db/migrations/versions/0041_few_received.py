"""Index what may be true of nearly none of a mailbox's received mail: unread, tagged, with attachments."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

FEW = {"unread": "read_at IS NULL", "tagged": "CAST(tags AS TEXT) <> '[]'", "attached": "attachments > 0"}


def upgrade() -> None:
    for name, condition in FEW.items():
        op.create_index(
            f"ix_inbound_message_{name}",
            "inbound_message",
            ["mailbox_id", "status", "id"],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

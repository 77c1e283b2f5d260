"""A contact is made by what left; what only waits holds a place for it.

Until now anything that was accepted made one. Whoever was really written to stays a contact, whoever mail still waits
for holds a place, and all others are strangers again.
"""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MAIL = """FROM recipient JOIN message ON message.id = recipient.message_id
          WHERE message.agent_id = contact.agent_id AND recipient.address = contact.address"""
SENT = "recipient.status = 'sent' AND NOT message.test"
WAITS = "recipient.status IN ('pending', 'queued', 'sending', 'deferred', 'uncertain')"


ROWS = (
    f"UPDATE contact SET left_at = (SELECT MIN(recipient.sent_at) {MAIL} AND {SENT})",  # noqa: S608 - constants of this file
    f"UPDATE contact SET message_id = (SELECT MIN(message.id) {MAIL} AND {WAITS}) WHERE left_at IS NULL",  # noqa: S608 - as above
    "DELETE FROM contact WHERE left_at IS NULL AND message_id IS NULL",
)


def upgrade() -> None:
    op.add_column("contact", sa.Column("left_at", BIG, nullable=True))
    op.add_column("contact", sa.Column("message_id", BIG, nullable=True))
    for statement in ROWS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

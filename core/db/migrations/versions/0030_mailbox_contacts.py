"""Add the contacts that agents keep for their mailboxes."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mailbox_contact",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("notes", sa.String(), nullable=False),
        sa.Column("tainted_by", BIG, nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mailbox_id", "address"),
    )
    op.create_index(op.f("ix_mailbox_contact_address"), "mailbox_contact", ["address"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

"""Add enrolment: tokens with which an agent asks for a mailbox, and the requests that agents filed."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("token", sa.Column("owner", sa.String(), nullable=True))
    op.add_column("token", sa.Column("address", sa.String(), nullable=True))
    op.create_table(
        "enrolment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("filed_at", BIG, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("claim_hash", sa.LargeBinary(), nullable=False),
        sa.Column("claimed_at", BIG, nullable=True),
        sa.Column("claimed_token", sa.Integer(), nullable=True),
        sa.Column("refused_claims", sa.Integer(), nullable=False),
        sa.Column("refused_since", BIG, nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"]),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"]),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_enrolment_token_id"), "enrolment", ["token_id"], unique=False)
    op.create_index(op.f("ix_enrolment_agent_id"), "enrolment", ["agent_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

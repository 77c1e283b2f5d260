"""Add widenings: what an agent asks for beyond what its mailbox may do, and the signatures under it."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "widening",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("filed_at", BIG, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("allow", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("closed_at", BIG, nullable=True),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"]),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"]),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    for name in ("token_id", "agent_id", "mailbox_id"):
        op.create_index(op.f(f"ix_widening_{name}"), "widening", [name], unique=False)
    op.create_table(
        "wideningsignoff",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("widening_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("checklist", sa.JSON(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("record_digest", sa.String(), nullable=True),
        sa.Column("shown_digest", sa.String(), nullable=True),
        sa.Column("at", BIG, nullable=False),
        sa.ForeignKeyConstraint(["widening_id"], ["widening.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("widening_id", "kind"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

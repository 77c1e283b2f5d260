"""Add the answers to operators' idempotency keys."""

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operation_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("keep_until", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("operator", "key"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_operation_answer_keep_until"), "operation_answer", ["keep_until"], unique=False)

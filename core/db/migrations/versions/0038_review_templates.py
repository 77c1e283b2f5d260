"""The index of alike mail holds failed checks: groups of a million held messages are read from it alone."""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_review_likeness", table_name="review")
    columns = ["status", "likeness", "agent_id", "id", "failed_checks"]
    op.create_index("ix_review_likeness", "review", columns, unique=False)


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

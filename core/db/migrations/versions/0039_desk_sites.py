"""What all agents sent to a site is counted under a scope of its own: the rows of "site" belong to one agent each."""

from alembic import op
from sqlalchemy import text

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(text("UPDATE counter SET scope = 'desk_site' WHERE scope = 'site' AND kind <> 'attempts'"))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

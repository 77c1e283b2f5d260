"""Drop PostgreSQL's id sequence for the desk's row: its id is always 1, and a second row must not appear by default."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE desk ALTER COLUMN id DROP DEFAULT")
        op.execute("DROP SEQUENCE IF EXISTS desk_id_seq")


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

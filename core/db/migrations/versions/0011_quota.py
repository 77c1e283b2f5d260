"""How much of each agent's mail the desk keeps that has not ended: messages, and kilobytes of their bytes."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COUNT = """INSERT INTO counter (scope, key, kind, minute, n)
           SELECT 'agent', CAST(agent_id AS VARCHAR), '{kind}', 0, CAST({what} AS INTEGER)
           FROM message WHERE open > 0 GROUP BY agent_id"""


def upgrade() -> None:
    op.execute(COUNT.format(kind="kept", what="COUNT(*)"))
    op.execute(COUNT.format(kind="kept_kb", what="SUM((size + 1023) / 1024)"))


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

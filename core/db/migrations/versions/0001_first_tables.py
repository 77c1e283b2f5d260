"""The first tables: everything that cannot be added later is here.

Decision facts and policy version of each submission, when a reviewer opened and decided, run open or closed, direction
of a message, live and test, and the log that the database itself keeps append-only.
"""

from alembic import op

from core.db.migrations.first import desk, feedback, lanes, mail, people, review, streams

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

REFUSE_SQLITE = (
    """CREATE TRIGGER event_no_update BEFORE UPDATE ON event
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
    """CREATE TRIGGER event_no_delete BEFORE DELETE ON event
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
)
REFUSE_POSTGRESQL = (
    """CREATE FUNCTION event_append_only() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the log is append-only'; END $$""",
    """CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE ON event
       FOR EACH ROW EXECUTE FUNCTION event_append_only()""",
    """CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event
       FOR EACH STATEMENT EXECUTE FUNCTION event_append_only()""",
)


def upgrade() -> None:
    people.create()
    streams.create()
    mail.create()
    review.create()
    lanes.create()
    feedback.create()
    desk.create()
    _append_only()


def _append_only() -> None:
    """What the database itself refuses, whoever asks."""
    dialect = op.get_bind().dialect.name
    for statement in REFUSE_SQLITE if dialect == "sqlite" else REFUSE_POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

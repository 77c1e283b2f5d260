"""PostgreSQL's index of received mail has the windows of time as well, so that a search can begin with the newest."""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

WINDOWS = (37, 42, 47, 52)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return  # FTS5 reads from the newest on
    windows = "".join(f" || ' <{bits}.' || CAST(id >> {bits} AS text)" for bits in WINDOWS)
    op.execute("DROP INDEX ix_inbound_search_words")
    op.execute(
        "CREATE INDEX ix_inbound_search_words ON inbound_search"
        f" USING gin (array_to_tsvector(string_to_array(words{windows}, ' ')))"
    )


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

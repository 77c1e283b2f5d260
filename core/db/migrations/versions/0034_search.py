"""Index received mail for search: its words, FTS5 on SQLite, GIN on PostgreSQL; filled for the mail that is there."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from core.db.migrations.first import BIG
from core.rules import signed_ids
from core.rules.inbound import search_words

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

PAGE = 200
SQLITE = (
    (
        "CREATE VIRTUAL TABLE inbound_search_index USING fts5(words, content='inbound_search', content_rowid='id', "
        "tokenize='ascii', detail=none, columnsize=0)"
    ),
    (
        "CREATE TRIGGER inbound_search_added AFTER INSERT ON inbound_search BEGIN "
        "INSERT INTO inbound_search_index(rowid, words) VALUES (new.id, new.words); END"
    ),
    (
        "CREATE TRIGGER inbound_search_removed AFTER DELETE ON inbound_search BEGIN "
        "INSERT INTO inbound_search_index(inbound_search_index, rowid, words) VALUES ('delete', old.id, old.words); END"
    ),
    (
        "CREATE TRIGGER inbound_search_changed AFTER UPDATE ON inbound_search BEGIN "
        "INSERT INTO inbound_search_index(inbound_search_index, rowid, words) VALUES ('delete', old.id, old.words); "
        "INSERT INTO inbound_search_index(rowid, words) VALUES (new.id, new.words); END"
    ),
)
POSTGRESQL = (
    "CREATE INDEX ix_inbound_search_words ON inbound_search USING gin (array_to_tsvector(string_to_array(words, ' ')))"
)


def upgrade() -> None:
    op.create_table(
        "inbound_search",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    conn = op.get_bind()
    if conn.dialect.name == "sqlite":
        for statement in SQLITE:
            op.execute(statement)
    _fill(conn)
    if conn.dialect.name != "sqlite":
        op.execute(POSTGRESQL)  # after the rows: an index is built faster than it is kept up


def _fill(conn: sa.Connection) -> None:
    found = sa.text(
        "SELECT m.id, m.mailbox_id, m.subject, c.visible FROM inbound_message m"
        " JOIN inbound_content c ON c.id = m.content_id"
        " WHERE c.raw IS NOT NULL AND m.id > :after ORDER BY m.id LIMIT :page"
    )
    after = -1
    while rows := conn.execute(found, {"after": after, "page": PAGE}).all():
        after = rows[-1].id
        conn.execute(sa.text("INSERT INTO inbound_search (id, words) VALUES (:id, :words)"), _indexed(conn, rows))


def _indexed(conn: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[dict[str, Any]]:
    authors = sa.text("SELECT name, given FROM inbound_address WHERE inbound_id = :id AND role = 'from' ORDER BY n")
    indexed = []
    for row in rows:
        people = " ".join(f"{one.name} {one.given}" for one in conn.execute(authors, {"id": row.id}))
        conceal = signed_ids.conceal
        words = search_words.of_message(conceal(row.subject), conceal(people), conceal(row.visible))
        indexed.append({"id": row.id, "words": search_words.for_mailbox(row.mailbox_id, words)})
    return indexed


def downgrade() -> None:
    raise NotImplementedError("a log that is append-only has no way back; restore a backup instead")

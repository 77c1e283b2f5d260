"""Migrations and models describe the same tables, on both databases."""

from __future__ import annotations

from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text
from sqlmodel import SQLModel

from core.db import schema_revision
from core.db.store import Store


def described(conn: Connection) -> dict[str, dict[str, Any]]:
    """Table -> everything the database says of it, but the order of its columns (newer ones come last)."""
    schema = inspect(conn)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"], column.get("identity"))
                for column in schema.get_columns(table)
            },
            "primary key": schema.get_pk_constraint(table)["constrained_columns"],
            "foreign keys": sorted(
                (key["constrained_columns"], key["referred_table"], key["referred_columns"], str(key["options"]))
                for key in schema.get_foreign_keys(table)
            ),
            "unique": sorted(unique["column_names"] for unique in schema.get_unique_constraints(table)),
            "indexes": {
                index["name"]: (
                    index["column_names"], bool(index["unique"]),
                    sorted((option, str(value)) for option, value in index.get("dialect_options", {}).items()),
                )
                for index in schema.get_indexes(table)
            },
            "checks": sorted(check["sqltext"] for check in schema.get_check_constraints(table)),
            "storage": _storage(conn, table),
        }
        for table in schema.get_table_names()
        if table != "alembic_version"
    }  # fmt: skip


def _storage(conn: Connection, table: str) -> list[str]:
    """What SQLAlchemy does not read back from SQLite: ids that are never reused, rows clustered by their key."""
    if conn.dialect.name != "sqlite":
        return []
    made = conn.execute(text("SELECT sql FROM sqlite_master WHERE name = :table"), {"table": table}).scalar_one()
    return [words for words in ("AUTOINCREMENT", "WITHOUT ROWID", "STRICT") if words in made.upper()]


def test_all_migrations_make_the_very_tables_that_the_models_describe(store: Store, copy_url: str) -> None:
    """A desk that has seen every version and a desk made today must not differ in a default or an index."""
    engine = create_engine(copy_url)
    with engine.begin() as conn:
        SQLModel.metadata.create_all(conn)
        models = described(conn)
    engine.dispose()
    with store.read() as conn:
        migrated = described(conn)
    assert migrated.keys() == models.keys()
    for table, found in migrated.items():
        assert (table, found) == (table, models[table])


def test_a_migrated_database_is_at_the_newest_revision(store: Store) -> None:
    with store.read() as conn:
        assert (
            schema_revision.version(conn)
            == schema_revision.latest()
            == MigrationContext.configure(conn).get_current_revision()
        )


def test_a_database_without_a_desk_has_no_revision() -> None:
    with create_engine("sqlite://").connect() as conn:
        assert schema_revision.version(conn) is None


def test_the_newest_revision_is_the_one_the_migrations_end_in() -> None:
    assert ScriptDirectory(str(schema_revision.MIGRATIONS)).get_current_head() == schema_revision.latest()

"""Migrations and models describe the same tables, on both databases."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from core.db import schema_revision
from core.db.store import Store


def test_migrations_and_models_agree(store: Store) -> None:
    with store.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


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

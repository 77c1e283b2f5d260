"""Migrations and models describe the same tables, on both databases."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from core.ledger import schema
from core.ledger.store import Store


def test_migrations_and_models_agree(store: Store) -> None:
    with store.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_a_migrated_database_is_at_the_newest_revision(store: Store) -> None:
    with store.read() as conn:
        assert schema.version(conn) == schema.latest()

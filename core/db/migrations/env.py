"""Alembic's entry point: run the migrations on the connection that `schema.upgrade` passes."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from core.db.tables import DESK

assert DESK is not None  # importing one table loads them all

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
context.run_migrations()

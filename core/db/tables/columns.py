"""Column types for the tables, and a model's Table object.

What it hides: how SQLite and PostgreSQL differ in 64-bit integers, in ids that are never reused, and in rows clustered
by their key. It depends on no table.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import JSON, BigInteger, Integer, Table
from sqlmodel import Field, SQLModel

Big = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits on both; SQLite uses its row id only for a column declared INTEGER."""

AUTO = {"sqlite_autoincrement": True}
CLUSTERED = {"sqlite_with_rowid": False}

Json = dict[str, Any]


def table(model: type[SQLModel]) -> Table:
    """Return the SQLAlchemy table of a model, for Core statements."""
    return cast("Table", model.__table__)  # type: ignore[attr-defined]  # SQLModel adds it at class creation


def big(**more: Any) -> Any:
    """Return a 64-bit integer column."""
    return Field(sa_type=Big, **more)


def maybe_big(**more: Any) -> Any:
    """Return a nullable 64-bit integer column."""
    return Field(default=None, sa_type=Big, **more)


def json(**more: Any) -> Any:
    """Return a column of small JSON."""
    return Field(sa_type=JSON, **more)

"""Bring a database to the schema of this version: alembic, without its files at the top of the project.

The migrations travel with the package. The newest of them and the models describe the same tables; a test proves it on
both databases.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from core.db import sqlite_file
from core.db.schema_revision import MIGRATIONS


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def upgrade(engine: Engine, *, founding: bool = True, to: str = "head") -> None:
    """Run every migration up to `to` that this database has not seen, in one transaction.

    Without `founding` a database that is not there is `Unavailable`: a desk whose file was moved away must not come up
    as an empty one.
    """
    if founding and (path := sqlite_file.of(engine.url)) is not None:
        sqlite_file.found(path)
    config = _config()
    with engine.connect() as plain:
        conn = plain.execution_options(postroom_writes=True)
        with conn.begin():
            config.attributes["connection"] = conn
            command.upgrade(config, to)


def driver(database: str | None) -> str | None:
    """The URL with our driver: psycopg 3, whatever the address a provider hands out begins with."""
    for beginning in ("postgresql://", "postgres://"):
        if database is not None and database.startswith(beginning):
            return "postgresql+psycopg://" + database.removeprefix(beginning)
    return database

"""Migrate a database to this version's schema: alembic, without its files at the top of the project.

The migrations ship in the package. A test proves on both databases that the newest of them and the models describe the
same tables.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from core.db import schema_revision, sqlite_file
from core.db.schema_revision import MIGRATIONS
from core.errors import Conflict, Unavailable


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def found(engine: Engine) -> None:
    """Create the tables of a new desk. Raises `Conflict` if one exists, and leaves it unchanged."""
    if (path := sqlite_file.of(engine.url)) is not None:
        sqlite_file.found(path)
    with engine.connect() as plain:
        conn = plain.execution_options(postroom_writes=True)
        with conn.begin():
            if schema_revision.version(conn) is not None and conn.execute(text("SELECT 1 FROM desk")).first():
                raise Conflict("there is a desk in this database already", fix="name another by --database")
            run(conn)


def upgrade(engine: Engine, *, founding: bool = True, to: str = "head") -> None:
    """Run every migration up to `to` that this database lacks, in one transaction.

    Without `founding` a database that is missing, or holds no desk, is `Unavailable`: a desk whose database was moved
    away, or is being restored, must not start as an empty one.
    """
    if founding and (path := sqlite_file.of(engine.url)) is not None:
        sqlite_file.found(path)
    with engine.connect() as plain:
        conn = plain.execution_options(postroom_writes=True)
        with conn.begin():
            if not founding and schema_revision.version(conn) is None:
                raise Unavailable(schema_revision.NO_DESK)
            run(conn, to=to)


def run(conn: Connection, *, to: str = "head") -> None:
    """As `upgrade`, in the open transaction of this connection."""
    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, to)


def adopt(conn: Connection, revision: str) -> None:
    """Stamp the revision of a loaded database that lacks it (core.db.copy): after the commit it is a desk."""
    if schema_revision.version(conn) is None:
        conn.execute(text("INSERT INTO alembic_version (version_num) VALUES (:revision)"), {"revision": revision})

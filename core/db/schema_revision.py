"""Which schema revision a database has, and which one this version needs, without importing alembic.

Every command checks this, and importing alembic takes longer than most of them. A migration's file name begins with its
revision.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from core.errors import Unavailable

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_TABLE: Final = "alembic_version"
NO_DESK: Final = "the database holds no desk; make one with postroom init, or check its address"


def version(conn: Connection) -> str | None:
    """Return the database's revision; None if it holds no desk yet."""
    if not inspect(conn).has_table(_TABLE):
        return None
    found = conn.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608 - a constant's name
    return None if found is None else str(found)


def check(conn: Connection) -> None:
    """Raises `Unavailable`, with what to do, if the database's revision is not this version's."""
    at = version(conn)
    if at is None:
        raise Unavailable(NO_DESK)
    if at != (wanted := latest()):
        raise Unavailable(f"the database is at {at} and this version needs {wanted}; postroom migrate brings it there")


def known() -> list[str]:
    """Return this version's revisions, oldest first."""
    return sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def latest() -> str:
    """Return the revision this version of Postroom needs."""
    return known()[-1]

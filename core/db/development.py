"""Whether this is a development desk: one person, no signatures, mail to loopback only."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect, select

from core.db.tables import DESK

BANNER: Final = "DEVELOPMENT DESK, NOT FOR PRODUCTION"
"""The label of a development desk wherever its name is shown."""


def is_development(conn: Connection) -> bool:
    """Return whether `init --dev` made this desk. A development desk can never be turned into a production one."""
    return bool(conn.execute(select(DESK.c.development)).scalar())


def is_development_of_any_version(conn: Connection) -> bool:
    """The same for a database that may still have to be upgraded; desks from before the mark are not development."""
    found = inspect(conn)
    if not found.has_table(DESK.name):
        return False
    return any(column["name"] == "development" for column in found.get_columns(DESK.name)) and is_development(conn)

"""Whether this is a development desk: one person, no signatures, mail to loopback only."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from core.db.tables import DESK

BANNER: Final = "DEVELOPMENT DESK, NOT FOR PRODUCTION"
"""The label of a development desk wherever its name is shown."""


def is_development(conn: Connection) -> bool:
    """Return whether `init --dev` made this desk. A development desk can never be turned into a production one."""
    return bool(conn.execute(select(DESK.c.development)).scalar())

"""Whether this desk is one for development: one person, no signatures, mail to loopback only."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from core.db.tables import DESK

BANNER: Final = "DEVELOPMENT DESK, NOT FOR PRODUCTION"
"""How such a desk is marked wherever somebody looks at it."""


def is_development(conn: Connection) -> bool:
    """Whether `init --dev` made this desk. Nothing turns such a desk into a real one."""
    return bool(conn.execute(select(DESK.c.development)).scalar())

"""INSERT .. ON CONFLICT of the database in use.

SQLAlchemy has it in its dialects, and importing PostgreSQL's costs a seventh of what SQLModel does: only a gateway on
PostgreSQL, not each command on SQLite, should pay for it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table


def insert_into(table: Table, *, sqlite: bool) -> Any:
    """An INSERT with `on_conflict_do_update` and `excluded`."""
    if sqlite:
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert  # noqa: PLC0415 - see above

        return sqlite_insert(table)
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert  # noqa: PLC0415 - see above

    return postgresql_insert(table)

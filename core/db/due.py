"""Check by one read whether periodic work is due: an idle desk opens no write transaction to find out.

An empty write transaction costs a gateway ten times this read, and four a second for each kind of work were most of
what an idle gateway did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, bindparam, literal_column, select

from core.db import hot_statements
from core.db.store import Store

Condition = ColumnElement[bool]
"""An EXISTS over an index, with `NOW` for the time."""

NOW: Final = bindparam("b_now", type_=BigInteger)


def spelled(value: str) -> ColumnElement[str]:
    """Return a literal: SQLite uses a partial index only if the statement spells out the index's condition."""
    return literal_column(f"'{value}'")


class DueCheck:
    """Named conditions, evaluated in one statement."""

    def __init__(self, conditions: Mapping[str, Condition]) -> None:
        self._names = tuple(conditions)
        self._statement = select(*conditions.values())

    def __call__(self, store: Store) -> frozenset[str]:
        """Return the names of the conditions that hold now. Raises `Unavailable`."""
        with store.read() as conn:
            (row,) = hot_statements.fetch(conn, self._statement, {"b_now": store.clock.now()})
        return frozenset(name for name, holds in zip(self._names, row, strict=True) if holds)

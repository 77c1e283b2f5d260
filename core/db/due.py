"""Whether the clock has work, asked by one read: an idle desk opens no write transaction to find out.

A write transaction that does nothing costs a gateway ten times this read, and four a second of each kind of work were
most of what an idle gateway did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, bindparam, literal_column, select

from core.db import bulk_insert
from core.db.store import Store

Condition = ColumnElement[bool]
"""An EXISTS over an index, with `NOW` for the time."""

NOW: Final = bindparam("b_now", type_=BigInteger)


def spelled(value: str) -> ColumnElement[str]:
    """A constant that stands in the statement: SQLite uses a partial index only where its condition is spelled out."""
    return literal_column(f"'{value}'")


class DueCheck:
    """Conditions by name, looked at in one statement."""

    def __init__(self, conditions: Mapping[str, Condition]) -> None:
        self._names = tuple(conditions)
        self._statement = select(*conditions.values())

    def __call__(self, store: Store) -> frozenset[str]:
        """Names of the conditions that hold now. Raises `Unavailable`."""
        with store.read() as conn:
            (row,) = bulk_insert.fetch(conn, self._statement, {"b_now": store.clock.now()})
        return frozenset(name for name, holds in zip(self._names, row, strict=True) if holds)

"""Reads of one moment, for functions that work over a store's reads and within a transaction alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Executable, Row

from core.db.transaction import Transaction


class Now(Protocol):
    """A clock that is only asked for the time."""

    def now(self) -> int: ...


class Reads(Protocol):
    """Rows, and the time: a `Store`, or what one transaction sees."""

    @property
    def clock(self) -> Now: ...
    def rows(self, statement: Executable, /) -> Sequence[Row[Any]]: ...
    def row(self, statement: Executable, /) -> Row[Any] | None: ...
    def fetch(self, statements: Sequence[Executable], values: Mapping[str, Any], /) -> Sequence[Sequence[Any]]: ...


class TransactionReads:
    """What one transaction sees; its time is the transaction's."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    @property
    def clock(self) -> Now:
        return self

    def now(self) -> int:
        return self._tx.now

    def rows(self, statement: Executable, /) -> Sequence[Row[Any]]:
        return self._tx.all(statement)

    def row(self, statement: Executable, /) -> Row[Any] | None:
        return self._tx.one(statement)

    def fetch(self, statements: Sequence[Executable], values: Mapping[str, Any], /) -> Sequence[Sequence[Any]]:
        return [self._tx.fetch(statement, values) for statement in statements]

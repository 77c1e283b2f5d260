"""Check by one read whether periodic work is due: an idle desk opens no write transaction to find out.

An empty write transaction costs a gateway ten times this read, and four a second for each kind of work were most of
what an idle gateway did. The read itself is left out while nothing was committed and nothing can have become due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, bindparam, literal_column, select

from core.db import hot_statements
from core.db.store import Store
from core.durations import SECOND

Condition = ColumnElement[bool]
"""An EXISTS over an index, with `NOW` for the time; once it holds, it does until something is written."""

NOW: Final = bindparam("b_now", type_=BigInteger)
AHEAD: Final = 5 * SECOND
"""How far ahead a look searches for what becomes due; a look at least this often, whatever `Store.version` says."""
CALM: Final = 10 * SECOND
"""After so long without a look that found something, workers look less often."""
CALM_PAUSE: Final = 1.0
"""Seconds between two looks on a calm desk: how long another process's commit may then go unnoticed."""


def spelled(value: str) -> ColumnElement[str]:
    """Return a literal: SQLite uses a partial index only if the statement spells out the index's condition."""
    return literal_column(f"'{value}'")


class DueCheck:
    """Named conditions, evaluated in one statement."""

    def __init__(self, conditions: Mapping[str, Condition]) -> None:
        self._names = tuple(conditions)
        self._statement = select(*conditions.values())

    def __call__(self, store: Store, *, within: int = 0) -> frozenset[str]:
        """Return the names of the conditions that hold by now, or `within` microseconds. Raises `Unavailable`."""
        with store.read() as conn:
            (row,) = hot_statements.fetch(conn, self._statement, {"b_now": store.clock.now() + within})
        return frozenset(name for name, holds in zip(self._names, row, strict=True) if holds)


class Quiet:
    """Whether a worker may skip its next look: it would find nothing, as the last one did.

    That is so while no process has committed since, and for no longer than the last look searched ahead. PostgreSQL
    does not say whether something was committed, so there every look is made.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version: int | None = None
        self._since = self._until = 0
        self._empty_since: int | None = None

    def lasts(self) -> bool:
        """Call in the event loop before each look: what is committed during the look makes the next one necessary."""
        now, version = self._store.clock.now(), self._store.version()
        # A clock that was set back makes other things due, so it ends the rest as well.
        if version is not None and version == self._version and self._since <= now < self._until:
            return True
        if not self._until:
            self._empty_since = None  # the last look was followed by no `begin`: it found something
        self._version, self._until = version, 0
        return False

    def pause(self, usual: float) -> float:
        """Seconds until the next look: `usual`, or longer if looks have found nothing for a while."""
        calm = self._empty_since is not None and self._store.clock.now() - self._empty_since > CALM
        return max(usual, CALM_PAUSE) if calm else usual

    def begin(self, now: int) -> None:
        """The look made at `now` found nothing that is due within `AHEAD`."""
        self._since, self._until = now, now + AHEAD
        if self._empty_since is None:
            self._empty_since = now


class DueWatch:
    """A check that a worker repeats a few times a second."""

    def __init__(self, check: DueCheck, store: Store) -> None:
        self._check = check
        self._store = store
        self._quiet = Quiet(store)

    def pause(self, usual: float) -> float:
        """Seconds until the next look, see `Quiet.pause`."""
        return self._quiet.pause(usual)

    async def due(self) -> frozenset[str]:
        """Return the names of the conditions that hold now. Raises `Unavailable`."""
        return frozenset() if self._quiet.lasts() else await asyncio.to_thread(self._look)

    def _look(self) -> frozenset[str]:
        now = self._store.clock.now()
        if self._check(self._store, within=AHEAD):
            return self._check(self._store)
        self._quiet.begin(now)
        return frozenset()

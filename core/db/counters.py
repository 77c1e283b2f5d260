"""Counters in buckets of minutes: the numbers that enforce, and that the gauges show.

`counter(scope, key, kind, minute, n)`. A lifetime count (a run's, a queue's depth) stands in minute 0. Wide windows use
wide buckets: who counts decides by the minute it passes (`bucket`). All changes of a batch are summed and written in
one sorted statement, so that two gateways never wait for each other's rows in opposite order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.db import bulk_insert
from core.db.tables import COUNTER
from core.durations import MINUTE

CounterKey = tuple[str, str, str, int]
EVER: Final = 0
"""The minute under which a lifetime count stands."""


def bucket(at: int, width: int = 1) -> int:
    """The minute (since the epoch) of `at` microseconds, rounded down to buckets of `width` minutes."""
    minute = at // MINUTE
    return minute - minute % width


_C: Final = COUNTER.c
_LOAD: Final = select(_C.minute, _C.n).where(
    _C.scope == bindparam("b_scope"),
    _C.key == bindparam("b_key"),
    _C.kind == bindparam("b_kind"),
    _C.minute >= bindparam("b_since"),
)
_LOAD_MANY: Final = select(_C.key, _C.minute, _C.n).where(
    _C.scope == bindparam("b_scope"),
    _C.key.in_(bindparam("b_keys", expanding=True)),
    _C.kind == bindparam("b_kind"),
    _C.minute >= bindparam("b_since"),
)


def load(conn: Connection, scope: str, key: str, kind: str, *, since: int) -> dict[int, int]:
    """Minute -> n, from minute `since` on."""
    rows = bulk_insert.fetch(conn, _LOAD, {"b_scope": scope, "b_key": key, "b_kind": kind, "b_since": since})
    return {row.minute: row.n for row in rows}


def load_many(conn: Connection, scope: str, keys: Sequence[str], kind: str, *, since: int) -> dict[str, dict[int, int]]:
    """The same for many keys in one read."""
    found: dict[str, dict[int, int]] = {}
    for row in conn.execute(_LOAD_MANY, {"b_scope": scope, "b_keys": list(keys), "b_kind": kind, "b_since": since}):
        found.setdefault(row.key, {})[row.minute] = row.n
    return found


def apply(conn: Connection, bumps: Mapping[CounterKey, int], *, sqlite: bool) -> None:
    """Add every change to its row, making the rows that are not there yet."""
    rows: list[dict[str, Any]] = [
        {"scope": scope, "key": key, "kind": kind, "minute": minute, "n": n}
        for (scope, key, kind, minute), n in sorted(bumps.items())
        if n
    ]
    if rows:
        bulk_insert.run(conn, _UPSERT_SQLITE if sqlite else _UPSERT_PG, rows)


def _upsert(insert: Any) -> Any:
    statement = insert(COUNTER)
    return statement.on_conflict_do_update(
        index_elements=[COUNTER.c.scope, COUNTER.c.key, COUNTER.c.kind, COUNTER.c.minute],
        set_={"n": COUNTER.c.n + statement.excluded.n},
    )


_UPSERT_SQLITE: Final = _upsert(sqlite_insert)
_UPSERT_PG: Final = _upsert(pg_insert)

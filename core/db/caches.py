"""A transaction's two row caches, which differ in when they are invalidated.

    DeskCache    when anybody at the desk writes: identities, streams, tokens, runs, the policy, operators
    BatchCache   when a verb of the batch writes: lanes, standings, rows prefetched for a whole batch

Counters are cached in `counters.CounterBook`. Each cache's docstring gives its benefit: one SQLite desk,
tests/bench/steps.py with and without it in turn, messages of one mailbox in batches of 16, from acceptance to the last
receiver's answer; statements and CPU microseconds per message, 3.3 and 1,011 with all caches. A cache that stops paying
for itself is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Row

T = TypeVar("T")


class DeskCache:
    """Rows that only `write` changes, cached across the transactions of this process.

    Without it 36 statements and 4,542 us a message; cleared at each commit, 4.0 and 1,233.

    The store passes in its cache once the desk's `generation` shows that nobody has changed any of these rows.
    """

    def __init__(self, kept: dict[Hashable, Any] | None = None) -> None:
        self._kept: dict[Hashable, Any] = {} if kept is None else kept
        self._uncommitted: dict[Hashable, Any] | None = None
        """Replaces `_kept` once a row was written: what a failed commit rolls back must not stay cached."""

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """Return what `load` returned for `key`; None is never cached, so that a new row is found."""
        for known in (self._uncommitted, self._kept):
            if known is not None and key in known:
                kept: T = known[key]
                return kept
        found = load()
        if found is not None:
            (self._kept if self._uncommitted is None else self._uncommitted)[key] = found
        return found

    def row_created(self) -> None:
        """Handle an insert: cached rows stay valid; rows read from now on may be rolled back."""
        if self._uncommitted is None:
            self._uncommitted = {}

    def row_changed(self) -> None:
        """Invalidate everything: any row may have changed."""
        self._kept.clear()
        self._uncommitted = {}


class BatchCache:
    """Reads that the verbs of one batch repeat.

    Without `get` 6.3 statements and 1,329 us a message, without prefetched rows 5.3 and 1,291.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}
        self._rows: dict[Hashable, dict[str, list[Row[Any]]]] = {}

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """Return what `load` returned for `key`, None included."""
        if key not in self._known:
            self._known[key] = load()
        found: T = self._known[key]
        return found

    def keep_rows(self, what: Hashable, addresses: Collection[str], rows: Sequence[Row[Any]]) -> None:
        """Keep rows (with an `address`) that were read for many addresses at once."""
        found: dict[str, list[Row[Any]]] = {address: [] for address in addresses}
        for row in rows:
            found[row.address].append(row)
        self._rows[what] = found

    def rows(self, what: Hashable, addresses: Collection[str]) -> list[Row[Any]] | None:
        """Return those rows, or None if an address was not among them or a verb has written since."""
        found = self._rows.get(what)
        if found is None or not all(address in found for address in addresses):
            return None
        return [row for address in addresses for row in found[address]]

    def row_created(self) -> None:
        """Invalidate cached absences: the row may exist now."""
        self._known = {key: value for key, value in self._known.items() if value is not None}

    def row_changed(self) -> None:
        """Invalidate everything: any row may have changed."""
        self._known.clear()
        self._rows.clear()

"""The newest messages of a mailbox that contain all of some words, a batch at a time, from the database's index.

SQLite's FTS5 reads its lists from the newest message on and stops at the end of the batch. PostgreSQL's GIN can only
collect every match: of a common word among a million messages, for hundreds of milliseconds. So there each message is
indexed under the windows of time that its id is in as well, of four lengths (`SEARCH_WINDOWS`). The search asks for
windows, the newest first, each step longer; where one has too many matches, for the shorter ones in it. Each step
costs what the rarest of its words and windows costs, whatever the statistics of the planner say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from core.db.tables.inbound import SEARCH_WINDOWS, SEARCH_WORDS, search_window
from core.rules.inbound.search_words import MAILBOX

Word = tuple[str, bool]
"""A word, and whether it is the beginning of one."""

BATCH: Final = 128
LARGEST_BATCH: Final = 8_192
MOST: Final = 1_000
"""Matches that PostgreSQL collects in one step at first; more as the caller rejects them."""
FIRST: Final = 500
"""Newest messages of the mailbox that the first window holds, by order of magnitude."""

_FTS5: Final = text(
    "SELECT rowid AS id FROM inbound_search_index WHERE inbound_search_index MATCH :words"
    " AND rowid < :before AND rowid >= :since ORDER BY rowid DESC LIMIT :most"
)
# `id + 0`: of the two indexes on this table, only that of the words can answer.
_FOUND: Final = (
    f"SELECT id FROM inbound_search WHERE {SEARCH_WORDS} @@ CAST(:words AS tsquery)"  # noqa: S608 - constants alone
    " AND id + 0 < :before AND id + 0 >= :since"
)
_COLLECTED: Final = text(_FOUND + " LIMIT :most")
_ORDERED: Final = text(_FOUND + " ORDER BY id + 0 DESC LIMIT :most")
_NEAR: Final = (
    "WITH far AS (SELECT id FROM inbound_message WHERE mailbox_id = :mailbox AND status = 'delivered'"
    " AND id < :before ORDER BY id DESC LIMIT 1 OFFSET :first)"
    " SELECT (SELECT id FROM far) AS far, (SELECT count(*) FROM"
    " (SELECT id FROM inbound_message WHERE id >= (SELECT id FROM far) AND id < :before LIMIT :many) AS near) AS near"
)
"""The id after the newest of a mailbox's messages, and how many of any mailbox stand beside them."""
_BESIDE: Final = text(_NEAR)
_EXTENT: Final = text(
    f"{_NEAR}, set_config('enable_seqscan', 'off', true),"  # noqa: S608 - constants alone
    " (SELECT min(id) FROM inbound_message WHERE id < :before AND id >= :since) AS least,"
    " (SELECT max(id) FROM inbound_message WHERE id < :before AND id >= :since) AS most"
)
"""Where the mail is. From here on PostgreSQL asks the index, even where its statistics prefer to read the table."""
_ENDED: Final = text("SELECT set_config('enable_seqscan', 'on', true)")


@dataclass(frozen=True, slots=True)
class Span:
    """Messages with an id from `since` on and below `before`."""

    since: int
    before: int


def newest(conn: Connection, words: Sequence[Word], *, mailbox_id: int, span: Span) -> Iterator[list[int]]:
    """Batches of ids, descending; some may be of another mailbox. The words may stand anywhere.

    Call `ended` afterwards.
    """
    if conn.dialect.name == "sqlite":
        near = {"mailbox": mailbox_id, "before": span.before, "first": FIRST, "many": 2 * FIRST}
        own = [(f"{MAILBOX}{mailbox_id}", False)] if _apart(conn.execute(_BESIDE, near).one()) else []
        return _of_fts5(conn, [*own, *words], span)
    return _Gin(conn, words, mailbox_id).newest(span)


def ended(conn: Connection) -> None:
    """The search is over: PostgreSQL plans as usual again. An error ends the transaction, and what was set in it."""
    if conn.dialect.name != "sqlite":
        conn.execute(_ENDED)


def _of_fts5(conn: Connection, words: Iterable[Word], span: Span) -> Iterator[list[int]]:
    # A word is letters and digits alone, so nothing in it can end the quotation.
    asked = " AND ".join(f'"{word}" *' if prefix else f'"{word}"' for word, prefix in words)
    at, most = span.before, BATCH
    while True:
        found = conn.execute(_FTS5, {"words": asked, "before": at, "since": span.since, "most": most})
        ids = [int(row.id) for row in found]
        if ids:
            yield ids
        if len(ids) < most:
            return
        at, most = ids[-1], min(most * 4, LARGEST_BATCH)


def _apart(near: Row[Any]) -> bool:
    """Whether the mailbox's word tells messages apart; in the mailbox that has most of the mail it only costs time."""
    return near.far is None or near.near == 2 * FIRST


class _Gin:
    def __init__(self, conn: Connection, words: Sequence[Word], mailbox_id: int) -> None:
        self._conn = conn
        self._mailbox_id = mailbox_id
        self._most = MOST
        self._asked = [f"'{word}':*" if prefix else f"'{word}'" for word, prefix in words]
        # GIN reads all words with such a beginning for each question, so one for the whole span comes first.
        self._whole = any(prefix for _, prefix in words)

    def newest(self, span: Span) -> Iterator[list[int]]:
        known, level = self._extent(span)
        at = known.before
        while at > known.since:
            step = _step(level, Span(known.since, at))
            yield from self._within(level, step)
            at, level = step.since, level + 1

    def _extent(self, span: Span) -> tuple[Span, int]:
        """The part of the span in which there is mail at all, and the length of window to begin with."""
        values = {"mailbox": self._mailbox_id, "first": FIRST, "many": 2 * FIRST}
        row = self._conn.execute(_EXTENT, {"before": span.before, "since": span.since, **values}).one()
        if _apart(row):
            self._asked.append(f"'{MAILBOX}{self._mailbox_id}'")
        if row.least is None:
            return Span(0, 0), 0
        known = Span(row.least, row.most + 1)
        if self._whole or row.far is None:
            return known, len(SEARCH_WINDOWS)
        length = (known.before - row.far) // 8
        return known, next((n for n, bits in enumerate(SEARCH_WINDOWS) if 1 << bits >= length), len(SEARCH_WINDOWS))

    def _within(self, level: int, span: Span) -> Iterator[list[int]]:
        ids = self._found(level, span, self._most + 1)
        if len(ids) <= self._most:
            if ids:
                yield sorted(ids, reverse=True)
                self._most = max(self._most, min(self._most * 2, LARGEST_BATCH))
        elif level == 0:
            yield from self._in_order(span)
        else:
            at = span.before
            while at > span.since:
                step = _step(level - 1, Span(span.since, at))
                yield from self._within(level - 1, step)
                at = step.since

    def _in_order(self, span: Span) -> Iterator[list[int]]:
        at, most = span.before, self._most
        while ids := self._found(0, Span(span.since, at), most, ordered=True):
            yield ids
            at, most = ids[-1], min(most * 4, LARGEST_BATCH)

    def _found(self, level: int, span: Span, most: int, *, ordered: bool = False) -> list[int]:
        asked = " & ".join(self._asked)
        if level < len(SEARCH_WINDOWS):
            bits = SEARCH_WINDOWS[level]
            windows = range(span.since >> bits, (span.before - 1 >> bits) + 1)
            asked += " & (" + " | ".join(f"'{search_window(bits, one)}'" for one in windows) + ")"
        values = {"words": asked, "before": span.before, "since": span.since, "most": most}
        return [int(row.id) for row in self._conn.execute(_ORDERED if ordered else _COLLECTED, values)]


def _step(level: int, span: Span) -> Span:
    """The newest part of the span: one window and what has passed of the next, or all of it beyond the last length."""
    if level >= len(SEARCH_WINDOWS):
        return span
    bits = SEARCH_WINDOWS[level]
    return Span(max(span.since, ((span.before - 1 >> bits) - 1) << bits), span.before)

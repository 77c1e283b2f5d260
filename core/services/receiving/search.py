"""Search received mail by its words: SQLite's FTS5 or PostgreSQL's GIN index, over words that the desk itself splits.

Both engines answer one question only: the newest messages that contain all these words, by descending id, a batch at a
time. Phrases, other filters and what the caller may see are checked by shared code, so both return the same results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select, text

from core.db.tables import INBOUND_MESSAGE, INBOUND_SEARCH
from core.errors import Invalid
from core.rules.inbound import search_words
from core.rules.inbound.search_words import MAILBOX, MOST_TERMS, Term

LONGEST_QUERY: Final = 1_000
BATCH: Final = 128
LARGEST_BATCH: Final = 8_192
NEWEST: Final = 2**63 - 1

_FTS5: Final = text(
    "SELECT rowid AS id FROM inbound_search_index WHERE inbound_search_index MATCH :words AND rowid < :before"
    " ORDER BY rowid DESC LIMIT :batch"
)
_GIN: Final = text(
    "SELECT id FROM inbound_search WHERE array_to_tsvector(string_to_array(words, ' ')) @@ CAST(:words AS tsquery)"
    " AND id < :before ORDER BY id DESC LIMIT :batch"
)


def matching(
    conn: Connection, query: Select[Any], wanted: str, *, mailbox_id: int, before: int | None, limit: int
) -> Iterator[Row[Any]]:
    """The newest rows of `query` that contain what is wanted, at most `limit`. Raises `Invalid`: too long a query."""
    terms = _terms(wanted)
    left = limit
    batch = BATCH
    at = NEWEST if before is None else before
    while terms and left > 0:
        ids = _candidates(conn, terms, mailbox_id=mailbox_id, before=at, batch=batch)
        kept = _adjacent(conn, ids, terms)
        m = INBOUND_MESSAGE.c
        rows = conn.execute(query.where(m.id.in_(kept)).order_by(m.id.desc()).limit(left)).all() if kept else []
        yield from rows
        left -= len(rows)
        if len(ids) < batch:
            return
        at, batch = ids[-1], min(batch * 4, LARGEST_BATCH)


def _terms(wanted: str) -> list[Term]:
    if len(wanted) > LONGEST_QUERY:
        reason = f"has more than {LONGEST_QUERY:,} characters"
        raise Invalid(f"q {reason}", fix="search for fewer words", problems=(("q", reason),))
    terms = search_words.terms(wanted)
    if len(terms) > MOST_TERMS:
        reason = f"has more than {MOST_TERMS} words and phrases"
        raise Invalid(f"q {reason}", fix="search for fewer words", problems=(("q", reason),))
    return terms


def _candidates(
    conn: Connection, terms: Sequence[Term], *, mailbox_id: int, before: int, batch: int
) -> list[int]:  # fmt: skip
    """The newest messages of a mailbox that contain all the words, wherever they stand."""
    words = dict.fromkeys([(f"{MAILBOX}{mailbox_id}", False)])
    for term in terms:
        last = len(term.words) - 1
        words |= dict.fromkeys((word, term.prefix and n == last) for n, word in enumerate(term.words))
    # A word is letters and digits alone, so nothing in it can end the quotation.
    if conn.dialect.name == "sqlite":
        asked = " AND ".join(f'"{word}" *' if prefix else f'"{word}"' for word, prefix in words)
        statement = _FTS5
    else:
        asked = " & ".join(f"'{word}':*" if prefix else f"'{word}'" for word, prefix in words)
        statement = _GIN
    found = conn.execute(statement, {"words": asked, "before": before, "batch": batch})
    return [int(row.id) for row in found]


def _adjacent(conn: Connection, ids: Sequence[int], terms: Sequence[Term]) -> list[int]:
    """Those in which the words of each phrase stand one after another."""
    phrases = [found for term in terms if (found := term.adjacent) is not None]
    if not phrases or not ids:
        return list(ids)
    s = INBOUND_SEARCH.c
    rows = conn.execute(select(s.id, s.words).where(s.id.in_(ids)).order_by(s.id.desc())).all()
    return [int(row.id) for row in rows if all(phrase in f" {row.words} " for phrase in phrases)]

"""Search received mail by its words: SQLite's FTS5 or PostgreSQL's GIN index, over words that the desk itself splits.

Newest first, in two steps. The newest messages are read in order and their words compared: common words are found
there at once. An index would have to collect every message that has them first: on a million messages, a second for
two common words and half a minute for `w*`. What is left is asked of the index, which finds rare words at once.

Both engines answer one question only: the newest messages that contain all these words, by descending id, a batch at a
time. Phrases, other filters and what the caller may see are checked by shared code, so both return the same results.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, select, text

from core.db.tables import INBOUND_MESSAGE, INBOUND_SEARCH
from core.errors import Invalid
from core.rules.inbound import search_words
from core.rules.inbound.search_words import MAILBOX, MOST_TERMS, Term

LONGEST_QUERY: Final = 1_000
BATCH: Final = 128
CHECKED_BATCH: Final = 2_048
"""Where candidates are checked further: PostgreSQL's index starts again for each batch."""
LARGEST_BATCH: Final = 8_192
NEWEST: Final = 2**63 - 1
SCAN: Final = 4_000
"""Messages of a mailbox that are read in order at a time: 20 ms where each has 2 kB of words."""
MOST_SCANNED: Final = 20_000
COMMON: Final = 0.02
"""Share of the messages read in order from which on the index is not asked for the beginning of a word."""

_FTS5: Final = text(
    "SELECT rowid AS id FROM inbound_search_index WHERE inbound_search_index MATCH :words AND rowid < :before"
    " ORDER BY rowid DESC LIMIT :batch"
)
_GIN: Final = text(
    "SELECT id FROM inbound_search WHERE array_to_tsvector(string_to_array(words, ' ')) @@ CAST(:words AS tsquery)"
    " AND id < :before ORDER BY id DESC LIMIT :batch"
)


def matching(
    conn: Connection, query: Select[Any], wanted: str, *, mailbox_id: int, status: str | None, before: int | None,
    limit: int,
) -> Iterator[Row[Any]]:  # fmt: skip
    """The newest rows of `query` that contain what is wanted, at most `limit`. Raises `Invalid`: too long a query.

    `status` is the only one that `query` returns, None for any.
    """
    terms = _terms(wanted)
    if not terms:
        return
    m = INBOUND_MESSAGE.c
    mine = [m.mailbox_id == mailbox_id, *([] if status is None else [m.status == status])]
    at = start = NEWEST if before is None else before
    left, scanned = limit, 0
    while left > 0 and scanned < MOST_SCANNED:
        floor = conn.execute(_newest(m.id, mine, before=at).offset(SCAN).limit(1)).scalar()
        rows = conn.execute(_scan(conn, query, terms, above=floor, before=at).limit(left)).all()
        yield from rows
        left -= len(rows)
        if floor is None:
            return
        at, scanned = floor + 1, scanned + SCAN
        if (limit - left) * MOST_SCANNED < limit * scanned:
            break  # at this rate the rest would not be found in order
    if left > 0:
        asked = _asked(terms, _common(conn, terms, mine, before=start))
        yield from _indexed(conn, query, terms, asked, mailbox_id=mailbox_id, before=at, limit=left)


# --- in order -----------------------------------------------------------------------------------------------------


def _newest(column: ColumnElement[Any], mine: Sequence[ColumnElement[bool]], *, before: int) -> Select[Any]:
    """A column of the mailbox's messages, newest first: in the order of an index, where `mine` names the status."""
    m = INBOUND_MESSAGE.c
    return select(column).where(*mine, m.id < before).order_by(m.id.desc())


def _scan(
    conn: Connection, query: Select[Any], terms: Sequence[Term], *, above: int | None, before: int
) -> Select[Any]:
    m, s = INBOUND_MESSAGE.c, INBOUND_SEARCH.c
    wanted = query.join(INBOUND_SEARCH, s.id == m.id).where(
        m.id < before, *(_contains(conn, s.words, term) for term in terms)
    )
    return (wanted if above is None else wanted.where(m.id > above)).order_by(m.id.desc())


def _contains(conn: Connection, words: ColumnElement[str], term: Term) -> ColumnElement[bool]:
    """Whether the words of a message contain a term: each word stands between two spaces."""
    position = func.instr if conn.dialect.name == "sqlite" else func.strpos
    return position(" " + words + " ", term.spelled) > 0


def _common(
    conn: Connection, terms: Sequence[Term], mine: Sequence[ColumnElement[bool]], *, before: int
) -> set[Term]:  # fmt: skip
    """The beginnings of words among the terms that many of the newest messages have."""
    begun = [term for term in terms if term.prefix]
    if not begun:
        return set()
    s = INBOUND_SEARCH.c
    words = _newest(s.words, mine, before=before).join_from(
        INBOUND_MESSAGE, INBOUND_SEARCH, s.id == INBOUND_MESSAGE.c.id
    )
    newest = words.limit(SCAN).subquery()
    has = [_contains(conn, newest.c.words, term) for term in begun]
    shares = conn.execute(select(func.count(), *(func.sum(case((one, 1), else_=0)) for one in has))).one()
    return {term for term, n in zip(begun, shares[1:], strict=True) if (n or 0) > COMMON * max(1, shares[0])}


# --- by the index -------------------------------------------------------------------------------------------------


def _asked(terms: Sequence[Term], common: Collection[Term]) -> list[Term]:
    """The terms that the index is asked for: without common beginnings, if it is asked for anything else.

    FTS5 joins the messages of every word that begins so before it returns the first of them.
    """
    return [term for term in terms if term not in common] or list(terms)


def _indexed(
    conn: Connection, query: Select[Any], terms: Sequence[Term], asked: Sequence[Term], *, mailbox_id: int,
    before: int, limit: int,
) -> Iterator[Row[Any]]:  # fmt: skip
    checked = [term for term in terms if term not in asked or len(term.words) > 1]
    left, at, batch = limit, before, CHECKED_BATCH if checked else BATCH
    while left > 0:
        ids = _candidates(conn, asked, mailbox_id=mailbox_id, before=at, batch=batch)
        kept = _kept(conn, ids, checked)
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


def _kept(conn: Connection, ids: Sequence[int], terms: Sequence[Term]) -> list[int]:
    """Those that contain these terms: phrases, and what the index was not asked for."""
    if not terms or not ids:
        return list(ids)
    s = INBOUND_SEARCH.c
    wanted = (
        select(s.id).where(s.id.in_(ids), *(_contains(conn, s.words, term) for term in terms)).order_by(s.id.desc())
    )
    return [int(row.id) for row in conn.execute(wanted)]

"""Search received mail by its words: SQLite's FTS5 or PostgreSQL's GIN index, over words that the desk itself splits.

The index answers one question: the newest messages that contain all these words (`search_index`). Only beginnings of
words (`word*`) are looked for among the newest messages in order first: an index would have to join the messages of
every word that begins so, on a million messages half a minute for `w*`. Those that many messages have are never asked
of the index, but checked on what it found for the rest.

Phrases, other filters and what the caller may see are checked by shared code, so both return the same results.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, Row, Select, any_, case, func, literal, select

from core.db.tables import INBOUND_MESSAGE, INBOUND_SEARCH
from core.errors import Invalid
from core.rules.inbound import search_words
from core.rules.inbound.search_words import MOST_TERMS, Term
from core.services.receiving import search_index
from core.services.receiving.search_index import Span

LONGEST_QUERY: Final = 1_000
CHUNK: Final = 128
LARGEST_CHUNK: Final = 8_192
EVERY: Final = Span(0, 2**63 - 1)
SCAN: Final = 4_000
"""Messages of a mailbox that are read in order at a time: 20 ms where each has 2 kB of words."""
MOST_SCANNED: Final = 20_000
COMMON: Final = 0.02
"""Share of the messages read in order from which on the index is not asked for the beginning of a word."""


def matching(
    conn: Connection, query: Select[Any], wanted: str, *, mailbox_id: int, status: str | None, before: int | None,
    limit: int, within: Span = EVERY, implied: Sequence[Term] = (),
) -> list[Row[Any]]:  # fmt: skip
    """The newest rows of `query` that contain what is wanted, at most `limit`. Raises `Invalid`: too long a query.

    What narrows the search without changing what it finds: `status` is the only one that `query` returns, None for
    any; it returns ids `within` a span alone, and messages that have the words which are `implied`.
    """
    terms = _terms(wanted)
    if not terms:
        return []
    m = INBOUND_MESSAGE.c
    span = Span(within.since, within.before if before is None else min(before, within.before))
    mine = [m.mailbox_id == mailbox_id, m.id >= span.since, *([] if status is None else [m.status == status])]
    if not any(term.prefix for term in terms):
        return _indexed(conn, query, terms, [*terms, *implied], mailbox_id=mailbox_id, span=span, limit=limit)
    rows, at = _in_order(conn, query, terms, mine, before=span.before, limit=limit, most=MOST_SCANNED)
    if at <= span.since or len(rows) == limit:
        return rows
    common = _common(conn, terms, mine, before=span.before)
    asked = [term for term in (*terms, *implied) if term not in common]
    rest = {"limit": limit - len(rows)}
    if not asked:
        return rows + _in_order(conn, query, terms, mine, before=at, most=None, **rest)[0]
    return rows + _indexed(conn, query, terms, asked, mailbox_id=mailbox_id, span=Span(span.since, at), **rest)


# --- in order -----------------------------------------------------------------------------------------------------


def _in_order(
    conn: Connection, query: Select[Any], terms: Sequence[Term], mine: Sequence[ColumnElement[bool]], *, before: int,
    limit: int, most: int | None,
) -> tuple[list[Row[Any]], int]:  # fmt: skip
    """Matches among the newest messages, and the id below which none was read.

    It ends when `most` were read, or as soon as the rest would not be found among so many at the rate so far.
    """
    rows: list[Row[Any]] = []
    at, scanned = before, 0
    while len(rows) < limit and (most is None or scanned < most):
        floor = conn.execute(_newest(INBOUND_MESSAGE.c.id, mine, before=at).offset(SCAN).limit(1)).scalar()
        wanted = _scan(conn, query.where(*mine), terms, above=floor, before=at)
        rows += conn.execute(wanted.limit(limit - len(rows))).all()
        if floor is None:
            return rows, 0
        at, scanned = floor + 1, scanned + SCAN
        if most is not None and len(rows) * most < limit * scanned:
            break
    return rows, at


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


def _indexed(
    conn: Connection, query: Select[Any], terms: Sequence[Term], asked: Sequence[Term], *, mailbox_id: int, span: Span,
    limit: int,
) -> list[Row[Any]]:  # fmt: skip
    m = INBOUND_MESSAGE.c
    checked = [term for term in terms if term not in asked or len(term.words) > 1]
    rows: list[Row[Any]] = []
    size = CHUNK
    for ids in search_index.newest(conn, asked, mailbox_id=mailbox_id, span=span):
        at = 0
        while at < len(ids) and len(rows) < limit:
            kept = _kept(conn, ids[at : at + size], checked)
            found = query.where(_among(conn, m.id, kept)).order_by(m.id.desc()).limit(limit - len(rows))
            rows += conn.execute(found).all() if kept else []
            at, size = at + size, min(size * 4, LARGEST_CHUNK)
        if len(rows) == limit:
            break
    search_index.ended(conn)
    return rows


def _terms(wanted: str) -> list[Term]:
    if len(wanted) > LONGEST_QUERY:
        reason = f"has more than {LONGEST_QUERY:,} characters"
        raise Invalid(f"q {reason}", fix="search for fewer words", problems=(("q", reason),))
    terms = search_words.terms(wanted)
    if len(terms) > MOST_TERMS:
        reason = f"has more than {MOST_TERMS} words and phrases"
        raise Invalid(f"q {reason}", fix="search for fewer words", problems=(("q", reason),))
    return terms


def _kept(conn: Connection, ids: Sequence[int], terms: Sequence[Term]) -> list[int]:
    """Those that contain these terms: phrases, and what the index was not asked for."""
    if not terms or not ids:
        return list(ids)
    s = INBOUND_SEARCH.c
    wanted = (
        select(s.id)
        .where(_among(conn, s.id, ids), *(_contains(conn, s.words, term) for term in terms))
        .order_by(s.id.desc())
    )
    return [int(row.id) for row in conn.execute(wanted)]


def _among(conn: Connection, column: ColumnElement[int], ids: Sequence[int]) -> ColumnElement[bool]:
    """As one parameter on PostgreSQL: it reads, checks and plans thousands of them for longer than it runs."""
    if conn.dialect.name == "sqlite":
        return column.in_(ids)
    return column == any_(literal(list(ids), ARRAY(BigInteger)))

"""A mailbox's received mail by its words and its filters: a page at a time, and a bounded amount of work for each.

Words are found by SQLite's FTS5 or PostgreSQL's GIN index, over words that the desk itself splits. The index answers
one question: the newest messages that contain all these words (`search_index`). Only beginnings of words (`word*`) are
looked for among the newest messages in order first: an index would have to join the messages of every word that begins
so, on a million messages half a minute for `w*`. Those that many messages have are never asked of the index, but
checked on what it found for the rest. A filter that an index knows (unread, tagged, with attachments) comes first as
well: nearly nothing may pass it.

Phrases, other filters and what the caller may see are checked by shared code, so both return the same results. Nothing
tells how many messages must be looked at for a page: a phrase of common words may be in none of a million. So a request
looks at `MOST_LOOKED` and then answers with what it has found, and with where the next one goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    TextClause,
    any_,
    case,
    func,
    literal,
    select,
)

from core.db.tables import INBOUND_MESSAGE, INBOUND_SEARCH
from core.errors import Invalid
from core.rules.inbound import search_words
from core.rules.inbound.search_words import MOST_TERMS, Term
from core.services.receiving import search_index
from core.services.receiving.search_index import Span, Word

Condition = ColumnElement[bool] | TextClause

LONGEST_QUERY: Final = 1_000
CHUNK: Final = 128
LARGEST_CHUNK: Final = 2_048
EVERY: Final = Span(0, 2**63 - 1)
MOST_LOOKED: Final = 4_000
"""Messages that one request looks at, in order or because the index named them: 100 ms on PostgreSQL."""
MOST_SCANNED: Final = 2_000
"""Messages that are read in order before the index is asked."""
MOST_ASKED: Final = 8
"""Words that the index joins; each costs up to 10 ms where a million messages have it."""
SAMPLE: Final = 4_000
COMMON: Final = 0.02
"""Share of a sample of the newest messages from which on the index is not asked for the beginning of a word."""


@dataclass(frozen=True, slots=True)
class Where:
    """The part of the mail that is searched: ids of a mailbox, and what narrows it without changing what is found.

    `status` is the only one that the query returns, None for any. `few` are conditions of the query that an index
    knows, and `implied` words that every message has which the query returns.
    """

    mailbox_id: int
    status: str | None
    span: Span = EVERY
    few: Sequence[TextClause] = ()
    implied: Sequence[Term] = ()

    @property
    def mine(self) -> list[Condition]:
        m = INBOUND_MESSAGE.c
        status = [] if self.status is None else [m.status == self.status]
        return [m.mailbox_id == self.mailbox_id, *status, *self.few]


@dataclass(frozen=True, slots=True)
class Found:
    """Rows, newest first, and the id below which no message was looked at."""

    rows: Sequence[Row[Any]]
    at: int


def matching(conn: Connection, query: Select[Any], wanted: str, where: Where, *, limit: int) -> Found:
    """The newest rows of `query` that contain what is wanted, at most `limit`. Raises `Invalid`: too long a query.

    Fewer, with some left to look at, if that took as much work as a request may take.
    """
    terms = _terms(wanted)
    if not terms:
        return Found((), where.span.since)
    search = _Search(conn, query, terms, where, limit)
    if where.few:
        search.in_order(MOST_SCANNED)
    elif any(term.prefix for term in terms):
        search.in_order(MOST_SCANNED, as_long_as_it_pays=True)
    if search.more:
        common = search.common()
        asked = [term for term in (*terms, *where.implied) if term not in common]
        if asked:
            search.by_index(asked)
        else:
            search.in_order(MOST_LOOKED)
    return search.found


def listed(conn: Connection, query: Select[Any], where: Where, *, limit: int) -> Found:
    """The newest rows of `query` whatever their words, as `matching` finds them."""
    search = _Search(conn, query, (), where, limit)
    search.in_order(MOST_LOOKED)
    return search.found


def onward(conn: Connection, found: Found, where: Where) -> int | None:
    """Where the next request goes on, above the mailbox's newest message that was not looked at; None: nowhere."""
    if found.at <= where.span.since:
        return None
    following = conn.execute(_newest(INBOUND_MESSAGE.c.id, where.mine, before=found.at).limit(1)).scalar()
    return None if following is None or following < where.span.since else int(following) + 1


class _Search:
    """One request: what it has found so far, where it is, and how many messages it may still look at."""

    def __init__(self, conn: Connection, query: Select[Any], terms: Sequence[Term], where: Where, limit: int) -> None:
        self._conn = conn
        self._query = query
        self._terms = terms
        self._where = where
        self._limit = limit
        self._rows: list[Row[Any]] = []
        self._at = where.span.before
        self._left = MOST_LOOKED

    @property
    def found(self) -> Found:
        return Found(self._rows, self._at)

    @property
    def more(self) -> bool:
        """Whether something is to be found yet, and may be looked for."""
        return self._at > self._where.span.since and len(self._rows) < self._limit and self._left > 0

    def in_order(self, most: int, *, as_long_as_it_pays: bool = False) -> None:
        """Look at the newest messages one after another, so many at most.

        As long as it pays: unless the rest would not be found among so many at the rate so far.
        """
        since, scanned, size = self._where.span.since, 0, CHUNK
        while self.more and scanned < most:
            size = min(size, self._left, most - scanned)
            newest = _newest(INBOUND_MESSAGE.c.id, self._where.mine, before=self._at)
            floor = self._conn.execute(newest.offset(size).limit(1)).scalar()
            low = since if floor is None else max(since, floor + 1)
            wanted = _scan(self._conn, self._query, self._terms).where(*self._within(low, newest.limit(size)))
            self._rows += self._conn.execute(wanted.limit(self._limit - len(self._rows))).all()
            self._at, self._left, scanned = low, self._left - size, scanned + size
            size = min(size * 4, LARGEST_CHUNK)
            if as_long_as_it_pays and len(self._rows) * most < self._limit * scanned:
                break

    def _within(self, low: int, newest: Select[Any]) -> list[Condition]:
        """The newest messages, from one on. PostgreSQL is told which: it would look for them in the whole desk's."""
        m = INBOUND_MESSAGE.c
        if self._conn.dialect.name == "sqlite":
            return [*self._where.mine, m.id >= low, m.id < self._at]
        return [m.id == any_(func.array(newest.scalar_subquery())), m.id >= low]

    def common(self) -> set[Term]:
        """The beginnings of words among the terms that many of the newest messages have."""
        begun = [term for term in self._terms if term.prefix]
        if not begun:
            return set()
        s = INBOUND_SEARCH.c
        words = _newest(s.words, self._where.mine, before=self._where.span.before).join_from(
            INBOUND_MESSAGE, INBOUND_SEARCH, s.id == INBOUND_MESSAGE.c.id
        )
        newest = words.limit(SAMPLE).subquery()
        has = [_contains(self._conn, newest.c.words, term) for term in begun]
        shares = self._conn.execute(select(func.count(), *(func.sum(case((one, 1), else_=0)) for one in has))).one()
        return {term for term, n in zip(begun, shares[1:], strict=True) if (n or 0) > COMMON * max(1, shares[0])}

    def by_index(self, asked: Sequence[Term]) -> None:
        """Look at what the index names, the newest first, for the words of these terms."""
        words = _words(asked)
        checked = [term for term in self._terms if len(term.words) > 1 or (term.words[0], term.prefix) not in words]
        span = Span(self._where.span.since, self._at)
        size = CHUNK
        for ids in search_index.newest(self._conn, words, mailbox_id=self._where.mailbox_id, span=span):
            at = 0
            while at < len(ids) and self.more:
                some = ids[at : at + min(size, self._left)]
                self._look(some, checked)
                at, size = at + len(some), min(size * 4, LARGEST_CHUNK)
            if not self.more:
                break
        else:
            self._at = span.since
        search_index.ended(self._conn)

    def _look(self, ids: Sequence[int], checked: Sequence[Term]) -> None:
        """Look at these, which are all that may match from the last of them on to where the search is."""
        m = INBOUND_MESSAGE.c
        kept = _kept(self._conn, ids, checked)
        if kept:
            wanted = self._query.where(_among(self._conn, m.id, kept)).order_by(m.id.desc())
            self._rows += self._conn.execute(wanted.limit(self._limit - len(self._rows))).all()
        self._at, self._left = ids[-1], self._left - len(ids)


def _newest(column: ColumnElement[Any], mine: Sequence[Condition], *, before: int) -> Select[Any]:
    """A column of the mailbox's messages, newest first: in the order of an index, where `mine` names the status."""
    m = INBOUND_MESSAGE.c
    return select(column).where(*mine, m.id < before).order_by(m.id.desc())


def _scan(conn: Connection, query: Select[Any], terms: Sequence[Term]) -> Select[Any]:
    m, s = INBOUND_MESSAGE.c, INBOUND_SEARCH.c
    wanted = query.order_by(m.id.desc())
    if not terms:
        return wanted
    return wanted.join(INBOUND_SEARCH, s.id == m.id).where(*(_contains(conn, s.words, term) for term in terms))


def _words(terms: Sequence[Term]) -> list[Word]:
    """The words of terms that the index is asked for: the longest, which are the rarest by and large."""
    words: dict[Word, None] = {}
    for term in terms:
        last = len(term.words) - 1
        words |= dict.fromkeys((word, term.prefix and n == last) for n, word in enumerate(term.words))
    return sorted(words, key=lambda one: len(one[0]), reverse=True)[:MOST_ASKED]


def _contains(conn: Connection, words: ColumnElement[str], term: Term) -> ColumnElement[bool]:
    """Whether the words of a message contain a term: each word stands between two spaces."""
    position = func.instr if conn.dialect.name == "sqlite" else func.strpos
    return position(" " + words + " ", term.spelled) > 0


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

"""Find mail that a mailbox received after a position in the log, for agents that wait. Queries without permissions.

The log is in the order of commits: mail that another gateway commits late, or that a person releases after a day, comes
after the position although its id is older.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from core.db.gate_queries import TokenFacts
from core.db.tables import INBOUND_MESSAGE, LOG_ENTRY
from core.durations import MINUTE
from core.errors import Invalid
from core.ids import read_id, spell_id
from core.services.receiving import inbox
from core.services.receiving.inbox import Received

ARRIVES: Final = ("email.received", "email.released")
CURSOR: Final = "q"
"""Letter of a position in the log, as agents see it."""
LATE: Final = 10 * MINUTE
"""How much later than its own time a message may be committed, with the clocks of all gateways."""
LOOKED_AT: Final = 200
"""Messages already received that a wait looks at, the newest."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The mail that is waited for. `author`: an address or a domain; `in_reply_to`: our id or a Message-ID."""

    author: str | None = None
    subject: str | None = None
    in_reply_to: str | None = None

    def matches(self, one: Received) -> bool:
        return self._by_author(one) and self._by_subject(one) and self._by_reply(one)

    def _by_author(self, one: Received) -> bool:
        if self.author is None:
            return True
        wanted = self.author.lower()
        if "@" in wanted.strip("@"):
            return any(each.address == wanted for each in one.of("from"))
        return any(each.address.endswith(f"@{wanted.removeprefix('@')}") for each in one.of("from"))

    def _by_subject(self, one: Received) -> bool:
        return self.subject is None or _folded(self.subject) in _folded(one.row.subject)

    def _by_reply(self, one: Received) -> bool:
        if self.in_reply_to is None:
            return True
        number = read_id("m", self.in_reply_to)
        if number is not None:
            return one.row.answers is not None and int(one.row.answers) == number
        named = f"<{self.in_reply_to.strip('<> ')}>"
        return named == one.row.in_reply_to or named in (one.row.references or ())


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that came, and its position in the log."""

    seq: int
    message: int
    mailbox: int


def spelled(seq: int) -> str:
    """A position in the log as agents pass it on."""
    return spell_id(CURSOR, seq)


def position(conn: Connection, after: str | None) -> int:
    """The position that `after` names: an earlier answer's, or that of a received message; without it, now.

    Raises `Invalid`.
    """
    if not after:
        return head(conn)
    seq, number = read_id(CURSOR, after), read_id("m", after)
    if seq is not None:
        return seq
    if number is not None:
        e = LOG_ENTRY.c
        found = conn.execute(
            select(e.seq).where(e.message == number, e.type.in_(ARRIVES)).order_by(e.seq.desc()).limit(1)
        ).scalar()
        if found is not None:
            return int(found)
    raise Invalid(
        "`after` is neither a cursor nor a received message",
        fix="pass `after` of an earlier answer, or the id of the newest message that you know",
        problems=(("after", "is invalid"),),
    )


def head(conn: Connection) -> int:
    """The position of the newest entry of the log."""
    found = conn.execute(select(LOG_ENTRY.c.seq).order_by(LOG_ENTRY.c.seq.desc()).limit(1)).scalar()
    return int(found or 0)


def arrived(conn: Connection, *, after: int) -> tuple[list[Arrival], int]:
    """What came to any mailbox after a recent position, and the position up to which the log was read."""
    last = head(conn)
    e = LOG_ENTRY.c
    rows = conn.execute(
        select(e.seq, e.message, e.mailbox).where(e.seq > after, e.seq <= last, e.type.in_(ARRIVES)).order_by(e.seq)
    ).all()
    return [Arrival(int(row.seq), int(row.message), int(row.mailbox)) for row in rows], last


def already(
    conn: Connection, mailbox_id: int, wanted: Wanted, *, after: int, caller: TokenFacts
) -> tuple[int, Received] | None:
    """The oldest wanted message that came after a position, however long ago that was; None without one.

    It looks at the mailbox's messages, not at the log, which may have a million entries about sending in between.
    """
    i, e = INBOUND_MESSAGE.c, LOG_ENTRY.c
    at = conn.execute(select(e.at).where(e.seq <= after).order_by(e.seq.desc()).limit(1)).scalar()
    since = int(at or 0) - LATE
    ids = conn.execute(
        select(i.id)
        .where(
            i.mailbox_id == mailbox_id, i.status == "delivered", (i.received_at >= since) | (i.decided_at >= since)
        )
        .order_by(i.id.desc())
        .limit(LOOKED_AT)
    ).scalars().all()  # fmt: skip
    rows = conn.execute(
        select(e.seq, e.message).where(e.message.in_(ids), e.type.in_(ARRIVES), e.seq > after).order_by(e.seq)
    ).all()
    return first(conn, ((int(row.seq), int(row.message)) for row in rows), wanted, caller=caller)


def first(
    conn: Connection, found: Iterable[tuple[int, int]], wanted: Wanted, *, caller: TokenFacts
) -> tuple[int, Received] | None:
    """The first of these messages, with its position, that is wanted and that the caller may see."""
    listed = list(found)
    shown = {one.row.id: one for one in inbox.listed(conn, [message for _, message in listed], caller=caller)}
    for seq, message in listed:
        if message in shown and wanted.matches(shown[message]):
            return seq, shown[message]
    return None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()

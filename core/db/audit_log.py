"""The append-only log: totally ordered, gap-free, hash-chained.

`seq` equals commit order, because an appender holds the desk's or the log's lock (`core.db.locks`) until it commits and
reads the head from the database. Times are those at which the transactions began, so they need not be in order. Each
entry's hash covers its own content and the previous hash, so a changed, removed or inserted entry is detected; a
truncated tail is detected against a checkpoint kept elsewhere. The database refuses UPDATE and DELETE.

Why our own: off-the-shelf ledgers keep a store of their own, and an entry outside the transaction of the state it
records can be missing or false after a crash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, select

from core.db import hot_statements
from core.db.tables import LOG_ENTRY
from core.events import SUBJECTS, Data, Event, recall
from core.ids import spell_id

GENESIS: Final = bytes(32)
PAGE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its position in the chain."""

    seq: int
    at: int
    event: Event
    hash: bytes

    def as_json(self) -> dict[str, Any]:
        """Return the entry as the audit export shows it.

        `message` is the number that was hashed; `id` is the ID that `trace`, `queue show` and HTTP accept for it, or
        for the held action that the entry is about.
        """
        subjects = {name: value for name in SUBJECTS if (value := getattr(self.event, name)) is not None}
        return {
            "seq": self.seq,
            "at": self.at,
            "type": self.event.type,
            "actor": self.event.actor,
            "id": shown_id(self.event.type, self.event.message, self.event.data()),
            **subjects,
            "data": self.event.data(),
            "hash": self.hash.hex(),
        }


def shown_id(kind: str, message: int | None, data: Mapping[str, Data]) -> str | None:
    """Return the ID that `trace`, `queue show` and HTTP accept for an entry's message, or its held read or tag."""
    if message is not None:
        return spell_id("m", message)
    item = data.get("item")
    return spell_id("a", item) if kind.startswith("email.") and isinstance(item, int) else None


def digest(
    prev: bytes, *, seq: int, at: int, kind: str, actor: str, subjects: Sequence[int | None], data: bytes
) -> bytes:
    """Return the SHA-256 of the previous hash and an unambiguous encoding of the entry."""
    head = orjson.dumps([seq, at, kind, actor, list(subjects)])
    return hashlib.sha256(b"%b%d:%b%b" % (prev, len(head), head, data)).digest()


def append(conn: Connection, events: Sequence[Event], *, now: int) -> tuple[int, int] | None:
    """Append the events after the head; returns the first and last seq, or None if there are none.

    This is where addresses are taken out: an entry can never be changed, so no verb may forget to.
    """
    if not events:
        return None
    seq, prev = head(conn)
    first = seq + 1
    rows = []
    for event in events:
        seq += 1
        data = orjson.dumps(event.data(), option=orjson.OPT_SORT_KEYS)
        if b"@" in data:
            data = orjson.dumps(event.redacted(), option=orjson.OPT_SORT_KEYS)
        subjects = (event.message, event.mailbox, event.agent, event.run, event.stream)
        own = digest(prev, seq=seq, at=now, kind=event.type, actor=event.actor, subjects=subjects, data=data)
        rows.append(
            {
                "seq": seq,
                "at": now,
                "type": event.type,
                "actor": event.actor,
                "message": event.message,
                "mailbox": event.mailbox,
                "agent": event.agent,
                "run": event.run,
                "stream": event.stream,
                "data": data,
                "prev": prev,
                "hash": own,
            }
        )
        prev = own
    hot_statements.insert_all(conn, LOG_ENTRY, rows)
    return first, seq


def head(conn: Connection) -> tuple[int, bytes]:
    """Return the last seq and its hash; (0, 32 zero bytes) for an empty log."""
    rows = hot_statements.fetch(conn, _HEAD)
    return (rows[0].seq, bytes(rows[0].hash)) if rows else (0, GENESIS)


def read(
    conn: Connection, *, after: int, limit: int = PAGE, mailbox: int | None = None, until: int | None = None
) -> list[Entry]:
    """Return entries after `after` and up to `until`, in order, at most `limit`; of one mailbox, or of all."""
    statement = select(LOG_ENTRY).where(LOG_ENTRY.c.seq > after).order_by(LOG_ENTRY.c.seq).limit(limit)
    if mailbox is not None:
        statement = statement.where(LOG_ENTRY.c.mailbox == mailbox)
    if until is not None:
        statement = statement.where(LOG_ENTRY.c.seq <= until)
    return [entry(row) for row in conn.execute(statement)]


def entry(row: Row[Any]) -> Entry:
    """Return the event stored in a row."""
    data: dict[str, Data] = orjson.loads(row.data)
    subjects = {name: getattr(row, name) for name in SUBJECTS}
    return Entry(row.seq, row.at, recall(row.type, actor=row.actor, subjects=subjects, data=data), bytes(row.hash))


@dataclass(frozen=True, slots=True)
class Verified:
    """Result of verifying the chain. `first_bad_seq` is None for an intact chain."""

    events: int
    head_seq: int
    head: bytes
    first_bad_seq: int | None

    @property
    def ok(self) -> bool:
        return self.first_bad_seq is None


def verify(conn: Connection, *, progress: Callable[[int], None] = lambda _seq: None) -> Verified:
    """Verify the chain from its beginning; stops at the first bad entry. `progress` receives the seq."""
    return _verify(_walk(conn, progress), 0, GENESIS)


def verify_part(conn: Connection, *, after: int, head: bytes, limit: int) -> Verified:
    """Verify at most `limit` entries after entry `after`, whose hash is `head`: a long log is verified part by part."""
    start = after + 1 if after else -(2**63)  # as `_walk`
    rows = conn.execute(select(LOG_ENTRY).where(LOG_ENTRY.c.seq >= start).order_by(LOG_ENTRY.c.seq).limit(limit)).all()
    return _verify(rows, after, head)


def verify_tail(conn: Connection, last: int) -> Verified:
    """Verify only the `last` entries, trusting the one before them: cheap, at any length.

    `events` counts from the log's beginning, as the seq does.
    """
    end, _ = head(conn)
    before = max(end - last, 0)
    row = conn.execute(select(LOG_ENTRY.c.hash).where(LOG_ENTRY.c.seq == before)).first() if before else None
    if before and row is None:
        return Verified(events=before - 1, head_seq=before - 1, head=GENESIS, first_bad_seq=before)
    rows = conn.execute(select(LOG_ENTRY).where(LOG_ENTRY.c.seq > before).order_by(LOG_ENTRY.c.seq)).all()
    return _verify(rows, before, bytes(row.hash) if row is not None else GENESIS)


def _verify(rows: Iterable[Row[Any]], seq: int, prev: bytes) -> Verified:
    for row in rows:
        own = digest(
            prev,
            seq=row.seq,
            at=row.at,
            kind=row.type,
            actor=row.actor,
            subjects=(row.message, row.mailbox, row.agent, row.run, row.stream),
            data=bytes(row.data),
        )
        if row.seq != seq + 1 or bytes(row.prev) != prev or bytes(row.hash) != own:
            return Verified(events=seq, head_seq=seq, head=prev, first_bad_seq=seq + 1)
        seq, prev = row.seq, own
    return Verified(events=seq, head_seq=seq, head=prev, first_bad_seq=None)


def _walk(conn: Connection, progress: Callable[[int], None]) -> Iterator[Row[Any]]:
    start = -(2**63)  # an entry inserted before the first is detected too
    while rows := conn.execute(
        select(LOG_ENTRY).where(LOG_ENTRY.c.seq >= start).order_by(LOG_ENTRY.c.seq).limit(PAGE)
    ).all():
        yield from rows
        progress(rows[-1].seq)
        start = rows[-1].seq + 1


_HEAD: Final = select(LOG_ENTRY.c.seq, LOG_ENTRY.c.hash).order_by(LOG_ENTRY.c.seq.desc()).limit(1)

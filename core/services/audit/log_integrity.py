"""Quick checks that the log is intact: when a gateway starts, every minute after that, in doctor and in the console.

`audit verify` walks the whole chain; these checks cost the same at any length. They find a recently changed entry, and
a database older than one seen before. An old backup put into service unnoticed would send mail twice, forget
suppressions and free suspended agents. So the all-stop holds the desk, with the finding as its reason, until governance
confirms that this is the log to go on with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import Connection, select, text, update

from core.db import audit_log, gate_queries
from core.db.tables import DESK, LOG_ENTRY
from core.db.transaction import Transaction
from core.durations import stamp
from core.errors import Invalid, Unavailable
from core.events import DeskStarted, DeskStopped
from core.model import SYSTEM
from core.services.audit.checkpoints import Checkpoint
from core.services.control.emergency import LOG_CHECK

LOG: Final = LOG_ENTRY
TAIL: Final = 1_000
"""Entries verified by each check; takes about ten milliseconds."""
RECENT: Final = 100_000
"""Number of newest entries searched for the last start of the desk."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A log entry as seen earlier, stored outside the database. `at` is when it was seen, in microseconds."""

    seq: int
    head: str
    at: int

    def text(self) -> str:
        return orjson.dumps({"seq": self.seq, "head": self.head, "at": self.at}).decode()


def read_seen(text: str | bytes) -> Seen:
    """Parse what `Seen.text` wrote. Raises `Invalid`."""
    try:
        found = orjson.loads(text)
        seen = Seen(found["seq"], found["head"], found["at"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Invalid(
            "this is not a record of the log's head", fix="remove the file; the gateway creates it again"
        ) from error
    if not (type(seen.seq) is int and type(seen.head) is str and type(seen.at) is int):
        raise Invalid("this is not a record of the log's head", fix="remove the file; the gateway creates it again")
    return seen


def seen_of(made: Checkpoint) -> Seen:
    """Convert a signed checkpoint, which states the same and more."""
    return Seen(made.seq, made.head, made.at)


def seen_now(conn: Connection, *, now: int) -> Seen:
    """The current head, to be stored outside the database."""
    seq, head = audit_log.head(conn)
    return Seen(seq, head.hex(), now)


def fault(conn: Connection, seen: tuple[Seen, ...] = (), *, tail: int = TAIL) -> str | None:
    """What is wrong with the log, in a sentence; None if nothing is, or if governance has accepted it."""
    last, _ = audit_log.head(conn)
    bad = audit_log.verify_tail(conn, tail).first_bad_seq
    if bad is not None and (accepted := _accepted(conn, last)) is not None and accepted[0] > bad:
        bad = None
    if bad is not None:
        return f"the log is broken at entry {bad:,}: it was changed in the database"
    for one in seen:
        wrong = _differs(conn, one, last)
        # An older database cannot contain a start that came later.
        if wrong is not None and ((accepted := _accepted(conn, last)) is None or accepted[1] <= one.at):
            return wrong
    return None


def _differs(conn: Connection, one: Seen, last: int) -> str | None:
    """How the log contradicts an entry seen earlier; None if it does not."""
    if last < one.seq:
        return (
            f"the database is older than it was: its log ends at entry {last:,}, and at {stamp(one.at)} it had "
            f"{one.seq:,}"
        )
    row = conn.execute(select(LOG.c.hash).where(LOG.c.seq == one.seq)).first()
    if one.seq and (row is None or bytes(row.hash).hex() != one.head):
        return f"entry {one.seq:,} of the log is not what it was at {stamp(one.at)}: the log was rewritten"
    return None


def _accepted(conn: Connection, last: int) -> tuple[int, int] | None:
    """(seq, time) of the desk's last start. Queried only if something is wrong: the log has no index by type."""
    row = conn.execute(
        select(LOG.c.seq, LOG.c.at)
        .where(LOG.c.type == DeskStarted.type, LOG.c.seq > last - RECENT)
        .order_by(LOG.c.seq.desc())
        .limit(1)
    ).first()
    return None if row is None else (int(row.seq), int(row.at))


def hold(tx: Transaction, reason: str) -> bool:
    """Stop the desk because of its log: nothing is accepted or sent. Returns False if it is held for that already."""
    desk = gate_queries.desk(tx)
    if desk.stopped_at is not None and desk.stopped_by == LOG_CHECK:
        return False
    tx.write(
        update(DESK)
        .where(DESK.c.id == 1)
        .values(stopped_at=tx.now, stopped_by=LOG_CHECK, stop_reason=reason, start_votes=[])
    )
    tx.emit(DeskStopped(actor=str(SYSTEM), reason=reason, in_flight=0))
    return True


def quick_check(conn: Connection) -> str | None:
    """What SQLite finds wrong with the pages of its file, in a line; None if nothing, and for PostgreSQL.

    Reads the whole file.
    """
    if conn.dialect.name != "sqlite":
        return None
    found = str(conn.execute(text("PRAGMA quick_check(1)")).scalar())
    return None if found == "ok" else " ".join(found.split())[:200]


def require_readable(conn: Connection) -> None:
    """Check the database file. Raises `Unavailable` if it is damaged: every further write would damage it more."""
    found = quick_check(conn)
    if found is not None:
        raise Unavailable(f"the database file is damaged ({found}); restore a backup, then: postroom audit verify")

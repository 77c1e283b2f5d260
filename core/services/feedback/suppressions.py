"""Suppression list: addresses that must not receive mail. Entries come from operators, CSV imports and feedback.

One role removes entries, with a reason.

No verb deletes a record: it ends (`removed_at`, `expires_at`), so that it can always be explained why an address was or
was not mailed. Adding an entry that is already covered changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, or_, select, update

from core.db.queries.agents import filtered_suppressions, shown_suppressions
from core.db.tables import STREAM, SUPPRESSION
from core.db.transaction import Transaction
from core.durations import read_stamp
from core.errors import Invalid, NotFound
from core.events import SuppressionAdded, SuppressionRemoved
from core.filters import Want
from core.model import EVERY_CLASS, SYSTEM, Actor
from core.rules import addresses, class_list
from core.rules.roles import Verb
from core.services import access
from core.services.context import require_reason, stream_named
from core.services.feedback import csv_io
from core.services.feedback.csv_io import BadRow, Cells, Imported, RowBatch
from core.views.agents import SuppressionRow

MANUAL: Final = "manual"
IMPORTED: Final = "imported"
LONGEST_CAUSE: Final = 100
LONGEST_REASON: Final = 300
PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Subjects:
    """What caused a suppression, for its event; all None if a person added it."""

    message: int | None = None
    mailbox: int | None = None
    agent: int | None = None
    run: int | None = None
    stream: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One address that must not be mailed.

    `stream` is a domain; None suppresses it on every stream. Without `expires_at` it is permanent. `classes` is `*` or
    a comma-separated list of the content classes that it blocks.

    `reason` is free text from the person who adds it. It stays in the record, where erasure reaches it, and out of the
    log.
    """

    address: str
    stream: str | None = None
    cause: str = MANUAL
    source: str = "operator"
    reason: str | None = None
    expires_at: int | None = None
    classes: str = EVERY_CLASS


# --- verbs --------------------------------------------------------------------------------------------------------


def add(tx: Transaction, entry: Entry, *, actor: Actor) -> int | None:
    """Suppress an address; return the record's id, None if a record already covers it.

    Raises `Forbidden`, `Invalid`, `NotFound` (no such stream).
    """
    actor = access.require(tx, actor, Verb.SUPPRESS)
    address = addresses.parse_address(entry.address).normalised
    if entry.expires_at is not None and entry.expires_at <= tx.now:
        raise Invalid("the suppression would end before it begins", problems=(("expires_at", "is in the past"),))
    stream_id = stream_named(tx, entry.stream).id if entry.stream else None
    return suppress(
        tx, address, stream_id=stream_id, classes=class_list.scope(entry.classes), cause=entry.cause,
        source=entry.source, expires_at=entry.expires_at, reason=_why(entry.reason), actor=actor,
    )  # fmt: skip


def suppress(
    tx: Transaction,
    address: str,
    *,
    stream_id: int | None,
    cause: str,
    source: str,
    actor: Actor,
    classes: str = EVERY_CLASS,
    expires_at: int | None = None,
    reason: str | None = None,
    about: Subjects | None = None,
) -> int | None:
    """Add a suppression, from an operator or from feedback; `address` is normalised. None if it is already covered."""
    if _covering(tx, address, stream_id=stream_id, classes=classes, until=expires_at):
        return None
    about = about or Subjects(stream=stream_id)
    record = tx.create(
        SUPPRESSION,
        {
            "address": address,
            "stream_id": stream_id,
            "classes": classes,
            "cause": cause,
            "source": source,
            "reason": reason,
            "message_id": about.message,
            "added_by": str(actor),
            "added_at": tx.now,
            "expires_at": expires_at,
        },
    )
    tx.emit(
        SuppressionAdded(
            actor=str(actor), message=about.message, mailbox=about.mailbox, agent=about.agent, run=about.run,
            stream=about.stream, suppression=record, cause=cause, classes=classes, expires_at=expires_at,
        )
    )  # fmt: skip
    return record


def remove(tx: Transaction, address: str, *, reason: str, actor: Actor, stream: str | None = None) -> int:
    """End every record of an address, or those of one stream; return how many. Raises `Forbidden`, `NotFound`."""
    actor = access.require(tx, actor, Verb.UNSUPPRESS)
    why = require_reason(reason)
    c = SUPPRESSION.c
    in_force = select(c.id, c.stream_id).where(
        c.address == addresses.parse_address(address).normalised,
        c.removed_at.is_(None),
        or_(c.expires_at.is_(None), c.expires_at > tx.now),
    )
    rows = tx.all(in_force if stream is None else in_force.where(c.stream_id == stream_named(tx, stream).id))
    if not rows:
        raise NotFound("this address is not suppressed", fix="postroom suppress list shows what is")
    tx.write(update(SUPPRESSION).where(c.id.in_([row.id for row in rows])).values(removed_at=tx.now))
    for row in rows:
        tx.emit(SuppressionRemoved(actor=str(actor), stream=row.stream_id, suppression=row.id, reason=why))
    return len(rows)


LISTED: Final = "listed_by_provider"
LIFTED: Final = ("unsubscribed", "bounced", LISTED)
"""Causes that a provider may lift: never a complaint, which its recipient made."""


def lift(tx: Transaction, address: str, *, source: str, reason: str) -> int:
    """End the suppressions that came from a provider which mails the address again, and no others; return how many."""
    c = SUPPRESSION.c
    rows = tx.all(
        select(c.id, c.stream_id).where(
            c.address == address, c.source == source, c.cause.in_(LIFTED), c.removed_at.is_(None)
        )
    )
    if rows:
        tx.write(update(SUPPRESSION).where(c.id.in_([row.id for row in rows])).values(removed_at=tx.now))
    for row in rows:
        tx.emit(SuppressionRemoved(actor=str(SYSTEM), stream=row.stream_id, suppression=row.id, reason=reason))
    return len(rows)


# --- CSV ----------------------------------------------------------------------------------------------------------


def read_rows(rows: Iterable[tuple[int, Cells]]) -> RowBatch[Entry]:
    """Read one batch of a list whose lines were split into cells elsewhere."""
    return csv_io.batch(rows, read=_entry)


def import_batch(tx: Transaction, batch: RowBatch[Entry], *, actor: Actor) -> Imported:
    """Add one batch of a list as one event with its count. Raises `Forbidden`."""
    actor = access.require(tx, actor, Verb.SUPPRESS)
    domains = {entry.stream for _, entry in batch.rows if entry.stream}
    existing = {
        row.domain: row.id for row in tx.all(select(STREAM.c.id, STREAM.c.domain).where(STREAM.c.domain.in_(domains)))
    }
    bad = list(batch.bad)
    fresh: dict[tuple[str, int | None, str], dict[str, Any]] = {}
    covered = 0
    for line, entry in batch.rows:
        if entry.stream and entry.stream not in existing:
            bad.append(BadRow(line, f"there is no stream {entry.stream}"))
        elif entry.expires_at is not None and entry.expires_at <= tx.now:
            bad.append(BadRow(line, "it has expired already"))
        else:
            stream_id = existing[entry.stream] if entry.stream else None
            key = (entry.address, stream_id, entry.classes)
            covering = _covering(
                tx, entry.address, stream_id=stream_id, classes=entry.classes, until=entry.expires_at
            )  # fmt: skip
            if key in fresh or covering:
                covered += 1
            else:
                fresh[key] = _row(tx, entry, stream_id=stream_id, actor=actor)
    _add_all(tx, list(fresh.values()), actor=actor)
    return Imported(len(fresh), covered, tuple(bad))


def listed(
    conn: Connection,
    *,
    now: int,
    address: str | None = None,
    wants: Sequence[Want] = (),
    after: int = 0,
    limit: int = PAGE,
) -> list[SuppressionRow]:
    """List active records after id `after` in the order of insertion, of one address or of all.

    `wants` is a filter by `SUPPRESSION_FIELDS`.
    """
    c = SUPPRESSION.c
    statement = (
        shown_suppressions()
        .where(*filtered_suppressions(wants, now=now))
        .where(c.id > after, c.removed_at.is_(None), or_(c.expires_at.is_(None), c.expires_at > now))
        .order_by(c.id)
        .limit(limit)
    )
    if address is not None:
        statement = statement.where(c.address == addresses.parse_address(address).normalised)
    return [SuppressionRow(**row._asdict()) for row in conn.execute(statement)]


# --- helpers ------------------------------------------------------------------------------------------------------


def _covering(tx: Transaction, address: str, *, stream_id: int | None, classes: str, until: int | None) -> bool:
    """Return whether an active record covers at least the same streams, classes and time."""
    c = SUPPRESSION.c
    as_long = c.expires_at.is_(None) if until is None else or_(c.expires_at.is_(None), c.expires_at >= until)
    rows = tx.all(
        select(c.classes).where(
            c.address == address,
            c.removed_at.is_(None),
            as_long,
            c.stream_id.is_(None) if stream_id is None else or_(c.stream_id.is_(None), c.stream_id == stream_id),
        )
    )
    covered = {*classes.split(",")}
    return any(row.classes == EVERY_CLASS or covered <= {*row.classes.split(",")} for row in rows)


def _entry(cells: Cells) -> Entry:
    if "address" not in cells:
        raise Invalid("it has no address")
    return Entry(
        address=addresses.parse_address(cells["address"]).normalised,
        stream=cells["stream"].lower() if "stream" in cells else None,
        cause=cells.get("cause", IMPORTED)[:LONGEST_CAUSE],
        source=cells.get("source", IMPORTED)[:LONGEST_CAUSE],
        reason=_why(cells.get("reason")),
        expires_at=read_stamp(cells["expires_at"]) if "expires_at" in cells else None,
        classes=class_list.scope(cells.get("classes", EVERY_CLASS)),
    )


def _why(reason: str | None) -> str | None:
    return (reason or "").strip()[:LONGEST_REASON] or None


def _row(tx: Transaction, entry: Entry, *, stream_id: int | None, actor: Actor) -> dict[str, Any]:
    return {
        "address": entry.address,
        "stream_id": stream_id,
        "classes": entry.classes,
        "cause": entry.cause,
        "source": entry.source,
        "reason": entry.reason,
        "message_id": None,
        "added_by": str(actor),
        "added_at": tx.now,
        "expires_at": entry.expires_at,
        "removed_at": None,
    }


def _add_all(tx: Transaction, rows: Sequence[dict[str, Any]], *, actor: Actor) -> None:
    if rows:
        first = tx.create(SUPPRESSION, rows[0])
        tx.add_all(SUPPRESSION, rows[1:])
        tx.emit(SuppressionAdded(actor=str(actor), suppression=first, cause=IMPORTED, count=len(rows)))

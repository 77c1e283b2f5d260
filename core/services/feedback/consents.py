"""Consent records: which recipients agreed to receive mail, on what basis, and when they withdrew.

Only owners and the lists they import write here. Agents never do; otherwise consent would be whatever an agent claims.
Nothing is deleted: a withdrawal sets a time on the record, and a later consent is a new record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from core.db.tables import CONSENT, STREAM
from core.db.transaction import Transaction
from core.durations import read_stamp
from core.errors import Invalid, NotFound
from core.events import ConsentRecorded, ConsentWithdrawn
from core.model import EVERY_CLASS, Actor
from core.rules import addresses, class_list, consent
from core.rules.consent import Basis
from core.rules.roles import Verb
from core.services import access
from core.services.context import require_reason, stream_named
from core.services.feedback import csv_io
from core.services.feedback.csv_io import BadRow, Cells, Imported, RowBatch

LONGEST_SOURCE: Final = 200
REGION: Final = 6
PAGE: Final = 100
MILLISECOND: Final = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One basis for writing to a recipient.

    `subject` is an address or a domain, `scope` is `*` or a comma-separated list of content classes. `given_at` None
    means now. `stream` is a domain; None means every stream.
    """

    subject: str
    basis: str
    source: str
    scope: str = EVERY_CLASS
    region: str | None = None
    stream: str | None = None
    given_at: int | None = None
    expires_at: int | None = None
    withdrawn_at: int | None = None


@dataclass(frozen=True, slots=True)
class ConsentView:
    """A consent record as shown to operators. `stream` is None if it applies to the whole desk."""

    id: int
    subject: str
    stream: str | None
    basis: str
    scope: str
    source: str
    region: str | None
    given_at: int
    expires_at: int | None
    withdrawn_at: int | None
    added_by: str


# --- verbs --------------------------------------------------------------------------------------------------------


def add(tx: Transaction, entry: Entry, *, actor: Actor) -> int:
    """Record consent; return the record's id. Raises `Forbidden`, `Invalid`, `NotFound` (no such stream)."""
    actor = access.require(tx, actor, Verb.CONSENT_ADD)
    read = _read(entry)
    stream_id = stream_named(tx, read.stream).id if read.stream else None
    values = _row(tx, read, stream_id=stream_id, actor=actor)
    record = tx.create(CONSENT, values)
    tx.emit(ConsentRecorded(actor=str(actor), stream=stream_id, consent=record, basis=read.basis))
    return record


def withdraw(
    tx: Transaction, subject: str, *, actor: Actor, reason: str | None = None, stream: str | None = None
) -> int:
    """Withdraw a recipient's consent, everywhere or on one stream; return the number of records withdrawn.

    Every role that may tighten may do this. Raises `Forbidden`, `Invalid`, `NotFound`.
    """
    actor = access.require(tx, actor, Verb.CONSENT_WITHDRAW)
    why = require_reason(reason) if reason is not None else None
    c = CONSENT.c
    in_force = select(c.id, c.stream_id).where(c.subject == subject_of(subject), c.withdrawn_at.is_(None))
    rows = tx.all(in_force if stream is None else in_force.where(c.stream_id == stream_named(tx, stream).id))
    if not rows:
        raise NotFound(
            "there is no consent of theirs to withdraw", fix="postroom suppress add keeps every mail from them"
        )
    tx.write(update(CONSENT).where(c.id.in_([row.id for row in rows])).values(withdrawn_at=tx.now))
    for row in rows:
        tx.emit(ConsentWithdrawn(actor=str(actor), stream=row.stream_id, consent=row.id, reason=why))
    return len(rows)


# --- CSV ----------------------------------------------------------------------------------------------------------


def read_rows(rows: Iterable[tuple[int, Cells]]) -> RowBatch[Entry]:
    """Read one batch of a list whose lines were split into cells elsewhere."""
    return csv_io.batch(rows, read=_entry)


def import_batch(tx: Transaction, batch: RowBatch[Entry], *, actor: Actor) -> Imported:
    """Record one batch of a list as one event with its count. A row imported again adds nothing. Raises `Forbidden`."""
    actor = access.require(tx, actor, Verb.CONSENT_ADD)
    domains = {entry.stream for _, entry in batch.rows if entry.stream}
    streams = {row.domain: row.id for row in tx.all(select(STREAM).where(STREAM.c.domain.in_(domains)))}
    bad = list(batch.bad)
    rows: list[dict[str, Any]] = []
    existing = 0
    for line, entry in batch.rows:
        if entry.stream and entry.stream not in streams:
            bad.append(BadRow(line, f"there is no stream {entry.stream}"))
            continue
        try:
            row = _row(tx, entry, stream_id=streams[entry.stream] if entry.stream else None, actor=actor)
        except Invalid as wrong:
            bad.append(BadRow(line, wrong.reason))
            continue
        if entry.given_at is not None and (row in rows or _known(tx, row)):
            existing += 1
        else:
            rows.append(row)
    if rows:
        first = tx.create(CONSENT, rows[0])
        tx.add_all(CONSENT, rows[1:])
        tx.emit(ConsentRecorded(actor=str(actor), consent=first, basis=rows[0]["basis"], count=len(rows)))
    return Imported(len(rows), existing, tuple(bad))


def listed(conn: Connection, *, subject: str | None = None, after: int = 0, limit: int = PAGE) -> list[ConsentView]:
    """List records after id `after` in the order of insertion, of one subject or of all."""
    statement = (
        select(CONSENT, STREAM.c.domain.label("stream"))
        .outerjoin(STREAM, STREAM.c.id == CONSENT.c.stream_id)
        .where(CONSENT.c.id > after)
        .order_by(CONSENT.c.id)
        .limit(limit)
    )
    if subject is not None:
        statement = statement.where(CONSENT.c.subject == subject_of(subject))
    return [_view(row) for row in conn.execute(statement)]


def subject_of(text: str) -> str:
    """Normalise an address or a domain (`example.com`, `@example.com`) as stored in records. Raises `Invalid`."""
    text = text.strip()
    local, _, domain = text.rpartition("@")
    if local:
        return addresses.parse_address(text).normalised
    return addresses.parse_address(f"any@{domain}").domain_ascii


# --- helpers ------------------------------------------------------------------------------------------------------


def _read(entry: Entry) -> Entry:
    """Validate and normalise an entry. Raises `Invalid`."""
    if not entry.source.strip():
        raise Invalid("consent needs its source: where and how it was given", problems=(("source", "is empty"),))
    return Entry(
        subject=subject_of(entry.subject),
        basis=consent.read_basis(entry.basis).value,
        source=entry.source.strip()[:LONGEST_SOURCE],
        scope=class_list.scope(entry.scope),
        region=_region(entry.region),
        stream=entry.stream.strip().lower() if entry.stream else None,
        given_at=entry.given_at,
        expires_at=entry.expires_at,
        withdrawn_at=entry.withdrawn_at,
    )


def _region(text: str | None) -> str | None:
    code = text.strip().upper() if text else ""
    if not code:
        return None
    if len(code) > REGION or not code.replace("-", "").isalnum() or not code.isascii():
        raise Invalid(f"{code[:REGION]!r} is not a region", fix="write an ISO 3166 code: DE, US, CA-QC, or EU, UK")
    return code


def _entry(cells: Cells) -> Entry:
    if "subject" not in cells:
        raise Invalid("it has no subject")
    return _read(
        Entry(
            subject=cells["subject"],
            basis=cells.get("basis", ""),
            source=cells.get("source", ""),
            scope=cells.get("scope", EVERY_CLASS),
            region=cells.get("region"),
            stream=cells.get("stream"),
            given_at=_time(cells, "given_at"),
            expires_at=_time(cells, "expires_at"),
            withdrawn_at=_time(cells, "withdrawn_at"),
        )
    )


def _time(cells: Cells, name: str) -> int | None:
    return read_stamp(cells[name]) if name in cells else None


def _row(tx: Transaction, entry: Entry, *, stream_id: int | None, actor: Actor) -> dict[str, Any]:
    given_at = tx.now if entry.given_at is None else entry.given_at
    if given_at > tx.now:
        raise Invalid("consent cannot be given in the future", problems=(("given_at", "is in the future"),))
    return {
        "subject": entry.subject,
        "stream_id": stream_id,
        "basis": Basis(entry.basis).value,
        "scope": entry.scope,
        "source": entry.source,
        "region": entry.region,
        "given_at": given_at,
        "expires_at": entry.expires_at,
        "withdrawn_at": entry.withdrawn_at,
        "added_by": str(actor),
    }


def _known(tx: Transaction, row: dict[str, Any]) -> bool:
    c = CONSENT.c
    same = (c[name].is_not_distinct_from(row[name]) for name in ("subject", "stream_id", "basis", "scope"))
    # An export has millisecond precision; a row re-imported from one must match the stored record.
    when = c.given_at.between(row["given_at"] - MILLISECOND, row["given_at"] + MILLISECOND)
    return tx.one(select(c.id).where(*same, when)) is not None


def _view(row: Row[Any]) -> ConsentView:
    return ConsentView(**{name: getattr(row, name) for name in ConsentView.__dataclass_fields__})

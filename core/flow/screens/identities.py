"""Identities: what a request lacks, who has signed, who must still sign and affirm what; keys and their ends."""

from __future__ import annotations

from dataclasses import dataclass

from core.flow import records
from core.ledger import people
from core.ledger.people import MailboxRecord, SignoffFacts, TokenRecord
from core.ledger.transaction import Transaction
from core.ledger.views import agents as rows
from core.ledger.views.agents import KeyRow
from core.rules import issuance
from core.rules.issuance import Item, Kind


@dataclass(frozen=True, slots=True)
class Waiting:
    """One signature that is still owed, by which role, and what it affirms."""

    kind: Kind
    role: str
    checklist: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity. `missing`: fields to be filled before anybody may sign; `stuck`: why nobody ever can."""

    record: MailboxRecord
    missing: tuple[str, ...]
    stuck: str | None
    signed: tuple[SignoffFacts, ...]
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class IdentitiesView:
    """Requests first, then a page of the others; the next begins `after` an address, None on the last."""

    requests: tuple[Identity, ...]
    identities: tuple[Identity, ...]
    after: str | None
    keys: tuple[KeyRow, ...]
    tokens: tuple[TokenRecord, ...]


def view(tx: Transaction, *, after: str = "", limit: int = people.PAGE) -> IdentitiesView:
    """Requests, keys and tokens are read with the first page only."""
    first = after == ""
    found = people.mailboxes(tx.conn, after=after, limit=limit + 1)
    shown = found[:limit]
    requests = people.mailboxes(tx.conn, status="requested") if first else []
    return IdentitiesView(
        requests=tuple(identity(tx, one) for one in requests),
        identities=tuple(identity(tx, one) for one in shown if one.status != "requested"),
        after=shown[-1].address if len(found) > limit else None,
        keys=tuple(rows.keys(tx.conn)) if first else (),
        tokens=tuple(people.tokens_alive(tx.conn, now=tx.now)) if first else (),
    )


def identity(tx: Transaction, record: MailboxRecord) -> Identity:
    """One record with its signatures."""
    asked = records.as_request(record)
    open_ = record.status == "requested"
    owed = issuance.waiting_for(asked, records.signatures(tx, record)) if open_ else ()
    return Identity(
        record=record,
        missing=issuance.missing(asked) if open_ else (),
        stuck=issuance.stuck(asked) if open_ else None,
        signed=people.signoffs(tx.conn, record.id),
        waiting=tuple(Waiting(kind, kind.role.value, issuance.CHECKLISTS[kind]) for kind in owed),
    )

"""Signatures that an identity still needs, and which operators can give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.db import directory
from core.db.directory import MailboxRecord
from core.db.transaction import Transaction
from core.rules import issuance
from core.rules.issuance import Kind, Request, Signoff
from core.services.identity import mailbox_record


@dataclass(frozen=True, slots=True)
class Owed:
    """A missing signature. `may`: the operators who can give it; if empty, add one first."""

    kind: Kind
    may: tuple[str, ...]


def owed(tx: Transaction, record: MailboxRecord) -> tuple[Owed, ...]:
    """Return the signatures that the record waits for, in the order of the three. Empty if it is vetoed or ended."""
    if record.status not in ("requested", "active"):
        return ()
    return of_request(tx, mailbox_record.as_request(record), mailbox_record.signatures(tx, record))


def of_request(tx: Transaction, request: Request, signed: Sequence[Signoff]) -> tuple[Owed, ...]:
    """Return the signatures that a request waits for, beside those it has."""
    staff = [
        one.actor
        for one in directory.operators(tx.conn)
        if one.disabled_at is None and one.claimed and not one.expired(tx.now)
    ]
    return tuple(
        Owed(kind, issuance.signers(kind, staff, request=request, earlier=[one for one in signed if one.approved]))
        for kind in issuance.waiting_for(request, signed)
    )

"""Sign or veto what waits for an address: the request for the mailbox or, once that is active, a widening.

The API, the command line and the console all sign through here, so that everything is signed in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.db import signoff_queries
from core.db.directory import MailboxRecord
from core.db.signoff_queries import WideningFacts
from core.db.transaction import Transaction
from core.model import Actor
from core.rules.issuance import Kind
from core.services.identity import mailbox_record, mailboxes, widenings
from core.services.identity.sender_checks import Lookups
from core.services.identity.signoff_checklists import Sheet


def to_sign(tx: Transaction, address: str, kind: Kind, *, actor: Actor, lookups: Lookups | None = None) -> Sheet:
    """Return what this person would sign. Raises as `sign` does."""
    record, asked = _waiting(tx, address)
    if asked is not None:
        return widenings.to_sign(tx, record, asked, kind, actor=actor, lookups=lookups)
    return mailboxes.to_sign(tx, address, kind, actor=actor, lookups=lookups)


def sign(
    tx: Transaction,
    address: str,
    kind: Kind,
    *,
    actor: Actor,
    affirmed: Collection[str] = (),
    overrides: Mapping[str, str] | None = None,
    reason: str | None = None,
    lookups: Lookups | None = None,
    digest: str | None = None,
) -> MailboxRecord:
    """Sign, having gone through the checklist. Raises as `mailboxes.sign` does."""
    record, asked = _waiting(tx, address)
    if asked is not None:
        return widenings.sign(
            tx, record, asked, kind, actor=actor, affirmed=affirmed, overrides=overrides, reason=reason,
            lookups=lookups, digest=digest,
        )  # fmt: skip
    return mailboxes.sign(
        tx, address, kind, actor=actor, affirmed=affirmed, overrides=overrides, reason=reason, lookups=lookups,
        digest=digest,
    )  # fmt: skip


def veto(tx: Transaction, address: str, kind: Kind, *, actor: Actor, reason: str) -> MailboxRecord:
    """Veto, which ends the request and changes nothing else. Raises as `mailboxes.veto` does."""
    record, asked = _waiting(tx, address)
    if asked is not None:
        return widenings.veto(tx, record, asked, kind, actor=actor, reason=reason)
    return mailboxes.veto(tx, address, kind, actor=actor, reason=reason)


def _waiting(tx: Transaction, address: str) -> tuple[MailboxRecord, WideningFacts | None]:
    record = mailbox_record.found(tx, address)
    if not mailbox_record.alive(tx, record):
        return record, None
    return record, signoff_queries.open_widening(tx.conn, record.id)

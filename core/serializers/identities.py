"""Mailboxes: the record of an identity, its signatures, given and pending, its checklist, and its status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from core.db import signoff_queries
from core.durations import SECOND, spell, when
from core.rules import issuance
from core.services import context
from core.services.identity import mailbox_record, missing_signoffs, widenings

if TYPE_CHECKING:  # type checking only: commands start faster
    from core.db.directory import MailboxRecord
    from core.db.signoff_queries import SignoffFacts, WideningFacts
    from core.db.transaction import Transaction
    from core.model import Limit
    from core.rules.policy import Policy
    from core.services.audit.status import MailboxStanding
    from core.services.identity.mailboxes import Filed
    from core.services.identity.signoff_checklists import Sheet

STANDING: Final = (
    "address", "display_name", "agent", "stream", "status", "oversight_mode", "pending_expiry",
    "pending_expiry_seconds", "approval_webhook", "classes", "allow", "expires_at", "updated_at",
)  # fmt: skip
"""What an agent may see of its own mailbox's record: not who is responsible for it, nor why it was approved."""


def identity(tx: Transaction, record: MailboxRecord) -> dict[str, Any]:
    """An identity as operators see it: its whole record except secrets, its signatures, given and pending."""
    requested = record.status == "requested"
    owed = missing_signoffs.owed(tx, record)
    more = signoff_queries.open_widening(tx.conn, record.id) if record.status == "active" else None
    return _record(record, context.current_policy(tx)[1]) | {
        "missing": [*issuance.missing(mailbox_record.as_request(record))] if requested else [],
        "waiting_for": [one.kind.value for one in owed] if requested else [],
        "must_sign": [{"kind": one.kind.value, "may": [*one.may]} for one in owed],
        "signoffs": [signoff(one) for one in signoff_queries.signoffs(tx.conn, record.id)],
        "widening": None if more is None else _widening(tx, record, more),
    }


def _widening(tx: Transaction, record: MailboxRecord, asked: WideningFacts) -> dict[str, Any]:
    """What the agent asks for beside what it has, and who must still sign it."""
    owed = widenings.owed(tx, record, asked)
    return {
        "reason": asked.reason,
        "changes": widenings.changes(record, asked),
        "limits": asked.limits,
        "classes": asked.classes,
        "allow": asked.allow,
        "filed_at": when(asked.filed_at),
        "record_digest": widenings.proposed(record, asked).digest,
        "waiting_for": [one.kind.value for one in owed],
        "must_sign": [{"kind": one.kind.value, "may": [*one.may]} for one in owed],
        "signoffs": [signoff(one) for one in widenings.signatures(tx, record, asked)],
    }


def filed(tx: Transaction, one: Filed) -> dict[str, Any]:
    """An identity that was just requested. `stuck`: why it cannot be signed as it stands."""
    return identity(tx, one.record) | {"missing": [*one.missing], "stuck": one.stuck}


def identities_page(tx: Transaction, rows: Sequence[MailboxRecord], *, limit: int) -> dict[str, Any]:
    """A page of at most `limit` rows; an extra row means that another page follows."""
    return {
        "mailboxes": [identity(tx, one) for one in rows[:limit]],
        "next_cursor": rows[limit - 1].address if len(rows) > limit else None,
    }


def _record(one: MailboxRecord, policy: Policy) -> dict[str, Any]:
    waits = mailbox_record.waits(one, policy)
    return {
        "address": one.address,
        "display_name": one.display_name,
        "agent": one.agent,
        "agent_status": one.agent_status,
        "stream": one.domain,
        "status": one.status,
        "oversight_mode": one.mode,
        "mode_since": when(one.mode_since),
        "pending_expiry": spell(waits),
        "pending_expiry_seconds": waits // SECOND,
        "purpose": one.purpose,
        "owner": one.owner,
        "system_owner": one.system_owner,
        "systems": one.systems,
        "users": one.users,
        "standing_reason": one.standing_reason,
        "revoke_when": one.revoke_when,
        "stores_or_forwards": one.stores_or_forwards,
        "governance_reviewer": one.governance_reviewer,
        "classes": [*one.classes],
        "allow": [*one.allow],
        "limits": {name: getattr(one, f"limit_{name}") for name in mailbox_record.LIMITS},
        "approval_webhook": one.webhook_url,
        "webhook_events": [*one.webhook_events] if one.webhook_events is not None else None,
        "requested_by": one.requested_by,
        "requested_at": when(one.requested_at),
        "activated_at": when(one.activated_at),
        "expires_at": when(one.expires_at),
        "retired_at": when(one.retired_at),
        "updated_at": when(one.updated_at),
        "record_digest": one.digest,
    }


def signoff(one: SignoffFacts) -> dict[str, Any]:
    """One signature or veto, with the desk's findings and what its signer affirmed."""
    return {
        "kind": one.kind,
        "operator": one.operator,
        "approved": one.approved,
        "checklist": one.checklist,
        "findings": one.findings,
        "reasons": one.reasons,
        "reason": one.reason,
        "record_digest": one.record_digest,
        "shown_digest": one.shown_digest,
        "at": when(one.at),
    }


def checklist(one: Sheet) -> dict[str, Any]:
    """What a signer is shown: each item with the desk's finding; `found` is null if it cannot tell.

    `widening`: an active mailbox's agent asks for more, and the record is as it would be.
    """
    return {
        "address": one.record.address,
        "kind": one.kind.value,
        "record_digest": one.record.digest,
        "shown_digest": one.digest,
        "widening": one.widening,
        "checklist": [
            {"item": item.code, "sentence": item.sentence, "found": finding.found, "detail": finding.detail}
            for item, finding in one.items()
        ],
    }


# --- status -------------------------------------------------------------------------------------------------------


def standing(one: MailboxStanding) -> dict[str, Any]:
    """Mode, budgets left, suspension: what an agent may see of its own mailbox, and an operator of any."""
    record = _record(one.record, one.policy)
    hook = record["approval_webhook"]
    return {name: record[name] for name in STANDING} | {
        "approval_webhook": _origin(hook) if one.for_agent else hook,
        "suspended": None if one.suspended is None else {"error": "agent_suspended", "reason": one.suspended},
        "anomalies": [each.as_json() for each in one.anomalies],
        "pending": one.pending,
        "waiting": one.waiting,
        "budgets": [_budget(each) for each in one.budgets],
    }


def _budget(one: Limit) -> dict[str, Any]:
    return {
        "name": one.name,
        "used": one.used,
        "limit": one.cap,
        "left": one.left,
        "window_seconds": one.window,
        "next_refill_at": when(one.next_at),
    }


def _origin(url: str | None) -> str | None:
    """A webhook's URL without user, path and query: they often contain the receiver's own secret."""
    return None if url is None else f"{urlsplit(url).scheme}://{urlsplit(url).netloc.rpartition('@')[2]}"

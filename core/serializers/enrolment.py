"""An agent's request for a mailbox or for more, as the agent sees it: roles, decisions, the next step; no names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.durations import when
from core.services.identity import mailbox_record
from core.services.identity.enrolment_progress import POLL_SECONDS

if TYPE_CHECKING:
    from core.db.directory import MailboxRecord
    from core.services.identity.enrolment_progress import Progress


def request(one: Progress) -> dict[str, Any]:
    """A request and how it stands. `asks`, of a widening: what it asks for beside what the mailbox has."""
    asks = one.more
    return {
        "id": one.id,
        "kind": "mailbox" if asks is None else "widening",
        "agent": one.agent,
        "address": one.address,
        "status": one.state,
        "filed_at": when(one.filed_at),
        "waiting_for": [kind.value for kind in one.waiting_for],
        "decided": [
            {
                "role": each.kind,
                "decision": "approved" if each.approved else "vetoed",
                "reason": None if each.approved else each.reason,
                "at": when(each.at),
            }
            for each in one.decided
        ],
        "mailbox": None if one.record is None else _mailbox(one.record),
        "asks": None if asks is None else {"limits": asks.limits, "classes": asks.classes, "allow": asks.allow},
        "claim_until": when(one.claim_until),
        "claimed_at": when(one.claimed_at),
        "next_step": one.next_step,
        "poll_seconds": POLL_SECONDS if one.state == "waiting" else None,
    }


def _mailbox(record: MailboxRecord) -> dict[str, Any]:
    return {
        "oversight_mode": record.mode,
        "classes": [*record.classes],
        "allow": [*record.allow],
        "limits": {name: getattr(record, f"limit_{name}") for name in mailbox_record.LIMITS},
        "expires_at": when(record.expires_at),
    }

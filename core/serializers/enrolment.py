"""An agent's request for a mailbox, as the agent sees it: roles, decisions and the next step; no names of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.durations import when
from core.services.identity import mailbox_record
from core.services.identity.enrolment_progress import POLL_SECONDS

if TYPE_CHECKING:
    from core.services.identity.enrolment_progress import Progress


def request(one: Progress) -> dict[str, Any]:
    """A request and how it stands; what was asked for only while it is the record that people see."""
    asked, record = one.request, one.request.record
    shown = asked.current
    return {
        "id": asked.id,
        "agent": asked.token.agent,
        "address": record.address,
        "status": one.state,
        "filed_at": when(asked.row.filed_at),
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
        "oversight_mode": record.mode if shown else None,
        "classes": [*record.classes] if shown else [],
        "allow": [*record.allow] if shown else [],
        "limits": {name: getattr(record, f"limit_{name}") for name in mailbox_record.LIMITS} if shown else {},
        "expires_at": when(record.expires_at) if shown else None,
        "claim_until": when(one.claim_until),
        "claimed_at": when(asked.row.claimed_at),
        "next_step": one.next_step,
        "poll_seconds": POLL_SECONDS if one.state == "waiting" else None,
    }

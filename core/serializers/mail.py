"""Messages and held actions, decisions about them, the runs they came from and the lanes they wait in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.durations import when

if TYPE_CHECKING:
    from core.model import Actor
    from core.services.sending.review import DecisionResult
    from core.services.sending.runs import Confirmed, RunView
    from core.views.lanes import LaneRow
    from core.views.message import MessageView, RecipientView, ReviewView


def message(one: MessageView, status: Mapping[str, Any]) -> dict[str, Any]:
    """A message as a reviewer reads it: `status` is what GET /emails/{id} answers (services/audit/status.py)."""
    return {
        "id": one.spelled,
        **status,
        "agent": one.agent,
        "mailbox": one.mailbox,
        "stream": one.domain,
        "run": one.run.key if one.run else None,
        "user": one.run.user if one.run else None,
        "purpose": one.run.purpose if one.run else None,
        "targets": [*one.run.targets] if one.run else [],
        "body_preview": one.preview,
        "declared_class": one.declared_class,
        "size": one.size,
        "untraced": one.untraced,
        "policy_version": one.policy_version,
        "released_at": when(one.released_at),
        "final_at": when(one.final_at),
        "recipients": [
            {**stands, **_recipient(each)} for stands, each in zip(status["recipients"], one.recipients, strict=True)
        ],
        "review": None if one.review is None else review(one.review),
    }


def _recipient(one: RecipientView) -> dict[str, Any]:
    return {
        "waits_for": None if one.waits is None else one.waits.text,
        "until": when(one.waits.until) if one.waits is not None else None,
        "suppressed": one.suppressed,
        "first_contact": one.first_contact,
        "feedback_at": when(one.feedback_at),
    }


def review(one: ReviewView) -> dict[str, Any]:
    """A held action: why it is held, who opened it and who decided it."""
    return {
        "kind": one.kind,
        "status": one.status,
        "reasons": [{"code": reason.code, "text": reason.text} for reason in one.reasons],
        "needs": one.needs,
        "approvers": [*one.approvers],
        "opened_by": one.opened_by,
        "opened_at": when(one.opened_at),
        "decided_by": one.decided_by,
        "decided_at": when(one.decided_at),
        "reason": one.reason,
        "release_at": when(one.release_at),
        "expires_at": when(one.expires_at),
    }


def decision(item: str, one: DecisionResult, actor: Actor) -> dict[str, Any]:
    """The result of a decision: `decided` unless another person must confirm, `hurried` if it came too fast."""
    return {
        "id": item,
        "item": item,
        "status": one.status,
        "decided": one.status != "pending",
        "by": actor.name,
        "release_at": when(one.release_at),
        "approvals_missing": one.approvals_missing,
        "hurried": one.hurried,
    }


# --- runs ---------------------------------------------------------------------------------------------------------


def run(one: RunView) -> dict[str, Any]:
    """One execution of an agent. `id` is the agent's name for it, `number` the desk's."""
    return {
        "id": one.key,
        "number": one.id,
        "agent": one.agent,
        "agent_id": one.agent_id,
        "implicit": bool(one.implicit),
        "user": one.user,
        "via": [*one.via],
        "agent_version": one.agent_version,
        "prompt_version": one.prompt_version,
        "tools_version": one.tools_version,
        "purpose": one.purpose,
        "targets": [*one.targets],
        "opened_at": when(one.opened_at),
        "closed_at": when(one.closed_at),
        "accepted": one.accepted,
        "confirmed_up_to": one.confirmed_up_to,
        "confirmed_by": one.confirmed_by,
    }


def run_confirmed(agent: str, key: str, one: Confirmed) -> dict[str, Any]:
    """What a confirmation released. `still_pending`: held for another reason as well, or beyond `up_to`."""
    return {
        "agent": agent,
        "run": key,
        "up_to": one.up_to,
        "released": one.released,
        "still_pending": one.still_pending,
    }


def run_closed(agent: str, key: str, accepted: int) -> dict[str, Any]:
    """A closed run, and how many recipients it had."""
    return {"agent": agent, "run": key, "accepted": accepted}


# --- lanes --------------------------------------------------------------------------------------------------------


def lane(one: LaneRow) -> dict[str, Any]:
    """The queue of one mailbox towards one site, and what holds it back."""
    return {
        "id": one.id,
        "mailbox": one.mailbox,
        "agent": one.agent,
        "stream": one.stream,
        "domain": one.domain,
        "site": one.site,
        "depth": one.depth,
        "in_flight": one.in_flight,
        "next_at": when(one.next_at),
        "waits_for": one.waits_for,
        "failures": one.failures,
        "paused_by": one.paused_by,
        "paused_at": when(one.paused_at),
        "last_reply": one.last_reply,
        "last_reply_at": when(one.last_reply_at),
    }

"""How records are spelled as JSON: the same members whichever command shows them. Times are RFC 3339."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.durations import SECOND, spell, stamp
from core.ids import spell_id

if TYPE_CHECKING:  # every command spells something, and should not import all that others spell
    from core.db.directory import AgentFacts, MailboxRecord, OperatorFacts, SignoffFacts, TokenRecord
    from core.db.queries.lanes import LaneRow
    from core.db.queries.message import MessageView, RecipientView, ReviewView
    from core.rules.dns import DnsRecord
    from core.rules.policy import Policy
    from core.services.identity.checklists import Sheet
    from core.services.identity.streams import StreamFacts
    from core.services.sending.runs import RunView

LIMITS = ("run", "hour", "day", "new_recipients_day", "site_minute", "site_hour")


def when(at: int | None) -> str | None:
    """A time as programs and people read it."""
    return None if at is None else stamp(at)


def operator(one: OperatorFacts) -> dict[str, Any]:
    return {
        "name": one.name,
        "roles": [*one.roles],
        "unconfirmed": [*one.unconfirmed],
        "claimed": one.claimed,
        "token_expires_at": when(one.token_expires_at),
        "claim_expires_at": when(one.claim_expires_at),
        "added_by": one.added_by,
        "confirmed_by": one.confirmed_by,
        "disabled_at": when(one.disabled_at),
    }


def stream(one: StreamFacts) -> dict[str, Any]:
    return {
        "domain": one.domain,
        "route": one.route,
        "provider": one.provider,
        "protected": one.protected,
        "owners": [*one.owners],
        "organisation": one.organisation,
        "postal_address": one.postal_address,
        "unsubscribe_url": one.unsubscribe_url,
        "warm": bool(one.warm),
        "warm_cap": one.warm_cap,
        "active_slot": one.active_slot,
        "created_at": when(one.created_at),
        "first_sent_at": when(one.first_sent_at),
        "paused_at": when(one.paused_at),
        "paused_by": one.paused_by,
        "pause_reason": one.pause_reason,
        "backoff_until": when(one.backoff_until or None),
        "last_reply": one.last_reply,
        "connection_messages": one.connection_messages,
        "minute_messages": one.minute_messages,
        "spf": one.spf,
    }


def dns_record(one: DnsRecord) -> dict[str, Any]:
    return {
        "type": one.type,
        "name": one.name,
        "value": one.value,
        "purpose": one.purpose,
        "strings": list(one.strings) if one.type == "TXT" else [],
        "required": one.required,
        "state": one.state,
        "revoke_at": when(one.revoke_at),
        "remove_at": when(one.remove_at),
    }


def mailbox(one: MailboxRecord, policy: Policy) -> dict[str, Any]:
    waits = one.pending_expiry or policy.oversight.pending_expiry
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
        "limits": {name: getattr(one, f"limit_{name}") for name in LIMITS},
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


def sheet(one: Sheet) -> dict[str, Any]:
    """What whoever signs is shown: each item with what the desk found; `found` is null where it cannot tell."""
    return {
        "address": one.record.address,
        "kind": one.kind.value,
        "record_digest": one.record.digest,
        "shown_digest": one.digest,
        "checklist": [
            {"item": item.code, "sentence": item.sentence, "found": finding.found, "detail": finding.detail}
            for item, finding in one.items()
        ],
    }


def signoff(one: SignoffFacts) -> dict[str, Any]:
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


def agent(one: AgentFacts) -> dict[str, Any]:
    return {
        "name": one.name,
        "status": one.status,
        "created_at": when(one.created_at),
        "suspended_at": when(one.suspended_at),
        "suspended_by": one.suspended_by,
        "suspend_reason": one.suspend_reason,
        "suspend_figures": one.suspend_figures,
        "drilled_at": when(one.drilled_at),
        "drilled_by": one.drilled_by,
        "drill_failures": one.drill_failures,
    }


def token(one: TokenRecord) -> dict[str, Any]:
    return {
        "id": one.id,
        "agent": one.agent,
        "scopes": [*one.scopes],
        "test": bool(one.test),
        "run": one.run_key,
        "user": one.run_user,
        "parent": one.parent_id,
        "issued_at": when(one.issued_at),
        "issued_by": one.issued_by,
        "expires_at": when(one.expires_at),
        "revoked_at": when(one.revoked_at),
        "last_used_at": when(one.last_used_at),
    }


def run(one: RunView) -> dict[str, Any]:
    return {
        "id": one.key,
        "agent": one.agent,
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


def lane(one: LaneRow) -> dict[str, Any]:
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


def message(one: MessageView) -> dict[str, Any]:
    return {
        "id": one.spelled,
        "status": one.status,
        "kind": one.kind,
        "agent": one.agent,
        "mailbox": one.mailbox,
        "stream": one.domain,
        "run": one.run.key if one.run else None,
        "user": one.run.user if one.run else None,
        "purpose": one.run.purpose if one.run else None,
        "targets": [*one.run.targets] if one.run else [],
        "subject": one.subject,
        "body_preview": one.preview,
        "content_class": one.content_class,
        "declared_class": one.declared_class,
        "digest": one.digest,
        "rfc_message_id": one.rfc_message_id,
        "size": one.size,
        "test": one.test,
        "untraced": one.untraced,
        "tags": [*one.tags],
        "metadata": one.metadata,
        "policy_version": one.policy_version,
        "submitted_at": when(one.submitted_at),
        "send_at": when(one.send_at),
        "released_at": when(one.released_at),
        "final_at": when(one.final_at),
        "recipients": [_recipient(each) for each in one.recipients],
        "review": None if one.review is None else review(one.review),
    }


def review(one: ReviewView) -> dict[str, Any]:
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


def _recipient(one: RecipientView) -> dict[str, Any]:
    return {
        "address": one.given,
        "status": one.status,
        "reason": one.reason,
        "waits_for": None if one.waits is None else one.waits.text,
        "until": when(one.waits.until) if one.waits is not None else None,
        "suppressed": one.suppressed,
        "first_contact": one.first_contact,
        "attempts": one.attempts,
        "code": one.code,
        "enhanced": one.enhanced,
        "reply": one.reply,
        "sent_at": when(one.sent_at),
        "feedback": one.feedback,
        "feedback_at": when(one.feedback_at),
    }


def item_id(number: int, *, of_message: bool) -> str:
    """The id a pending action is decided by."""
    return spell_id("m" if of_message else "a", number)

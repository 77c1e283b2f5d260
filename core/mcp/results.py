"""HTTP answers as results of tools: what happened, and whether the model may send again.

A model obeys what it reads first, so each text begins with the outcome and the next step; the members follow as JSON.
Text that outsiders wrote comes last, in a fence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from core.mcp.local_request import Reply
from core.rules.inbound.fence import fence

Members = dict[str, Any]

HELD: Final = "Held for a person. Do not send it again; call email_status."
NEVER: Final = "never"
AFTER: Final = "after"
WITH_CHANGES: Final = "with_changes"

_AFTER: Final = frozenset({"rate_limited", "desk_stopped", "overloaded", "unavailable", "idempotency_in_progress"})
"""Refusals that pass with time."""
_WITH_CHANGES: Final = frozenset(
    {
        "invalid_request", "too_large", "recipients_suppressed", "not_allow_listed", "consent_required",
        "idempotency_mismatch", "not_found", "not_your_mailbox", "run_incomplete",
    }
)  # fmt: skip
"""Refusals because of the message, not because of its sender."""
_REPEATABLE: Final = frozenset({"failed", "rejected", "returned", "expired", "cancelled"})
"""Final states of mail that was not delivered and may not be sent again unchanged."""
_RECEIVERS: Final = frozenset({"sent", "failed", "deferred", "uncertain"})
"""States of a recipient that the receiving server decides: their reason is its reply, an outsider's text."""
_REPEATED: Final = ("subject", "tags", "metadata")
"""Members of a message that its agent wrote, perhaps from mail that it read."""
_NEXT: Final[Mapping[str, str]] = {
    NEVER: "Do not repeat this call.",
    AFTER: "Repeat this call later, unchanged.",
    WITH_CHANGES: "Repeat this call only with changes.",
}
_DROPPED: Final = frozenset({"type", "title", "status", "request_id"})
"""Members of a problem (RFC 9457) that repeat what others say."""
_ID: Final = re.compile(r"[a-z][0-9a-hjkmnp-tv-z]{13}")


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool answers: a text, the same as JSON, and whether it is an error."""

    text: str
    members: Members
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Fenced:
    """Texts of outsiders, each in a fence whose boundary nobody could know in advance."""

    nonce: str
    texts: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: object) -> None:
        """Fence a text, or something else as JSON, unless it is empty."""
        if value:
            text = value if isinstance(value, str) else orjson.dumps(value).decode()
            self.texts[name] = fence(text, self.nonce)


def told(lead: str, members: Members, outside: Fenced | None = None, *, is_error: bool = False) -> Result:
    """A result: what happened, the members, and then what outsiders wrote."""
    texts = outside.texts if outside is not None else {}
    parts = [lead, orjson.dumps(members).decode(), *texts.values()]
    return Result("\n".join(parts), members | ({"untrusted": dict(texts)} if texts else {}), is_error)


def outcome(reply: Reply, nonce: str) -> Result:
    """The result of a verb that sends: one shape for every outcome (`catalogue.OUTCOME`)."""
    if not reply.ok:
        return refused(reply)
    outside = Fenced(nonce)
    members = reply.body | {"resend": NEVER, "recipients": _recipients(reply.body, outside)}
    return told(_LEADS.get(str(members["status"]), _accepted)(members), members, outside)


def state(reply: Reply, nonce: str) -> Result:
    """The state of a message that was handed in, or of an action that waits for a person."""
    outside = Fenced(nonce)
    members = dict(reply.body)
    status = str(members["status"])
    if "recipients" in members:
        members["recipients"] = _recipients(members, outside)
    # A reply has the subject of the mail it answers, and all of these may repeat what a model has read.
    for name in _REPEATED:
        outside.add(name, members.pop(name, None))
    members["resend"] = WITH_CHANGES if status in _REPEATABLE else NEVER
    return told(_state_lead(status, members), members, outside)


def _state_lead(status: str, members: Members) -> str:
    if status == "pending":
        return HELD
    if status != "returned":
        return f"Status: {status}."
    comment = (members.get("decision") or {}).get("reason") or "no comment"
    again = members.get("revised_by")
    step = (
        f"You sent {again} instead." if again else "Correct it and send it again, with `revises` set to its message_id."
    )
    return f"Returned by a person, who wrote: {comment}\n{step}"


def held(reply: Reply) -> Result:
    """A read or a tag that is held for a person."""
    lead = f"{HELD} Once approved, this same call succeeds once within an hour."
    return told(lead, reply.body | {"resend": AFTER})


def refused(reply: Reply) -> Result:
    """A refusal: the error, the reason, what to do about it, and whether to try again."""
    body = reply.body
    error = str(body["error"])
    said = {name: value for name, value in body.items() if name not in _DROPPED}
    status = body["status"] if isinstance(body["status"], str) else "refused"
    return refusal(error, said | {"status": status})


def refusal(error: str, members: Members) -> Result:
    """A refusal with these members, of which `reason` is one."""
    known = "after" if error in _AFTER or members.get("retry_after_seconds") is not None else None
    resend = known or (AFTER if error == "internal" else WITH_CHANGES if error in _WITH_CHANGES else NEVER)
    full = {"error": error} | members | {"resend": resend}
    seconds = full.get("retry_after_seconds")
    step = f"Repeat this call after {seconds} seconds, unchanged." if seconds is not None else _NEXT[resend]
    fix = f" What helps: {full['fix']}." if full.get("fix") else ""
    return told(f"Refused ({error}): {full['reason']}.{fix} {step}", full, is_error=True)


def is_id(text: str) -> bool:
    """Whether a text is one of our IDs: only these may become part of a path."""
    return _ID.fullmatch(text) is not None


def _recipients(members: Members, outside: Fenced) -> list[Members]:
    """The recipients, without what the receiving servers wrote about them: that goes behind the fence."""
    shown, written = list[Members](), dict[str, str]()
    for one in members.get("recipients", []):
        kept = dict(one)
        texts = [kept.pop("reply", None)]
        if kept.get("status") in _RECEIVERS and "reply" not in one:
            texts.append(kept.pop("reason", None))
        if said := " ".join(text for text in texts if text):
            written[str(one["address"])] = said
        shown.append({name: value for name, value in kept.items() if value is not None})
    outside.add("replies", written)
    return shown


def _sent(members: Members) -> str:
    del members
    return "Sent: the receiving server accepted it."


def _pending(members: Members) -> str:
    del members
    return HELD


def _accepted(members: Members) -> str:
    at = members.get("departs_at") or members.get("send_at")
    when = f", to leave at {at}" if at else ""
    return f"Accepted ({members['status']}{when}). Do not send it again; email_status shows the outcome."


_LEADS: Final = {"sent": _sent, "pending": _pending}

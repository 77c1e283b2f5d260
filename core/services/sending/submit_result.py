"""The answer to an agent: one value for every outcome of a submission, and its JSON.

The answer to an accepted message is kept for its idempotency key, byte for byte, so it is rendered here, once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson

from core.durations import stamp
from core.model import Reason


@dataclass(frozen=True, slots=True)
class RecipientAnswer:
    """One recipient as the agent wrote it, and its status."""

    address: str
    status: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome with everything CONTRACT promises for its status; times are in microseconds."""

    status: str
    http: int
    recipients: tuple[RecipientAnswer, ...] = ()
    message_id: str | None = None
    rfc_message_id: str | None = None
    departs_at: int | None = None
    send_at: int | None = None
    estimated_review_time: int | None = None
    expires_at: int | None = None
    reasons: tuple[Reason, ...] = ()
    error: str | None = None
    reason: str | None = None
    fix: str | None = None
    limit: dict[str, Any] | None = None
    retry_after_seconds: int | None = None
    action_id: str | None = None
    content_class: str | None = None
    raw: bytes | None = None
    """Body of an earlier answer, replayed byte for byte."""

    @property
    def accepted(self) -> bool:
        return self.http < 300

    def members(self) -> dict[str, Any]:
        """The members of the JSON body; those that do not apply are left out."""
        found: dict[str, Any] = {"status": self.status}
        for name in ("message_id", "action_id", "rfc_message_id", "error", "reason", "fix", "limit", "content_class"):
            if (value := getattr(self, name)) is not None:
                found[name] = value
        if self.accepted or self.recipients:
            found["recipients"] = [
                {"address": r.address, "status": r.status, "reason": r.reason} for r in self.recipients
            ]
        for name in ("send_at", "departs_at", "expires_at"):
            if (at := getattr(self, name)) is not None:
                found[name] = stamp(at)
        for name in ("estimated_review_time", "retry_after_seconds"):
            if (seconds := getattr(self, name)) is not None:
                found[name] = seconds
        if self.status == "pending":
            found["reasons"] = [{"code": reason.code, "text": reason.text} for reason in self.reasons]
        return found

    def body(self) -> bytes:
        return orjson.dumps(self.members()) if self.raw is None else self.raw


def without(answer: Answer, addresses: Collection[str]) -> Answer:
    """The answer with these recipients' addresses left empty: its agent may not see them."""
    if not addresses:
        return answer
    if answer.raw is not None:
        body = orjson.loads(answer.raw)
        for one in body.get("recipients", ()):
            if one["address"] in addresses:
                one["address"] = ""
        return dataclasses.replace(answer, raw=orjson.dumps(body))
    shown = [dataclasses.replace(one, address="") if one.address in addresses else one for one in answer.recipients]
    return dataclasses.replace(answer, recipients=tuple(shown))


def blocked(error: str, reason: str, *, http: int = 403, fix: str | None = None) -> Answer:
    """A refusal that retrying does not change."""
    return Answer(status="blocked", http=http, error=error, reason=reason, fix=fix)

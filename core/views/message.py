"""One message with everything on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.ids import spell_id
from core.model import Reason, RunMembers
from core.views.events import Happened


@dataclass(frozen=True, slots=True)
class Waits:
    """What a recipient waits for: a stable `code`, the text after "waits for", and until when.

    `until` is None if somebody must act.
    """

    code: str
    text: str
    until: int | None = None


@dataclass(frozen=True, slots=True)
class RecipientView:
    """One address of a message. `suppressed` is the cause of a suppression that is in force now."""

    n: int
    given: str
    address: str
    field: str
    status: str
    reason: str | None
    waits: Waits | None
    first_contact: bool
    suppressed: str | None
    domain: str | None
    site: str | None
    attempts: int
    next_at: int | None
    code: int | None
    enhanced: str | None
    reply: str | None
    sent_at: int | None
    provider_id: str | None
    feedback: str | None
    feedback_at: int | None


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A held action and who opened and decided it."""

    id: int
    kind: str
    status: str
    reasons: tuple[Reason, ...]
    failed_checks: int
    needs: int
    approvers: tuple[str, ...]
    opened_by: str | None
    opened_at: int | None
    decided_by: str | None
    decided_at: int | None
    reason: str | None
    release_at: int | None
    expires_at: int
    batch: str | None


@dataclass(frozen=True, slots=True)
class RunView(RunMembers):
    """The execution that sent it, and the human who started it."""

    id: int
    key: str
    implicit: bool
    opened_at: int
    closed_at: int | None


@dataclass(frozen=True, slots=True)
class MessageView:
    """The desk's own records about a message, never the mail's claims about itself.

    `rendered` are the bytes that will be sent, without Date and signatures; `issued` is the request as the agent made
    it. Both are None once retention has purged them.
    """

    id: int
    status: str
    kind: str
    direction: str
    test: bool
    untraced: bool
    subject: str
    content_class: str
    declared_class: str | None
    digest: str
    rfc_message_id: str
    size: int
    tags: tuple[str, ...]
    metadata: dict[str, Any]
    facts: dict[str, Any]
    policy_version: int
    token_id: int
    submitted_at: int
    released_at: int | None
    dated_at: int | None
    final_at: int | None
    send_at: int | None
    mailbox_id: int
    mailbox: str
    display_name: str | None
    mailbox_status: str
    mode: str
    agent_id: int
    agent: str
    agent_status: str
    stream_id: int
    domain: str
    run: RunView | None
    review: ReviewView | None
    recipients: tuple[RecipientView, ...]
    preview: str
    rendered: bytes | None
    issued: bytes | None
    events: tuple[Happened, ...]
    tainted_by: int | None = None
    """A received message of a stranger that its run had read."""

    @property
    def spelled(self) -> str:
        return spell_id("m", self.id)

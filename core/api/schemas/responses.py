"""Response models (CONTRACT.md), for the API description: the members a caller may rely on."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from core.model import Mode, Scope
from core.rules.issuance import Kind


class RecipientMember(BaseModel):
    """One recipient as the agent gave it."""

    address: str
    status: str
    reason: str | None = None


class ReasonMember(BaseModel):
    """Why a human decides first."""

    code: str
    text: str


class SubmissionAnswer(BaseModel):
    """`sent`, `queued`, `scheduled` or `pending`."""

    model_config = ConfigDict(extra="allow")
    status: str
    message_id: str | None = None
    action_id: str | None = None
    rfc_message_id: str | None = None
    recipients: list[RecipientMember] = []
    send_at: str | None = None
    departs_at: str | None = None
    estimated_review_time: int | None = None
    expires_at: str | None = None
    reasons: list[ReasonMember] | None = None
    content_class: str | None = None


class MessageAnswer(BaseModel):
    """The state of a message and each of its recipients; no body. A received message has `direction` `in`."""

    model_config = ConfigDict(extra="allow")
    message_id: str
    status: str
    kind: str
    subject: str | None
    submitted_at: str
    recipients: list[RecipientMember]


class ActionAnswer(BaseModel):
    """A read or a tag that a person decides. `approved`: the same call succeeds once, until `usable_until`."""

    action_id: str
    status: str
    kind: str
    submitted_at: str
    expires_at: str | None
    usable_until: str | None
    decision: dict[str, Any] | None


class StandingAnswer(BaseModel):
    """The state of a mailbox: each of `budgets` is read from the counter that enforces it."""

    model_config = ConfigDict(extra="allow")
    address: str
    status: str
    oversight_mode: Mode
    updated_at: str
    suspended: dict[str, Any] | None
    budgets: list[dict[str, Any]]


class MessagesAnswer(BaseModel):
    """A page of a mailbox's messages, newest first."""

    messages: list[dict[str, Any]]
    next_cursor: str | None


class ReceivedAnswer(BaseModel):
    """A message that a mailbox received, without its body."""

    model_config = ConfigDict(extra="allow")
    message_id: str
    direction: Literal["in"]
    subject: str
    received_at: str
    unread: bool
    thread_id: str
    status: str


class HandedAnswer(BaseModel):
    """What became of a message that was handed over: `stored`, `duplicate`, `feedback` or `unknown` for each.

    `reason`: why nothing was stored. `confirmed`: the subscription that a provider asked to confirm.
    """

    model_config = ConfigDict(extra="allow")
    recipients: list[dict[str, str]]


class BodyAnswer(BaseModel):
    """A page of a received message's body. `quotes_cut`: `full=true` shows more."""

    id: str
    part: Literal["text", "html", "headers"]
    text: str
    truncated: bool
    quotes_cut: bool
    next_offset: int | None


class AttachmentAnswer(BaseModel):
    """An attachment: short text in `text`, anything else behind `url` until `expires_at`."""

    model_config = ConfigDict(extra="allow")
    id: str
    index: int
    name: str
    sniffed: str
    size: int
    sha256: str
    text: str | None = None
    url: str | None = None
    expires_at: str | None = None


class ThreadAnswer(BaseModel):
    """A thread's messages, received and sent, oldest first, without bodies."""

    id: str
    mailboxes: list[str]
    messages: list[dict[str, Any]]


class WaitAnswer(BaseModel):
    """Mail that was waited for, and what a one-time-password mail holds. `after` is for the next wait."""

    timed_out: bool
    message: dict[str, Any] | None
    code: str | None
    links: list[str]
    after: str


class ContactAnswer(BaseModel):
    """A contact that an agent keeps for its mailbox, with the mail that went either way."""

    model_config = ConfigDict(extra="allow")
    address: str
    name: str
    tags: list[str]
    notes: str
    first_seen: str | None
    last_seen: str | None
    mails_in: int
    mails_out: int


class ContactsAnswer(BaseModel):
    """A page of a mailbox's contacts, the newest first."""

    contacts: list[ContactAnswer]
    next_cursor: str | None


class PendingMember(BaseModel):
    """One pending action, as a reviewer sees it in a list. Received mail has `kind` `receive` and a `from`."""

    model_config = ConfigDict(extra="allow")
    id: str
    kind: Literal["send", "reply", "read", "tag", "receive"]
    to: list[str]
    subject: str | None
    body_preview: str
    reasons: list[ReasonMember]
    submitted_at: str
    expires_at: str
    send_at: str | None = None
    digest: str | None


class PendingAnswer(BaseModel):
    """A page of pending actions, the longest waiting first."""

    messages: list[PendingMember]
    next_cursor: str | None


class DecidedAnswer(BaseModel):
    """The result of a decision: `decided` unless another person must confirm, `hurried` if it came too fast."""

    model_config = ConfigDict(extra="allow")
    id: str
    item: str
    status: str
    decided: bool
    hurried: str | None = None


class MustSign(BaseModel):
    """A signature that an identity waits for, and the operators who can give it."""

    kind: Kind
    may: list[str]


class MailboxAnswer(BaseModel):
    """An identity with its record. `missing` and `stuck`: why it cannot be signed as it stands.

    `must_sign`: what it waits for before it becomes active.
    """

    model_config = ConfigDict(extra="allow")
    address: str
    status: str
    oversight_mode: Mode
    updated_at: str
    missing: list[str]
    must_sign: list[MustSign]
    stuck: str | None = None
    webhook_secret: str | None = None


class ChecklistItem(BaseModel):
    """One checklist item: `found` is what the desk itself found, null if it cannot tell."""

    item: str
    sentence: str
    found: bool | None
    detail: str


class ChecklistAnswer(BaseModel):
    """What a signer is shown, and its digest."""

    address: str
    kind: Kind
    record_digest: str
    shown_digest: str
    widening: bool
    checklist: list[ChecklistItem]


class MailboxesAnswer(BaseModel):
    """A page of identities."""

    mailboxes: list[MailboxAnswer]
    next_cursor: str | None


class TokenAnswer(BaseModel):
    """A token as operators see it; `token`, the secret itself, appears only in the response that issues it."""

    model_config = ConfigDict(extra="allow")
    id: int
    agent: str
    scopes: list[Scope]
    test: bool
    run: str | None
    user: str | None
    expires_at: str
    revoked_at: str | None
    token: str | None = None


class TokensAnswer(BaseModel):
    """A page of tokens, newest first."""

    tokens: list[TokenAnswer]
    next_cursor: int | None


class DecidedMember(BaseModel):
    """What one of the three roles has decided about a request; `reason` of a veto."""

    role: Kind
    decision: Literal["approved", "vetoed"]
    reason: str | None
    at: str


class EnrolmentAnswer(BaseModel):
    """An agent's request for a mailbox: which roles must still sign, and what the agent does next."""

    model_config = ConfigDict(extra="allow")
    id: str
    kind: Literal["mailbox", "widening"]
    agent: str
    address: str
    status: Literal["waiting", "approved", "vetoed", "ended"]
    waiting_for: list[Kind]
    decided: list[DecidedMember]
    claim_until: str | None
    claimed_at: str | None
    next_step: str


class RevokedAnswer(BaseModel):
    """How many tokens were revoked: the one named, and those delegated from it."""

    id: int
    revoked: int


class ReportAnswer(BaseModel):
    """What was understood of a report, and whether its signed IDs prove that it is about mail of this desk."""

    model_config = ConfigDict(extra="allow")
    kind: Literal["bounce", "complaint", "other"]
    recipients: list[dict[str, Any]]
    matched: bool
    fresh: bool
    reason: str | None = None


class TakenAnswer(BaseModel):
    """The result of a provider's webhook: how many events it held, how many matched our mail, how many were new."""

    model_config = ConfigDict(extra="allow")
    events: int
    matched: int
    fresh: int


class KeptAnswer(TakenAnswer):
    """A webhook whose proof cannot be fetched now; it is kept and verified until `kept_until` at the latest."""

    kept_until: str


class FieldProblem(BaseModel):
    """One problem with a request."""

    field: str
    problem: str


class Problem(BaseModel):
    """RFC 9457, with `error` to branch on. `status` is the outcome (`blocked`, `rate_limited`) of a submission."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int | str
    error: str
    reason: str
    request_id: str
    fix: str | None = None
    errors: list[FieldProblem] | None = None
    limit: dict[str, Any] | None = None
    retry_after_seconds: int | None = None

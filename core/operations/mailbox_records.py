"""The record of a mailbox as a whole: request it, complete it, change several of its settings in one transaction."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from core.db.directory import MailboxRecord
from core.durations import duration
from core.errors import Conflict, Invalid
from core.json_body import AddressText, Name, Sentence, Shape
from core.model import ContentClass, Mode
from core.operations.bodies import mailbox_address
from core.operations.mailbox_webhooks import Secret, checked, sealed
from core.operations.mailboxes import Mailbox, moment
from core.operations.operation import Call, Json, act
from core.rules import addresses
from core.rules.roles import Verb
from core.serializers import identities
from core.services import access
from core.services.identity import mailbox_record, mailbox_settings, mailboxes
from core.services.identity.mailbox_settings import Change
from core.services.identity.mailboxes import Filing

UNSAID: Final = "changed without a reason given"
_FIXED: Final = frozenset(
    {"agent", "purpose", "owner", "system_owner", "systems", "users", "standing_reason", "revoke_when",
     "expires", "stores_or_forwards"}
)  # fmt: skip
"""Members that people signed for: an active identity changes them only through a new request."""


# --- requests -----------------------------------------------------------------------------------------------------


class RecordMembers(Shape):
    """The record of an identity. Durations are strings (`72h`, `90d`); `expires` may also be a time (RFC 3339)."""

    display_name: Name | None = None
    oversight_mode: Mode | None = None
    approval_webhook: Annotated[str, StringConstraints(max_length=2_048)] | None = None
    webhook_events: Annotated[list[Name], Field(max_length=50)] | None = None
    pending_expiry: Name | None = None
    agent: Name | None = None
    purpose: Sentence | None = None
    owner: Name | None = None
    system_owner: Name | None = None
    systems: Sentence | Annotated[list[Name], Field(max_length=50)] | None = None
    users: Sentence | None = None
    standing_reason: Sentence | None = None
    revoke_when: Sentence | None = None
    expires: Name | None = None
    stores_or_forwards: bool | None = None
    classes: Annotated[list[ContentClass], Field(max_length=10)] | None = None
    allow: Annotated[list[Name], Field(max_length=1_000)] | None = None
    limits: Annotated[dict[Name, int | None], Field(max_length=10)] | None = None


class FilingRequest(RecordMembers):
    """A new identity. With `approval_webhook`, `webhook_secret` is its secret, made by the caller (`whsec_...`)."""

    address: AddressText
    webhook_secret: Secret | None = None


class ChangeRequest(FilingRequest):
    """What is to change; omitted members stay. A mode, a limit or a list changes only with a reason."""

    change_reason: Sentence | None = None


# --- operations ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Hook:
    """A checked webhook URL with its new secret, sealed. Empty: no webhook."""

    url: str | None = None
    secret: bytes | None = field(default=None, repr=False)
    remark: Json = field(default_factory=dict)


def file(call: Call, request: FilingRequest) -> Json:
    try:
        address = addresses.parse_address(request.address)
    except Invalid as error:
        raise Invalid(error.reason, problems=(("address", error.reason),)) from error
    hook = _hook(call, request, address.normalised)
    filing = _changed(Filing(address=address), request, hook, now=call.tx.now)
    filed = identities.filed(call.tx, mailboxes.request(call.tx, filing, actor=call.actor))
    return filed | hook.remark | {"webhook_renewed": hook.url is not None}


def change(call: Call, request: ChangeRequest) -> Json:
    address = mailbox_address(request.address)
    hook = _hook(call, request, address)
    record = mailbox_record.found(call.tx, address)
    if record.status != "requested":
        renewed = _apply(call, record, request, hook)
        changed = identities.identity(call.tx, mailbox_record.found(call.tx, address))
        return changed | hook.remark | {"webhook_renewed": renewed}
    new = hook if hook.url != record.webhook_url else _Hook(record.webhook_url, record.webhook_secret)
    filing = _changed(mailboxes.as_filing(record), request, new, now=call.tx.now)
    filed = identities.filed(call.tx, mailboxes.request(call.tx, filing, actor=call.actor))
    return filed | hook.remark | {"webhook_renewed": new is hook and hook.url is not None}


def _hook(call: Call, request: FilingRequest, address: str) -> _Hook:
    """A webhook with a new secret; the service decides whether the URL is new. Raises `Invalid` for a bad URL."""
    if not request.approval_webhook:
        return _Hook()
    if request.webhook_secret is None:
        problems = (("webhook_secret", "is missing"),)
        raise Invalid("a webhook needs a secret", fix="send webhook_secret: whsec_...", problems=problems)
    remark = checked(call, request.approval_webhook, name="approval_webhook")
    return _Hook(request.approval_webhook, sealed(call, request.webhook_secret, address), remark)


def _changed(filing: Filing, body: RecordMembers, hook: _Hook, *, now: int) -> Filing:
    """The record with the given members replaced. Raises `Invalid`."""
    members = body.model_fields_set
    new: dict[str, Any] = {
        name: getattr(body, name)
        for name in (
            "display_name", "agent", "purpose", "owner", "system_owner", "users", "standing_reason",
            "revoke_when", "webhook_events",
        )
        if name in members
    }  # fmt: skip
    if "systems" in members:
        new["systems"] = ", ".join(body.systems) if isinstance(body.systems, list) else body.systems
    if body.oversight_mode is not None:
        new["mode"] = body.oversight_mode
    if "approval_webhook" in members:
        new |= {"webhook_url": hook.url, "webhook_secret": hook.secret}
    if "pending_expiry" in members:
        new["pending_expiry"] = _span(body.pending_expiry, "pending_expiry")
    if "expires" in members:
        new["expires_at"] = None if body.expires is None else moment(body.expires, now=now, field="expires")
    if body.stores_or_forwards is not None:
        new["stores_or_forwards"] = body.stores_or_forwards
    if body.classes is not None:
        new["classes"] = tuple(dict.fromkeys(body.classes))
    if body.allow is not None:
        new["allow"] = tuple(body.allow)
    if body.limits is not None:
        new["limits"] = {**filing.limits, **body.limits}
    return dataclasses.replace(filing, **new)


def _apply(call: Call, record: MailboxRecord, body: ChangeRequest, hook: _Hook) -> bool:
    """Change an active identity, each part by its own function. Returns whether the webhook got a new secret."""
    tx, actor = call.tx, call.actor
    access.require(tx, actor, Verb.DESK_READ)
    members, why = body.model_fields_set, body.change_reason or ""
    signed = sorted(members & _FIXED)
    if signed:
        raise Conflict(
            f"{', '.join(signed)} of {record.address} stand in the record that people signed",
            fix="file a new request, or have it renewed: postroom mailbox renew",
        )
    moves = "approval_webhook" in members and hook.url != record.webhook_url
    reason = why.strip() or UNSAID
    events = body.webhook_events if "webhook_events" in members else record.webhook_events
    # A monitored mailbox always needs a notification target: add a webhook before the mode, remove it after.
    if moves and hook.url:
        mailbox_settings.change_webhook(
            tx, record.address, url=hook.url, secret=hook.secret, reason=reason, actor=actor, events=events
        )
    elif "webhook_events" in members and not moves:
        mailbox_settings.change_webhook_events(tx, record.address, events, reason=reason, actor=actor)
    if body.oversight_mode is not None:
        mailbox_settings.change_mode(tx, record.address, body.oversight_mode, reason=why, actor=actor)
    if moves and not hook.url:
        mailbox_settings.change_webhook(tx, record.address, url=None, secret=None, reason=reason, actor=actor)
    settings = Change(
        limits=body.limits or {},
        allow=body.allow,
        classes=body.classes,
        pending_expiry=(_span(body.pending_expiry, "pending_expiry") or 0) if "pending_expiry" in members else None,
        display_name=(body.display_name or "") if "display_name" in members else None,
    )
    if settings != Change():
        widening = bool(settings.limits) or settings.allow is not None or settings.classes is not None
        mailbox_settings.change_limits(tx, record.address, settings, reason=why if widening else reason, actor=actor)
    return moves and hook.url is not None


def _span(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        return duration(text)
    except Invalid as error:
        raise Invalid(error.reason, fix=error.fix, problems=((name, error.reason),)) from error


# --- answers ------------------------------------------------------------------------------------------------------


class Changed(Mailbox):
    """An identity as it is now. `webhook_renewed`: its webhook has the secret that came with the request."""

    webhook_renewed: bool


class Filed(Changed):
    """A requested identity. `missing` must be completed before it can be signed; `stuck`: why nobody can sign it."""

    stuck: str | None


OPERATIONS = (
    act("mailbox.request", file, FilingRequest, Filed, Verb.MAILBOX_REQUEST,
        about="Request a mailbox for an agent. The requester cannot approve; a second request replaces the first."),
    act("mailbox.change", change, ChangeRequest, Changed, Verb.MAILBOX_REQUEST,
        about="Complete a requested record, or change several settings at once, each under its own permission."),
)  # fmt: skip

"""Mailboxes: who they are, what they may do, and the three signatures that make them active."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from core.db import directory
from core.db.directory import MailboxRecord
from core.db.queries import identity_filters
from core.durations import duration, read_stamp, stamp, when
from core.errors import Invalid
from core.filter_fields import Listing
from core.json_body import Name, ReasonRequest, Sentence, Sha256, Shape
from core.model import ContentClass, Mode
from core.operations.answers import Answer, WideAnswer
from core.operations.bodies import AddressReason, AddressRequest, FilterText, Limit, mailbox_address, wanted
from core.operations.operation import Call, Json, act, read
from core.operations.tokens import fresh
from core.rules import issuance, modes
from core.rules.issuance import Kind
from core.rules.roles import Verb
from core.serializers import identities
from core.services import context
from core.services.audit import mode_evidence, status
from core.services.identity import (
    inventory,
    mailbox_record,
    mailbox_settings,
    mailboxes,
    retirement,
    sender_checks,
    signoffs,
    tokens,
)
from core.services.identity.mailbox_settings import Change
from core.services.identity.tokens import Grant

ALL: Final = "all"


# --- reads --------------------------------------------------------------------------------------------------------


class MailboxesRequest(Shape):
    """A page by address; `after` is the `next_cursor` of the page before.

    `filter` is a filter of the identities, such as `owner:ann mode>=monitored`.
    """

    after: Name = ""
    agent: Name | None = None
    status: Literal["requested", "active", "vetoed", "retired"] | None = None
    filter: FilterText = ""
    limit: Limit = directory.PAGE


def list_mailboxes(call: Call, request: MailboxesRequest) -> Json:
    rows = directory.mailboxes(
        call.tx.conn, after=request.after, agent=request.agent, status=request.status, limit=request.limit + 1,
        filtered=identity_filters.identities(wanted(request.filter, Listing.IDENTITIES), now=call.tx.now),
    )  # fmt: skip
    return identities.identities_page(call.tx, rows, limit=request.limit)


def show(call: Call, request: AddressRequest) -> Json:
    record = mailbox_record.found(call.tx, mailbox_address(request.address))
    shown = identities.identity(call.tx, record)
    if record.agent is None:  # only requested, and without an agent yet: no budget can be used
        return shown | {"budgets": []}
    return shown | identities.standing(status.mailbox(call.tx, record.address, caller=call.actor))


def evidence(call: Call, request: AddressRequest) -> Json:
    return mode_evidence.evidence(call.tx, mailbox_address(request.address)).as_json()


class InventoryRequest(Shape):
    """A page by address; `ended` includes those that were vetoed or retired."""

    cursor: Name = ""
    limit: Annotated[int, Field(ge=1, le=500)] = inventory.PAGE
    ended: bool = False


def list_inventory(call: Call, request: InventoryRequest) -> Json:
    now = call.tx.now
    page = inventory.page(call.tx.conn, now=now, after=request.cursor, ended=request.ended, limit=request.limit)
    return {
        "identities": [inventory.as_json(one, now=now) for one in page.entries],
        "next_cursor": page.next,
        "generated_at": stamp(now),
    }


# --- settings -----------------------------------------------------------------------------------------------------


class ModeRequest(AddressReason):
    """The new oversight mode, and the reason for the log."""

    mode: Mode


class LimitsRequest(AddressReason):
    """Limits by name; null takes the policy's value. Those left out stay."""

    limits: Annotated[dict[Name, Annotated[int, Field(ge=0, le=2**31 - 1)] | None], Field(min_length=1, max_length=10)]


class AllowRequest(AddressReason):
    """The whole new allow-list."""

    allow: Annotated[list[Name], Field(min_length=1, max_length=1_000)]


class ClassesRequest(AddressReason):
    """All content classes of the mailbox from now on."""

    classes: Annotated[list[ContentClass], Field(min_length=1, max_length=10)]


class RenewRequest(AddressReason):
    """The new end: a duration from now (`90d`) or a time."""

    expires: Name


def change_mode(call: Call, request: ModeRequest) -> Json:
    address = mailbox_address(request.address)
    record = mailbox_settings.change_mode(call.tx, address, request.mode, reason=request.reason, actor=call.actor)
    pause = context.current_policy(call.tx)[1].oversight.minimum_time_on_rung
    following = modes.raise_from(record.raised_at, pause, now=call.tx.now)
    return identities.identity(call.tx, record) | {"raise_from": when(following)}


def change_limits(call: Call, request: LimitsRequest) -> Json:
    return _change(call, request, Change(limits=request.limits))


def change_allow(call: Call, request: AllowRequest) -> Json:
    return _change(call, request, Change(allow=request.allow))


def change_classes(call: Call, request: ClassesRequest) -> Json:
    return _change(call, request, Change(classes=tuple(dict.fromkeys(request.classes))))


def _change(call: Call, request: AddressReason, change: Change) -> Json:
    address = mailbox_address(request.address)
    record = mailbox_settings.change_limits(call.tx, address, change, reason=request.reason, actor=call.actor)
    return identities.identity(call.tx, record)


def renew(call: Call, request: RenewRequest) -> Json:
    address = mailbox_address(request.address)
    until = moment(request.expires, now=call.tx.now, field="expires")
    record = mailboxes.renew(call.tx, address, expires_at=until, reason=request.reason, actor=call.actor)
    return identities.identity(call.tx, record)


def retire(call: Call, request: AddressReason) -> Json:
    address = mailbox_address(request.address)
    cancelled = retirement.retire(call.tx, address, reason=request.reason, actor=call.actor)
    return {"address": address, "status": "retired", "cancelled": cancelled}


def moment(text: str, *, now: int, field: str) -> int:
    """A time: a duration from now (`90d`), a date or an RFC 3339 time. Raises `Invalid`, naming the field."""
    try:
        return now + duration(text)
    except Invalid:
        try:
            return read_stamp(text)
        except Invalid as error:
            raise Invalid(error.reason, fix="write 90d or 2027-01-31", problems=((field, error.reason),)) from error


# --- signatures ---------------------------------------------------------------------------------------------------


class ChecklistRequest(AddressRequest):
    """Which of the three signatures."""

    kind: Kind


class SignMembers(Shape):
    """A signature of one kind; `POST /mailboxes/{address}/approve` has these members too."""

    kind: Kind
    affirm: Literal["all"] | Annotated[list[Name], Field(max_length=50)] = Field(default_factory=list)
    override: Annotated[dict[Name, Sentence], Field(max_length=50)] = Field(default_factory=dict)
    reason: Sentence | None = None
    digest: Sha256 | None = None


class SignRequest(SignMembers, ChecklistRequest):
    """`affirm` names the items that the signer affirms, or is `all`: every item that the desk did not find false.

    Each item that it found false needs its reason in `override`. `digest`, if given, is that of the record or of what
    was shown. With `token_sha256`, of a `pra_...` token that the caller made, governance's signature also issues the
    agent's first token, if it is the last one.
    """

    token_sha256: Sha256 | None = None
    token_ttl: Name = "8h"  # noqa: S105 - a duration, not a password


class VetoRequest(ChecklistRequest, ReasonRequest):
    """A refusal by one of the three signers, with the reason for the log."""


def look_up(call: Call, request: ChecklistRequest) -> Callable[[], object] | None:
    """DNS and settings of the stream, for the one signature that covers them: it takes seconds."""
    if request.kind is not Kind.DELIVERABILITY:
        return None
    record: MailboxRecord | None = directory.mailbox(call.tx.conn, mailbox_address(request.address))
    if record is None:
        return None
    checks = sender_checks.wanted(call.tx.conn, record, call.resources.settings, now=call.tx.now)
    return lambda: sender_checks.look(checks)


def checklist(call: Call, request: ChecklistRequest) -> Json:
    address, lookups = mailbox_address(request.address), call.prepared
    return identities.checklist(
        signoffs.to_sign(call.tx, address, request.kind, actor=call.actor, lookups=lookups)
    )  # fmt: skip


def sign(call: Call, request: SignRequest) -> Json:
    codes = [item.code for item in issuance.CHECKLISTS[request.kind]]
    affirmed: Any = codes if request.affirm == ALL else [one for one in request.affirm if one != ALL]
    digest = None if request.token_sha256 is None else fresh(call, request.token_sha256)
    if digest is not None and request.kind is not Kind.GOVERNANCE:
        raise Invalid(
            "governance issues tokens", fix="leave token_sha256 out", problems=(("token_sha256", "is given"),)
        )
    record = signoffs.sign(
        call.tx, mailbox_address(request.address), request.kind, actor=call.actor, affirmed=affirmed,
        overrides=request.override, reason=request.reason, lookups=call.prepared, digest=request.digest,
    )  # fmt: skip
    signed = identities.identity(call.tx, record)
    if digest is None or record.status != "active":
        return signed
    issued = tokens.issue(
        call.tx, agent=record.agent or "", grant=Grant(ttl=duration(request.token_ttl)),
        token_hash=digest, actor=call.actor,
    )  # fmt: skip
    return signed | {"token_id": issued.token, "token_expires_at": stamp(issued.expires_at)}


def veto(call: Call, request: VetoRequest) -> Json:
    address = mailbox_address(request.address)
    vetoed = signoffs.veto(call.tx, address, request.kind, actor=call.actor, reason=request.reason)
    return identities.identity(call.tx, vetoed)


_SIGNERS: Final = (Verb.MAILBOX_SIGN_OWNER, Verb.MAILBOX_SIGN_GOVERNANCE, Verb.MAILBOX_SIGN_DELIVERABILITY)

# --- answers ----------------------------------------------------------------------------------------------------------


class Mailbox(WideAnswer):
    """An identity with its record, its signatures, given and pending."""

    address: str
    status: str
    oversight_mode: str
    updated_at: str
    missing: list[str]
    must_sign: list[dict[str, Any]]


class Mailboxes(Answer):
    """A page of identities by address."""

    mailboxes: list[Mailbox]
    next_cursor: str | None


class Retired(Answer):
    """A retired mailbox, and how many waiting actions were cancelled."""

    address: str
    status: str
    cancelled: int


class Evidence(WideAnswer):
    """Figures, and what they say for and against each oversight mode."""

    mailbox: str
    oversight_mode: str
    advised: str
    rungs: list[dict[str, Any]]


class Inventory(Answer):
    """A page of non-human identities."""

    identities: list[dict[str, Any]]
    next_cursor: str | None
    generated_at: str


class Checklist(Answer):
    """What a signer is shown, and its digest."""

    address: str
    kind: str
    record_digest: str
    shown_digest: str
    widening: bool
    checklist: list[dict[str, Any]]


OPERATIONS = (
    read("mailbox.list", list_mailboxes, MailboxesRequest, Mailboxes, Verb.DESK_READ,
         about="Mailboxes by address, requested ones included, each with the signatures it waits for."),
    read("mailbox.show", show, AddressRequest, Mailbox, Verb.DESK_READ,
         about="One mailbox: its record, its signatures, and what is left of its budgets."),
    read("mailbox.evidence", evidence, AddressRequest, Evidence, Verb.DESK_READ,
         about="Thirty days of figures, and what they say for and against each oversight mode."),
    read("inventory.list", list_inventory, InventoryRequest, Inventory, Verb.DESK_READ,
         about="Every non-human identity: its owner, its credentials and their age, last use, last drill, findings."),
    act("mailbox.mode", change_mode, ModeRequest, Mailbox, Verb.MODE_LOWER, Verb.MODE_RAISE,
        about="Set the oversight mode: lower by any amount, raise one step at a time."),
    act("mailbox.limits", change_limits, LimitsRequest, Mailbox, Verb.LIMITS_LOWER, Verb.LIMITS_WIDEN,
        about="Set limits of one mailbox. Several roles may lower them; raising needs governance."),
    act("mailbox.allow", change_allow, AllowRequest, Mailbox, Verb.ALLOW_NARROW, Verb.ALLOW_WIDEN,
        about="Replace the list of addresses and domains that a mailbox may write to."),
    act("mailbox.classes", change_classes, ClassesRequest, Mailbox, Verb.CLASSES_NARROW, Verb.CLASSES_WIDEN,
        about="Replace a mailbox's content classes. Adding one needs deliverability."),
    act("mailbox.renew", renew, RenewRequest, Mailbox, Verb.MAILBOX_RENEW,
        about="Extend or shorten an active mailbox."),
    act("mailbox.retire", retire, AddressReason, Retired, Verb.MAILBOX_RETIRE,
        about="Retire a mailbox for good and cancel its waiting mail."),
    read("mailbox.checklist", checklist, ChecklistRequest, Checklist, *_SIGNERS, prepare=look_up,
         about="What the caller would sign, a request or a widening: each item with what the desk found about it."),
    act("mailbox.sign", sign, SignRequest, Mailbox, *_SIGNERS, prepare=look_up,
        about="Sign for an identity, or for more than it may do; the last signature puts it into effect."),
    act("mailbox.veto", veto, VetoRequest, Mailbox, Verb.MAILBOX_VETO,
        about="Refuse a request or a widening, as one of the three signers: that ends it."),
)  # fmt: skip

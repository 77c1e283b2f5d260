"""A mailbox is a non-human identity: requested, signed for three roles or vetoed for one, renewed, and ended.

The requester never approves, and owner and governance are two people. An item that the desk found false can be signed
only with a reason. What an identity may do, once it exists, is in `mailbox_settings`. Every verb takes the actor and
checks the table of roles first: neither an agent nor an admin gets in.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from sqlalchemy import Row, delete, select, update

from core.db import directory
from core.db.directory import MailboxRecord
from core.db.tables import AGENT, MAILBOX, SIGNOFF, STREAM
from core.db.transaction import Transaction
from core.durations import spell
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events import (
    Event,
    MailboxActivated,
    MailboxGovernanceApproved,
    MailboxOwnerApproved,
    MailboxRenewed,
    MailboxRequested,
    MailboxSignedOff,
    MailboxVetoed,
)
from core.model import DEFAULT_CLASSES, SYSTEM, Actor, ContentClass, Mode, Role
from core.rules import addresses, issuance
from core.rules.addresses import Address
from core.rules.issuance import Kind
from core.rules.roles import Verb
from core.services import access, context
from core.services.identity import mailbox_record, missing_signoffs, signoff_checklists
from core.services.identity.sender_checks import Lookups
from core.services.identity.signoff_checklists import Answers, Sheet
from core.services.notify import targets

_AGENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SIGNS: Final[Mapping[Kind, Verb]] = {
    Kind.OWNER: Verb.MAILBOX_SIGN_OWNER,
    Kind.GOVERNANCE: Verb.MAILBOX_SIGN_GOVERNANCE,
    Kind.DELIVERABILITY: Verb.MAILBOX_SIGN_DELIVERABILITY,
}


# --- requesting ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """The complete record as requested. Times and durations are in microseconds; no `mode` takes the policy's default.

    The caller has checked `webhook_url` and sealed `webhook_secret`; no `webhook_events` subscribes to all. `limits`
    uses the names of `mailbox_record.LIMITS`.
    """

    address: Address
    agent: str | None = None
    display_name: str | None = None
    mode: Mode | None = None
    purpose: str | None = None
    owner: str | None = None
    system_owner: str | None = None
    systems: str | None = None
    users: str | None = None
    standing_reason: str | None = None
    revoke_when: str | None = None
    expires_at: int | None = None
    stores_or_forwards: bool = False
    classes: tuple[ContentClass, ...] = DEFAULT_CLASSES
    allow: tuple[str, ...] = ()
    limits: Mapping[str, int | None] = field(default_factory=dict)
    pending_expiry: int | None = None
    webhook_url: str | None = None
    webhook_secret: bytes | None = field(default=None, repr=False)
    webhook_events: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Filed:
    """Result of a request. `stuck` is a sentence if, as it is, no operator of today can sign it."""

    record: MailboxRecord
    missing: tuple[str, ...]
    stuck: str | None


def request(tx: Transaction, filing: Filing, *, actor: Actor) -> Filed:
    """Request an identity, as any operator. The requester may file again, complete, which voids earlier signatures.

    Raises `Forbidden`, `NotFound` (no such stream), `Invalid`, `Conflict` (the address is taken).
    """
    actor = access.require(tx, actor, Verb.MAILBOX_REQUEST)
    return _file(tx, filing, actor=actor, requester=actor.name)


def request_by_agent(tx: Transaction, filing: Filing, *, agent: str, token: int) -> Filed:
    """Request an identity for the agent that asks for it: for `enrolment`, which has checked its token.

    The requester is written as `agent:NAME`, which no operator can be called, so nobody who signs has requested it.
    Raises as `request` does.
    """
    actor = Actor("agent", agent)
    return _file(tx, filing, actor=actor, requester=str(actor), token=token)


def _file(tx: Transaction, filing: Filing, *, actor: Actor, requester: str, token: int | None = None) -> Filed:
    stream = _stream_for(tx, filing)
    existing = directory.mailbox(tx.conn, filing.address.normalised)
    _may_file(tx, existing, filing, requester)
    _, policy = context.current_policy(tx)
    mode = filing.mode or policy.oversight.default_mode
    targets.require_notification_target(tx, mode, filing.webhook_url, filing.webhook_events)
    values = _values(tx, filing) | {
        "agent_id": agent_for(tx, filing.agent),
        "stream_id": stream.id,
        "mode": mode.value,
        "mode_since": tx.now,
        "requested_by": requester,
    }
    if existing is None:
        tx.create(MAILBOX, values)
    else:
        tx.write(delete(SIGNOFF).where(SIGNOFF.c.mailbox_id == existing.id))
        tx.write(update(MAILBOX).where(MAILBOX.c.id == existing.id).values(**values))
    record = mailbox_record.found(tx, filing.address.normalised)
    as_request = mailbox_record.as_request(record)
    missing = issuance.missing(as_request)
    tx.emit(
        MailboxRequested(
            **mailbox_record.subjects(record, actor), mode=mode.value, expires_at=record.expires_at,
            missing=[*missing], token=token,
        )
    )  # fmt: skip
    return Filed(record, missing, issuance.stuck(as_request) or _no_owner(tx, record) or _no_signer(tx, record))


def as_filing(record: MailboxRecord) -> Filing:
    """Return the record as its requester filed it, for callers that change some fields and file it again."""
    return Filing(
        address=addresses.parse_address(record.address),
        limits={name: getattr(record, f"limit_{name}") for name in mailbox_record.LIMITS},
        mode=Mode(record.mode),
        classes=tuple(ContentClass(one) for one in record.classes),
        **{name: getattr(record, name) for name in _ALIKE},
    )


_ALIKE: Final = (
    "agent", "display_name", "purpose", "owner", "system_owner", "systems", "users", "standing_reason",
    "revoke_when",
    "expires_at", "stores_or_forwards", "allow", "pending_expiry", "webhook_url", "webhook_secret",
    "webhook_events",
)  # fmt: skip


def _stream_for(tx: Transaction, filing: Filing) -> Row[Any]:
    """Return the stream of the address's domain. A protected one is closed to all agents but its owners."""
    domain = filing.address.domain_ascii
    stream = tx.one(select(STREAM).where(STREAM.c.domain == domain))
    if stream is None:
        raise NotFound(f"there is no stream {domain}", fix=f"postroom stream add {domain} --relay smtp://HOST:PORT")
    if stream.protected and filing.agent not in stream.owners:
        raise Forbidden(
            f"{domain} is protected: it carries mail that agents must not put at risk",
            fix="request an address on a subdomain of the agent's own",
        )
    return stream


def _may_file(tx: Transaction, existing: MailboxRecord | None, filing: Filing, requester: str) -> None:
    if existing is None:
        return
    if existing.agent is not None and existing.agent != filing.agent and mailbox_record.kept_mail(tx, existing.id):
        # A retired address that is requested again, then vetoed or changed, still has the mail of its first agent.
        raise Conflict(
            f"{existing.address} belonged to another agent, and so did its mail", fix="choose another address"
        )
    if existing.status == "vetoed":
        return
    if existing.status == "requested" and existing.requested_by.casefold() == requester.casefold():
        return
    if existing.status == "retired" and existing.agent == filing.agent:
        return
    reasons = {
        "requested": f"{existing.requested_by} has already requested {existing.address}",
        "retired": f"{existing.address} belonged to another agent, and so did its mail",
    }
    raise Conflict(
        reasons.get(existing.status, f"{existing.address} is {existing.status}"), fix="choose another address"
    )


def agent_for(tx: Transaction, name: str | None) -> int | None:
    """Return the agent's id, creating the agent when it is first named; None if none is named."""
    if name is None:
        return None
    existing = directory.agent(tx.conn, name)
    if existing is not None:
        return existing.id
    if not _AGENT.fullmatch(name):
        raise Invalid(
            "an agent's name is 1 to 64 letters, digits and . _ -", problems=(("agent", "is not an agent name"),)
        )
    return tx.create(AGENT, {"name": name, "created_at": tx.now, "suspend_figures": {}, "warned": {}})


def _check_life(tx: Transaction, expires_at: int | None) -> None:
    """Raises `Invalid` for an end later than the policy's longest life of an identity."""
    most = context.current_policy(tx)[1].identities.longest_life
    if expires_at is not None and expires_at > tx.now + most:
        raise Invalid(
            f"an identity lasts at most {spell(most)}, the policy's identities.longest_life",
            fix=f"request an end within {spell(most)}, and renew it then",
            problems=(("expires", f"is more than {spell(most)} away"),),
        )


def _no_owner(tx: Transaction, record: MailboxRecord) -> str | None:
    if record.owner is None:
        return None
    person = directory.operator(tx.conn, record.owner)
    if person is not None and person.disabled_at is None and Role.OWNER in (*person.roles, *person.unconfirmed):
        return None
    return f"{record.owner} is not an operator with role owner, so nobody can sign as its owner"


def _no_signer(tx: Transaction, record: MailboxRecord) -> str | None:
    nobody = next((one.kind for one in missing_signoffs.owed(tx, record) if not one.may), None)
    return f"no operator of this desk can sign as {nobody}" if nobody else None


def _values(tx: Transaction, filing: Filing) -> dict[str, Any]:
    """Return every column of the record that the filing sets, validated."""
    if filing.expires_at is not None and filing.expires_at <= tx.now:
        raise Invalid("the identity would already have expired", problems=(("expires", "is in the past"),))
    _check_life(tx, filing.expires_at)
    values = {name: getattr(filing, name) for name in _ALIKE if name != "agent"}
    values |= {f"limit_{name}": filing.limits.get(name) for name in mailbox_record.LIMITS}
    mailbox_record.check_limits(filing.limits)
    mailbox_record.check_expiry(filing.pending_expiry)
    mailbox_record.check_name(filing.display_name)
    return values | {
        "address": filing.address.normalised,
        "status": "requested",
        "classes": [one.value for one in filing.classes],
        "allow": mailbox_record.patterns(filing.allow),
        "webhook_events": mailbox_record.check_events(filing.webhook_events),
        "governance_reviewer": None,
        "requested_at": tx.now,
        "updated_at": tx.now,
        "activated_at": None,
        "raised_at": None,
        "warned_expiry_at": None,
        "retired_at": None,
        "wake_at": 0,
        "waits_for": None,
    }


# --- signing ------------------------------------------------------------------------------------------------------


def to_sign(tx: Transaction, address: str, kind: Kind, *, actor: Actor, lookups: Lookups | None = None) -> Sheet:
    """Return what this person would sign: the checklist with all that the desk found. Read-only.

    Somebody who may not sign, or not now, learns it before going through the list. Raises as `sign` does.
    """
    actor = access.require(tx, actor, SIGNS[kind])
    record = mailbox_record.found(tx, address)
    _check_open(tx, record, kind, actor)
    return signoff_checklists.sheet(tx, record, kind, lookups)


def sign(
    tx: Transaction,
    address: str,
    kind: Kind,
    *,
    actor: Actor,
    affirmed: Collection[str] = (),
    overrides: Mapping[str, str] | None = None,
    reason: str | None = None,
    lookups: Lookups | None = None,
    digest: str | None = None,
) -> MailboxRecord:
    """Sign for an identity, having gone through the checklist; the last signature needed activates it.

    `affirmed` holds the codes of items that the signer answers for, `overrides` a reason for each item that the desk
    found false. `digest` is of what the signer was shown: the whole sheet (`checklists`) or the record alone; without
    one, the record as it is now is signed. Raises `Forbidden`, `NotFound`, `Conflict`, `ChecklistOpen`, `Invalid`.
    """
    actor = access.require(tx, actor, SIGNS[kind])
    record = mailbox_record.found(tx, address)
    _check_open(tx, record, kind, actor)
    shown = signoff_checklists.sheet(tx, record, kind, lookups)
    check_shown(shown, digest)
    answered = signoff_checklists.answers(shown, affirmed=affirmed, overrides=overrides)
    # An earlier signature of this kind can exist only for another record: it no longer counts.
    tx.write(delete(SIGNOFF).where(SIGNOFF.c.mailbox_id == record.id, SIGNOFF.c.kind == kind.value))
    _keep(
        tx, record, kind, actor, approved=True, shown_digest=shown.digest, reason=reason, **answered.as_columns()
    )  # fmt: skip
    if kind is Kind.GOVERNANCE:
        tx.write(update(MAILBOX).where(MAILBOX.c.id == record.id).values(governance_reviewer=actor.name))
    tx.emit(signed_event(shown, actor, answered, reason=reason))
    if record.status == "requested" and issuance.complete(
        mailbox_record.as_request(record), mailbox_record.signatures(tx, record)
    ):
        activate(tx, record)
    return mailbox_record.found(tx, address)


def _check_open(tx: Transaction, record: MailboxRecord, kind: Kind, actor: Actor) -> None:
    """Require that this person may sign this record now. Raises `Forbidden`, `Conflict`."""
    request, earlier = mailbox_record.as_request(record), mailbox_record.signatures(tx, record)
    outstanding = record.status == "active" and kind not in {one.kind for one in earlier}
    if record.status != "requested" and not outstanding:
        raise Conflict(
            f"{record.address} is {record.status}",
            fix="file a new request" if not mailbox_record.alive(tx, record) else None,
        )
    issuance.may_sign(kind, actor, request=request, earlier=earlier)
    ends = record.expires_at or 0
    if ends <= tx.now:
        raise Conflict(f"{record.address} would already have expired", fix="file it again with a later end")
    most = context.current_policy(tx)[1].identities.longest_life
    if record.status == "requested" and ends > tx.now + most:  # the policy was tightened after the request was filed
        raise Conflict(
            f"{record.address} would last longer than the policy allows, {spell(most)}",
            fix="file it again with an earlier end",
        )


def veto(tx: Transaction, address: str, kind: Kind, *, actor: Actor, reason: str) -> MailboxRecord:
    """Veto a request, as any one of the three: it ends. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    actor = access.require(tx, actor, Verb.MAILBOX_VETO)
    record = mailbox_record.found(tx, address)
    why = context.require_reason(reason)
    if record.status != "requested":
        raise Conflict(f"{record.address} is {record.status}", fix="suspend the agent or retire the mailbox")
    issuance.may_veto(
        kind, actor, request=mailbox_record.as_request(record), earlier=mailbox_record.signatures(tx, record)
    )
    # A veto replaces an earlier approval of its kind: the row holds the current answer, the log all of them.
    tx.write(delete(SIGNOFF).where(SIGNOFF.c.mailbox_id == record.id, SIGNOFF.c.kind == kind.value))
    _keep(tx, record, kind, actor, approved=False, checklist={}, reason=why)
    tx.write(update(MAILBOX).where(MAILBOX.c.id == record.id).values(status="vetoed", updated_at=tx.now))
    tx.emit(MailboxVetoed(**mailbox_record.subjects(record, actor), kind=kind.value, reason=why))
    return mailbox_record.found(tx, address)


def check_shown(shown: Sheet, digest: str | None) -> None:
    """Refuse a signature if the record or the findings differ from what the signer was shown. Raises `Conflict`."""
    record = shown.record
    if digest is None or digest.strip().lower() in (record.digest, shown.digest):
        return
    raise Conflict(
        f"the record of {record.address}, or what the desk finds about it, has changed since it was shown: "
        f"the record's digest is {record.digest} now",
        fix=f"review it again (postroom mailbox show {record.address}), then sign",
    )


def _keep(tx: Transaction, record: MailboxRecord, kind: Kind, actor: Actor, **values: Any) -> None:
    row = {"mailbox_id": record.id, "kind": kind.value, "operator": actor.name, "at": tx.now}
    tx.create(SIGNOFF, row | {"record_digest": record.digest} | values)


def signed_event(
    shown: Sheet, actor: Actor, answered: Answers, *, reason: str | None, widening: int | None = None
) -> Event:
    """Return the event of one signature, under a request or, with its number, under a widening."""
    record = shown.record
    who: dict[str, Any] = mailbox_record.subjects(record, actor) | {
        "checklist": answered.checklist,
        "found_false": {one.code: one.detail for one in shown.findings if one.found is False},
        "reasons": answered.reasons,
        "reason": reason,
        "record_digest": record.digest,
        "shown_digest": shown.digest,
        "widening": widening,
    }
    match shown.kind:
        case Kind.OWNER:
            return MailboxOwnerApproved(**who)
        case Kind.GOVERNANCE:
            return MailboxGovernanceApproved(**who)
        case Kind.DELIVERABILITY:
            return MailboxSignedOff(**who)
        case _:
            assert_never(shown.kind)


def activate(tx: Transaction, record: MailboxRecord, *, by: Actor = SYSTEM) -> None:
    """Activate the identity: for verbs that have checked its signatures (`sign`, a development desk)."""
    targets.require_notification_target(tx, Mode(record.mode), record.webhook_url, record.webhook_events)
    tx.write(
        update(MAILBOX)
        .where(MAILBOX.c.id == record.id)
        .values(status="active", activated_at=tx.now, mode_since=tx.now, updated_at=tx.now)
    )
    # The actor is the desk and not the last signer: all the signatures together made it active.
    tx.emit(MailboxActivated(**mailbox_record.subjects(record, by), mode=record.mode, expires_at=record.expires_at))


# --- renewing -----------------------------------------------------------------------------------------------------


def renew(tx: Transaction, address: str, *, expires_at: int, reason: str, actor: Actor) -> MailboxRecord:
    """Move the end of a live identity, by governance; one that has ended is requested again.

    To renew is to issue again: neither its requester nor its owner may. Raises `Forbidden`, `Conflict`, `Invalid`.
    """
    record = mailbox_record.found(tx, address)
    mailbox_record.may_widen(tx, record, Verb.MAILBOX_RENEW, actor=actor)
    mailbox_record.need_alive(tx, record)
    why = context.require_reason(reason)
    if expires_at <= tx.now:
        raise Invalid("the new end is in the past", problems=(("expires", "is in the past"),))
    _check_life(tx, expires_at)
    tx.write(
        update(MAILBOX)
        .where(MAILBOX.c.id == record.id)
        .values(expires_at=expires_at, warned_expiry_at=None, updated_at=tx.now, wake_at=0)
    )
    tx.emit(MailboxRenewed(**mailbox_record.subjects(record, actor), old=record.expires_at, new=expires_at, reason=why))
    return mailbox_record.found(tx, address)

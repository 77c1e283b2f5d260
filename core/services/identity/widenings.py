"""An agent asks for more than its mailbox may do: higher limits, more classes, more recipients.

The request waits in the same queue, and the same three roles sign the record as it would become, with the same
checklists. Nothing changes before the last signature. A widening never includes the mode, which is raised on evidence,
one step at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import delete, update

from core.db import signoff_queries
from core.db.directory import MailboxRecord, TokenRecord
from core.db.signoff_queries import SignoffFacts, WideningFacts
from core.db.tables import WIDENING, WIDENING_SIGNOFF
from core.db.transaction import Transaction
from core.errors import Forbidden, Invalid
from core.events import MailboxVetoed, MailboxWideningRequested
from core.model import Actor, ContentClass
from core.rules import enrolment as rules
from core.rules import issuance
from core.rules.issuance import Kind
from core.rules.roles import Verb
from core.services import access, context
from core.services.identity import mailbox_record, mailbox_settings, mailboxes, missing_signoffs, signoff_checklists
from core.services.identity.mailbox_settings import Change
from core.services.identity.missing_signoffs import Owed
from core.services.identity.sender_checks import Lookups
from core.services.identity.signoff_checklists import Sheet

SHOWN: Final = 10
"""Patterns of the allow-list that a signer is shown by name; the record has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class More:
    """What an agent asks for beside what it has, as it wrote it. `fingerprint` is the SHA-256 of the request."""

    reason: str
    fingerprint: bytes = field(repr=False)
    limits: Mapping[str, int] = field(default_factory=dict)
    classes: tuple[ContentClass, ...] = ()
    allow: tuple[str, ...] = ()


# --- asking -------------------------------------------------------------------------------------------------------


def file(tx: Transaction, record: MailboxRecord, more: More, *, asks: TokenRecord) -> int:
    """File a widening for an agent whose token was checked (`enrolment`); return its number.

    Raises `Invalid`, `Conflict`, `Forbidden`.
    """
    mailbox_record.need_alive(tx, record)
    if record.agent_id != asks.agent_id or (record.owner or "").casefold() != (asks.owner or "").casefold():
        raise Forbidden(f"{record.address} is not a mailbox of yours", fix="name your own mailbox")
    wider = _wider(tx, record, more)
    values = {
        "token_id": asks.id, "agent_id": asks.agent_id, "mailbox_id": record.id, "filed_at": tx.now,
        "fingerprint": more.fingerprint, "reason": rules.one_line("reason", more.reason), "limits": dict(wider.limits),
        "classes": [one.value for one in wider.classes], "allow": [*wider.allow],
    }  # fmt: skip
    number = tx.create(WIDENING, values)
    tx.emit(
        MailboxWideningRequested(
            **mailbox_record.subjects(record, Actor("agent", asks.agent)), widening=number, token=asks.id,
            limits=dict(wider.limits), classes=[one.value for one in wider.classes], allow=len(wider.allow),
        )
    )  # fmt: skip
    return number


def _wider(tx: Transaction, record: MailboxRecord, more: More) -> More:
    """Return the request with only what is more than the mailbox has. Raises `Invalid` if nothing is."""
    mailbox_record.check_limits(more.limits)
    allow = mailbox_record.patterns(rules.patterns(more.allow))
    usual = mailbox_record.common_figures(context.current_policy(tx)[1])
    has = {name: usual[name] if (own := getattr(record, f"limit_{name}")) is None else own for name in usual}
    fewer = [name for name, figure in more.limits.items() if figure <= has[name]]
    if fewer:
        problem = f"is {has[fewer[0]]} already"
        raise Invalid(f"limits.{fewer[0]} {problem}", problems=((f"limits.{fewer[0]}", problem),))
    wider = replace(
        more,
        classes=issuance.widened_classes([ContentClass(one) for one in record.classes], more.classes),
        allow=issuance.widened_allow(record.allow, allow),
    )
    if not (wider.limits or wider.classes or wider.allow):
        raise Invalid("the mailbox already has everything that this asks for", fix="name limits, classes or allow")
    return wider


# --- what it would be ---------------------------------------------------------------------------------------------


def proposed(record: MailboxRecord, asked: WideningFacts) -> MailboxRecord:
    """Return the record as it would be, from what it is now: a signature counts for exactly that."""
    classes = [*record.classes, *(one for one in asked.classes if one not in record.classes)]
    allow = [*record.allow, *(one for one in asked.allow if one not in record.allow)]
    limits: dict[str, Any] = {f"limit_{name}": figure for name, figure in asked.limits.items()}
    return replace(record, classes=tuple(classes), allow=tuple(allow), **limits)


def changes(record: MailboxRecord, asked: WideningFacts) -> str:
    """Return what would change, in a few words for signers: `day 10 -> 50; may also write to acme.com`."""
    parts = []
    for name, figure in asked.limits.items():
        old = getattr(record, f"limit_{name}")
        parts.append(f"{name} {'the policy value' if old is None else old} -> {figure}")
    parts += [f"may also send {', '.join(asked.classes)}"] if asked.classes else []
    if asked.allow:
        rest = len(asked.allow) - SHOWN
        more = f" and {rest} more" if rest > 0 else ""
        parts.append(f"may also write to {', '.join(asked.allow[:SHOWN])}{more}")
    return "; ".join(parts)


def signatures(tx: Transaction, record: MailboxRecord, asked: WideningFacts) -> tuple[SignoffFacts, ...]:
    """Return the signatures and vetoes under a widening that still count."""
    digest = proposed(record, asked).digest
    found = signoff_queries.widening_signoffs(tx.conn, asked.id)
    return tuple(one for one in found if not one.approved or one.record_digest == digest)


def decided(tx: Transaction, record: MailboxRecord, asked: WideningFacts) -> tuple[SignoffFacts, ...]:
    """Return the signatures and vetoes to show: of a closed widening all, of an open one those that still count."""
    if asked.outcome is not None:
        return signoff_queries.widening_signoffs(tx.conn, asked.id)
    return signatures(tx, record, asked)


def as_request(record: MailboxRecord, asked: WideningFacts) -> issuance.Request:
    """Return the widening as the issuance rules judge it: its requester is the agent."""
    request = mailbox_record.as_request(proposed(record, asked))
    return replace(request, requester=str(Actor("agent", record.agent or "")))


def signoffs(found: Sequence[SignoffFacts]) -> list[issuance.Signoff]:
    return [issuance.Signoff(Kind(one.kind), one.operator, approved=one.approved) for one in found]


def owed(tx: Transaction, record: MailboxRecord, asked: WideningFacts) -> tuple[Owed, ...]:
    """Return the signatures that a widening waits for. Empty if it is closed or its mailbox has ended."""
    if asked.outcome is not None or not mailbox_record.alive(tx, record):
        return ()
    first = record.requested_by.casefold()
    signed = signoffs(signatures(tx, record, asked))
    return tuple(
        Owed(one.kind, tuple(name for name in one.may if name.casefold() != first))
        for one in missing_signoffs.of_request(tx, as_request(record, asked), signed)
    )


# --- signing ------------------------------------------------------------------------------------------------------


def to_sign(
    tx: Transaction, record: MailboxRecord, asked: WideningFacts, kind: Kind, *, actor: Actor, lookups: Lookups | None
) -> Sheet:
    """Return what this person would sign: the checklist of the record as it would be, beginning with what is asked."""
    actor = access.require(tx, actor, mailboxes.SIGNS[kind])
    _check_open(tx, record, asked, kind, actor)
    return _sheet(tx, record, asked, kind, lookups)


def sign(
    tx: Transaction,
    record: MailboxRecord,
    asked: WideningFacts,
    kind: Kind,
    *,
    actor: Actor,
    affirmed: Collection[str] = (),
    overrides: Mapping[str, str] | None = None,
    reason: str | None = None,
    lookups: Lookups | None = None,
    digest: str | None = None,
) -> MailboxRecord:
    """Sign a widening; the last signature needed changes the mailbox. Raises as `mailboxes.sign` does."""
    actor = access.require(tx, actor, mailboxes.SIGNS[kind])
    _check_open(tx, record, asked, kind, actor)
    shown = _sheet(tx, record, asked, kind, lookups)
    mailboxes.check_shown(shown, digest)
    answered = signoff_checklists.answers(shown, affirmed=affirmed, overrides=overrides)
    _keep(
        tx, asked, kind, actor, approved=True, reason=reason, record_digest=shown.record.digest,
        shown_digest=shown.digest, **answered.as_columns(),
    )  # fmt: skip
    tx.emit(mailboxes.signed_event(shown, actor, answered, reason=reason, widening=asked.id))
    if issuance.complete(as_request(record, asked), signoffs(signatures(tx, record, asked))):
        _grant(tx, record, asked)
    return mailbox_record.found(tx, record.address)


def veto(
    tx: Transaction, record: MailboxRecord, asked: WideningFacts, kind: Kind, *, actor: Actor, reason: str
) -> MailboxRecord:
    """Veto a widening, as any one of the three: the mailbox stays as it is. Raises as `mailboxes.veto` does."""
    actor = access.require(tx, actor, Verb.MAILBOX_VETO)
    why = context.require_reason(reason)
    earlier = signoffs(signatures(tx, record, asked))
    issuance.may_veto(kind, actor, request=as_request(record, asked), earlier=earlier)
    _keep(tx, asked, kind, actor, approved=False, reason=why, record_digest=proposed(record, asked).digest)
    _close(tx, asked, "vetoed")
    tx.emit(
        MailboxVetoed(**mailbox_record.subjects(record, actor), kind=kind.value, reason=why, widening=asked.id)
    )  # fmt: skip
    return mailbox_record.found(tx, record.address)


def _check_open(tx: Transaction, record: MailboxRecord, asked: WideningFacts, kind: Kind, actor: Actor) -> None:
    mailbox_record.need_alive(tx, record)
    if actor.name.casefold() == record.requested_by.casefold():
        # To widen is to issue a little more, so whoever requested the identity does not sign this either.
        raise Forbidden(
            f"{actor} requested {record.address}: a requester cannot approve",
            fix=f"ask another operator with role {kind.role} to sign",
        )
    earlier = signoffs(signatures(tx, record, asked))
    issuance.may_sign(kind, actor, request=as_request(record, asked), earlier=earlier)


def _sheet(tx: Transaction, record: MailboxRecord, asked: WideningFacts, kind: Kind, lookups: Lookups | None) -> Sheet:
    plain = signoff_checklists.sheet(tx, proposed(record, asked), kind, lookups)
    first, *rest = plain.findings
    asks = f"Its agent asks for more: {changes(record, asked)}. Its reason: {asked.reason}"
    told = replace(first, detail=f"{asks.rstrip('.')}. {first.detail}".rstrip())
    return replace(plain, findings=(told, *rest), widening=True)


def _keep(tx: Transaction, asked: WideningFacts, kind: Kind, actor: Actor, **values: Any) -> None:
    # An earlier signature of this kind can exist only for another record, or a veto replaces it.
    c = WIDENING_SIGNOFF.c
    tx.write(delete(WIDENING_SIGNOFF).where(c.widening_id == asked.id, c.kind == kind.value))
    row: dict[str, Any] = {
        "widening_id": asked.id, "kind": kind.value, "operator": actor.name, "at": tx.now, "checklist": {},
        "findings": {}, "reasons": {},
    }  # fmt: skip
    tx.create(WIDENING_SIGNOFF, row | values)


def _grant(tx: Transaction, record: MailboxRecord, asked: WideningFacts) -> None:
    wide = proposed(record, asked)
    mailbox_settings.apply_signed(
        tx, record,
        Change(
            limits=asked.limits,
            allow=wide.allow if asked.allow else None,
            classes=[ContentClass(one) for one in wide.classes] if asked.classes else None,
        ),
        reason=f"widening {asked.id}, signed by three roles",
    )  # fmt: skip
    _close(tx, asked, "granted")


def _close(tx: Transaction, asked: WideningFacts, outcome: str) -> None:
    tx.write(update(WIDENING).where(WIDENING.c.id == asked.id).values(outcome=outcome, closed_at=tx.now))

"""The gate: everything that can close it for a message, asked in one order, at acceptance and again at departure.

`refuse` is about who asks; `judge` is about what is asked. Both only read; what they say is a value with its reasons.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import or_, select

from core.errors import Conflict, Invalid, Unauthenticated
from core.events import EmailSuppressed
from core.flow import allowances, house
from core.flow.answers import Answer, RecipientAnswer, blocked
from core.flow.prepare import Prepared, Target
from core.ledger import facts, lanes
from core.ledger.counters import bucket
from core.ledger.facts import GateFacts, RunFacts, TokenFacts
from core.ledger.lanes import Claimed
from core.ledger.tables import Consent, table
from core.ledger.transaction import Transaction
from core.rules import addresses, budgets, consent, modes
from core.rules.policy import Policy
from core.words import (
    SYSTEM,
    UNSUBSCRIBE_CLASSES,
    Action,
    Block,
    ContentClass,
    Execute,
    Hold,
    Mode,
    Reason,
    Scope,
    Verdict,
)

CONSENT: Final = table(Consent)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the gate says of a message: the verdict, who is left out and why, whom a recipient waits for."""

    verdict: Verdict
    open: tuple[Target, ...]
    shut: dict[int, Reason] = field(default_factory=dict)
    suppressions: dict[int, tuple[int, str]] = field(default_factory=dict)
    waits_for: dict[int, int] = field(default_factory=dict)
    first_contacts: frozenset[str] = frozenset()
    facts: dict[str, Any] = field(default_factory=dict)
    failed_checks: int = 0

    def answers(self, targets: Sequence[Target]) -> tuple[RecipientAnswer, ...]:
        """Every recipient as the agent gave it, with what became of it."""
        match self.verdict:
            case Hold():
                status = "pending"
            case Execute():
                status = "queued"
            case Block():
                status = "blocked"
        return tuple(
            RecipientAnswer(t.given, "blocked", self.shut[t.n].code)
            if t.n in self.shut
            else RecipientAnswer(t.given, status, "conversation" if t.n in self.waits_for else None)
            for t in targets
        )


# --- who asks -------------------------------------------------------------------------------------------------------


def living_token(tx: Transaction, token_id: int) -> TokenFacts:
    """The token, looked at again in this transaction: it may have been revoked since the door read it."""
    token = facts.token(tx, token_id)
    if token is None or not token.alive(tx.now):
        raise Unauthenticated("the token is revoked or has expired", fix="ask an operator for a new one: token issue")
    return token


def refuse(tx: Transaction, box: GateFacts, token: TokenFacts, *, action: Action) -> Answer | None:
    """Why this agent may not do this here at all, or None."""
    if box.agent_id != token.agent_id:
        return blocked("not_your_mailbox", f"{box.address} does not belong to {token.agent_name}")
    sends = action in (Action.SEND, Action.REPLY)
    needed = Scope.READ if action is Action.READ else Scope.SEND
    if needed.value not in token.scopes:
        return blocked("insufficient_scope", f"the token lacks the scope {needed}", fix="ask for a token with it")
    if box.agent_status == "suspended":
        return suspended(box)
    if box.status != "active" or (box.expires_at is not None and box.expires_at <= tx.now):
        state = "expired" if box.status == "active" else box.status
        return blocked(
            "mailbox_not_active", f"{box.address} is {state}", fix="postroom mailbox show tells what it lacks"
        )
    if sends and box.protected and box.agent_name not in box.owners:
        return blocked("mailbox_not_active", f"{box.domain} is protected and {box.agent_name} does not own it")
    stop = facts.desk(tx)
    if sends and stop.stopped_at is not None:
        return Answer(
            status="blocked",
            http=503,
            error="desk_stopped",
            reason=f"the desk is stopped: {stop.stop_reason}",
            fix="nothing was kept; submit again when the desk has started",
            retry_after_seconds=60,
        )
    return None


def suspended(box: GateFacts) -> Answer:
    """403 with the figures that led to it: the agent's tool shows an error, and a person can act on it."""
    figures = box.suspend_figures.get("sentence") if box.suspend_figures else None
    why = box.suspend_reason or "an operator suspended it"
    return blocked(
        "agent_suspended",
        f"{box.agent_name} is suspended: {why}" + (f" ({figures})" if figures and figures not in why else ""),
        fix="governance resumes it: postroom agent resume",
    )


# --- what is asked --------------------------------------------------------------------------------------------------


def judge(tx: Transaction, prepared: Prepared, box: GateFacts, *, run: RunFacts) -> Judged:
    """The verdict on a message. It only ever tightens what the mode says, in the order a reviewer reads it."""
    version, policy = house.policy(tx)
    shut: dict[int, Reason] = {}
    suppressions = _suppressed(tx, prepared, box, shut)
    outside = _outside(prepared, box, policy, shut)
    open_ = tuple(t for t in prepared.targets if t.n not in shut)
    if not open_:
        return Judged(_all_shut(shut), (), shut=shut, suppressions=suppressions)
    first = _first_contacts(tx, open_, box)
    consents = [
        verdict
        for content_class in prepared.classes
        for verdict in consent_verdicts(
            tx, [t.address.normalised for t in open_], content_class, stream_id=box.stream_id, policy=policy
        )
    ]
    before = allowances.run_accepted(tx, run.id)
    further = [
        *_class_holds(prepared, box, policy),
        *outside,
        *consents,
        *_run_hold(tx, box, run, before=before, asking=len(open_)),
        *_newcomers_hold(tx, box, len(first)),
    ]
    verdict = modes.moderate(modes.decide(prepared.kind, Mode(box.mode)), further)
    if isinstance(verdict, Hold):
        # Whatever it is held for, who reviews it sees which words raised its class.
        verdict = Hold(tuple(dict.fromkeys((*verdict.reasons, *prepared.raised_by))))
    return Judged(
        verdict,
        open_,
        shut=shut,
        suppressions=suppressions,
        waits_for=_order(tx, prepared, open_, box),
        first_contacts=first,
        failed_checks=sum(isinstance(said, Hold) for said in further) + len(suppressions),
        facts={
            "mode": box.mode,
            "class": prepared.content_class.value,
            "classes": [content_class.value for content_class in prepared.classes],
            "declared": prepared.declared_class.value if prepared.declared_class else None,
            "recipients": len(open_),
            "first_contacts": len(first),
            "run_before": before,
            "run_confirmed": run.confirmed_up_to,
            "outside": sum(len(hold.reasons) for hold in outside if isinstance(hold, Hold)),
            "consent": [type(said).__name__.lower() for said in consents if not isinstance(said, Execute)],
            "mailbox_classes": list(box.classes),
            "sites": sorted({str(t.site) for t in open_}),
            "policy": version,
        },
    )


def _suppressed(
    tx: Transaction, prepared: Prepared, box: GateFacts, shut: dict[int, Reason]
) -> dict[int, tuple[int, str]]:
    listed = facts.suppressed(
        tx, {t.address.normalised for t in prepared.targets}, stream_id=box.stream_id,
        content_class=prepared.content_class, now=tx.now,
    )  # fmt: skip
    found = {t.n: listed[t.address.normalised] for t in prepared.targets if t.address.normalised in listed}
    for n, (_, cause) in found.items():
        shut[n] = Reason("recipients_suppressed", f"suppressed: {cause}")
    return found


def _outside(prepared: Prepared, box: GateFacts, policy: Policy, shut: dict[int, Reason]) -> list[Verdict]:
    """Recipients that the mailbox's allow-list does not name: held, or left out where policy says block."""
    strangers = [
        t
        for t in prepared.targets
        if t.n not in shut and not any(addresses.matches(pattern, t.address) for pattern in box.allow)
    ]
    if not strangers:
        return []
    if policy.allow_list.outside == "block":
        for t in strangers:
            shut[t.n] = Reason("not_allow_listed", "the mailbox's allow-list does not name it")
        return []
    noun = "recipient is" if len(strangers) == 1 else "recipients are"
    return [Hold((Reason("allow_list", f"{len(strangers)} {noun} outside the mailbox's allow-list"),))]


def _all_shut(shut: dict[int, Reason]) -> Block:
    codes = {reason.code for reason in shut.values()}
    if codes == {"not_allow_listed"}:
        return Block("not_allow_listed", "the mailbox's allow-list names none of the recipients")
    if codes == {"recipients_suppressed"}:
        return Block("recipients_suppressed", "every recipient is suppressed")
    return Block("recipients_suppressed", "every recipient is suppressed or outside the allow-list")


def _first_contacts(tx: Transaction, open_: Sequence[Target], box: GateFacts) -> frozenset[str]:
    wanted = {t.address.normalised for t in open_}
    return frozenset(wanted - facts.known_contacts(tx, wanted, agent_id=box.agent_id))


def _class_holds(prepared: Prepared, box: GateFacts, policy: Policy) -> list[Verdict]:
    holds: list[Verdict] = []
    if prepared.content_class in UNSUBSCRIBE_CLASSES and not (box.organisation and box.postal_address):
        lacks = f"{box.domain} has no organisation and postal address, which {prepared.content_class} must carry"
        fix = f"postroom stream set {box.domain} --organisation NAME --postal-address TEXT"
        holds.append(Block("action_blocked", lacks, fix))
    for content_class in prepared.classes:
        if content_class.value not in box.classes:
            text = f"{box.address} is not signed off for {content_class}"
            holds.append(Hold((Reason("class_not_signed_off", text),)))
        if content_class in policy.classes.hold:
            holds.append(Hold((Reason("class", f"policy holds {content_class} in every mode"),)))
    return holds


def consent_verdicts(
    tx: Transaction, recipients: Sequence[str], content_class: ContentClass, *, stream_id: int, policy: Policy
) -> list[Verdict]:
    """What each recipient's consent says; nothing is read for a class that needs none."""
    if content_class not in policy.consent.require:
        return []
    terms = consent.Terms(
        require=frozenset(policy.consent.require),
        prior_consent_regions=frozenset(policy.consent.prior_consent_regions),
        unknown_region=policy.consent.unknown_region,
        missing=policy.consent.missing,
    )
    return [
        consent.decide(
            content_class, recipient=consent.Recipient(address=address),
            records=_consent_records(tx, address, stream_id=stream_id), terms=terms, now=tx.now,
        )
        for address in recipients
    ]  # fmt: skip


def has_withdrawn(tx: Transaction, address: str, classes: Iterable[ContentClass], *, stream_id: int) -> bool:
    """Whether the recipient has taken back what one of the classes needs: then no approval lets it go."""
    wanted = list(classes)
    records = _consent_records(tx, address, stream_id=stream_id) if wanted else []
    return any(consent.withdrawn(one, address=address, records=records, now=tx.now) for one in wanted)


def _consent_records(tx: Transaction, address: str, *, stream_id: int) -> list[consent.Record]:
    domain = address.rpartition("@")[2]
    c = CONSENT.c
    rows = tx.all(
        select(CONSENT).where(
            c.subject.in_([address, domain, f"@{domain}"]), or_(c.stream_id.is_(None), c.stream_id == stream_id)
        )
    )
    return [
        consent.Record(
            subject=row.subject, basis=consent.Basis(row.basis), given_at=row.given_at, scope=row.scope,
            region=row.region, expires_at=row.expires_at, withdrawn_at=row.withdrawn_at,
        )
        for row in rows
    ]  # fmt: skip


def _run_hold(tx: Transaction, box: GateFacts, run: RunFacts, *, before: int, asking: int) -> list[Verdict]:
    room = budgets.run_hold(before, asking=asking, cap=allowances.run_cap(tx, box), confirmed_up_to=run.confirmed_up_to)
    return [Hold((room.hold,))] if room.hold else []


def _newcomers_hold(tx: Transaction, box: GateFacts, fresh: int) -> list[Verdict]:
    """First-time recipients beyond the day's allowance: time alone must not let a runaway go on."""
    if not fresh:
        return []
    room = allowances.new_recipient_caps(tx, box).room(tx, asking=fresh)
    if room.next_at is None:
        return []
    text = f"{room.used + fresh:,} first-time recipients in 24 h, {room.cap:,} allowed"
    return [Hold((Reason("new_recipients", text),))]


def _order(tx: Transaction, prepared: Prepared, open_: Sequence[Target], box: GateFacts) -> dict[int, int]:
    """Within one conversation and recipient nothing overtakes what still waits or is deferred."""
    if not prepared.threaded:
        return {}
    waits = {}
    for target in open_:
        earlier = lanes.predecessor(
            tx,
            mailbox_id=box.mailbox_id,
            conversation=prepared.conversation,
            before=prepared.id,
            address=target.address.normalised,
        )
        if earlier is not None:
            waits[target.n] = earlier
    return waits


# --- what is told ---------------------------------------------------------------------------------------------------


def tell_suppressed(tx: Transaction, prepared: Prepared, box: GateFacts, judged: Judged) -> None:
    for n, (suppression, cause) in judged.suppressions.items():
        tx.emit(
            EmailSuppressed(
                actor=str(SYSTEM), message=prepared.id, mailbox=box.mailbox_id, agent=box.agent_id,
                stream=box.stream_id, n=n, suppression=suppression, cause=cause,
            )
        )  # fmt: skip


def tell_suppressed_recipient(tx: Transaction, one: Claimed, *, suppression: int, cause: str) -> None:
    """The same at departure: the record came in while the recipient waited."""
    tx.emit(
        EmailSuppressed(
            actor=str(SYSTEM), message=one.message_id, mailbox=one.mailbox_id, agent=one.agent_id,
            stream=one.stream_id, n=one.n, suppression=suppression, cause=cause,
        )
    )  # fmt: skip


def count_refusal(tx: Transaction, box: GateFacts, code: str) -> None:
    tx.bump("agent", str(box.agent_id), f"refused:{code}", minute=bucket(tx.now, 60))
    tx.bump("desk", "", "refused", minute=bucket(tx.now))


def with_recipients(answer: Answer, recipients: tuple[RecipientAnswer, ...]) -> Answer:
    return dataclasses.replace(answer, recipients=recipients)


def replayed_answer(tx: Transaction, *, mailbox_id: int, key: str, digest: bytes) -> Answer | None:
    """The first answer to this key again. Raises `Conflict` while it is being given, `Invalid` for another body."""
    row = facts.idempotent_answer(tx, mailbox_id=mailbox_id, key=key)
    if row is None:
        return None
    if bytes(row.digest) != digest:
        raise Invalid(
            "this Idempotency-Key was used with another body",
            error="idempotency_mismatch",
            fix="use a fresh key for a different message",
        )
    if row.status is None:
        raise Conflict("the first request with this key is still running", error="idempotency_in_progress")
    return Answer(status="replayed", http=row.status, raw=bytes(row.answer))

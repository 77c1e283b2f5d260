"""The gate's facts, read for its one decision (rules/gate.py), at acceptance and again at departure.

`refuse` is about who asks, `judge` about what is handed in, `judge_again` about what is about to leave. All only read.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from core.db import gate_queries, queue
from core.db.gate_queries import RunFacts, SenderState, TokenFacts
from core.db.queue import Claimed
from core.db.transaction import Transaction
from core.errors import Conflict, Invalid, Unauthenticated
from core.events import EmailSuppressed
from core.model import SYSTEM, Action, Block, ContentClass, Execute, Hold, Mode, Reason, Scope, Status, Verdict
from core.rules import addresses, budgets, modes
from core.rules.gate import (
    GateDecision,
    GateInput,
    GateRecipient,
    Moment,
    Standing,
    Task,
    approved_rules,
    bar,
    decide,
    open_to,
)
from core.rules.policy import Policy
from core.services import context
from core.services.sending import contacts, run_context
from core.services.sending import limits as sending_limits
from core.services.sending.consent_facts import Consents, asked_for
from core.services.sending.policy_since import Since
from core.services.sending.prepare import Prepared, Target
from core.services.sending.submit_result import Answer, RecipientAnswer, blocked


@dataclass(frozen=True, slots=True)
class Judged:
    """What the gate says of a message: the verdict, who is left out and why, whom a recipient waits for."""

    verdict: Verdict
    open: tuple[Target, ...]
    excluded: dict[int, Reason] = field(default_factory=dict)
    suppressions: dict[int, tuple[int, str]] = field(default_factory=dict)
    waits_for: dict[int, int] = field(default_factory=dict)
    first_contacts: frozenset[str] = frozenset()
    facts: dict[str, Any] = field(default_factory=dict)

    def answers(self, targets: Sequence[Target], *, free: Status = Status.QUEUED) -> tuple[RecipientAnswer, ...]:
        """Every recipient as the agent gave it, with what became of it; `free` is what may leave."""
        match self.verdict:
            case Hold():
                status = "pending"
            case Execute():
                status = free.value
            case Block():
                status = "blocked"
        return tuple(
            RecipientAnswer(t.given, "blocked", self.excluded[t.n].code)
            if t.n in self.excluded
            else RecipientAnswer(t.given, status, "conversation" if t.n in self.waits_for else None)
            for t in targets
        )


# --- who asks -------------------------------------------------------------------------------------------------------


def require_live_token(tx: Transaction, token_id: int) -> TokenFacts:
    """The token, looked at again in this transaction: it may have been revoked since the door read it."""
    token = gate_queries.token(tx, token_id)
    if token is None or not token.alive(tx.now):
        raise Unauthenticated("the token is revoked or has expired", fix="ask an operator for a new one: token issue")
    return token


def refuse(tx: Transaction, box: SenderState, token: TokenFacts, *, action: Action) -> Answer | None:
    """Why this agent may not do this here at all, or None."""
    if box.agent_id != token.agent_id:
        return blocked("not_your_mailbox", f"{box.address} does not belong to {token.agent_name}")
    needed = Scope.READ if action is Action.READ else Scope.SEND
    lacking = needed.value not in token.scopes
    mode = modes.decide(action, Mode(box.mode))
    if lacking and not isinstance(mode, Block):
        return blocked("insufficient_scope", f"the token lacks the scope {needed}", fix="ask for a token with it")
    stands = standing(tx, box)
    if token.run_key is not None:
        run = gate_queries.run(tx, agent_id=token.agent_id, key=token.run_key)
        if run is not None and run.closed_at is not None:
            stands = dataclasses.replace(stands, run_closed=run.key)
    if action not in (Action.SEND, Action.REPLY):
        stands = dataclasses.replace(stands, protected=False, stopped=None)
    barred = bar(stands, Moment.ACCEPTANCE)
    if barred is not None:
        return _barred(barred)
    # A mode that refuses the action is told before a scope that lacks: another token would change nothing.
    return blocked(mode.error, mode.reason, fix=mode.fix) if isinstance(mode, Block) else None


def _barred(barred: Block) -> Answer:
    """What the agent is told: 403 with the figures, so that its tool shows an error and a person can act on it."""
    if barred.error != "desk_stopped":
        return blocked(barred.error, barred.reason, fix=barred.fix)
    return Answer(
        status="blocked", http=503, error=barred.error, reason=barred.reason, fix=barred.fix, retry_after_seconds=60
    )


def standing(tx: Transaction, box: SenderState) -> Standing:
    """How the mailbox, its agent, its stream and the desk stand at this moment; looked at once between two writes."""
    return tx.memo(("standing", box.mailbox_id), lambda: _standing(tx, box))


def _standing(tx: Transaction, box: SenderState) -> Standing:
    stop = gate_queries.desk(tx)
    expired = box.expires_at is not None and box.expires_at <= tx.now
    return Standing(
        mailbox=box.address,
        agent=box.agent_name,
        stream=box.domain,
        suspended=suspension(box),
        inactive=box.status if box.status != "active" else "expired" if expired else None,
        protected=box.protected and box.agent_name not in box.owners,
        stopped=None if stop.stopped_at is None else str(stop.stop_reason),
        paused=box.paused_at is not None,
    )


def suspension(box: SenderState) -> str | None:
    """Why the mailbox's agent may not act, with the figures that led to it; None: it may."""
    if box.agent_status == "active":
        return None
    figures = box.suspend_figures.get("sentence") if box.suspend_figures else None
    why = box.suspend_reason or "an operator suspended it"
    return f"{box.agent_name} is {box.agent_status}: {why}" + (
        f" ({figures})" if figures and figures not in why else ""
    )


# --- what is asked --------------------------------------------------------------------------------------------------


def judge(tx: Transaction, prepared: Prepared, box: SenderState, *, run: RunFacts) -> Judged:
    """The decision on a message that is handed in, from the facts of this moment."""
    version, policy = context.current_policy(tx)
    people = {t.n: t.address.normalised for t in prepared.targets}
    listed = gate_queries.suppressed(
        tx, set(people.values()), stream_id=box.stream_id, now=tx.now,
        classes=counts_as(prepared.content_class, commercial=prepared.commercial),
    )  # fmt: skip
    asked = _asked(
        tx, box, standing(tx, box), Moment.ACCEPTANCE, kind=prepared.kind, content_class=prepared.content_class,
        classes=prepared.classes, reply_to=prepared.reply_to,
        recipients=_recipients(
            tx, box, prepared.classes, people=people, listed=listed, commercial=prepared.commercial,
            targets=(run.targets, prepared.run.targets),
        ),
        task=run_context.task(run, prepared.run, required=policy.runs.require, missing=policy.runs.missing),
    )  # fmt: skip
    before = sending_limits.run_accepted(tx, run.id)
    free = open_to(asked)
    open_ = tuple(t for t in prepared.targets if t.n in free)
    first = contacts.strangers(tx, {t.address.normalised for t in open_}, agent_id=box.agent_id)
    # What leaves at a time of its own takes its places of first-time recipients then: taken now, those of many days
    # could be spent in one moment.
    fresh = first.fresh if prepared.send_at is None else frozenset()
    newcomers, allowance = newcomers_hold(tx, box, len(fresh))
    # What composing found stands beside the caps: either is looked at once, before the message is accepted.
    budget = (*_run_hold(tx, box, run, before=before, asking=len(open_)), *newcomers, *prepared.holds)
    decision = decide(dataclasses.replace(asked, budget=budget) if budget else asked)
    verdict = decision.verdict
    if isinstance(verdict, Hold):
        # Whatever it is held for, who reviews it sees which words raised its class.
        verdict = Hold(tuple(dict.fromkeys((*verdict.reasons, *prepared.raised_by))))
    suppressions = {n: listed[address] for n, address in people.items() if address in listed}
    return Judged(
        verdict,
        open_,
        excluded={n: Reason(block.error, block.reason) for n, block in decision.excluded.items()},
        suppressions=suppressions,
        waits_for=_order(tx, prepared, open_, box),
        # What the cap holds takes no place: it takes one when it leaves, after a person's yes.
        first_contacts=frozenset() if newcomers else fresh,
        facts={
            "mode": box.mode,
            "class": prepared.content_class.value,
            "classes": [content_class.value for content_class in prepared.classes],
            "declared": prepared.declared_class.value if prepared.declared_class else None,
            "recipients": len(open_),
            "first_contacts": len(first.all),
            "run_before": before,
            "run_confirmed": run.confirmed_up_to,
            "mailbox_classes": list(box.classes),
            "limit_run": box.limit_run,
            "sites": sorted({str(t.site) for t in open_}),
            "policy": version,
            "verdict": type(decision.verdict).__name__.lower(),
        }
        | _exceptional(
            asked,
            found=prepared.holds,
            allowance=allowance,
            commercial=prepared.commercial,
            unsaid=run_context.unsaid(run, prepared.run),
        ),
    )


def judge_again(
    tx: Transaction, box: SenderState, message: Row[Any], *, people: dict[int, str], paused: bool,
    listed: dict[str, tuple[int, str]], consents: Consents, known: dict[Hashable, GateDecision], since: Since,
) -> GateDecision:  # fmt: skip
    """The decision on a message that is about to leave, by the same rules and the facts of this moment.

    `message` is a row of `departing`, `people` the addresses of it that have not left yet, `paused` says that the lane
    is. What acceptance charged is paid; the run's cap is asked again, for it may have been lowered since. `known` are
    the decisions of this batch: most of its messages differ in nothing that the gate asks. `since` is what a stricter
    policy asks of the bytes as they are.
    """
    _, policy = context.current_policy(tx)
    classes = _classes(message.content_class, (*message.facts.get("classes", ()), *since.classes))
    released = message.review_status == "released"
    approved = frozenset(message.settled or ()) | (approved_rules(message.reasons) if released else frozenset())
    needs = 2 if released and set(classes) & set(policy.review.four_eyes) else 0
    missing = needs - len(message.approvers or ()) if needs else 0
    task = _task_of(message, policy)
    recipients = _recipients(
        tx, box, classes, people=people, listed=listed, consents=consents,
        commercial=bool(message.facts.get("commercial")), targets=(tuple(message.targets or ()),),
    )  # fmt: skip
    stands = standing(tx, box)
    budget = (*since.lacks, *_run_hold_again(tx, box, message))
    facts_of_it = budget, stands, paused, message.kind, classes, message.reply_to, approved, missing, recipients, task
    decision = known.get(facts_of_it)
    if decision is None:
        asked = _asked(
            tx, box, dataclasses.replace(stands, paused=stands.paused or paused), Moment.DEPARTURE,
            kind=Action(message.kind), classes=classes, reply_to=message.reply_to, recipients=recipients,
            task=task,
        )  # fmt: skip
        decision = decide(dataclasses.replace(asked, approved=approved, approvals_missing=missing, budget=budget))
        known[facts_of_it] = decision
    return decision


def _task_of(message: Row[Any], policy: Policy) -> Task | None:
    """What the gate asks of the run of a stored message; None for nothing, as of most.

    What it did not say when it was handed in, it cannot now.
    """
    required = policy.runs.require
    said: dict[str, Any] = message.facts
    unsaid = tuple(name for name in said.get("unsaid", ()) if name in required and not _said_since(message, name))
    if not (unsaid or said.get("declares_other") or message.targets):
        return None
    return Task(
        run=message.run_key or "the run", purpose=message.purpose, unsaid=unsaid,
        refuses=policy.runs.missing == "refuse", declares_other=bool(said.get("declares_other")),
    )  # fmt: skip


def _said_since(message: Row[Any], name: str) -> bool:
    """Whether its run has said it in a later message; an implicit run speaks for nobody else's."""
    return not message.untraced and bool(getattr(message, name))


@functools.lru_cache(maxsize=256)
def _classes(own: str, further: tuple[str, ...]) -> tuple[ContentClass, ...]:
    """All that a stored message is, the class it goes as first."""
    return tuple(ContentClass(name) for name in dict.fromkeys((own, *further)))


def _asked(
    tx: Transaction, box: SenderState, stands: Standing, moment: Moment, *, kind: Action,
    classes: tuple[ContentClass, ...], reply_to: str | None, recipients: tuple[GateRecipient, ...],
    task: Task | None, content_class: ContentClass | None = None,
) -> GateInput:  # fmt: skip
    """The facts that acceptance and departure have in common: all but budgets, which are paid once, and approvals."""
    _, policy = context.current_policy(tx)
    return GateInput(
        moment=moment,
        standing=stands,
        mode=modes.decide(kind, Mode(box.mode)),
        content_class=content_class or classes[0],
        classes=classes,
        signed_off=box.classes,
        held_classes=policy.classes.hold,
        imprint=bool(box.organisation and box.postal_address),
        outside=policy.allow_list.outside,
        reply_to_allowed=reply_to is None or _answers_may_go(box, reply_to),
        recipients=recipients,
        task=task,
    )


def _recipients(
    tx: Transaction, box: SenderState, classes: tuple[ContentClass, ...], *, people: dict[int, str],
    listed: dict[str, tuple[int, str]], commercial: bool, targets: tuple[tuple[str, ...], ...],
    consents: Consents | None = None,
) -> tuple[GateRecipient, ...]:  # fmt: skip
    _, policy = context.current_policy(tx)
    asked = asked_for(classes, commercial=commercial, policy=policy)
    records = (consents or Consents(tx, people.values())) if asked else None
    return tuple(
        GateRecipient(
            n=n,
            allowed=addresses.allowed(box.allow, address),
            on_task=all(run_context.on_task(named, address) for named in targets),
            suppressed=listed[address][1] if address in listed else None,
            consent=()
            if records is None
            else records.verdicts(address, classes, box=box, policy=policy, commercial=commercial),
        )
        for n, address in people.items()
    )


def counts_as(content_class: str, *, commercial: bool) -> tuple[str, ...]:
    """For which classes a suppression keeps this message away: whoever has left offers gets none under another name."""
    return (content_class, ContentClass.COLD_OUTREACH) if commercial else (content_class,)


def _answers_may_go(box: SenderState, address: str) -> bool:
    """To the mailbox's own domain, and wherever the mailbox may write to."""
    return address.rpartition("@")[2] == box.domain or addresses.allowed(box.allow, address)


def _exceptional(
    asked: GateInput, *, found: Sequence[Reason], allowance: Mapping[str, Any] | None, commercial: bool,
    unsaid: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """The facts that most messages have nothing of: recipients are told by their number, for the log outlives them."""
    facts = {
        "outside_of": [one.n for one in asked.recipients if not one.allowed],
        "suppressed_of": {str(one.n): one.suppressed for one in asked.recipients if one.suppressed is not None},
        "consent_of": [
            [one.n, content_class.value]
            for one in asked.recipients
            for content_class, said in one.consent
            if not isinstance(said, Execute)
        ],
        "reply_to_outside": not asked.reply_to_allowed,
        "found": [reason.code for reason in found],
        "newcomers": allowance,
        "commercial": commercial,
        "off_task": [one.n for one in asked.recipients if not one.on_task],
        "declares_other": asked.task is not None and asked.task.declares_other,
        "unsaid": unsaid,
    }
    return {name: value for name, value in facts.items() if value}


def _run_hold(tx: Transaction, box: SenderState, run: RunFacts, *, before: int, asking: int) -> list[Reason]:
    room = budgets.run_hold(
        before, asking=asking, cap=sending_limits.run_cap(tx, box), confirmed_up_to=run.confirmed_up_to
    )
    return [room.hold] if room.hold else []


def _run_hold_again(tx: Transaction, box: SenderState, message: Row[Any]) -> list[Reason]:
    """Whether the run's cap, as it is now, would have held it: it may have been lowered since it was accepted.

    A run that has room for all that it had accepted holds nothing, whichever of it was rejected meanwhile.
    """
    cap, confirmed = sending_limits.run_cap(tx, box), message.confirmed_up_to
    said: dict[str, Any] = message.facts
    if "run_before" not in said or sending_limits.run_accepted(tx, message.run_id) <= max(cap, confirmed or 0):
        return []
    room = budgets.run_hold(said["run_before"], asking=said["recipients"], cap=cap, confirmed_up_to=confirmed)
    return [room.hold] if room.hold else []


def newcomers_hold(tx: Transaction, box: SenderState, fresh: int) -> tuple[list[Reason], dict[str, Any] | None]:
    """First-time recipients beyond the day's allowance: time alone must not let a runaway go on. And its figures."""
    if not fresh:
        return [], None
    room = sending_limits.new_recipient_caps(tx, box).room(tx, asking=fresh)
    limits = [one.limit_new_recipients_day for one in gate_queries.agent_mailboxes(tx, box.agent_id)]
    figures = {"fresh": fresh, "used": room.used, "limits": limits}
    if room.next_at is None:
        return [], figures
    text = f"{room.used + fresh:,} first-time recipients in 24 h, {room.cap:,} allowed"
    return [Reason("new_recipients", text)], figures


def _order(tx: Transaction, prepared: Prepared, open_: Sequence[Target], box: SenderState) -> dict[int, int]:
    """Within one conversation and recipient nothing overtakes what still waits or is deferred."""
    if not prepared.threaded:
        return {}
    waits = {}
    for target in open_:
        earlier = queue.predecessor(
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


def tell_suppressed(tx: Transaction, prepared: Prepared, box: SenderState, judged: Judged) -> None:
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


def with_recipients(answer: Answer, recipients: tuple[RecipientAnswer, ...]) -> Answer:
    return dataclasses.replace(answer, recipients=recipients)


def replayed_answer(tx: Transaction, *, mailbox_id: int, test: bool, key: str, digest: bytes) -> Answer | None:
    """The first answer to this key again. Raises `Conflict` while it is being given, `Invalid` for another body."""
    row = gate_queries.idempotent_answer(tx, mailbox_id=mailbox_id, test=test, key=key)
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

"""The gate's decision on a message, by one rule (rules/gate.py): at acceptance, and again before it departs.

`judge` decides on a submission, `judge_again` on a message about to leave. The facts come from `gate_facts.py`; whether
the agent may act at all is checked first (`sender_eligibility.py`). Everything here only reads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from core.db import gate_queries
from core.db.gate_queries import RunFacts, SenderState
from core.db.transaction import Transaction
from core.model import Action, Block, Execute, Hold, Reason, Status, Verdict
from core.rules.gate import GateDecision, GateInput, Moment, approved_rules, decide, open_to
from core.services import context
from core.services.sending import first_time_recipients, gate_facts, limits, run_context, taint
from core.services.sending.consent_facts import Consents
from core.services.sending.policy_recheck import Since
from core.services.sending.sender_eligibility import sender_facts
from core.services.sending.submission import Prepared, Target
from core.services.sending.submit_result import RecipientAnswer


@dataclass(frozen=True, slots=True)
class Judged:
    """The gate's decision: the verdict, excluded recipients and why, and the message each recipient waits for."""

    verdict: Verdict
    open: tuple[Target, ...]
    excluded: dict[int, Reason] = field(default_factory=dict)
    suppressions: dict[int, tuple[int, str]] = field(default_factory=dict)
    waits_for: dict[int, int] = field(default_factory=dict)
    first_contacts: frozenset[str] = frozenset()
    facts: dict[str, Any] = field(default_factory=dict)
    tainted_by: int | None = None
    """Received mail of a stranger that the message's run had read."""

    def answers(self, targets: Sequence[Target], *, free: Status = Status.QUEUED) -> tuple[RecipientAnswer, ...]:
        """Every recipient as the agent wrote it, with its status; `free` is the status of those that may leave."""
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


def judge(tx: Transaction, prepared: Prepared, mailbox: SenderState, *, run: RunFacts) -> Judged:
    """Decide on a submitted message, from the facts of this moment."""
    version, policy = context.current_policy(tx)
    people = {t.n: t.address.normalised for t in prepared.targets}
    listed = gate_queries.suppressed(
        tx, set(people.values()), stream_id=mailbox.stream_id, now=tx.now,
        classes=gate_facts.counts_as(prepared.content_class, commercial=prepared.commercial),
    )  # fmt: skip
    asked = gate_facts.handed_in(tx, prepared, mailbox, policy=policy, run=run, people=people, listed=listed)
    tainted = taint.of_message(tx, prepared, mailbox, run=run)
    if tainted is not None:
        asked = dataclasses.replace(asked, taint=tainted[0])
    before = limits.run_accepted(tx, run.id)
    free = open_to(asked)
    open_ = tuple(t for t in prepared.targets if t.n in free)
    first = first_time_recipients.strangers(tx, {t.address.normalised for t in open_}, agent_id=mailbox.agent_id)
    # A scheduled message takes its places for first-time recipients when it leaves: taken now, those of many days
    # could be used up at one moment.
    fresh = first.fresh if prepared.send_at is None else frozenset()
    newcomers, allowance = gate_facts.newcomers_hold(tx, mailbox, len(fresh))
    # Holds found while composing join those of the caps: both are checked once, before the message is accepted.
    budget = (*gate_facts.run_hold(tx, mailbox, run, before=before, asking=len(open_)), *newcomers, *prepared.holds)
    decision = decide(dataclasses.replace(asked, budget=budget) if budget else asked)
    verdict = decision.verdict
    if isinstance(verdict, Hold):
        # Whatever the message is held for, the reviewer sees which words raised its class.
        verdict = Hold(tuple(dict.fromkeys((*verdict.reasons, *prepared.raised_by))))
    suppressions = {n: listed[address] for n, address in people.items() if address in listed}
    return Judged(
        verdict,
        open_,
        excluded={n: Reason(block.error, block.reason) for n, block in decision.excluded.items()},
        suppressions=suppressions,
        waits_for=gate_facts.waits_for(tx, prepared, open_, mailbox),
        # A message held by the cap takes no place: it takes one when it leaves, after a person approved it.
        first_contacts=frozenset() if newcomers else fresh,
        facts={
            "mode": mailbox.mode,
            "class": prepared.content_class.value,
            "classes": [content_class.value for content_class in prepared.classes],
            "declared": prepared.declared_class.value if prepared.declared_class else None,
            "recipients": len(open_),
            "first_contacts": len(first.all),
            "run_before": before,
            "run_confirmed": run.confirmed_up_to,
            "mailbox_classes": list(mailbox.classes),
            "limit_run": mailbox.limit_run,
            "sites": sorted({str(t.site) for t in open_}),
            "policy": version,
            "verdict": type(decision.verdict).__name__.lower(),
        }
        | _exceptional(
            asked,
            found=prepared.holds,
            allowance=allowance,
            commercial=prepared.commercial,
            missing=run_context.unsaid(run, prepared.run),
        )
        | _inherited(prepared),
        tainted_by=None if tainted is None else tainted[1],
    )


def _inherited(prepared: Prepared) -> dict[str, Any]:
    taken = prepared.inherited
    return {} if taken is None else {"inherited": {"of": taken.of, "fields": list(taken.fields)}}


def judge_again(
    tx: Transaction, mailbox: SenderState, message: Row[Any], *, people: dict[int, str], paused: bool,
    listed: dict[str, tuple[int, str]], consents: Consents, known: dict[Hashable, GateDecision], since: Since,
) -> GateDecision:  # fmt: skip
    """Decide on a message that is about to leave, by the same rules and the facts of this moment.

    `message` is a row of `_MESSAGES` (delivery/departure_check.py), `people` are its addresses that have not left yet,
    `paused` says that the lane is paused. What acceptance charged is paid; the run's cap is checked again, because it
    may have been lowered since. `known` are the decisions of this batch: most of its messages do not differ in anything
    the gate asks. `since` is what a stricter policy asks of the bytes as they are.
    """
    _, policy = context.current_policy(tx)
    classes = gate_facts.classes_of(message.content_class, (*message.facts.get("classes", ()), *since.classes))
    released = message.review_status == "released"
    approved = frozenset(message.settled or ()) | (approved_rules(message.reasons) if released else frozenset())
    needs = 2 if released and set(classes) & set(policy.review.four_eyes) else 0
    missing = needs - len(message.approvers or ()) if needs else 0
    task = gate_facts.task_of(message, policy)
    recipients = gate_facts.recipients_of(
        tx, mailbox, classes, people=people, listed=listed, consents=consents,
        commercial=bool(message.facts.get("commercial")), targets=(tuple(message.targets or ()),),
    )  # fmt: skip
    sender = sender_facts(tx, mailbox)
    budget = (*since.lacks, *gate_facts.run_hold_again(tx, mailbox, message))
    tainted = taint.stored(message.facts)
    facts_of_it = (
        budget, sender, paused, message.kind, classes, message.reply_to, approved, missing, recipients, task, tainted,
    )  # fmt: skip
    decision = known.get(facts_of_it)
    if decision is None:
        asked = gate_facts.gate_input(
            tx, mailbox, dataclasses.replace(sender, paused=sender.paused or paused), Moment.DEPARTURE,
            kind=Action(message.kind), classes=classes, reply_to=message.reply_to, recipients=recipients,
            task=task,
        )  # fmt: skip
        asked = dataclasses.replace(asked, taint=tainted)
        decision = decide(dataclasses.replace(asked, approved=approved, approvals_missing=missing, budget=budget))
        known[facts_of_it] = decision
    return decision


def _exceptional(
    asked: GateInput, *, found: Sequence[Reason], allowance: Mapping[str, Any] | None, commercial: bool,
    missing: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """Facts that most messages lack. Recipients are given by number, because the log outlives them."""
    facts = {
        "outside_of": [one.n for one in asked.recipients if not one.allowed],
        "suppressed_of": {str(one.n): one.suppressed for one in asked.recipients if one.suppressed is not None},
        "consent_of": [
            [one.n, content_class.value]
            for one in asked.recipients
            for content_class, verdict in one.consent
            if not isinstance(verdict, Execute)
        ],
        "reply_to_outside": not asked.reply_to_allowed,
        "found": [reason.code for reason in found],
        "newcomers": allowance,
        "commercial": commercial,
        "off_task": [one.n for one in asked.recipients if not one.on_task],
        "declares_other": asked.task is not None and asked.task.declares_other,
        "unsaid": missing,
        "taint": taint.as_facts(asked.taint),
    }
    return {name: value for name, value in facts.items() if value}

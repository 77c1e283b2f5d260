"""The facts behind the gate's decision on a message: recipients, consent, run, budgets, conversation.

Read from tables and counters, in the form `rules/gate.py` takes; `gate.py` decides on them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from core.db import gate_queries, queue
from core.db.gate_queries import RunFacts, SenderState
from core.db.transaction import Transaction
from core.model import Action, ContentClass, Mode, Reason
from core.rules import addresses, budgets, modes
from core.rules.gate import GateInput, GateRecipient, Moment, SenderFacts, Task
from core.rules.policy import Policy
from core.services import context
from core.services.sending import limits, run_context
from core.services.sending.consent_facts import Consents, asked_for
from core.services.sending.sender_eligibility import sender_facts
from core.services.sending.submission import Prepared, Target

# --- input of the rules -----------------------------------------------------------------------------------------------


def handed_in(
    tx: Transaction, prepared: Prepared, mailbox: SenderState, *, policy: Policy, run: RunFacts, people: dict[int, str],
    listed: dict[str, tuple[int, str]],
) -> GateInput:  # fmt: skip
    """Facts of a message at acceptance. `people` are its addresses, `listed` the suppressed ones among them."""
    return gate_input(
        tx, mailbox, sender_facts(tx, mailbox), Moment.ACCEPTANCE, kind=prepared.kind,
        content_class=prepared.content_class, classes=prepared.classes, reply_to=prepared.reply_to,
        recipients=recipients_of(
            tx, mailbox, prepared.classes, people=people, listed=listed, commercial=prepared.commercial,
            targets=(run.targets, prepared.run.targets),
        ),
        task=run_context.task(run, prepared.run, required=policy.runs.require, missing=policy.runs.missing),
    )  # fmt: skip


def gate_input(
    tx: Transaction, mailbox: SenderState, sender: SenderFacts, moment: Moment, *, kind: Action,
    classes: tuple[ContentClass, ...], reply_to: str | None, recipients: tuple[GateRecipient, ...],
    task: Task | None, content_class: ContentClass | None = None,
) -> GateInput:  # fmt: skip
    """Facts common to acceptance and departure: all but budgets, which are charged once, and approvals."""
    _, policy = context.current_policy(tx)
    return GateInput(
        moment=moment,
        sender=sender,
        mode=modes.decide(kind, Mode(mailbox.mode)),
        content_class=content_class or classes[0],
        classes=classes,
        signed_off=mailbox.classes,
        held_classes=policy.classes.hold,
        imprint=bool(mailbox.organisation and mailbox.postal_address),
        outside=policy.allow_list.outside,
        reply_to_allowed=reply_to is None or _answers_may_go(mailbox, reply_to),
        recipients=recipients,
        task=task,
    )


def recipients_of(
    tx: Transaction, mailbox: SenderState, classes: tuple[ContentClass, ...], *, people: dict[int, str],
    listed: dict[str, tuple[int, str]], commercial: bool, targets: tuple[tuple[str, ...], ...],
    consents: Consents | None = None,
) -> tuple[GateRecipient, ...]:  # fmt: skip
    _, policy = context.current_policy(tx)
    asked = asked_for(classes, commercial=commercial, policy=policy)
    records = (consents or Consents(tx, people.values())) if asked else None
    return tuple(
        GateRecipient(
            n=n,
            allowed=addresses.allowed(mailbox.allow, address),
            on_task=all(run_context.on_task(named, address) for named in targets),
            suppressed=listed[address][1] if address in listed else None,
            consent=()
            if records is None
            else records.verdicts(address, classes, mailbox=mailbox, policy=policy, commercial=commercial),
        )
        for n, address in people.items()
    )


def counts_as(content_class: str, *, commercial: bool) -> tuple[str, ...]:
    """Classes whose suppressions apply: a recipient who opted out of offers gets none under another class."""
    return (content_class, ContentClass.COLD_OUTREACH) if commercial else (content_class,)


def _answers_may_go(mailbox: SenderState, address: str) -> bool:
    """Whether replies may go to this address: the mailbox's own domain, or one the mailbox may write to."""
    return address.rpartition("@")[2] == mailbox.domain or addresses.allowed(mailbox.allow, address)


def task_of(message: Row[Any], policy: Policy) -> Task | None:
    """What the gate checks of a stored message's run; None for nothing, as for most.

    What the message did not declare when it was submitted, it cannot declare now.
    """
    required = policy.runs.require
    stored: dict[str, Any] = message.facts
    missing = tuple(name for name in stored.get("unsaid", ()) if name in required and not _said_since(message, name))
    if not (missing or stored.get("declares_other") or message.targets):
        return None
    return Task(
        run=message.run_key or "the run", purpose=message.purpose, unsaid=missing,
        refuses=policy.runs.missing == "refuse", declares_other=bool(stored.get("declares_other")),
    )  # fmt: skip


def _said_since(message: Row[Any], name: str) -> bool:
    """Whether the run has declared it in a later message; an implicit run does not speak for other messages."""
    return not message.untraced and bool(getattr(message, name))


@functools.lru_cache(maxsize=256)
def classes_of(own: str, further: tuple[str, ...]) -> tuple[ContentClass, ...]:
    """All classes of a stored message, the one it is sent as first."""
    return tuple(ContentClass(name) for name in dict.fromkeys((own, *further)))


# --- budgets and order ------------------------------------------------------------------------------------------------


def run_hold(tx: Transaction, mailbox: SenderState, run: RunFacts, *, before: int, asking: int) -> list[Reason]:
    room = budgets.run_hold(before, asking=asking, cap=limits.run_cap(tx, mailbox), confirmed_up_to=run.confirmed_up_to)
    return [room.hold] if room.hold else []


def run_hold_again(tx: Transaction, mailbox: SenderState, message: Row[Any]) -> list[Reason]:
    """The hold by the run's cap as it is now: the cap may have been lowered since the message was accepted.

    A run whose cap covers all that it had accepted holds nothing, whatever was rejected meanwhile.
    """
    cap, confirmed = limits.run_cap(tx, mailbox), message.confirmed_up_to
    stored: dict[str, Any] = message.facts
    if "run_before" not in stored or limits.run_accepted(tx, message.run_id) <= max(cap, confirmed or 0):
        return []
    room = budgets.run_hold(stored["run_before"], asking=stored["recipients"], cap=cap, confirmed_up_to=confirmed)
    return [room.hold] if room.hold else []


def newcomers_hold(tx: Transaction, mailbox: SenderState, fresh: int) -> tuple[list[Reason], dict[str, Any] | None]:
    """The hold, with its figures, for first-time recipients over the day's limit: waiting must not free a runaway."""
    if not fresh:
        return [], None
    room = limits.new_recipient_caps(tx, mailbox).room(tx, asking=fresh)
    allowed = [one.limit_new_recipients_day for one in gate_queries.agent_mailboxes(tx, mailbox.agent_id)]
    figures = {"fresh": fresh, "used": room.used, "limits": allowed}
    if room.next_at is None:
        return [], figures
    text = f"{room.used + fresh:,} first-time recipients in 24 h, {room.cap:,} allowed"
    return [Reason("new_recipients", text)], figures


def waits_for(tx: Transaction, prepared: Prepared, open_: Sequence[Target], mailbox: SenderState) -> dict[int, int]:
    """The message each recipient waits for: in a conversation, none overtakes one that waits or is deferred."""
    if not prepared.threaded:
        return {}
    waits = {}
    for target in open_:
        earlier = queue.predecessor(
            tx,
            mailbox_id=mailbox.mailbox_id,
            conversation=prepared.conversation,
            before=prepared.id,
            address=target.address.normalised,
        )
        if earlier is not None:
            waits[target.n] = earlier
    return waits

"""The gate: one answer to "may this message go on?", asked when it is accepted and again when it leaves.

Everything that can close the gate is a field of `GateInput`; `decide` is the only place that says what follows from it.
Acceptance and departure fill in the same value, so no fact can stop new mail and let queued mail through.

The two moments differ in what an answer leads to, not in what is asked. At acceptance a block refuses the message. At
departure the message is ours already: a brake (suspension, pause, stop) makes it wait, a block that concerns one
recipient ends that recipient, and anything else sends the message back to a person. A person's approval covers the
rules that the person saw (`Reason.rules`); a rule that was not among them holds the message again.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from core.model import UNSUBSCRIBE_CLASSES, Block, ContentClass, Execute, Hold, Reason, Verdict

MODE: Final = "mode"
"""The rule that any approval covers: a person has decided about exactly these bytes, which is all a mode asks for."""


class Moment(enum.Enum):
    """When the gate is asked."""

    ACCEPTANCE = enum.auto()
    DEPARTURE = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether this agent may use this mailbox at all. Texts are sentences or parts of one; None means no."""

    mailbox: str
    agent: str
    stream: str
    suspended: str | None = None
    inactive: str | None = None
    """Why the mailbox does not send: its status, or `expired`."""
    protected: bool = False
    """The stream is protected and the agent does not own it."""
    stopped: str | None = None
    """Why the desk is stopped."""
    run_closed: str | None = None
    """The run that the agent's token is bound to, once it is closed."""
    paused: bool = False
    """The stream or the recipient's lane is paused: accepted mail waits, new mail is accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecipient:
    """One address. `suppressed` is the cause of a record, `consent` what each class that needs consent comes to."""

    n: int
    allowed: bool = True
    on_task: bool = True
    """The run that the message belongs to is for them, as far as it says whom it is for."""
    suppressed: str | None = None
    consent: tuple[tuple[ContentClass, Verdict], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The run a message belongs to: what policy requires it to say and it does not, and what it is for."""

    run: str
    purpose: str | None = None
    unsaid: tuple[str, ...] = ()
    refuses: bool = False
    """Policy refuses what does not say, instead of holding it."""
    declares_other: bool = False
    """The message names other targets than its run has: an agent that changes its own task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateInput:
    """All facts the decision is made from.

    `classes` are all that the message is, `content_class` the one it goes as. `budget` holds the reasons of caps that
    are charged at acceptance. `approved` are the rules that people have approved this message under, `unseen_by` how
    many further approvals the policy in force asks for.
    """

    moment: Moment
    standing: Standing
    mode: Verdict
    content_class: ContentClass
    classes: tuple[ContentClass, ...]
    signed_off: Collection[str]
    held_classes: Collection[ContentClass] = ()
    imprint: bool = True
    """The stream names the organisation and its postal address, which commercial mail must carry."""
    outside: str = "hold"
    """What policy does with recipients that the allow-list does not name: `hold` or `block`."""
    reply_to_allowed: bool = True
    task: Task | None = None
    recipients: tuple[GateRecipient, ...] = ()
    budget: tuple[Reason, ...] = ()
    approvals_missing: int = 0
    approved: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class GateDecision:
    """What follows. `shut` are the recipients that are left out.

    `waits` is set at departure alone: a brake keeps the message where it is.
    """

    verdict: Verdict
    excluded: Mapping[int, Block] = field(default_factory=dict)
    waits: Reason | None = None


def decide(asked: GateInput) -> GateDecision:
    """The decision on one message. Questions only ever tighten what the mode says."""
    leaving = asked.moment is Moment.DEPARTURE
    barred = bar(asked.standing, asked.moment)
    if barred is not None:
        return GateDecision(barred, waits=Reason(barred.error, barred.reason) if leaving else None)
    excluded = dict(_shut(asked, leaving=leaving))
    open_ = [one for one in asked.recipients if one.n not in excluded]
    if not open_:
        return GateDecision(_all_shut(excluded.values()), excluded)
    further = [
        *_of_stream(asked.standing),
        *_of_classes(asked),
        *_of_allow_list(asked, open_),
        *_of_task(asked, open_),
        *(said for one in open_ for said in _of_consent(one)),
        *(Hold((reason,)) for reason in asked.budget),
        *_of_approvals(asked),
    ]
    mode = asked.mode
    if leaving:
        mode, *further = (_for_a_person(said, asked.approved) for said in (_of_mode(mode), *further))
    return GateDecision(moderate(mode, further), excluded)


def open_to(asked: GateInput) -> frozenset[int]:
    """The recipients that are not left out whatever else is decided."""
    excluded = dict(_shut(asked, leaving=asked.moment is Moment.DEPARTURE))
    return frozenset(one.n for one in asked.recipients if one.n not in excluded)


def bar(standing: Standing, moment: Moment) -> Block | None:
    """What keeps this agent from using this mailbox at all, the widest reason last."""
    if standing.suspended is not None:
        return Block("agent_suspended", standing.suspended, "governance resumes it: postroom agent resume")
    if standing.inactive is not None:
        reason = f"{standing.mailbox} is {standing.inactive}"
        return Block("mailbox_not_active", reason, "postroom mailbox show tells what it lacks")
    if standing.run_closed is not None and moment is Moment.ACCEPTANCE:
        reason = f"the run {standing.run_closed} is closed, and the token is bound to it"
        return Block("run_closed", reason, "ask for a token of the run that goes on: postroom token issue --run")
    if standing.protected and moment is Moment.ACCEPTANCE:
        return _protected(standing)
    if standing.stopped is not None:
        reason = f"the desk is stopped: {standing.stopped}"
        return Block("desk_stopped", reason, "nothing was kept; submit again when the desk has started")
    if standing.paused and moment is Moment.DEPARTURE:
        return Block("paused", f"{standing.stream} or the recipient's lane is paused")
    return None


def moderate(verdict: Verdict, further: Iterable[Verdict] = ()) -> Verdict:
    """One verdict of the mode's and all others: a block wins over a hold, a hold over execution.

    Of several blocks the first given is the answer. Reasons of holds add up in the order given, each once. Execution
    notifies if any of the verdicts asked for it.
    """
    reasons: dict[Reason, Reason] = {}
    held = notify = False
    for said in (verdict, *further):
        match said:
            case Block():
                return said
            case Hold():
                held = True
                for reason in said.reasons:
                    reasons[reason] = _joined(reasons.get(reason), reason)
            case Execute():
                notify = notify or said.notify
            case _:
                assert_never(said)
    return Hold(tuple(reasons.values())) if held else Execute(notify=notify)


def _joined(known: Reason | None, reason: Reason) -> Reason:
    """The same sentence about two recipients is one reason that names both."""
    if known is None:
        return reason
    return Reason(reason.code, reason.text, tuple(dict.fromkeys((*known.rules, *reason.rules))))


def approved_rules(reasons: Iterable[Mapping[str, object]]) -> frozenset[str]:
    """The rules that somebody approves with these stored reasons. One stored without its rules stands for its code."""
    found: set[str] = {MODE}
    for reason in reasons:
        rules = reason.get("rules")
        found.update(str(rule) for rule in rules) if isinstance(rules, list) else found.add(str(reason["code"]))
    return frozenset(found)


# --- the questions --------------------------------------------------------------------------------------------------


def _shut(asked: GateInput, *, leaving: bool) -> Iterable[tuple[int, Block]]:
    """Recipients that are left out whatever a person says: no reviewer can consent on somebody's behalf."""
    for one in asked.recipients:
        if one.suppressed is not None:
            yield one.n, Block("recipients_suppressed", f"suppressed: {one.suppressed}")
        elif not one.allowed and asked.outside == "block":
            yield one.n, Block("not_allow_listed", "the mailbox's allow-list does not name it")
        elif leaving:
            refused = next((said for _, said in one.consent if isinstance(said, Block)), None)
            if refused is not None:
                yield one.n, refused


def _all_shut(excluded: Iterable[Block]) -> Block:
    codes = {block.error for block in excluded}
    if codes == {"not_allow_listed"}:
        return Block("not_allow_listed", "the mailbox's allow-list names none of the recipients")
    if codes == {"recipients_suppressed"}:
        return Block("recipients_suppressed", "every recipient is suppressed")
    if codes == {"consent_required"}:
        return Block("consent_required", "no recipient has given the consent that it needs")
    return Block("recipients_suppressed", "every recipient is suppressed or outside the allow-list")


def _of_mode(said: Verdict) -> Verdict:
    """At departure. A mode that sends nothing sends what was accepted before it only after a person's approval."""
    return _hold(MODE, said.reason, MODE) if isinstance(said, Block) else said


def _of_stream(standing: Standing) -> list[Verdict]:
    """At departure; at acceptance nobody who does not own a protected stream comes this far (`bar`)."""
    return [_hold("protected", _protected(standing).reason, "protected")] if standing.protected else []


def _protected(standing: Standing) -> Block:
    reason = f"{standing.stream} is protected and {standing.agent} does not own it"
    return Block("mailbox_not_active", reason)


def _of_classes(asked: GateInput) -> Iterable[Verdict]:
    if asked.content_class in UNSUBSCRIBE_CLASSES and not asked.imprint:
        stream = asked.standing.stream
        lacks = f"{stream} has no organisation and postal address, which {asked.content_class} must carry"
        fix = f"postroom stream set {stream} --organisation NAME --postal-address TEXT"
        yield Block("action_blocked", lacks, fix)
    for content_class in asked.classes:
        if content_class.value not in asked.signed_off:
            text = f"{asked.standing.mailbox} is not signed off for {content_class}"
            yield _hold("class_not_signed_off", text, f"class_not_signed_off:{content_class}")
        if content_class in asked.held_classes:
            yield _hold("class", f"policy holds {content_class} in every mode", f"class:{content_class}")


def _of_allow_list(asked: GateInput, open_: Sequence[GateRecipient]) -> Iterable[Verdict]:
    """A place that mail or its answers would go to and that the mailbox's allow-list does not name."""
    strangers = [f"allow_list:{one.n}" for one in open_ if not one.allowed]
    if strangers:
        noun = "recipient is" if len(strangers) == 1 else "recipients are"
        yield _hold("allow_list", f"{len(strangers)} {noun} outside the mailbox's allow-list", *strangers)
    if not asked.reply_to_allowed:
        text = "Reply-To is outside the mailbox's allow-list: answers would go there"
        yield _hold("reply_to", text, "reply_to")


def _of_task(asked: GateInput, open_: Sequence[GateRecipient]) -> Iterable[Verdict]:
    """What the run has not said, and where the message goes beyond what the run is for."""
    task = asked.task
    if task is None:
        return
    if task.unsaid:
        said = f"policy asks every run to say {', '.join(task.unsaid)}, and {task.run} does not"
        if task.refuses:
            yield Block("run_incomplete", said, "say it in the request's run, or bind the token to a run that does")
        else:
            yield _hold("run_incomplete", said, *(f"run_incomplete:{name}" for name in task.unsaid))
    purpose = f" ({task.purpose})" if task.purpose else ""
    outside = [f"outside_task:{one.n}" for one in open_ if not one.on_task]
    if outside:
        noun = "recipient is" if len(outside) == 1 else "recipients are"
        yield _hold("outside_task", f"{len(outside)} {noun} not among those that {task.run} is for{purpose}", *outside)
    if task.declares_other:
        text = f"the message names other targets than {task.run} was started with{purpose}"
        yield _hold("outside_task", text, "outside_task:declared")


def _of_consent(one: GateRecipient) -> Iterable[Verdict]:
    for content_class, said in one.consent:
        match said:
            case Hold(reasons=reasons):
                rule = f"consent:{content_class}:{one.n}"
                yield Hold(tuple(Reason(each.code, each.text, (rule,)) for each in reasons))
            case Block():
                yield said
            case Execute():
                pass
            case _:
                assert_never(said)


def _of_approvals(asked: GateInput) -> list[Verdict]:
    if asked.approvals_missing <= 0:
        return []
    return [_hold("four_eyes", "policy asks for two people's approval by now, and it has one", "four_eyes")]


def _hold(code: str, text: str, *rules: str) -> Hold:
    return Hold((Reason(code, text, rules),))


# --- a person's approval --------------------------------------------------------------------------------------------


def covers(approved: Collection[str], rules: Iterable[str]) -> bool:
    """Whether every one of these rules was approved, by itself or by its code."""
    return all(rule in approved or rule.partition(":")[0] in approved for rule in rules)


def _for_a_person(said: Verdict, approved: Collection[str]) -> Verdict:
    """What a verdict means for mail that is ours already: what would be refused asks a person, once."""
    match said:
        case Block(error=error, reason=reason):
            return Execute() if covers(approved, [error]) else _hold(error, reason, error)
        case Hold(reasons=reasons):
            left = tuple(reason for reason in reasons if not covers(approved, reason.rules or (reason.code,)))
            return Hold(left) if left else Execute()
        case Execute():
            return said
        case _:
            assert_never(said)

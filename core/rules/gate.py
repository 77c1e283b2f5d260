"""The gate: may this message go on? Asked at acceptance and again at departure.

Everything that can close the gate is a field of `GateInput`; `decide` alone says what follows from it. Acceptance and
departure build the same value, so no fact can stop new mail and let queued mail through.

Both moments ask the same questions; only the consequences differ. At acceptance a block refuses the message. At
departure the desk has already accepted it: a brake (suspension, pause, stop) makes it wait, a block of one recipient
drops that recipient, and anything else sends the message back to review. A person's approval covers the rules shown to
that person (`Reason.rules`); a rule that was not among them holds the message again.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from core.model import UNSUBSCRIBE_CLASSES, Block, ContentClass, Execute, Hold, Reason, Verdict

MODE: Final = "mode"
"""The rule that every approval covers: a person decided about exactly these bytes, which is all a mode requires."""


class Moment(enum.Enum):
    """When the gate is checked."""

    ACCEPTANCE = enum.auto()
    DEPARTURE = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderFacts:
    """Whether this agent may use this mailbox at all. Texts are sentences or parts of one; None: no objection."""

    mailbox: str
    agent: str
    stream: str
    suspended: str | None = None
    inactive: str | None = None
    """Why the mailbox cannot send: its status, or `expired`."""
    protected: bool = False
    """The stream is protected and the agent does not own it."""
    stopped: str | None = None
    """Why the desk is stopped."""
    run_closed: str | None = None
    """The run that the agent's token is bound to, if that run is closed."""
    paused: bool = False
    """The stream or the recipient's lane is paused: accepted mail waits, new mail is accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecipient:
    """One address. `suppressed` is a suppression's cause, `consent` the verdict for each class that needs consent."""

    n: int
    allowed: bool = True
    on_task: bool = True
    """The recipient is among the targets of the message's run, as far as the run declares any."""
    suppressed: str | None = None
    consent: tuple[tuple[ContentClass, Verdict], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The run of a message: its purpose, and the required declarations it lacks (`unsaid`)."""

    run: str
    purpose: str | None = None
    unsaid: tuple[str, ...] = ()
    refuses: bool = False
    """Policy refuses an incomplete run instead of holding it."""
    declares_other: bool = False
    """The message names other targets than its run: an agent is changing its own task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """A stranger's mail that the message's run had read: `by` is its id, `outside` the recipients outside its thread.

    `holds` is False where such mail is let through and people are notified.
    """

    by: str
    outside: frozenset[int] = frozenset()
    holds: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class GateInput:
    """All facts the decision is based on.

    `classes` are all classes of the message, `content_class` the one it is sent as. `budget` holds the reasons of caps
    that are charged at acceptance. `approved` are the rules under which people have approved this message,
    `approvals_missing` how many further approvals the policy in force requires.
    """

    moment: Moment
    sender: SenderFacts
    mode: Verdict
    content_class: ContentClass
    classes: tuple[ContentClass, ...]
    signed_off: Collection[str]
    held_classes: Collection[ContentClass] = ()
    imprint: bool = True
    """The stream has an organisation and postal address, which commercial mail must carry."""
    outside: str = "hold"
    """The policy for recipients outside the allow-list: `hold` or `block`."""
    reply_to_allowed: bool = True
    task: Task | None = None
    taint: Taint | None = None
    recipients: tuple[GateRecipient, ...] = ()
    budget: tuple[Reason, ...] = ()
    approvals_missing: int = 0
    approved: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class GateDecision:
    """The gate's decision. `excluded` are the recipients that are left out.

    `waits` is set only at departure: a brake keeps the message where it is.
    """

    verdict: Verdict
    excluded: Mapping[int, Block] = field(default_factory=dict)
    waits: Reason | None = None


def decide(facts: GateInput) -> GateDecision:
    """Decide about one message. Further questions can only tighten the mode's verdict."""
    leaving = facts.moment is Moment.DEPARTURE
    barred = bar(facts.sender, facts.moment)
    if barred is not None:
        return GateDecision(barred, waits=Reason(barred.error, barred.reason) if leaving else None)
    excluded = dict(_shut(facts, leaving=leaving))
    open_ = [one for one in facts.recipients if one.n not in excluded]
    if not open_:
        return GateDecision(_all_shut(excluded.values()), excluded)
    further = [
        *_of_stream(facts.sender),
        *_of_classes(facts),
        *_of_allow_list(facts, open_),
        *_of_task(facts, open_),
        *_of_taint(facts, open_),
        *(verdict for one in open_ for verdict in _of_consent(one)),
        *(Hold((reason,)) for reason in facts.budget),
        *_of_approvals(facts),
    ]
    mode = facts.mode
    if leaving:
        mode, *further = (_for_a_person(verdict, facts.approved) for verdict in (_of_mode(mode), *further))
    return GateDecision(moderate(mode, further), excluded)


def open_to(facts: GateInput) -> frozenset[int]:
    """The recipients that are not excluded, whatever else is decided."""
    excluded = dict(_shut(facts, leaving=facts.moment is Moment.DEPARTURE))
    return frozenset(one.n for one in facts.recipients if one.n not in excluded)


def bar(sender: SenderFacts, moment: Moment) -> Block | None:
    """What bars this agent from using this mailbox at all; the widest reason comes last."""
    if sender.suspended is not None:
        return Block("agent_suspended", sender.suspended, "governance resumes it: postroom agent resume")
    if sender.inactive is not None:
        reason = f"{sender.mailbox} is {sender.inactive}"
        return Block("mailbox_not_active", reason, "postroom mailbox show lists what is missing")
    if sender.run_closed is not None and moment is Moment.ACCEPTANCE:
        reason = f"the run {sender.run_closed} is closed, and the token is bound to it"
        return Block("run_closed", reason, "ask for a token of an open run: postroom token issue --run")
    if sender.protected and moment is Moment.ACCEPTANCE:
        return _protected(sender)
    if sender.stopped is not None:
        reason = f"the desk is stopped: {sender.stopped}"
        return Block("desk_stopped", reason, "nothing was kept; submit again when the desk has started")
    if sender.paused and moment is Moment.DEPARTURE:
        return Block("paused", f"{sender.stream} or the recipient's lane is paused")
    return None


def moderate(verdict: Verdict, further: Iterable[Verdict] = ()) -> Verdict:
    """Combine the mode's verdict with all others: a block overrides a hold, a hold overrides execution.

    Of several blocks the first is returned. Reasons of holds accumulate in the order given, each once. Execution
    notifies if any verdict asked for it.
    """
    reasons: dict[Reason, Reason] = {}
    held = notify = False
    for one in (verdict, *further):
        match one:
            case Block():
                return one
            case Hold():
                held = True
                for reason in one.reasons:
                    reasons[reason] = _joined(reasons.get(reason), reason)
            case Execute():
                notify = notify or one.notify
            case _:
                assert_never(one)
    return Hold(tuple(reasons.values())) if held else Execute(notify=notify)


def _joined(earlier: Reason | None, reason: Reason) -> Reason:
    """Merge the same sentence about two recipients into one reason that names both."""
    if earlier is None:
        return reason
    return Reason(reason.code, reason.text, tuple(dict.fromkeys((*earlier.rules, *reason.rules))))


def approved_rules(reasons: Iterable[Mapping[str, object]]) -> frozenset[str]:
    """The rules that an approval of these stored reasons covers. A reason stored without rules counts by its code."""
    found: set[str] = {MODE}
    for reason in reasons:
        rules = reason.get("rules")
        found.update(str(rule) for rule in rules) if isinstance(rules, list) else found.add(str(reason["code"]))
    return frozenset(found)


# --- the questions --------------------------------------------------------------------------------------------------


def _shut(facts: GateInput, *, leaving: bool) -> Iterable[tuple[int, Block]]:
    """Recipients excluded even with a person's approval: no reviewer can consent for somebody else."""
    for one in facts.recipients:
        if one.suppressed is not None:
            yield one.n, Block("recipients_suppressed", f"suppressed: {one.suppressed}")
        elif not one.allowed and facts.outside == "block":
            yield one.n, Block("not_allow_listed", "the mailbox's allow-list does not name it")
        elif leaving:
            refused = next((verdict for _, verdict in one.consent if isinstance(verdict, Block)), None)
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


def _of_mode(verdict: Verdict) -> Verdict:
    """At departure, a mode that no longer sends holds what was accepted before it until a person approves."""
    return _hold(MODE, verdict.reason, MODE) if isinstance(verdict, Block) else verdict


def _of_stream(sender: SenderFacts) -> list[Verdict]:
    """At departure only: at acceptance `bar` already stops an agent that does not own a protected stream."""
    return [_hold("protected", _protected(sender).reason, "protected")] if sender.protected else []


def _protected(sender: SenderFacts) -> Block:
    reason = f"{sender.stream} is protected and {sender.agent} does not own it"
    return Block("mailbox_not_active", reason)


def _of_classes(facts: GateInput) -> Iterable[Verdict]:
    if facts.content_class in UNSUBSCRIBE_CLASSES and not facts.imprint:
        stream = facts.sender.stream
        why = f"{stream} has no organisation and postal address, which {facts.content_class} requires"
        fix = f"postroom stream set {stream} --organisation NAME --postal-address TEXT"
        yield Block("action_blocked", why, fix)
    for content_class in facts.classes:
        if content_class.value not in facts.signed_off:
            text = f"{facts.sender.mailbox} is not signed off for {content_class}"
            yield _hold("class_not_signed_off", text, f"class_not_signed_off:{content_class}")
        if content_class in facts.held_classes:
            yield _hold("class", f"policy holds {content_class} in every mode", f"class:{content_class}")


def _of_allow_list(facts: GateInput, open_: Sequence[GateRecipient]) -> Iterable[Verdict]:
    """Destinations of mail or replies that the mailbox's allow-list does not name."""
    outside = [f"allow_list:{one.n}" for one in open_ if not one.allowed]
    if outside:
        noun = "recipient is" if len(outside) == 1 else "recipients are"
        yield _hold("allow_list", f"{len(outside)} {noun} outside the mailbox's allow-list", *outside)
    if not facts.reply_to_allowed:
        text = "Reply-To is outside the mailbox's allow-list: answers would go there"
        yield _hold("reply_to", text, "reply_to")


def _of_task(facts: GateInput, open_: Sequence[GateRecipient]) -> Iterable[Verdict]:
    """Required declarations that the run lacks, and recipients or targets outside the run's purpose."""
    task = facts.task
    if task is None:
        return
    if task.unsaid:
        why = f"policy requires every run to declare {', '.join(task.unsaid)}, and {task.run} does not"
        if task.refuses:
            yield Block("run_incomplete", why, "declare it in the request's run, or bind the token to a run that does")
        else:
            yield _hold("run_incomplete", why, *(f"run_incomplete:{name}" for name in task.unsaid))
    purpose = f" ({task.purpose})" if task.purpose else ""
    outside = [f"outside_task:{one.n}" for one in open_ if not one.on_task]
    if outside:
        noun = "recipient is" if len(outside) == 1 else "recipients are"
        yield _hold("outside_task", f"{len(outside)} {noun} not among those that {task.run} is for{purpose}", *outside)
    if task.declares_other:
        text = f"the message names other targets than {task.run} was started with{purpose}"
        yield _hold("outside_task", text, "outside_task:declared")


def _of_taint(facts: GateInput, open_: Sequence[GateRecipient]) -> Iterable[Verdict]:
    """What a stranger wrote may tell the agent whom to write to: a person decides on mail outside that thread."""
    taint = facts.taint
    outside = [one.n for one in open_ if taint is not None and one.n in taint.outside]
    if taint is None or not outside:
        return
    if not taint.holds:
        yield Execute(notify=True)
        return
    noun = "recipient is" if len(outside) == 1 else "recipients are"
    who = f"the run has read {taint.by}, from a sender nobody here vouches for"
    text = f"{who}; {len(outside)} {noun} outside its thread"
    yield _hold("tainted_run", text, *(f"tainted_run:{taint.by}:{n}" for n in outside))


def _of_consent(one: GateRecipient) -> Iterable[Verdict]:
    for content_class, verdict in one.consent:
        match verdict:
            case Hold(reasons=reasons):
                rule = f"consent:{content_class}:{one.n}"
                yield Hold(tuple(Reason(each.code, each.text, (rule,)) for each in reasons))
            case Block():
                yield verdict
            case Execute():
                pass
            case _:
                assert_never(verdict)


def _of_approvals(facts: GateInput) -> list[Verdict]:
    if facts.approvals_missing <= 0:
        return []
    return [_hold("four_eyes", "policy now requires two people's approval, and it has one", "four_eyes")]


def _hold(code: str, text: str, *rules: str) -> Hold:
    return Hold((Reason(code, text, rules),))


# --- a person's approval --------------------------------------------------------------------------------------------


def covers(approved: Collection[str], rules: Iterable[str]) -> bool:
    """Whether every one of these rules was approved, by itself or by its code."""
    return all(rule in approved or rule.partition(":")[0] in approved for rule in rules)


def _for_a_person(verdict: Verdict, approved: Collection[str]) -> Verdict:
    """The verdict for mail already accepted: what would be refused goes to a person instead, once."""
    match verdict:
        case Block(error=error, reason=reason):
            return Execute() if covers(approved, [error]) else _hold(error, reason, error)
        case Hold(reasons=reasons):
            left = tuple(reason for reason in reasons if not covers(approved, reason.rules or (reason.code,)))
            return Hold(left) if left else Execute()
        case Execute():
            return verdict
        case _:
            assert_never(verdict)

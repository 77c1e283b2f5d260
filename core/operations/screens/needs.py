"""What needs attention, worst first, as a runbook: since when, what the desk did by itself, what a person does next.

All of it is from the rows and counters that the gate uses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from core.db import gate_queries
from core.db.counters import bucket
from core.db.queries import agents as views
from core.db.queries import figures, lanes, queue
from core.db.transaction import Transaction
from core.durations import DAY, HOUR
from core.filters import term
from core.model import GUARD
from core.operations.screens.overview import is_tight
from core.rules import guards
from core.services import context
from core.services.audit import log_integrity
from core.services.control import acknowledgements, emergency
from core.services.control import policy as policy_versions
from core.services.control.acknowledgements import Known
from core.services.feedback import anomalies
from core.text.redaction import without_local_parts
from core.views.format import clock, moment, percent, plural, stamp
from core.views.live import AgentLine, Level, Need

EXPIRES_SOON: Final = 14 * DAY
FAULTS: Final = frozenset({"altered", "route_down", "no_worker", "webhook_dead"})
TROUBLES: Final[Mapping[str, tuple[str, str, str]]] = {
    "altered": ("keeps them from leaving", "reject them, and find out who wrote to the database", "message.reject"),
    "stream_paused": ("starts no delivery of it", "deliverability resumes it", "stream.resume"),
    "route_down": ("backs off and retries; mail waits", "check the relay: postroom doctor", ""),
    "no_worker": ("accepts nothing and sends nothing", "why it ended: postroom logs", ""),
    "webhook_failing": ("retries for three days", "check the receiver", ""),
    "webhook_dead": ("keeps them", "fix the receiver, then replay: postroom webhook replay", "webhook.replay"),
    "hurried": ("lets approvals count", "ask them; undo what is not released", "message.undo"),
}
"""Of each kind of trouble: what the desk does by itself, what a person does next, and the operation for it."""
REFUSED: Final = "refused:agent_suspended"
RUNS: Final = 5
LANES: Final = 50
LOG_TAIL: Final = 100
"""Log entries verified at each look: one millisecond. The gateway verifies more, less often."""
FAILING: Final = 3
"""Consecutive deferrals after which a lane needs attention."""


def needs(tx: Transaction, lines: Collection[AgentLine], head: figures.Head) -> tuple[Need, ...]:
    """The all-stop, suspensions, paused and failing routes, full budgets and rates, waiting reviews; worst first."""
    refused = _refused(tx, lines)
    found = [
        *_of_desk(tx, head),
        *_of_policy(tx),
        *_of_runs(tx),
        *_troubles(tx),
        *(need for line in lines for need in _of_agent(line, refused)),
        *_of_reviews(tx, lines),
        *_of_lanes(tx),
        *_of_identities(tx),
    ]
    known = acknowledgements.known(tx.conn, now=tx.now)
    marked = [_acknowledged(need, known.get(need.id)) for need in found]
    return tuple(sorted(marked, key=lambda need: (need.quiet, need.level)))


def _acknowledged(need: Need, known: Known | None) -> Need:
    if known is None or not acknowledgements.quiet(known, level=need.level):
        return need
    return replace(need, quiet_by=known.operator, quiet_until=known.until)


def _of_desk(tx: Transaction, head: figures.Head) -> Iterator[Need]:
    if head.stopped_at is not None:
        yield _stopped(tx, head)
    held = head.stopped_by == emergency.LOG_CHECK
    broken = None if held else log_integrity.fault(tx.conn, tail=LOG_TAIL)
    if broken is not None:
        yield Need(
            Level.FAULT, "the log", f"{broken}; postroom audit verify", "events", id="log:broken",
            step="find out who wrote to the database, then postroom audit verify",
        )  # fmt: skip
    _, policy = context.current_policy(tx)
    if head.oldest is not None and tx.now - head.oldest >= policy.notify.pending_older_than:
        text = f"{head.held:,} held; the oldest is overdue"
        yield Need(
            Level.WARN, "queue", text, "queue", id="queue:overdue", since=head.oldest, step="review the oldest first",
            next="message.approve",
        )  # fmt: skip
    elif head.held:
        text = f"{head.held:,} waiting for review"
        yield Need(Level.INFO, "queue", text, "queue", id="queue:held", since=head.oldest, next="message.approve")
    failing = queue.count_failing(tx.conn)
    if failing:
        more = "+" if failing > queue.FAILING_COUNTED else ""
        count = f"{min(failing, queue.FAILING_COUNTED):,}{more}"
        one = failing == 1
        text = (
            f"{count} held {'message fails' if one else 'messages fail'} a check: open {'it' if one else 'them'} first"
        )
        yield Need(
            Level.WARN, "queue", text, "queue", "check:!", "queue:failing", did="holds them whatever their mode",
            step="open each, then reject it or approve it with a reason", next="message.reject",
        )  # fmt: skip
    since = bucket(tx.now - HOUR, 60)
    unproven = figures.counts(tx.conn, "desk", [""], ["unverified_1h"], since=since).total("", "unverified_1h")
    if unproven:
        text = f"{plural(unproven, 'report')} in the last two hours unverified, not counted"
        yield Need(
            Level.INFO, "feedback", text, "events", "type:feedback.unverified", "feedback:unverified",
            did="moves no rate by them",
        )  # fmt: skip


def _stopped(tx: Transaction, head: figures.Head) -> Need:
    """The all-stop: who voted to end it, and who may."""
    votes = gate_queries.desk(tx).start_votes
    step = f"{', '.join(votes)} voted to start: one more on-call operator, or governance" if votes else (
        "governance or two on-call end it, once the cause is gone"
    )  # fmt: skip
    text = f"ALL STOP by {head.stopped_by}: {head.stop_reason}"
    return Need(
        Level.FAULT, "the desk", text, "desk", id="desk:stopped", since=head.stopped_at,
        did="starts no delivery", step=step,
        next="desk.start",
    )  # fmt: skip


def _of_policy(tx: Transaction) -> Iterator[Need]:
    """An edit of policy.toml whose loosening waits for governance."""
    found = policy_versions.waiting(tx)
    if found is not None:
        text = f"{plural(len(found.changes), 'loosening')} of policy.toml wait{'s' * (len(found.changes) == 1)}"
        yield Need(
            Level.WARN, "policy", text, "events", "type:policy.*", f"policy:{found.digest}",
            did="keeps the policy that was in force", step="governance confirms or withdraws: postroom policy waiting",
            next="policy.confirm",
        )  # fmt: skip


def _of_runs(tx: Transaction) -> Iterator[Need]:
    """Runs whose cap holds mail."""
    for run in queue.runs_at_cap(tx.conn)[:RUNS]:
        yield Need(
            Level.WARN, run.agent, f"run {run.key} is at its cap: {run.held:,} held", "queue",
            f"{term('run', '=', run.key)} {term('agent', '=', run.agent)}", f"run:{run.agent}:{run.key}",
            since=run.since, did="holds what is beyond the cap", step="an owner confirms the run, or closes it",
            next="run.confirm",
        )  # fmt: skip


def _troubles(tx: Transaction) -> Iterator[Need]:
    for one in views.troubles(tx.conn, now=tx.now):
        go = "lanes" if one.kind.startswith(("stream", "route")) else "queue" if one.kind == "altered" else "events"
        did, step, operation = TROUBLES.get(one.kind, ("", "", ""))
        text, step = (_gateway_down(one, tx.now), step) if one.kind == "no_worker" else (one.text, one.fix or step)
        yield Need(
            Level.FAULT if one.kind in FAULTS else Level.WARN, one.subject, text, go, id=f"{one.kind}:{one.subject}",
            since=one.since, did=did, step=step, next=operation,
        )  # fmt: skip


def _gateway_down(one: views.Trouble, now: int) -> str:
    """`down since 12:41:07Z: postroom serve`; with the date if it was not today."""
    if one.since is None:
        return f"{one.text}: {one.fix}"
    today = moment(one.since).date() == moment(now).date()
    return f"down since {clock(one.since) if today else stamp(one.since)}: {one.fix}"


def _refused(tx: Transaction, lines: Collection[AgentLine]) -> dict[int, int]:
    """Attempts of each suspended agent that were refused since its suspension, by the hour."""
    suspended = {line.id: line.suspended_at for line in lines if line.suspended and line.suspended_at is not None}
    if not suspended:
        return {}
    since = min(bucket(at, 60) for at in suspended.values())
    found = figures.counts(tx.conn, "agent", list(suspended), [REFUSED], since=since)
    return {agent: found.total(agent, REFUSED, since=bucket(at, 60)) for agent, at in suspended.items()}


def _of_agent(line: AgentLine, refused: Mapping[int, int]) -> Iterator[Need]:
    if line.suspended:
        # The guard's sentence names the agent; its limit must come before the screen's edge.
        who = "" if line.suspended_by == str(GUARD) else f" by {line.suspended_by}"
        text = f"suspended{who}: {line.suspend_reason}"
        yield Need(
            Level.FAULT, line.name, text, "agent", line.name, f"agent:{line.name}:suspended", line.suspended_at,
            did=f"starts no delivery of it; keeps {line.held:,} held", refused=refused.get(line.id, 0),
            step="see what it sent and why; another governance operator resumes it", next="agent.resume",
        )  # fmt: skip
        return
    for name, rate in (("complaints", line.complaints), ("bounces", line.bounces)):
        if rate.level <= Level.WARN:
            over = rate.suspend if rate.level is Level.FAULT else rate.warn
            text = f"{name} {percent(rate.rate, digits=2)} > {percent(over, digits=2)}"
            yield Need(
                rate.level, line.name, text, "agent", line.name, f"agent:{line.name}:{name}",
                did=f"suspends it above {percent(rate.suspend, digits=2)}",
                step="read what it sent; lower its mode or suspend it", next="mailbox.mode",
            )  # fmt: skip
    for name, limit in (("hour", line.hour), ("day", line.day)):
        if limit is not None and is_tight(limit):
            text = f"{name} budget {percent(limit.used / limit.cap)}: {limit.used:,} of {limit.cap:,}"
            yield Need(
                Level.WARN, line.name, text, "agent", line.name, f"agent:{line.name}:{name}-budget",
                did="lets mail wait for the budget", step="look for a loop; governance may widen the budget",
                next="mailbox.limits",
            )  # fmt: skip


def _of_reviews(tx: Transaction, lines: Collection[AgentLine]) -> Iterator[Need]:
    """Rejections and expiries within the policy's window that suggest a lower mode."""
    _, policy = context.current_policy(tx)
    drawn = anomalies.lines(policy)
    mailboxes = [mailbox.id for line in lines for mailbox in line.mailboxes]
    since = bucket(tx.now - policy.anomalies.window, 60)
    counted = figures.counts(tx.conn, "mailbox", mailboxes, anomalies.COUNTED, since=since)
    for line in lines:
        for mailbox in line.mailboxes:
            decided, rejected, expired = (counted.total(mailbox.id, kind) for kind in anomalies.COUNTED)
            for one in guards.anomalies(mailbox.mode, decided=decided, rejected=rejected, expired=expired, lines=drawn):
                yield Need(
                    Level.WARN, mailbox.address, one.text, "agent", line.name,
                    f"mailbox:{mailbox.address}:{one.code}", step="consider lowering its mode", next="mailbox.mode",
                )  # fmt: skip


def _of_lanes(tx: Transaction) -> Iterator[Need]:
    for lane in lanes.lanes(tx.conn, now=tx.now, limit=LANES):
        subject = f"{lane.mailbox} → {lane.domain}"
        if lane.paused_at is not None:
            yield Need(
                Level.WARN, subject, f"lane paused by {lane.paused_by}, {lane.depth:,} waiting", "lanes",
                id=f"lane:{lane.id}:paused", since=lane.paused_at, did="starts no delivery of it",
                step="deliverability resumes it", next="lane.resume",
            )  # fmt: skip
        elif lane.failures >= FAILING:
            reply = without_local_parts(lane.last_reply or "")  # every role sees this; Lanes shows it whole to readers
            yield Need(
                Level.WARN, subject, f"{plural(lane.failures, 'deferral')} in a row: {reply}", "lanes",
                id=f"lane:{lane.id}:deferred", since=lane.last_reply_at, did="backs off and retries",
                step="read the reply; pause the lane if they ask for it", next="lane.pause",
            )  # fmt: skip
        elif lane.waits_for in ("site_hour", "stream_site_hour"):
            cap = "the stream's hourly cap" if lane.waits_for == "stream_site_hour" else "the hourly cap"
            text = f"{cap} at {lane.site} is reached, {lane.depth:,} waiting"
            yield Need(
                Level.WARN, subject, text, "lanes", id=f"lane:{lane.id}:cap", did="lets mail wait for the next hour"
            )


def _of_identities(tx: Transaction) -> Iterator[Need]:
    requested = views.count_requested(tx.conn)
    ending = views.count_expiring(tx.conn, by=tx.now + EXPIRES_SOON)
    if requested:
        yield Need(
            Level.INFO,
            plural(requested, "identity", "identities"),
            f"await{'s' * (requested == 1)} approval",
            "identities",
            id="identities:requested",
            step="sign or veto each: postroom mailbox approve",
            next="mailbox.sign",
        )
    if ending:
        yield Need(
            Level.INFO,
            plural(ending, "identity", "identities"),
            "to renew within 14 days",
            "identities",
            id="identities:expiring",
            did="retires each at its expiry",
            next="mailbox.renew",
        )
    yield from _of_drills(tx)


def _of_drills(tx: Transaction) -> Iterator[Need]:
    """Agents whose drill failed, is incomplete or due, one line each; identities show who was never drilled."""
    _, policy = context.current_policy(tx)
    every = policy.identities.drill_every
    drills = views.drills(tx.conn)
    failed = [one.agent for one in drills if one.failures]
    incomplete = [one.agent for one in drills if one.unreached and not one.failures]
    due = [one.agent for one in drills if (one.drilled_at or one.active_since) + every <= tx.now]
    for level, names, text in (
        (Level.FAULT, failed, "the last revocation drill failed"),
        (Level.WARN, incomplete, "the last revocation drill did not reach every gateway"),
        (Level.WARN, due, "a revocation drill is due"),
    ):
        if names:
            subject = names[0] if len(names) == 1 else plural(len(names), "agent")
            named = names[0] if len(names) == 1 else "AGENT"
            yield Need(
                level, subject, f"{text}: postroom drill {named}", "identities", id=f"drill:{subject}:{level}",
                next="drill.start",
            )  # fmt: skip

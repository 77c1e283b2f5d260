"""What needs attention, worst first: each a sentence with where to look, from the rows and counters the gate uses."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from console.queries.overview import is_tight
from core.db.counters import bucket
from core.db.queries import agents as views
from core.db.queries import figures, lanes, queue
from core.db.transaction import Transaction
from core.durations import DAY, HOUR
from core.model import GUARD
from core.rules import guards
from core.services import context
from core.services.audit import log_integrity
from core.services.control import emergency
from core.services.feedback import anomalies
from core.views.format import clock, moment, percent, plural, stamp
from core.views.live import AgentLine, Level, Need

EXPIRES_SOON: Final = 14 * DAY
FAULTS: Final = frozenset({"altered", "route_down", "no_worker", "webhook_dead"})
LANES: Final = 50
LOG_TAIL: Final = 100
"""Log entries verified at each look: one millisecond. The gateway verifies more, less often."""
FAILING: Final = 3
"""Consecutive deferrals after which a lane needs attention."""


def needs(tx: Transaction, lines: Collection[AgentLine], head: figures.Head) -> tuple[Need, ...]:
    """The all-stop, suspensions, paused and failing routes, full budgets and rates, waiting reviews; worst first."""
    found = [
        *_of_desk(tx, head),
        *_troubles(tx),
        *(need for line in lines for need in _of_agent(line)),
        *_of_reviews(tx, lines),
        *_of_lanes(tx),
        *_of_identities(tx),
    ]
    return tuple(sorted(found, key=lambda need: need.level))


def _of_desk(tx: Transaction, head: figures.Head) -> Iterator[Need]:
    if head.stopped_at is not None:
        yield Need(Level.FAULT, "the desk", f"ALL STOP by {head.stopped_by}: {head.stop_reason}", "desk")
    held = head.stopped_by == emergency.LOG_CHECK
    broken = None if held else log_integrity.fault(tx.conn, tail=LOG_TAIL)
    if broken is not None:
        yield Need(Level.FAULT, "the log", f"{broken}; postroom audit verify", "events")
    _, policy = context.current_policy(tx)
    if head.oldest is not None and tx.now - head.oldest >= policy.notify.pending_older_than:
        text = f"{head.held:,} held; the oldest is overdue"
        yield Need(Level.WARN, "queue", text, "queue")
    elif head.held:
        yield Need(Level.INFO, "queue", f"{head.held:,} waiting for review", "queue")
    failing = queue.count_failing(tx.conn)
    if failing:
        more = "+" if failing > queue.FAILING_COUNTED else ""
        count = f"{min(failing, queue.FAILING_COUNTED):,}{more}"
        one = failing == 1
        text = (
            f"{count} held {'message fails' if one else 'messages fail'} a check: open {'it' if one else 'them'} first"
        )
        yield Need(Level.WARN, "queue", text, "queue")
    since = bucket(tx.now - HOUR, 60)
    unproven = figures.counts(tx.conn, "desk", [""], ["unverified_1h"], since=since).total("", "unverified_1h")
    if unproven:
        text = f"{plural(unproven, 'report')} in the last two hours unverified, not counted"
        yield Need(Level.INFO, "feedback", text, "events")


def _troubles(tx: Transaction) -> Iterator[Need]:
    for one in views.troubles(tx.conn, now=tx.now):
        go = "lanes" if one.kind.startswith(("stream", "route")) else "queue" if one.kind == "altered" else "events"
        text = _gateway_down(one, tx.now) if one.kind == "no_worker" else one.text
        yield Need(Level.FAULT if one.kind in FAULTS else Level.WARN, one.subject, text, go)


def _gateway_down(one: views.Trouble, now: int) -> str:
    """`down since 12:41:07Z: postroom serve`; with the date if it was not today."""
    if one.since is None:
        return f"{one.text}: {one.fix}"
    today = moment(one.since).date() == moment(now).date()
    return f"down since {clock(one.since) if today else stamp(one.since)}: {one.fix}"


def _of_agent(line: AgentLine) -> Iterator[Need]:
    if line.suspended:
        # The guard's sentence names the agent; its limit must come before the screen's edge.
        who = "" if line.suspended_by == str(GUARD) else f" by {line.suspended_by}"
        text = f"suspended{who}: {line.suspend_reason}"
        yield Need(Level.FAULT, line.name, text, "agent", line.name)
        return
    for name, rate in (("complaints", line.complaints), ("bounces", line.bounces)):
        if rate.level <= Level.WARN:
            over = rate.suspend if rate.level is Level.FAULT else rate.warn
            text = f"{name} {percent(rate.rate, digits=2)} > {percent(over, digits=2)}"
            yield Need(rate.level, line.name, text, "agent", line.name)
    for name, limit in (("hour", line.hour), ("day", line.day)):
        if limit is not None and is_tight(limit):
            text = f"{name} budget {percent(limit.used / limit.cap)}: {limit.used:,} of {limit.cap:,}"
            yield Need(Level.WARN, line.name, text, "agent", line.name)


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
                yield Need(Level.WARN, mailbox.address, one.text, "agent", line.name)


def _of_lanes(tx: Transaction) -> Iterator[Need]:
    for lane in lanes.lanes(tx.conn, now=tx.now, limit=LANES):
        subject = f"{lane.mailbox} → {lane.domain}"
        if lane.paused_at is not None:
            yield Need(Level.WARN, subject, f"lane paused by {lane.paused_by}, {lane.depth:,} waiting", "lanes")
        elif lane.failures >= FAILING:
            yield Need(Level.WARN, subject, f"{plural(lane.failures, 'deferral')} in a row: {lane.last_reply}", "lanes")
        elif lane.waits_for in ("site_hour", "stream_site_hour"):
            cap = "the stream's hourly cap" if lane.waits_for == "stream_site_hour" else "the hourly cap"
            text = f"{cap} at {lane.site} is reached, {lane.depth:,} waiting"
            yield Need(Level.WARN, subject, text, "lanes")


def _of_identities(tx: Transaction) -> Iterator[Need]:
    requested = views.count_requested(tx.conn)
    ending = views.count_expiring(tx.conn, by=tx.now + EXPIRES_SOON)
    if requested:
        yield Need(
            Level.INFO,
            plural(requested, "identity", "identities"),
            f"await{'s' * (requested == 1)} approval",
            "identities",
        )
    if ending:
        yield Need(Level.INFO, plural(ending, "identity", "identities"), "to renew within 14 days", "identities")
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
            yield Need(level, subject, f"{text}: postroom drill {named}", "identities")

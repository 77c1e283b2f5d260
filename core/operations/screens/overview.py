"""Every agent as one line of the desk, worst first.

Gauges and rates come from the same counters that enforce limits. Lines are kept, and only those that an event touched
are read again; all of them are read at intervals, because windows move without events.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from core.db import gate_queries
from core.db.counters import bucket
from core.db.queries import agents as views
from core.db.queries import events, figures
from core.db.transaction import Transaction
from core.model import Limit
from core.rules import guards, modes
from core.rules.guards import Measure
from core.rules.policy import Guard, Policy
from core.services import context
from core.services.control import guard_rates
from core.services.sending import limit_gauges
from core.views.agents import AgentBasics
from core.views.events import EventRow
from core.views.live import AgentLine, Level, MailboxLine, Share

TREND_BINS: Final = 6
TREND_MINUTES: Final = 10
BUDGET_WARNS: Final = 0.8


@dataclass(slots=True)
class Overview:
    """The lines as last read."""

    _lines: dict[int, AgentLine]

    @classmethod
    def fresh(cls) -> Overview:
        return cls({})

    def refresh(self, tx: Transaction, dirty: Collection[int] | None) -> tuple[AgentLine, ...]:
        """The agents, worst first. `dirty`: whose lines to read again; None for all."""
        agents = views.agents(tx.conn)
        _, policy = context.current_policy(tx)
        changed = [one for one in agents if dirty is None or one.id in dirty or one.id not in self._lines]
        lines = {one.id: self._lines[one.id] for one in agents if one.id in self._lines}
        self._lines = lines | _lines(tx, changed, policy)
        return tuple(sorted(self._lines.values(), key=_worst_first))


def _worst_first(line: AgentLine) -> tuple[int, bool, float, int, str]:
    fullest = line.hour.used / line.hour.cap if line.hour and line.hour.cap else 0.0
    return line.level, not line.suspended, -fullest, -line.held, line.name


def _lines(tx: Transaction, agents: Collection[AgentBasics], policy: Policy) -> dict[int, AgentLine]:
    """Everything the lines show is read at once: asking agent by agent took a thousand statements for forty agents."""
    if not agents:
        return {}
    ids = [one.id for one in agents]
    mailboxes = {one.id: [mailbox.id for mailbox in one.mailboxes] for one in agents}
    limit_gauges.prefetch_agents(tx, ids)
    guard_rates.prefetch(tx, ids, window=max(policy.guards.complaints.window, policy.guards.bounces.window))
    read = _Read(
        held=figures.depths(tx.conn, "agent", ids, "pending"),
        sent=figures.counts(tx.conn, "agent", ids, ["sent"], since=bucket(tx.now) - 60),
        oldest=figures.oldest_held(tx.conn, [mailbox for listed in mailboxes.values() for mailbox in listed]),
        last=events.latest(tx.conn, mailboxes),
    )
    return {one.id: _line(tx, one, policy, read) for one in agents}


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read for many agents."""

    held: Mapping[str, int]
    sent: figures.Counts
    oldest: Mapping[int, int]
    last: Mapping[int, EventRow]


def _line(tx: Transaction, one: AgentBasics, policy: Policy, read: _Read) -> AgentLine:
    limits = limit_gauges.agent_caps(tx, gate_queries.gate(tx, one.mailboxes[0].id)) if one.mailboxes else {}
    hour, day = limits.get("agent_hour"), limits.get("agent_day")
    complaints = share(tx, Measure.COMPLAINTS, policy.guards.complaints, one)
    bounces = share(tx, Measure.BOUNCES, policy.guards.bounces, one)
    held = max(0, read.held.get(str(one.id), 0))
    last = read.last.get(one.id)
    tight = any(limit and is_tight(limit) for limit in (hour, day))
    level = min(
        Level.FAULT if one.status == "suspended" else Level.FINE,
        Level.WARN if tight or one.warned else Level.FINE,
        complaints.level,
        bounces.level,
        Level.INFO if held else Level.FINE,
    )
    return AgentLine(
        id=one.id,
        name=one.name,
        status=one.status,
        suspended_by=one.suspended_by,
        suspended_at=one.suspended_at,
        suspend_reason=one.suspend_reason,
        mailboxes=tuple(
            MailboxLine(
                mailbox.id,
                mailbox.address,
                mailbox.mode,
                mailbox.mode_since,
                mailbox.expires_at,
                mailbox.stream_id,
                raise_from=modes.raise_from(mailbox.raised_at, policy.oversight.minimum_time_on_rung, now=tx.now),
            )
            for mailbox in one.mailboxes
        ),
        held=held,
        sent_hour=read.sent.total(one.id, "sent", since=bucket(tx.now) - 59),
        hour=hour,
        day=day,
        complaints=complaints,
        bounces=bounces,
        trend=figures.spark(read.sent.series(one.id, "sent"), now=tx.now, bins=TREND_BINS, width=TREND_MINUTES),
        oldest=min((read.oldest[mailbox.id] for mailbox in one.mailboxes if mailbox.id in read.oldest), default=None),
        last=_last(last),
        last_at=last.at if last else None,
        level=level,
    )


def is_tight(limit: Limit) -> bool:
    """Whether a budget is full enough that somebody should know."""
    return bool(limit.cap) and limit.used / limit.cap >= BUDGET_WARNS


def _last(event: EventRow | None) -> str:
    """What happened last, short enough for a column: `pending m0000a`."""
    if event is None:
        return ""
    what = event.type.partition(".")[2].replace("_", " ")
    return f"{what} {event.target[:1]}{event.target[-5:]}" if event.message is not None else what


def budgets(tx: Transaction, mailbox_id: int) -> dict[str, Limit]:
    """Every gauge of a mailbox by its name."""
    return {limit.name: limit for limit in limit_gauges.gauges(tx, gate_queries.gate(tx, mailbox_id))}


def share(tx: Transaction, measure: Measure, guard: Guard, one: AgentBasics) -> Share:
    """A rate as the guard would judge it on the next report."""
    found, whole = guard_rates.figures(tx, measure, agent_id=one.id, window=guard.window, guard_since=one.guard_since)
    verdict = guards.judge(
        measure, delivered=whole, events=found, warn=guard.warn, suspend=guard.suspend, min_events=guard.min_events,
        window=guard.window,
    )  # fmt: skip
    level = {guards.Fine: Level.FINE, guards.Warn: Level.WARN, guards.Suspend: Level.FAULT}[type(verdict)]
    return Share(found, whole, guard.warn, guard.suspend, level)

"""The desk at a glance: every agent as one line, and what needs somebody, worst first.

Gauges and rates come from the very counters that enforce. An agent's line costs some ten seeks, so lines are kept and
only those that an event touched are read again; all of them now and then, because windows move without events.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from console.format import percent
from console.live import AgentLine, BoxLine, Level, Need, Share
from core.flow import allowances, cohorts, house
from core.ledger import facts
from core.ledger.counters import bucket
from core.ledger.tables import Mailbox, table
from core.ledger.transaction import Transaction
from core.ledger.views import agents as views
from core.ledger.views import events, figures
from core.ledger.views.agents import AgentBasics
from core.rules.guards import Measure
from core.rules.policy import Guard, Policy
from core.words import DAY, Limit

MAILBOX: Final = table(Mailbox)
TREND_BINS: Final = 6
TREND_MINUTES: Final = 10
BUDGET_WARNS: Final = 0.8
EXPIRES_SOON: Final = 14 * DAY


@dataclass(slots=True)
class Overview:
    """The lines as they were last read."""

    _lines: dict[int, AgentLine]

    @classmethod
    def fresh(cls) -> Overview:
        return cls({})

    def refresh(self, tx: Transaction, dirty: Collection[int] | None) -> tuple[AgentLine, ...]:
        """The agents, worst first. `dirty`: whose lines to read again; None for all."""
        known = views.agents(tx.conn)
        _, policy = house.policy(tx)
        wanted = [one for one in known if dirty is None or one.id in dirty or one.id not in self._lines]
        lines = {one.id: self._lines[one.id] for one in known if one.id in self._lines}
        self._lines = lines | _lines(tx, wanted, policy)
        return tuple(sorted(self._lines.values(), key=_worst_first))


def _worst_first(line: AgentLine) -> tuple[int, bool, float, int, str]:
    fullest = line.hour.used / line.hour.cap if line.hour and line.hour.cap else 0.0
    return line.level, not line.suspended, -fullest, -line.held, line.name


def _lines(tx: Transaction, known: Collection[AgentBasics], policy: Policy) -> dict[int, AgentLine]:
    ids = [one.id for one in known]
    now = bucket(tx.now)
    held = figures.depths(tx.conn, "agent", ids, "pending")
    sent = figures.counts(tx.conn, "agent", ids, ["sent"], since=now - 60)
    boxes = [box.id for one in known for box in one.boxes]
    oldest = figures.oldest_held(tx.conn, boxes)
    return {one.id: _line(tx, one, policy, held=held.get(str(one.id), 0), sent=sent, oldest=oldest) for one in known}


def _line(
    tx: Transaction,
    one: AgentBasics,
    policy: Policy,
    *,
    held: int,
    sent: figures.Counts,
    oldest: Mapping[int, int],
) -> AgentLine:
    limits = budgets(tx, one.boxes[0].id) if one.boxes else {}
    hour, day = limits.get("agent_hour"), limits.get("agent_day")
    complaints = share(tx, Measure.COMPLAINTS, policy.guards.complaints, one)
    bounces = share(tx, Measure.BOUNCES, policy.guards.bounces, one)
    last = events.latest(tx.conn, agent_id=one.id, mailbox_ids=[box.id for box in one.boxes])
    tight = any(limit and limit.cap and limit.used / limit.cap >= BUDGET_WARNS for limit in (hour, day))
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
        boxes=tuple(
            BoxLine(box.id, box.address, box.mode, box.mode_since, box.expires_at, box.stream_id) for box in one.boxes
        ),
        held=max(0, held),
        sent_hour=sent.total(one.id, "sent", since=bucket(tx.now) - 59),
        hour=hour,
        day=day,
        complaints=complaints,
        bounces=bounces,
        trend=figures.spark(sent.series(one.id, "sent"), now=tx.now, bins=TREND_BINS, width=TREND_MINUTES),
        oldest=min((oldest[box.id] for box in one.boxes if box.id in oldest), default=None),
        last=_last(last),
        last_at=last.at if last else None,
        level=level,
    )


def _last(event: events.EventRow | None) -> str:
    """What happened last, as short as a column: `pending m0000a`."""
    if event is None:
        return ""
    what = event.type.partition(".")[2].replace("_", " ")
    return f"{what} {event.target[:1]}{event.target[-5:]}" if event.message is not None else what


def budgets(tx: Transaction, mailbox_id: int) -> dict[str, Limit]:
    """Every gauge of a mailbox by its name."""
    return {limit.name: limit for limit in allowances.gauges(tx, facts.gate(tx, mailbox_id))}


def share(tx: Transaction, measure: Measure, guard: Guard, one: AgentBasics) -> Share:
    """A rate as the guard judges it, and how near its lines it is."""
    found, whole = cohorts.figures(tx, measure, agent_id=one.id, window=guard.window, guard_since=one.guard_since)
    rate = found / whole if whole else 0.0
    level = Level.FINE
    if found >= guard.min_events and rate >= guard.warn:
        level = Level.FAULT if rate >= guard.suspend else Level.WARN
    return Share(found, whole, guard.warn, guard.suspend, level)


# --- what needs somebody ------------------------------------------------------------------------------------------


def needs(tx: Transaction, lines: Collection[AgentLine], head: figures.Head) -> tuple[Need, ...]:
    """Worst first: the all-stop, suspensions, brakes and routes, full budgets and rates, what waits for people."""
    found: list[Need] = []
    if head.stopped_at is not None:
        found.append(Need(Level.FAULT, "the desk", f"ALL STOP by {head.stopped_by}: {head.stop_reason}", "desk"))
    for one in views.troubles(tx.conn, now=tx.now):
        fault = one.kind in {"route_down", "no_worker", "webhook_dead"}
        go = "lanes" if one.kind.startswith(("stream", "route")) else "events"
        found.append(Need(Level.FAULT if fault else Level.WARN, one.subject, one.text, go))
    for line in lines:
        found += _of_agent(line)
    found += _of_identities(tx)
    return tuple(sorted(found, key=lambda need: need.level))


def _of_agent(line: AgentLine) -> list[Need]:
    found: list[Need] = []
    if line.suspended:
        found.append(
            Need(Level.FAULT, line.name, f"suspended by {line.suspended_by}: {line.suspend_reason}", "agent", line.name)
        )
        return found
    for word, rate in (("complaints", line.complaints), ("bounces", line.bounces)):
        if rate.level <= Level.WARN:
            over = rate.suspend if rate.level is Level.FAULT else rate.warn
            text = f"{word} {percent(rate.rate, digits=2)} > {percent(over, digits=2)}"
            found.append(Need(rate.level, line.name, text, "agent", line.name))
    for word, limit in (("hour", line.hour), ("day", line.day)):
        if limit is not None and limit.cap and limit.used / limit.cap >= BUDGET_WARNS:
            text = f"{word} budget {percent(limit.used / limit.cap)}: {limit.used:,} of {limit.cap:,}"
            found.append(Need(Level.WARN, line.name, text, "agent", line.name))
    return found


def _of_identities(tx: Transaction) -> list[Need]:
    c = MAILBOX.c
    asked = tx.one(select(func.count()).where(c.status == "requested"))
    ending = tx.one(select(func.count()).where(c.status == "active", c.expires_at <= tx.now + EXPIRES_SOON))
    found: list[Need] = []
    if asked and asked[0]:
        found.append(Need(Level.INFO, _counted(asked[0], "identity", "identities"), "await approval", "identities"))
    if ending and ending[0]:
        found.append(
            Need(Level.INFO, _counted(ending[0], "identity", "identities"), "end within 14 days", "identities")
        )
    return found


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"

"""The table of agents and the page of one: mode, budgets, rates against their lines, evidence, what happened last."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.errors import NotFound
from core.flow import allowances, cohorts, house
from core.flow.evidence import Evidence, evidence
from core.ledger import facts
from core.ledger.counters import EVER, bucket
from core.ledger.transaction import Transaction
from core.ledger.views import agents as rows
from core.ledger.views import events, figures
from core.ledger.views.agents import AgentBasics, Box, RunRow
from core.ledger.views.events import EventFilter, EventRow
from core.rules import guards
from core.rules.guards import Fine, Measure, Suspend
from core.rules.policy import Guard, Policy
from core.words import HOUR, MINUTE, Limit, Mode

TREND_BINS: Final = 6
TREND_WIDTH: Final = 10
"""The trend is the last hour, in bins of ten minutes."""
RATE_BINS: Final = 28
EVENTS: Final = 30


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate with its lines. `level`: fine, warn or suspend; `sentence` as a suspension would say it."""

    measure: str
    rate: float
    events: int
    delivered: int
    warn: float
    suspend: float
    level: str
    sentence: str


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One line of the table. `mode` is the loosest, `further` how many more mailboxes there are.

    `hour` and `day` are the agent's caps, None for an agent without an active mailbox; `sent_hour` the last 60 minutes.
    """

    id: int
    name: str
    status: str
    mode: Mode | None
    further: int
    held: int
    waiting: int
    sent_hour: int
    hour: Limit | None
    day: Limit | None
    complaints: Rate
    bounces: Rate
    trend: tuple[int, ...]
    oldest_held: int | None
    last: EventRow | None
    suspended_at: int | None
    suspended_by: str | None
    suspend_reason: str | None

    @property
    def severity(self) -> int:
        """How high it stands: 3 suspended, 2 near a line or a cap, 1 somebody waits for a human, 0 fine."""
        if self.status != "active":
            return 3
        near = any(limit is not None and _share(limit) >= NEAR for limit in (self.hour, self.day))
        if near or self.complaints.level != "fine" or self.bounces.level != "fine":
            return 2
        return 1 if self.held else 0


NEAR: Final = 0.8
"""From this share of a budget on somebody should know."""


def _share(limit: Limit) -> float:
    return limit.used / limit.cap if limit.cap else 1.0


def table(tx: Transaction, *, only: Collection[int] | None = None) -> list[AgentRow]:
    """Every agent, worst first, then the most held, then by name.

    `only` reads the lines of these agents, unsorted among the others: an event names its agent, and a line costs some
    milliseconds.
    """
    found = rows.agents(tx.conn)
    listed = _rows(tx, found if only is None else [one for one in found if one.id in only])
    return sorted(listed, key=lambda row: (-row.severity, -row.held, row.name))


def _rows(tx: Transaction, found: Sequence[AgentBasics]) -> list[AgentRow]:
    ids = [one.id for one in found]
    sent = figures.counts(tx.conn, "agent", ids, ["sent"], since=bucket(tx.now - HOUR))
    depths = {kind: figures.depths(tx.conn, "agent", ids, kind) for kind in ("pending", "waiting")}
    return [_row(tx, one, sent, depths) for one in found]


def _row(tx: Transaction, agent: AgentBasics, sent: figures.Counts, depths: dict[str, dict[str, int]]) -> AgentRow:
    boxes = [box.id for box in agent.boxes]
    oldest = figures.oldest_held(tx.conn, boxes)
    series = sent.series(agent.id, "sent")
    caps = _caps(tx, agent)
    complaints, bounces = rates(tx, agent)
    return AgentRow(
        id=agent.id, name=agent.name, status=agent.status, mode=agent.mode, further=max(0, len(agent.boxes) - 1),
        held=max(0, depths["pending"].get(str(agent.id), 0)), waiting=max(0, depths["waiting"].get(str(agent.id), 0)),
        sent_hour=sum(n for minute, n in series.items() if minute > bucket(tx.now - HOUR)),
        hour=caps.get("agent_hour"), day=caps.get("agent_day"), complaints=complaints, bounces=bounces,
        trend=figures.spark(series, now=tx.now, bins=TREND_BINS, width=TREND_WIDTH),
        oldest_held=min(oldest.values(), default=None),
        last=events.latest(tx.conn, agent_id=agent.id, mailbox_ids=boxes), suspended_at=agent.suspended_at,
        suspended_by=agent.suspended_by, suspend_reason=agent.suspend_reason,
    )  # fmt: skip


def _caps(tx: Transaction, agent: AgentBasics) -> dict[str, Limit]:
    """The agent's own caps, as departure would ask them."""
    if not agent.boxes:
        return {}
    caps = allowances.departure_caps(tx, facts.gate(tx, agent.boxes[0].id))
    return {cap.name: cap.room(tx).limit(cap.name) for cap in caps if cap.scope == "agent"}


def rates(tx: Transaction, agent: AgentBasics) -> tuple[Rate, Rate]:
    """Complaints and bounces, judged as a guard would on the next report."""
    _, policy = house.policy(tx)
    return _rate(tx, agent, Measure.COMPLAINTS, policy), _rate(tx, agent, Measure.BOUNCES, policy)


def _rate(tx: Transaction, agent: AgentBasics, measure: Measure, policy: Policy) -> Rate:
    line: Guard = policy.guards.complaints if measure is Measure.COMPLAINTS else policy.guards.bounces
    counted, delivered = cohorts.figures(
        tx, measure, agent_id=agent.id, window=line.window, guard_since=agent.guard_since
    )
    judged = guards.judge(
        measure, delivered=delivered, events=counted, warn=line.warn, suspend=line.suspend,
        min_events=line.min_events, window=line.window,
    )  # fmt: skip
    level = "fine" if isinstance(judged, Fine) else "suspend" if isinstance(judged, Suspend) else "warn"
    return Rate(
        measure.value, judged.figures.rate, counted, delivered, line.warn, line.suspend, level, judged.figures.sentence
    )


# --- the page of one ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BoxPage:
    """A mailbox on its agent's page: the ladder with what speaks for the next rung, and every gauge."""

    box: Box
    held: int
    evidence: Evidence
    gauges: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class AgentPage:
    """One agent. The series are shares, oldest first, one figure for each of 28 stretches of the guard's window."""

    row: AgentRow
    boxes: tuple[BoxPage, ...]
    complaint_series: tuple[float, ...]
    bounce_series: tuple[float, ...]
    runs: tuple[RunRow, ...]
    events: tuple[EventRow, ...]
    suspend_figures: dict[str, Any]


def page(tx: Transaction, name: str) -> AgentPage:
    """Everything of one agent. Raises `NotFound`."""
    found = rows.agents(tx.conn, name=name)
    if not found:
        raise NotFound(f"there is no agent {name}", fix="postroom agent list shows them all")
    (agent,) = found
    (row,) = _rows(tx, found)
    _, policy = house.policy(tx)
    complaints = _series(tx, agent.id, cohorts.COMPLAINED, policy.guards.complaints.window)
    bounces = _series(tx, agent.id, cohorts.BOUNCED, policy.guards.bounces.window)
    return AgentPage(
        row=row,
        boxes=tuple(_box(tx, box) for box in agent.boxes),
        complaint_series=complaints,
        bounce_series=bounces,
        runs=tuple(rows.runs(tx.conn, agent.id)),
        events=events.page(tx.conn, EventFilter(agent=agent.id), limit=EVENTS).rows,
        suspend_figures=agent.suspend_figures,
    )


def _box(tx: Transaction, box: Box) -> BoxPage:
    gate = facts.gate(tx, box.id)
    return BoxPage(
        box=box,
        held=max(0, tx.total("mailbox", str(box.id), "pending", since=EVER)),
        evidence=evidence(tx, box.address),
        gauges=tuple(allowances.gauges(tx, gate)),
    )


def _series(tx: Transaction, agent_id: int, kind: str, window: int) -> tuple[float, ...]:
    """The rate by cohort over the window; 0 where nothing was sent and nothing came back."""
    width = max(cohorts.HOUR_WIDE, window // MINUTE // RATE_BINS)
    read = figures.counts(tx.conn, "agent", [agent_id], [cohorts.SENT, kind], since=bucket(tx.now - window))
    sent = figures.spark(read.series(agent_id, cohorts.SENT), now=tx.now, bins=RATE_BINS, width=width)
    came = figures.spark(read.series(agent_id, kind), now=tx.now, bins=RATE_BINS, width=width)
    return tuple(min(1.0, n / of) if of else float(n > 0) for n, of in zip(came, sent, strict=True))

"""The first screen: what needs somebody, worst first, and what stands above every screen."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from core.flow import house
from core.flow.screens import agents
from core.flow.screens.agents import NEAR, AgentRow
from core.ledger import people
from core.ledger.counters import bucket
from core.ledger.transaction import Transaction
from core.ledger.views import agents as rows
from core.ledger.views import figures, lanes
from core.ledger.views.figures import Head
from core.rules import guards
from core.rules.guards import percent
from core.rules.policy import Policy
from core.words import DAY, HOUR, MICROS, Limit, Mode

EXPIRING: Final = 7 * DAY
LANES: Final = 50
FAILING: Final = 3
"""Deferrals in a row after which a lane is somebody's business."""


class Level(enum.StrEnum):
    """How loud a problem is."""

    CRIT = "crit"
    WARN = "warn"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that needs somebody. `screen` and `key` say what to open: an agent, a lane, a mailbox, the queue."""

    level: Level
    code: str
    subject: str
    text: str
    screen: str
    key: str
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above every screen. `held_per_minute` is the mean of the last five minutes."""

    head: Head
    default_mode: Mode
    held_per_minute: float
    crit: int
    warn: int


@dataclass(frozen=True, slots=True)
class DeskView:
    """The whole first screen in one look."""

    header: Header
    problems: tuple[Problem, ...]
    agents: tuple[AgentRow, ...]
    flow: dict[str, tuple[int, ...]]


def desk(tx: Transaction) -> DeskView:
    """Header, problems, agents and flow, read together so that they agree."""
    listed = agents.table(tx)
    found = problems(tx, listed)
    return DeskView(header(tx, found), tuple(found), tuple(listed), figures.flow(tx.conn, now=tx.now))


def header(tx: Transaction, found: Sequence[Problem]) -> Header:
    _, policy = house.policy(tx)
    held = figures.counts(tx.conn, "desk", [""], ["held"], since=bucket(tx.now) - 4).total("", "held")
    return Header(
        head=figures.head(tx.conn),
        default_mode=policy.oversight.default_mode,
        held_per_minute=held / 5,
        crit=sum(one.level is Level.CRIT for one in found),
        warn=sum(one.level is Level.WARN for one in found),
    )


def problems(tx: Transaction, listed: Sequence[AgentRow]) -> list[Problem]:
    """Everything that needs somebody, worst first."""
    _, policy = house.policy(tx)
    found = [
        *_desk(tx, policy),
        *(problem for row in listed for problem in _agent(row)),
        *_anomalies(tx, listed),
        *_lanes(tx),
        *_identities(tx),
        *_troubles(tx),
    ]
    return sorted(found, key=lambda one: list(Level).index(one.level))


def _desk(tx: Transaction, policy: Policy) -> Iterator[Problem]:
    head = figures.head(tx.conn)
    if head.stopped_at is not None:
        text = f"all-stop by {head.stopped_by}: {head.stop_reason}"
        yield Problem(Level.CRIT, "stopped", "desk", text, "desk", "", head.stopped_at)
    late = policy.notify.pending_older_than
    if head.oldest is not None and tx.now - head.oldest >= late:
        text = f"{head.held:,} held, the oldest longer than anybody should wait"
        yield Problem(Level.WARN, "pending_old", "queue", text, "queue", "", head.oldest)
    since = bucket(tx.now - HOUR, 60)
    forged = figures.counts(tx.conn, "desk", [""], ["unverified_1h"], since=since).total("", "unverified_1h")
    if forged:
        text = f"{forged:,} reports that prove nothing in the last hours; they moved no rate"
        yield Problem(Level.INFO, "unverified", "feedback", text, "events", "feedback.")


def _agent(row: AgentRow) -> Iterator[Problem]:
    if row.status != "active":
        why = row.suspend_reason or "by an operator"
        yield Problem(Level.CRIT, "suspended", row.name, f"suspended: {why}", "agent", row.name, row.suspended_at)
    for rate in (row.complaints, row.bounces):
        if rate.level != "fine" and row.status == "active":
            level = Level.CRIT if rate.level == "suspend" else Level.WARN
            yield Problem(level, rate.measure, row.name, rate.sentence, "agent", row.name)
    for word, limit in (("hour", row.hour), ("day", row.day)):
        if limit is not None and limit.cap and limit.used >= NEAR * limit.cap:
            yield Problem(Level.WARN, f"{word}_budget", row.name, _spent(f"{word} budget", limit), "agent", row.name)


def _spent(what: str, limit: Limit) -> str:
    return f"{what} {percent(limit.used / limit.cap)} ({limit.used:,} of {limit.cap:,})"


def _anomalies(tx: Transaction, listed: Sequence[AgentRow]) -> Iterator[Problem]:
    """Rejections and expiries of the last day that suggest a lower mode."""
    kinds = ("decided_1h", "rejected_1h", "expired_1h")
    boxes = {box.id: box for one in rows.agents(tx.conn) for box in one.boxes}
    counted = figures.counts(tx.conn, "mailbox", list(boxes), kinds, since=bucket(tx.now - DAY, 60))
    names = {row.id: row.name for row in listed}
    for box in boxes.values():
        decided, rejected, expired = (counted.total(box.id, kind) for kind in kinds)
        for one in guards.anomalies(box.mode, decided=decided, rejected=rejected, expired=expired):
            yield Problem(Level.WARN, one.code, box.address, one.text, "agent", names.get(box.agent_id, ""))


def _lanes(tx: Transaction) -> Iterator[Problem]:
    for lane in lanes.lanes(tx.conn, now=tx.now, limit=LANES):
        subject, key = f"{lane.mailbox} → {lane.domain}", str(lane.id)
        if lane.paused_at is not None:
            text = f"lane paused by {lane.paused_by}, {lane.depth:,} wait"
            yield Problem(Level.WARN, "lane_paused", subject, text, "lane", key, lane.paused_at)
        elif lane.failures >= FAILING:
            text = f"{lane.failures:,} deferrals in a row: {lane.last_reply}"
            yield Problem(Level.WARN, "lane_failing", subject, text, "lane", key, lane.last_reply_at)
        elif lane.waits_for == "site_hour":
            text = f"the hour's cap at {lane.site} is spent, {lane.depth:,} wait"
            yield Problem(Level.WARN, "site_budget", lane.site, text, "lane", key)


def _identities(tx: Transaction) -> Iterator[Problem]:
    asked = people.mailboxes(tx.conn, status="requested")
    if asked:
        what = "an identity awaits" if len(asked) == 1 else f"{len(asked):,} identities await"
        yield Problem(Level.INFO, "identities", "identities", f"{what} approval", "identities", "")
    for address in people.mailboxes_ending(tx.conn, by=tx.now + EXPIRING):
        record = people.mailbox(tx.conn, address)
        if record is not None and record.expires_at is not None:
            days = max(0, record.expires_at - tx.now) // MICROS // 86_400
            over = record.expires_at <= tx.now
            text = "the identity has expired" if over else f"the identity ends in {days} days"
            yield Problem(Level.WARN if over else Level.INFO, "expiring", address, text, "identities", address)


_CRITICAL: Final = frozenset({"no_worker"})


def _troubles(tx: Transaction) -> Iterator[Problem]:
    for one in rows.troubles(tx.conn, now=tx.now):
        level = Level.CRIT if one.kind in _CRITICAL else Level.WARN
        yield Problem(
            level, one.kind, one.subject, one.text, "lanes" if "stream" in one.kind else "events", "", one.since
        )

"""One agent with everything its page shows: mailboxes, budgets, rates hour by hour, evidence for the next rung."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.db.counters import bucket
from core.db.queries import agents as views
from core.db.queries import events, figures
from core.db.queries.events import EventFilter
from core.db.tables import LOG_ENTRY
from core.db.transaction import Transaction
from core.durations import MINUTE
from core.errors import NotFound
from core.events import EmailRead
from core.model import Actor
from core.operations.screens.overview import budgets, share
from core.rules import roles
from core.rules.guards import Measure
from core.rules.policy import Guard
from core.rules.roles import Verb
from core.services import context
from core.services.audit import mode_evidence
from core.services.control import guard_rates
from core.views.agent_page import AgentPage, Course, MailboxFacts
from core.views.agents import AgentBasics, MailboxRow, RunRow
from core.views.events import EventRow

BINS: Final = 56
EVENTS_SHOWN: Final = 12
RUNS_SHOWN: Final = 8


def agent_page(tx: Transaction, name: str, *, reader: Actor) -> AgentPage:
    """The agent of this name, as far as the reader may see it. Raises `NotFound`."""
    found = views.agents(tx.conn, name=name)
    if not found:
        raise NotFound(f"there is no agent {name[:100]}", fix="postroom agent list lists them")
    one = found[0]
    _, policy = context.current_policy(tx)
    return AgentPage(
        one,
        mailboxes=tuple(_mailbox_facts(tx, mailbox) for mailbox in one.mailboxes),
        courses=(
            _course(tx, Measure.COMPLAINTS, policy.guards.complaints, one),
            _course(tx, Measure.BOUNCES, policy.guards.bounces, one),
        ),
        runs=_runs(tx, one) if roles.may(reader, Verb.MESSAGE_READ) else None,
        events=_events(tx, one) if roles.may(reader, Verb.AUDIT_READ) else None,
    )


def _runs(tx: Transaction, one: AgentBasics) -> tuple[RunRow, ...]:
    return tuple(views.runs(tx.conn, one.id, limit=RUNS_SHOWN))


def _events(tx: Transaction, one: AgentBasics) -> tuple[EventRow, ...]:
    """Its latest events; people looking at it are not its own acts."""
    acts = EventFilter(agent=one.id, further=(LOG_ENTRY.c.type != EmailRead.type,))
    return events.page(tx.conn, acts, limit=EVENTS_SHOWN).rows


def _mailbox_facts(tx: Transaction, mailbox: MailboxRow) -> MailboxFacts:
    return MailboxFacts(mailbox, mode_evidence.evidence(tx, mailbox.address), tuple(budgets(tx, mailbox.id).values()))


def _course(tx: Transaction, measure: Measure, guard: Guard, one: AgentBasics) -> Course:
    since = bucket(tx.now - guard.window, guard_rates.HOUR_WIDE)
    bad = guard_rates.COMPLAINED if measure is Measure.COMPLAINTS else guard_rates.BOUNCED
    kinds = [guard_rates.SENT, bad, guard_rates.REFUSED]
    read = figures.counts(tx.conn, "agent", [one.id], kinds, since=since)
    sent, events_ = dict(read.series(one.id, guard_rates.SENT)), dict(read.series(one.id, bad))
    if measure is Measure.BOUNCES:
        refused = read.series(one.id, guard_rates.REFUSED)
        sent = {hour: sent.get(hour, 0) + refused.get(hour, 0) for hour in {*sent, *refused}}
    width = max(60, guard.window // MINUTE // BINS)
    return Course(measure.value, share(tx, measure, guard, one), _rates(events_, sent, since, width), guard.window)


def _rates(bad: Mapping[int, int], sent: Mapping[int, int], since: int, width: int) -> tuple[float | None, ...]:
    """One fraction per bin, oldest first."""
    points: list[float | None] = []
    for n in range(BINS):
        low, high = since + n * width, since + (n + 1) * width
        whole = sum(count for hour, count in sent.items() if low <= hour < high)
        part = sum(count for hour, count in bad.items() if low <= hour < high)
        points.append(min(1.0, part / whole) if whole else None)
    return tuple(points)

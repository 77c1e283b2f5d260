"""Rates for guards: an agent's events and deliveries by the hour of sending, and what a resume forgives.

A complaint received today about Monday's mail counts against Monday's mail. A resume re-arms the guards from that very
moment, not from the next full hour: what the hour had counted until then is recorded separately as forgiven, and so is
later feedback about earlier mail. Nothing is deleted, so the evidence stays.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select

from core.db.counters import bucket
from core.db.tables import LANE, MAILBOX, RATE_EVENT
from core.db.transaction import Transaction
from core.rules import guards, mailbox_providers
from core.rules.guards import EventRecipient, Measure
from core.rules.policy import Guard

HOUR_WIDE: Final = 60
"""Width of a cohort, in minutes."""
COMPLAINED: Final = "complained_1h"
BOUNCED: Final = "bounced_1h"
REFUSED: Final = "refused_1h"
"""Recipients refused by a receiver at delivery: they bounced without ever having been sent."""
SENT: Final = "sent_1h"
ASIDE: Final = {Measure.COMPLAINTS: "complained_aside_1h", Measure.BOUNCES: "bounced_aside_1h"}
"""Complaints and bounces that were received and do not count: the guard's rate counts people."""
KINDS: Final = (SENT, REFUSED, BOUNCED, COMPLAINED, *ASIDE.values())

_FORGIVEN: Final = "forgiven_"


def count(tx: Transaction, kind: str, *, agent_id: int, sent_at: int, guard_since: int) -> None:
    """Count one recipient in the cohort it was sent in. If sent before `guard_since`, also count it as forgiven."""
    hour = bucket(sent_at, HOUR_WIDE)
    tx.bump("agent", str(agent_id), kind, minute=hour)
    if sent_at < guard_since:
        tx.bump("agent", str(agent_id), _FORGIVEN + kind, minute=hour)


def count_event(
    tx: Transaction, measure: Measure, *, agent_id: int, address: str, sent_at: int, guard_since: int, guard: Guard
) -> None:
    """Count a complaint or bounce toward the guard, or set it aside."""
    kind = COMPLAINED if measure is Measure.COMPLAINTS else BOUNCED
    one = _event_recipient(
        tx, measure, agent_id=agent_id, address=address, since=max(tx.now - guard.window, guard_since)
    )
    _, delivered = figures(tx, measure, agent_id=agent_id, window=guard.window, guard_since=guard_since)
    if not guards.counts(one, delivered=delivered, min_events=guard.min_events):
        kind = ASIDE[measure]
    else:
        tx.write(delete(RATE_EVENT).where(*_of(measure, agent_id), RATE_EVENT.c.address == address))
        tx.add(
            RATE_EVENT,
            {
                "agent_id": agent_id, "measure": measure.value, "address": address, "domain": _domain(address),
                "sent_at": sent_at,
            },
        )  # fmt: skip
    count(tx, kind, agent_id=agent_id, sent_at=sent_at, guard_since=guard_since)


def _event_recipient(tx: Transaction, measure: Measure, *, agent_id: int, address: str, since: int) -> EventRecipient:
    """What decides whether an event counts. `since`: the earliest sending time in the window."""
    c, domain = RATE_EVENT.c, _domain(address)
    before = tx.one(select(c.sent_at).where(*_of(measure, agent_id), c.address == address))
    of_domain = tx.one(
        select(func.count().label("n")).where(*_of(measure, agent_id), c.domain == domain, c.sent_at >= since)
    )
    to_domain = tx.one(
        select(func.coalesce(func.sum(LANE.c.delivered), 0).label("n"))
        .join(MAILBOX, MAILBOX.c.id == LANE.c.mailbox_id)
        .where(MAILBOX.c.agent_id == agent_id, LANE.c.domain == domain)
    )
    assert of_domain is not None
    assert to_domain is not None
    return EventRecipient(
        counted=before is not None and before.sent_at >= since,
        of_domain=int(of_domain.n),
        to_domain=int(to_domain.n),
        strangers=mailbox_providers.houses_strangers(domain),
    )


def _of(measure: Measure, agent_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return RATE_EVENT.c.agent_id == agent_id, RATE_EVENT.c.measure == measure.value


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def aside(tx: Transaction, measure: Measure, *, agent_id: int, window: int, guard_since: int) -> int:
    """Complaints or bounces in the window that do not count."""
    since = bucket(max(tx.now - window, guard_since), HOUR_WIDE)
    return _left(tx, ASIDE[measure], agent_id=agent_id, since=since)


def forgive(tx: Transaction, agent_id: int) -> None:
    """Restart the guards now: what this hour has counted so far is forgiven."""
    hour, key = bucket(tx.now, HOUR_WIDE), str(agent_id)
    for kind in KINDS:
        left = _left(tx, kind, agent_id=agent_id, since=hour)
        if left:
            tx.bump("agent", key, _FORGIVEN + kind, minute=hour, n=left)


def figures(tx: Transaction, measure: Measure, *, agent_id: int, window: int, guard_since: int) -> tuple[int, int]:
    """(events, delivered) of a rate. A refusal at delivery is a bounce and an attempted delivery: it is in both."""
    since = bucket(max(tx.now - window, guard_since), HOUR_WIDE)
    sent = _left(tx, SENT, agent_id=agent_id, since=since)
    if measure is Measure.COMPLAINTS:
        return _left(tx, COMPLAINED, agent_id=agent_id, since=since), sent
    refused = _left(tx, REFUSED, agent_id=agent_id, since=since)
    return _left(tx, BOUNCED, agent_id=agent_id, since=since), sent + refused


def prefetch(tx: Transaction, agent_ids: Collection[int], *, window: int) -> None:
    """Read for many agents at once what `figures` asks one by one, over windows up to this one."""
    since = bucket(tx.now - window, HOUR_WIDE)
    for kind in KINDS:
        tx.counters.prefetch("agent", [str(one) for one in agent_ids], kind, since=since)
        tx.counters.prefetch("agent", [str(one) for one in agent_ids], _FORGIVEN + kind, since=since)


def _left(tx: Transaction, kind: str, *, agent_id: int, since: int) -> int:
    """Net count of a kind: everything counted, less what was forgiven."""
    key = str(agent_id)
    counted, forgiven = (tx.counters.total("agent", key, one, since=since) for one in (kind, _FORGIVEN + kind))
    return counted - forgiven

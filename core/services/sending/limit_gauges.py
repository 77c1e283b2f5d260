"""Gauges of a mailbox's and an agent's limits, and the estimate of when an accepted message departs.

Both come from the counters and caps that enforce the limits, so a gauge shows what the gate applies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select

from core.db import gate_queries, queue
from core.db.counters import EVER, bucket
from core.db.gate_queries import SenderState
from core.db.tables import LANE
from core.db.transaction import Transaction
from core.durations import DAY, MINUTE, SECOND
from core.model import Limit
from core.rules import budgets
from core.rules.budgets import DAY_BUCKET, DAY_MINUTES, HOUR_BUCKET, HOUR_MINUTES
from core.services.sending.limits import departure_caps, new_recipient_caps
from core.services.sending.site_limits import Paces, RoutePace, route_pace, site_bounds, site_pace, site_paces
from core.services.sending.submission import Target


def gauges(tx: Transaction, mailbox: SenderState) -> list[Limit]:
    """Used, cap, window and next refill of every budget of a mailbox, from the counters that enforce them."""
    caps = [*departure_caps(tx, mailbox), new_recipient_caps(tx, mailbox)]
    limits = [cap.room(tx).limit(cap.name) for cap in caps]
    busy = _busy_sites(tx, mailbox.mailbox_id)
    paces = Paces(tx, [route_pace(mailbox), *site_paces(mailbox, busy)])
    if (route := RoutePace(tx, mailbox, paces).gauge) is not None:
        limits.append(route)
    for site in busy:
        for bound in site_bounds(tx, mailbox, site):
            limits.append(bound.cap.room(tx).limit(f"{bound.cap.name}:{site}"))
            ahead = max(0, (paces.of((bound.mailbox_id, bound.name)) or 0) - tx.now)
            used = min(bound.per_minute, -(-ahead * bound.per_minute // MINUTE)) if bound.per_minute else 0
            next_at = (tx.now + ahead) if ahead else None
            limits.append(Limit(f"{bound.pace}:{site}", used, bound.per_minute, 60, next_at))
    return limits


def _busy_sites(tx: Transaction, mailbox_id: int) -> list[str]:
    """Up to 20 sites with mail waiting or in flight, the fullest first; a mailbox may have thousands."""
    rows = tx.read_unflushed(
        select(LANE.c.site)
        .where(LANE.c.mailbox_id == mailbox_id, (LANE.c.depth > 0) | (LANE.c.in_flight > 0))
        .order_by(LANE.c.depth.desc())
        .limit(20)
    )
    return list(dict.fromkeys(row.site for row in rows))


def agent_caps(tx: Transaction, mailbox: SenderState) -> dict[str, Limit]:
    """Hourly and daily gauges of an agent, as a departure from this mailbox would read them."""
    return {cap.name: cap.room(tx).limit(cap.name) for cap in departure_caps(tx, mailbox) if cap.scope == "agent"}


def prefetch_agents(tx: Transaction, agent_ids: Collection[int]) -> None:
    """Prefetch for a whole table of agents what `agent_caps` reads one by one."""
    keys = [str(one) for one in agent_ids]
    gate_queries.prefetch_mailboxes(tx, agent_ids)
    tx.counters.prefetch("agent", keys, "left", since=bucket(tx.now, HOUR_BUCKET) - HOUR_MINUTES - HOUR_BUCKET)
    tx.counters.prefetch("agent", keys, "left_15m", since=bucket(tx.now, DAY_BUCKET) - DAY_MINUTES - DAY_BUCKET)


def departs_at(tx: Transaction, mailbox: SenderState, targets: Sequence[Target]) -> int:
    """Estimate when the last of these recipients leaves: the latest time given by any cap or pace that binds."""
    waiting = tx.counters.total("agent", str(mailbox.agent_id), "waiting", since=EVER)
    at = max(tx.now, min(mailbox.backoff_until, tx.now + DAY))
    free = tx.batch_cache.get(
        ("free", mailbox.mailbox_id), lambda: min(cap.room(tx).left for cap in departure_caps(tx, mailbox))
    )
    if waiting > free:
        at = max(
            budgets.departure(
                cap.buckets(tx), cap=cap.cap, window_minutes=cap.window, bucket_minutes=cap.width,
                ahead=max(0, waiting - 1), now=tx.now,
            )
            for cap in departure_caps(tx, mailbox)
        )  # fmt: skip
    for target in targets:
        lane = queue.lane_for(tx, mailbox_id=mailbox.mailbox_id, domain=target.address.domain_ascii, site=target.site)
        ahead = lane.depth + tx.lane(lane.id).depth
        pace = site_pace(tx, mailbox, target.site)
        wait = ahead * MINUTE // pace if pace else DAY
        at = max(at, min(lane.not_before, tx.now + DAY), tx.now) + (wait if wait > SECOND else 0)
    return at

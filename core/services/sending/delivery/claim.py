"""One turn of the queue: claim due recipients up to a limit, fairly, and charge their budgets.

Recipients refused by a budget or pace are not touched: one row puts the mailbox or the lane to sleep until it may send.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import bindparam, update

from core.db import gate_queries, queue
from core.db.counters import bucket
from core.db.due import DueCheck
from core.db.gate_queries import SenderState
from core.db.queue import Claimed
from core.db.tables import MAILBOX, RECIPIENT
from core.db.transaction import Transaction
from core.durations import FAR_FUTURE, MINUTE
from core.rules import budgets
from core.services.sending import acceptance_limits, limits, site_limits
from core.services.sending.delivery import finish
from core.services.sending.delivery.leases import LEASE

MAILBOXES_A_TURN: Final = 32
LANES_A_TURN: Final = 32
SPENT: Final = MINUTE
"""Longest sleep of a mailbox whose cap allows nothing more: somebody may raise the cap."""
CLAIMABLE: Final = DueCheck({"claimable": queue.CLAIMABLE})
"""Whether a claim now would find a mailbox that may send."""


def claim(
    tx: Transaction,
    *,
    worker: int,
    limit: int,
    busy: Collection[int] = (),
    crowded: Collection[tuple[int, str]] = (),
) -> list[Claimed]:
    """Claim up to `limit` due recipients: fairly over mailboxes and lanes, within every budget.

    `busy` (streams) and `crowded` (stream, recipient domain) are left out: the worker has enough of them in progress.
    """
    if gate_queries.desk(tx).stopped_at is not None:
        return []
    due = queue.mailboxes_due(tx, limit=MAILBOXES_A_TURN, busy=busy, crowded=crowded)
    claimed: list[Claimed] = []
    for place, row in enumerate(due):
        share = -(-(limit - len(claimed)) // (len(due) - place))
        if share > 0:
            closed = [domain for stream, domain in crowded if stream == row.stream_id]
            claimed += _claim_mailbox(tx, gate_queries.gate(tx, row.id), worker=worker, limit=share, closed=closed)
    return claimed


def _claim_mailbox(
    tx: Transaction, mailbox: SenderState, *, worker: int, limit: int, closed: Collection[str]
) -> list[Claimed]:
    if mailbox.expires_at is not None and mailbox.expires_at <= tx.now:
        _nap(tx, mailbox, until=FAR_FUTURE, waits_for="mailbox expired")
        return []
    route = site_limits.RoutePace(tx, mailbox)
    granted = route.grant(asking=limit)
    if granted.n == 0:
        _nap(tx, mailbox, until=granted.next_at, waits_for=site_limits.ROUTE_MINUTE)
        return []
    caps = limits.departure_caps(tx, mailbox)
    tx.counters.prefetch_all(limits.counters(caps, now=tx.now))
    rooms = [(cap, cap.room(tx)) for cap in caps]
    left = min(room.left for _, room in rooms)
    spent = [(cap, room) for cap, room in rooms if room.left == 0]
    turns = _claim_lanes(tx, mailbox, limit=granted.n, uncharged=left, closed=closed)
    slots = [slot for turn in turns for slot in turn.slots]
    route.spend(len(slots))
    queue.lease(tx, turns, mailbox_id=mailbox.mailbox_id, worker=worker, until=tx.now + LEASE)
    _charge(tx, mailbox, caps, slots)
    if spent and not slots:
        # Nothing charged is due, and nothing more can be charged: look again when the last of the caps opens.
        until = max(room.next_at or tx.now for _, room in spent)
        _nap(tx, mailbox, until=min(until, tx.now + SPENT), waits_for=spent[0][0].name)
    else:
        _nap(tx, mailbox, until=0, waits_for=None)
    return queue.describe(tx, slots)


def _claim_lanes(
    tx: Transaction, mailbox: SenderState, *, limit: int, uncharged: int, closed: Collection[str]
) -> list[queue.LaneTurn]:
    """Claim a share of each due lane, as far as its site's pace and hourly cap allow; none to a `closed` domain."""
    due = queue.lanes_due(tx, mailbox_id=mailbox.mailbox_id, limit=min(LANES_A_TURN, limit), closed=closed)
    if not due:
        return []
    sites = site_limits.Sites(tx, mailbox, {lane.site for lane in due})
    # Twice an even share: a lane may use what earlier lanes left over. What it misses now, it gets in the next claim.
    ids, rows = [lane.id for lane in due], min(queue.LANE_WINDOW, -(-2 * limit // len(due)))
    heads = queue.heads(tx, ids, rows=rows)
    # With a cap spent, charged recipients still go: a retry never waits for a place that it holds already.
    open_to = heads if uncharged > 0 else queue.heads(tx, ids, rows=rows, paid=True)
    turns: list[queue.LaneTurn] = []
    for place, lane in enumerate(due):
        share = -(-limit // (len(due) - place))
        if share > 0:
            granted = sites.grant(lane.site, asking=min(share, queue.LANE_WINDOW - lane.in_flight))
            taken = queue.take(open_to[lane.id], now=tx.now, uncharged=uncharged, limit=granted)
            wake, why = sites.spend(lane.site, len(taken.slots))
            limit -= len(taken.slots)
            uncharged -= sum(not slot.charged for slot in taken.slots)
            next_due = taken.next_due if open_to is heads else min(taken.next_due, heads[lane.id].due)
            turns.append(queue.LaneTurn(lane.id, taken.slots, max(next_due, wake), wake, why))
    sites.save()
    return turns


def _charge(tx: Transaction, mailbox: SenderState, caps: Sequence[limits.Cap], slots: Sequence[queue.Slot]) -> None:
    """Charge first claims, once; a later deferral refunds nothing."""
    fresh = [slot for slot in slots if not slot.charged]
    if not fresh:
        return
    for cap in caps:
        cap.charge(tx, len(fresh))
    if not any(cap.scope == "stream" for cap in caps):
        tx.bump("stream", str(mailbox.stream_id), "left_15m", minute=bucket(tx.now, budgets.DAY_BUCKET), n=len(fresh))
    tx.bump("stream", str(mailbox.stream_id), "left_1d", minute=bucket(tx.now, budgets.DAY_MINUTES), n=len(fresh))
    tx.write_keeping_caches(_PAID, [{"b_message": slot.message_id, "b_n": slot.n} for slot in fresh])
    acceptance_limits.wait(tx, mailbox, n=-len(fresh))


def _nap(tx: Transaction, mailbox: SenderState, *, until: int, waits_for: str | None) -> None:
    tx.write_keeping_caches(
        _NAP, [{"b_id": mailbox.mailbox_id, "b_wake": until, "b_served": tx.now, "b_waits": waits_for}]
    )


_PAID: Final = update(RECIPIENT).where(finish.OF_RECIPIENT).values(charged=True)
_NAP: Final = (
    update(MAILBOX)
    .where(MAILBOX.c.id == bindparam("b_id"))
    .values(wake_at=bindparam("b_wake"), served_at=bindparam("b_served"), waits_for=bindparam("b_waits"))
)

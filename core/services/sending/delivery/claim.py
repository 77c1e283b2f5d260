"""One turn of the queue: claim due recipients up to a limit, fairly, and charge their budgets.

Recipients refused by a budget or pace are not touched: one row puts the mailbox or the lane to sleep until it may send.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import bindparam, update

from core.db import gate_queries, queue
from core.db.counters import bucket
from core.db.due import DueCheck
from core.db.gate_queries import SenderState
from core.db.locks import NO_LOCKS, Locks, LockSession
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


@dataclass(frozen=True, slots=True)
class Claim:
    """`claim`, as the writer runs it: beside other gateways, for the agents and streams that are free."""

    worker: int
    limit: int
    busy: Collection[int] = ()
    crowded: Collection[tuple[int, str]] = ()
    breadth: queue.Breadth = field(default_factory=queue.Breadth)
    """Of all claims of a worker."""
    locks: Locks = NO_LOCKS

    def acquire(self, session: LockSession) -> None:
        queue.acquire(session, self.breadth, limit=MAILBOXES_A_TURN, busy=self.busy, crowded=self.crowded)

    def __call__(self, tx: Transaction) -> Haul:
        return _claim(tx, worker=self.worker, limit=self.limit, busy=self.busy, crowded=self.crowded)


@dataclass(frozen=True, slots=True)
class Haul:
    """What a claim took, and from when on another one may find more of what it saw; FAR_FUTURE if it took all."""

    claimed: list[Claimed]
    next_at: int


NOTHING: Final = Haul([], next_at=FAR_FUTURE)


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
    return _claim(tx, worker=worker, limit=limit, busy=busy, crowded=crowded).claimed


def _claim(
    tx: Transaction, *, worker: int, limit: int, busy: Collection[int], crowded: Collection[tuple[int, str]]
) -> Haul:  # fmt: skip
    if gate_queries.desk(tx).stopped_at is not None:
        return NOTHING
    found = queue.mailboxes_due(tx, limit=MAILBOXES_A_TURN, busy=busy, crowded=crowded)
    due = [row for row in found if tx.holds(agent=row.agent_id, stream=row.stream_id)]
    if not due:
        return NOTHING
    turn = _Turn(tx, due, limit=limit, crowded=crowded)
    claimed = 0
    for place, row in enumerate(due):
        share = -(-(limit - claimed) // (len(due) - place))
        if share > 0:
            claimed += turn.claim(row.id, limit=share)
    unseen = claimed >= limit or len(found) == MAILBOXES_A_TURN or len(found) > len(due)
    return Haul(turn.save(worker=worker), next_at=tx.now if unseen else turn.next_at())


class _Turn:
    """One claim: what all its mailboxes need is read at once, and what they do is written at once."""

    def __init__(
        self, tx: Transaction, due: Sequence[Any], *, limit: int, crowded: Collection[tuple[int, str]]
    ) -> None:
        self._tx = tx
        self._boxes = {row.id: gate_queries.gate(tx, row.id) for row in due}
        self._caps = {box.mailbox_id: limits.departure_caps(tx, box) for box in self._boxes.values()}
        # Twice an even share: a mailbox or lane may use what earlier ones left over. What it misses now, it gets in the
        # next claim.
        most = min(limit, -(-2 * limit // len(due)))
        self._most_lanes = min(LANES_A_TURN, most)
        self._lanes = queue.lanes_due(tx, due, limit=self._most_lanes, crowded=crowded)
        self._rows = {
            lane.id: min(queue.LANE_WINDOW, -(-2 * most // len(lanes)))
            for lanes in self._lanes.values()
            for lane in lanes
        }
        self._heads = queue.heads(tx, self._rows)
        self._paces = self._prefetch_limits()
        self._turns: list[queue.LaneTurn] = []
        self._naps: list[dict[str, Any]] = []
        self._fresh: list[queue.Slot] = []
        self._passed_over = False
        """Whether a mailbox's share was used up before all of its due lanes had their turn."""

    def _prefetch_limits(self) -> site_limits.Paces:
        now = self._tx.now
        counters = limits.counters((cap for caps in self._caps.values() for cap in caps), now=now)
        paces = []
        for mailbox_id, lanes in self._lanes.items():
            box, sites = self._boxes[mailbox_id], dict.fromkeys(lane.site for lane in lanes)
            counters |= site_limits.counters(box, sites, now=now)
            paces += [site_limits.route_pace(box), *site_limits.site_paces(box, sites)]
        self._tx.counters.prefetch_all(counters)
        return site_limits.Paces(self._tx, list(dict.fromkeys(paces)))

    def claim(self, mailbox_id: int, *, limit: int) -> int:
        """Claim up to `limit` recipients of one mailbox, and charge its budgets. Returns how many."""
        tx, box = self._tx, self._boxes[mailbox_id]
        if box.expires_at is not None and box.expires_at <= tx.now:
            self._nap(box, until=FAR_FUTURE, waits_for="mailbox expired")
            return 0
        route = site_limits.RoutePace(tx, box, self._paces)
        granted = route.grant(asking=limit)
        if granted.n == 0:
            self._nap(box, until=granted.next_at, waits_for=site_limits.ROUTE_MINUTE)
            return 0
        rooms = [(cap, cap.room(tx)) for cap in self._caps[mailbox_id]]
        left = min(room.left for _, room in rooms)
        spent = [(cap, room) for cap, room in rooms if room.left == 0]
        slots = self._claim_lanes(box, limit=granted.n, uncharged=left)
        route.spend(len(slots))
        self._charge(box, slots)
        if spent and not slots:
            # Nothing charged is due, and nothing more can be charged: look again when the last of the caps opens.
            until = max(room.next_at or tx.now for _, room in spent)
            self._nap(box, until=min(until, tx.now + SPENT), waits_for=spent[0][0].name)
        else:
            self._nap(box, until=0, waits_for=None)
        return len(slots)

    def _claim_lanes(self, box: SenderState, *, limit: int, uncharged: int) -> list[queue.Slot]:
        """Claim a share of each due lane, as far as its site's pace and hourly cap allow."""
        lanes = self._lanes[box.mailbox_id]
        sites = site_limits.Sites(self._tx, box, self._paces)
        heads = open_to = self._heads
        if uncharged <= 0 and lanes:
            # With a cap spent, charged recipients still go: a retry never waits for a place that it holds already.
            open_to = queue.heads(self._tx, {lane.id: self._rows[lane.id] for lane in lanes}, paid=True)
        slots: list[queue.Slot] = []
        for place, lane in enumerate(lanes):
            share = -(-limit // (len(lanes) - place))
            if share <= 0:
                self._passed_over = True
            else:
                granted = sites.grant(lane.site, asking=min(share, queue.LANE_WINDOW - lane.in_flight))
                taken = queue.take(open_to[lane.id], now=self._tx.now, uncharged=uncharged, limit=granted)
                wake, why = sites.spend(lane.site, len(taken.slots))
                limit -= len(taken.slots)
                uncharged -= sum(not slot.charged for slot in taken.slots)
                next_due = taken.next_due if open_to is heads else min(taken.next_due, heads[lane.id].due)
                turn = queue.LaneTurn(lane.id, box.mailbox_id, taken.slots, max(next_due, wake), wake, why)
                self._turns.append(turn)
                slots += taken.slots
        return slots

    def _charge(self, box: SenderState, slots: Sequence[queue.Slot]) -> None:
        """Charge first claims, once; a later deferral refunds nothing."""
        tx, caps, stream = self._tx, self._caps[box.mailbox_id], str(box.stream_id)
        fresh = [slot for slot in slots if not slot.charged]
        if not fresh:
            return
        for cap in caps:
            cap.charge(tx, len(fresh))
        if not any(cap.scope == "stream" for cap in caps):
            tx.bump("stream", stream, "left_15m", minute=bucket(tx.now, budgets.DAY_BUCKET), n=len(fresh))
        tx.bump("stream", stream, "left_1d", minute=bucket(tx.now, budgets.DAY_MINUTES), n=len(fresh))
        self._fresh += fresh
        acceptance_limits.wait(tx, box, n=-len(fresh))

    def _nap(self, box: SenderState, *, until: int, waits_for: str | None) -> None:
        self._naps.append({"b_id": box.mailbox_id, "b_wake": until, "b_served": self._tx.now, "b_waits": waits_for})

    def next_at(self) -> int:
        """From when on another claim may find rows of these mailboxes that this one did not take."""
        if self._passed_over or any(len(lanes) == self._most_lanes for lanes in self._lanes.values()):
            return self._tx.now
        return min((turn.next_at for turn in self._turns), default=FAR_FUTURE)

    def save(self, *, worker: int) -> list[Claimed]:
        """Write it all; returns what was claimed."""
        tx = self._tx
        queue.lease(tx, self._turns, worker=worker, until=tx.now + LEASE)
        self._paces.save()
        tx.write_keeping_caches(_PAID, [{"b_message": slot.message_id, "b_n": slot.n} for slot in self._fresh])
        tx.write_keeping_caches(_NAP, self._naps)
        return queue.describe(tx, [slot for turn in self._turns for slot in turn.slots])


_PAID: Final = update(RECIPIENT).where(finish.OF_RECIPIENT).values(charged=True)
_NAP: Final = (
    update(MAILBOX)
    .where(MAILBOX.c.id == bindparam("b_id"))
    .values(wake_at=bindparam("b_wake"), served_at=bindparam("b_served"), waits_for=bindparam("b_waits"))
)

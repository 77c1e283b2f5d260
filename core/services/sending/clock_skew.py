"""Repair after the clock was set back: nothing sleeps longer than its own rule could have made it.

Caps and paces survive a step by themselves (rules/budgets.py). Stored "not before" times do not: lanes, mailboxes,
routes and webhooks would sleep until the clock has caught up, leases of dead workers would last that long, and mail
accepted in the hour that was taken back would not be due yet. Each gateway remembers its clock's reading at the last
check and repairs when a check finds an earlier time. The first check after a start repairs only what a step alone can
have caused.
"""

from __future__ import annotations

from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, and_, bindparam, case, delete, func, insert, or_, select, update

from core.db.tables import CURSOR, HOOK, IN_FLIGHT, LANE, MAILBOX, READY, RECIPIENT, REVIEW, STREAM, WORKER
from core.db.transaction import Transaction
from core.durations import FAR_FUTURE, HOUR, MINUTE, SECOND
from core.rules.policy import Policy
from core.services import context
from core.services.notify import webhook_outbox, webhook_retries
from core.services.sending import delivery, runs

log = structlog.get_logger("clock")


SKEW: Final = 2 * SECOND
"""How far the clocks of two gateways, or one under correction, may differ without meaning a step."""
LOOKS: Final = 3
"""Checks in a row that treat a step as fresh: one of them may fail to commit."""
AFTERMATH: Final = 5 * MINUTE
"""How long after a step work that was in flight may still write times from before it."""
AFTER_START: Final = 30 * SECOND
"""Time between two checks after a start, which may have been preceded by a step that nobody saw."""
BATCH_SIZE: Final = 200
LONGEST_BUDGET: Final = HOUR
"""Longest time a pace or an hourly cap holds a lane back (services/sending/site_limits.py, Sites.spend)."""
LONGEST_BACKOFF: Final = delivery.LONGEST_BACKOFF * 3 // 2
LONGEST_WEBHOOK: Final = webhook_retries.LONGEST_WAIT * 6 // 5
STEPS: Final = 12
"""Attempts after which every retry waits the maximum."""


class Watch:
    """Periodic task that watches one gateway's clock."""

    def __init__(self) -> None:
        self._seen: int | None = None
        self._until = 0
        self._next = 0
        self._every = AFTER_START
        self._fresh = 0

    def __call__(self, tx: Transaction) -> int:
        """Repair after a step backwards. Returns how many recipients were made due again."""
        seen, self._seen = self._seen, tx.now
        if seen is None:
            self._until = tx.now + AFTERMATH
        elif tx.now < seen - SKEW:
            log.warning("the clock was set back", seconds=(seen - tx.now) // SECOND)
            self._until, self._next, self._fresh = tx.now + AFTERMATH, 0, LOOKS
            self._every = 0
        if not self._next <= tx.now < self._until:
            return 0
        moved = mend(tx, stepped=self._fresh > 0)
        self._next = tx.now + self._every
        self._fresh = max(0, self._fresh - 1)
        return moved


def mend(tx: Transaction, *, stepped: bool) -> int:
    """Bring back times that lie further ahead than their rule allows. Returns how many recipients were moved.

    `stepped`: the clock was seen to go back, so lanes held back by a budget are checked again now, because the caps and
    paces have moved with it. Otherwise only times that no rule can have set are changed.
    """
    _, policy = context.current_policy(tx)
    moved = _letters(tx, policy)
    _lanes(tx, longest=0 if stepped else LONGEST_BUDGET)
    _wake_times(tx)
    _leases(tx)
    _releases(tx, policy)
    _webhooks(tx, longest=0 if stepped else max(LONGEST_WEBHOOK, policy.oversight.release_delay))
    return moved


def _letters(tx: Transaction, policy: Policy) -> int:
    """Make unattempted recipients due now, and retries due no later than their attempt count allows."""
    r, q = RECIPIENT.c, READY.c
    rows = tx.all(
        select(q.lane_id, q.due, q.message_id, q.n, q.charged, r.attempts)
        .join(RECIPIENT, and_(r.message_id == q.message_id, r.n == q.n))
        .where(q.lane_id.in_(select(LANE.c.id).where(LANE.c.depth > 0)), q.due > tx.now + SKEW)
        .where(_beyond(tx.now, policy))
        .limit(BATCH_SIZE)
    )
    if not rows:
        return 0
    tx.write(
        _TAKE, [{"b_lane": row.lane_id, "b_due": row.due, "b_message": row.message_id, "b_n": row.n} for row in rows]
    )
    due = {(row.message_id, row.n): tx.now + (_turn(row.attempts, policy) if row.attempts else 0) for row in rows}
    tx.write(
        _PUT,
        [
            {
                "lane_id": row.lane_id, "due": due[row.message_id, row.n], "message_id": row.message_id, "n": row.n,
                "charged": row.charged,
            }
            for row in rows
        ],
    )  # fmt: skip
    retried = [
        {"b_message": row.message_id, "b_n": row.n, "b_next": due[row.message_id, row.n]}
        for row in rows
        if row.attempts
    ]
    if retried:
        tx.write(_TELL, retried)
    # The head of these lanes has moved, and so has the time of their next check.
    tx.write(_LOOK, [{"b_id": lane_id} for lane_id in sorted({row.lane_id for row in rows})])
    return len(rows)


def _turn(attempts: int, policy: Policy) -> int:
    """The longest wait of a retry after this many attempts, jitter included."""
    wait: int = min(policy.delivery.first_retry << min(attempts - 1, STEPS), delivery.LONGEST_RETRY)
    return wait + wait // 4


def _beyond(now: int, policy: Policy) -> ColumnElement[bool]:
    attempts, due = RECIPIENT.c.attempts, READY.c.due
    turns = [and_(attempts == k, due > now + _turn(k, policy)) for k in range(1, STEPS)]
    return or_(attempts == 0, *turns, and_(attempts >= STEPS, due > now + _turn(STEPS, policy)))


def _lanes(tx: Transaction, *, longest: int) -> None:
    """Wake lanes that sleep longer than a budget or a back-off can hold them."""
    c = LANE.c
    patience = case((c.waits_for == delivery.BACKS_OFF, max(longest, LONGEST_BACKOFF)), else_=longest)
    latest = tx.now + patience
    tx.write(
        update(LANE)
        .where(c.paused_at.is_(None), c.not_before > latest, c.not_before < FAR_FUTURE)
        .values(not_before=latest, next_at=case((latest < _HEAD, _HEAD), else_=latest))
    )


def _wake_times(tx: Transaction) -> None:
    """Wake mailboxes that wait for a cap, and routes that back off."""
    m, s = MAILBOX.c, STREAM.c
    not_expired = or_(m.expires_at.is_(None), m.expires_at > tx.now)
    tx.write(update(MAILBOX).where(m.wake_at > tx.now + delivery.SPENT, not_expired).values(wake_at=0, waits_for=None))
    latest = tx.now + LONGEST_BACKOFF
    tx.write(update(STREAM).where(s.backoff_until > latest).values(backoff_until=latest))


def _leases(tx: Transaction) -> None:
    """Shorten leases: a live worker renews its own, a dead one must not keep them until the clock has caught up."""
    tx.write(update(WORKER).where(WORKER.c.beat_at > tx.now).values(beat_at=tx.now))
    until = tx.now + delivery.LEASE
    tx.write(update(IN_FLIGHT).where(IN_FLIGHT.c.lease_until > until).values(lease_until=until))


def _releases(tx: Transaction, policy: Policy) -> None:
    """Release approved or confirmed mail, and end rejected mail, within one release delay from now."""
    c = REVIEW.c
    latest = tx.now + max(policy.oversight.release_delay, MINUTE)
    mail = and_(c.status.in_(("approved", runs.CONFIRMED)), c.message_id.is_not(None))
    held = and_(or_(mail, c.status == "rejecting"), c.due_at > latest)
    tx.write(update(REVIEW).where(held).values(due_at=latest, release_at=latest))


def _webhooks(tx: Transaction, *, longest: int) -> None:
    """Bring forward webhook retries set later than any retry could be, and shorten leases of dead workers."""
    latest, until = tx.now + longest, tx.now + webhook_outbox.LEASE
    tx.write(update(HOOK).where(HOOK.c.next_at > latest).values(next_at=latest))
    tx.write(update(HOOK).where(HOOK.c.lease_until > until).values(lease_until=until))
    tx.write(update(CURSOR).where(CURSOR.c.lease_until > until).values(lease_until=until))


_HEAD: Final[Any] = func.coalesce(
    select(func.min(READY.c.due)).where(READY.c.lane_id == LANE.c.id).scalar_subquery(), FAR_FUTURE
)
_TAKE: Final = delete(READY).where(
    and_(
        READY.c.lane_id == bindparam("b_lane"), READY.c.due == bindparam("b_due"),
        READY.c.message_id == bindparam("b_message"), READY.c.n == bindparam("b_n"),
    )
)  # fmt: skip
_PUT: Final = insert(READY)
_TELL: Final = (
    update(RECIPIENT)
    .where(RECIPIENT.c.message_id == bindparam("b_message"), RECIPIENT.c.n == bindparam("b_n"))
    .values(next_at=bindparam("b_next"))
)
_LOOK: Final = (
    update(LANE)
    .where(LANE.c.id == bindparam("b_id"), LANE.c.paused_at.is_(None))
    .values(next_at=case((LANE.c.not_before < _HEAD, _HEAD), else_=LANE.c.not_before))
)

"""Submissions that acceptance refuses with 429 (a budget, or the quota of kept mail), and the counters behind it.

A message counts as kept from its acceptance until all of it has ended; a recipient counts as waiting from when it may
leave until its first claim charges it.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.db.counters import EVER
from core.db.gate_queries import RunFacts, SenderState
from core.db.transaction import Transaction
from core.durations import DAY, SECOND
from core.rules.budgets import Room
from core.services import context
from core.services.sending import limits
from core.services.sending.limits import Cap, departure_caps
from core.services.sending.submit_result import Answer


def prefetch(tx: Transaction, mailboxes: Iterable[SenderState], *, runs: Iterable[int]) -> None:
    """Read at once, for the mailboxes and runs of a batch, the counters that accepting a message reads."""
    mailboxes = list(mailboxes)
    caps = [
        cap
        for mailbox in mailboxes
        for cap in (*limits.departure_caps(tx, mailbox), limits.new_recipient_caps(tx, mailbox))
    ]
    kinds = ("waiting", "kept", "kept_kb")
    lasting = {("agent", str(mailbox.agent_id), kind): EVER for mailbox in mailboxes for kind in kinds}
    lasting |= {limits.run_counter(run_id): EVER for run_id in runs}
    tx.counters.prefetch_all(limits.counters(caps, now=tx.now) | lasting)


def refuse_over_budget(tx: Transaction, mailbox: SenderState, n: int) -> Answer | None:
    """Return 429 if the policy refuses over budget and used + waiting + this request would exceed a cap."""
    _, policy = context.current_policy(tx)
    if policy.budgets.agent.on_exceed != "refuse":
        return None
    waiting = tx.counters.total("agent", str(mailbox.agent_id), "waiting", since=EVER)
    for cap in departure_caps(tx, mailbox):
        room = cap.room(tx, asking=waiting + n)
        if room.next_at is not None:
            return rate_limited(tx, cap, room)
    return None


def rate_limited(tx: Transaction, cap: Cap, room: Room) -> Answer:
    """The 429 answer, with the limit and when to retry. A cap that never fits says a day."""
    at = min(room.next_at or tx.now, tx.now + DAY)
    seconds = max(1, -(-(at - tx.now) // SECOND))
    gauge = {"name": cap.name, "used": room.used, "cap": room.cap, "window_seconds": cap.window * 60}
    return Answer(
        status="rate_limited",
        http=429,
        error="rate_limited",
        reason=f"{cap.name} is exhausted: {room.used} of {room.cap} used in {cap.window // 60} h",
        fix="wait for retry_after_seconds, or ask governance for a wider limit",
        limit=gauge,
        retry_after_seconds=seconds,
    )


def refuse_over_quota(tx: Transaction, mailbox: SenderState, *, size: int) -> Answer | None:
    """Return 429 if the agent's kept mail leaves no room for this message."""
    _, policy = context.current_policy(tx)
    agent = str(mailbox.agent_id)
    for name, unit, asking, cap in (
        ("kept", "messages", 1, policy.quota.messages),
        ("kept_kb", "kilobytes", _kilobytes(size), policy.quota.megabytes * 1024),
    ):
        used = tx.counters.total("agent", agent, name, since=EVER)
        if used + asking > cap:
            return Answer(
                status="rate_limited",
                http=429,
                error="rate_limited",
                reason=f"{mailbox.agent_name} has {used:,} {unit} held, queued or on their way, {cap:,} are allowed",
                fix="wait until some are decided or sent, cancel what is no longer needed, or ask governance for more",
                limit={"name": f"quota_{unit}", "used": used, "cap": cap, "window_seconds": None},
                retry_after_seconds=60,
            )
    return None


def keep(tx: Transaction, agent_id: int, *, size: int) -> None:
    """Count an accepted message as kept."""
    tx.bump("agent", str(agent_id), "kept", minute=EVER)
    tx.bump("agent", str(agent_id), "kept_kb", minute=EVER, n=_kilobytes(size))


def keep_no_more(tx: Transaction, agent_id: int, *, size: int) -> None:
    """Remove a message from the count once all of it has ended."""
    tx.bump("agent", str(agent_id), "kept", minute=EVER, n=-1)
    tx.bump("agent", str(agent_id), "kept_kb", minute=EVER, n=-_kilobytes(size))


def _kilobytes(size: int) -> int:
    return -(-size // 1024)


def charge_acceptance(tx: Transaction, run: RunFacts, *, n: int) -> None:
    """Charge what acceptance counts, apart from first-time recipients (`contacts.reserve`)."""
    tx.bump("run", str(run.id), "accepted", minute=EVER, n=n)


def wait(tx: Transaction, mailbox: SenderState, *, n: int) -> None:
    """Count recipients that are accepted and free to leave but not charged yet: the queue ahead of the next one."""
    if n:
        tx.bump("agent", str(mailbox.agent_id), "waiting", minute=EVER, n=n)

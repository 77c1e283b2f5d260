"""Rolling caps of runs, agents, mailboxes and streams: which ones bind a mailbox, and how much room each has left.

Acceptance charges the run's cap and first-time recipients; the first claim charges hour, day and warm-up. Every cap is
read from the counters that enforce it. Related: `acceptance_limits` refuses submissions, `site_limits` limits mail
towards a site or through a route, `limit_gauges` shows all limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.db import gate_queries
from core.db.counters import EVER, Name, bucket
from core.db.gate_queries import SenderState
from core.db.transaction import Transaction
from core.durations import DAY
from core.rules import budgets, warm_up
from core.rules.budgets import DAY_BUCKET, DAY_MINUTES, HOUR_BUCKET, HOUR_MINUTES, Room
from core.rules.policy import Policy
from core.services import context

OPEN_RUNS_HOUR: Final = 20
"""Runs an unbound token may open in an hour; the rest of its mail joins the implicit run (CONTRACT.md)."""


@dataclass(frozen=True, slots=True)
class Cap:
    """One rolling cap: where it is counted, and over which window."""

    name: str
    scope: str
    key: str
    kind: str
    cap: int
    window: int
    width: int

    def room(self, tx: Transaction, *, asking: int = 1) -> Room:
        return budgets.room(
            self.buckets(tx), cap=self.cap, window_minutes=self.window, bucket_minutes=self.width, now=tx.now,
            asking=asking,
        )  # fmt: skip

    def since(self, now: int) -> int:
        """The first minute that may count at this time."""
        return bucket(now, self.width) - self.window - self.width

    def buckets(self, tx: Transaction) -> Sequence[tuple[int, int]]:
        found = tx.counters.buckets(self.scope, self.key, self.kind, since=self.since(tx.now))
        dated = budgets.redate(found, bucket_minutes=self.width, now=tx.now)
        if list(dated) != list(found) and tx.counters.own(self.scope, self.key):
            # The clock was set back: move counts from the future to the present, or they would bind until then.
            here = dict(dated)
            for minute, n in found:
                tx.bump(self.scope, self.key, self.kind, minute=minute, n=here.pop(minute, 0) - n)
            for minute, n in here.items():
                tx.bump(self.scope, self.key, self.kind, minute=minute, n=n)
        return dated

    def charge(self, tx: Transaction, n: int) -> None:
        tx.bump(self.scope, self.key, self.kind, minute=bucket(tx.now, self.width), n=n)


def counters(caps: Iterable[Cap], *, now: int) -> dict[Name, int]:
    """The counters of these caps, and from which minute on each is read: for `prefetch_all`."""
    return {(cap.scope, cap.key, cap.kind): cap.since(now) for cap in caps}


def departure_caps(tx: Transaction, mailbox: SenderState) -> list[Cap]:
    """The caps charged at the first claim: agent and mailbox by hour and day, the stream's warm-up by day."""
    _, policy = context.current_policy(tx)
    rates = policy.budgets.agent
    mailboxes = gate_queries.agent_mailboxes(tx, mailbox.agent_id)
    hour = budgets.agent_cap(_or(b.limit_hour, rates.hour) for b in mailboxes)
    day = budgets.agent_cap(_or(b.limit_day, rates.day) for b in mailboxes)
    agent, mailbox_key = str(mailbox.agent_id), str(mailbox.mailbox_id)
    caps = [
        Cap("agent_hour", "agent", agent, "left", hour, HOUR_MINUTES, HOUR_BUCKET),
        Cap("agent_day", "agent", agent, "left_15m", day, DAY_MINUTES, DAY_BUCKET),
        Cap(
            "mailbox_hour",
            "mailbox",
            mailbox_key,
            "left",
            _or(mailbox.limit_hour, rates.hour),
            HOUR_MINUTES,
            HOUR_BUCKET,
        ),
        Cap(
            "mailbox_day",
            "mailbox",
            mailbox_key,
            "left_15m",
            _or(mailbox.limit_day, rates.day),
            DAY_MINUTES,
            DAY_BUCKET,
        ),
    ]
    warmup = warm_up_cap(tx, mailbox, policy)
    if warmup is not None:
        caps.append(Cap("stream_day", "stream", str(mailbox.stream_id), "left_15m", warmup, DAY_MINUTES, DAY_BUCKET))
    return caps


def warm_up_cap(tx: Transaction, mailbox: SenderState, policy: Policy) -> int | None:
    """Daily cap from the subdomain's age and use; None for a warm stream."""
    if mailbox.warm_cap is not None:
        return mailbox.warm_cap
    if mailbox.warm:
        return None

    def load() -> int | None:
        today = tx.now // DAY
        sent = [
            (m // DAY_MINUTES, n) for m, n in tx.counters.buckets("stream", str(mailbox.stream_id), "left_1d", since=0)
        ]
        stage = warm_up.day(sent, days=policy.warmup.days, today=today)
        return warm_up.cap(policy.warmup.days, day_number=stage)

    return tx.batch_cache.get(("warmup", mailbox.stream_id, tx.now // DAY), load)


def new_recipient_caps(tx: Transaction, mailbox: SenderState) -> Cap:
    """Cap on first-time recipients a day: the largest limit among the agent's mailboxes."""
    _, policy = context.current_policy(tx)
    rate = policy.budgets.agent.new_recipients_day
    mailboxes = gate_queries.agent_mailboxes(tx, mailbox.agent_id)
    cap = budgets.agent_cap(_or(b.limit_new_recipients_day, rate) for b in mailboxes)
    return Cap("new_recipients_day", "agent", str(mailbox.agent_id), "new_15m", cap, DAY_MINUTES, DAY_BUCKET)


def run_cap(tx: Transaction, mailbox: SenderState) -> int:
    _, policy = context.current_policy(tx)
    return _or(mailbox.limit_run, policy.budgets.run.cap)


def run_counter(run_id: int) -> Name:
    """The counter that `run_accepted` reads."""
    return "run", str(run_id), "accepted"


def run_accepted(tx: Transaction, run_id: int) -> int:
    """Recipients accepted for the run, less those rejected, expired or cancelled."""
    return tx.counters.total(*run_counter(run_id), since=EVER)


def _or(own: int | None, policy: int) -> int:
    return policy if own is None else own

"""What may still leave: runs, agents, mailboxes, streams and sites, read from the counters that enforce.

Two moments charge a budget: acceptance (the run's cap, first-time recipients) and the first claim (hour, day, warm-up).
Who asks for a gauge asks here, so that the gauge is the gate.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.db import gate_queries, queue
from core.db.counters import EVER, bucket
from core.db.gate_queries import RunFacts, SenderState
from core.db.tables import Lane, Mailbox, Pace, table
from core.db.transaction import Transaction
from core.durations import DAY, HOUR, MINUTE, SECOND
from core.model import Limit
from core.rules import budgets
from core.rules.budgets import DAY_BUCKET, DAY_MINUTES, HOUR_BUCKET, HOUR_MINUTES, Room
from core.rules.policy import Policy
from core.services import context
from core.services.sending.prepare import Target
from core.services.sending.submit_result import Answer

LANE: Final = table(Lane)
MAILBOX: Final = table(Mailbox)
PACE: Final = table(Pace)

OPEN_RUNS_HOUR: Final = 20
"""Runs an unbound token may open in an hour; the rest of its mail joins the implicit run (CONTRACT.md)."""

NO_MAILBOX: Final = 0
"""In `Pace`: a pace that all mailboxes of a stream share."""
ROUTE_MINUTE: Final = "route_minute"


@dataclass(frozen=True, slots=True)
class Cap:
    """One rolling cap: where it is counted, how wide it looks."""

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

    def buckets(self, tx: Transaction) -> Sequence[tuple[int, int]]:
        since = bucket(tx.now, self.width) - self.window - self.width
        found = tx.buckets(self.scope, self.key, self.kind, since=since)
        dated = budgets.redate(found, bucket_minutes=self.width, now=tx.now)
        if list(dated) != list(found):
            # The clock was set back: move what it counted ahead to the present, or it would bind until then.
            here = dict(dated)
            for minute, n in found:
                tx.bump(self.scope, self.key, self.kind, minute=minute, n=here.pop(minute, 0) - n)
            for minute, n in here.items():
                tx.bump(self.scope, self.key, self.kind, minute=minute, n=n)
        return dated

    def charge(self, tx: Transaction, n: int) -> None:
        tx.bump(self.scope, self.key, self.kind, minute=bucket(tx.now, self.width), n=n)


# --- which caps bind ------------------------------------------------------------------------------------------------


def departure_caps(tx: Transaction, box: SenderState) -> list[Cap]:
    """The caps charged at the first claim: agent and mailbox by hour and day, the stream's warm-up by day."""
    _, policy = context.current_policy(tx)
    rates = policy.budgets.agent
    boxes = gate_queries.agent_mailboxes(tx, box.agent_id)
    hour = budgets.agent_cap(_or(b.limit_hour, rates.hour) for b in boxes)
    day = budgets.agent_cap(_or(b.limit_day, rates.day) for b in boxes)
    agent, mine = str(box.agent_id), str(box.mailbox_id)
    caps = [
        Cap("agent_hour", "agent", agent, "left", hour, HOUR_MINUTES, HOUR_BUCKET),
        Cap("agent_day", "agent", agent, "left_15m", day, DAY_MINUTES, DAY_BUCKET),
        Cap("mailbox_hour", "mailbox", mine, "left", _or(box.limit_hour, rates.hour), HOUR_MINUTES, HOUR_BUCKET),
        Cap("mailbox_day", "mailbox", mine, "left_15m", _or(box.limit_day, rates.day), DAY_MINUTES, DAY_BUCKET),
    ]
    warmup = warmup_cap(tx, box, policy)
    if warmup is not None:
        caps.append(Cap("stream_day", "stream", str(box.stream_id), "left_15m", warmup, DAY_MINUTES, DAY_BUCKET))
    return caps


def agent_caps(tx: Transaction, box: SenderState) -> dict[str, Limit]:
    """The gauges of an agent by hour and day, as departure would ask them of this mailbox of it."""
    return {cap.name: cap.room(tx).limit(cap.name) for cap in departure_caps(tx, box) if cap.scope == "agent"}


def prefetch_agents(tx: Transaction, agent_ids: Collection[int]) -> None:
    """Read for a whole table of agents what `agent_caps` will ask one by one."""
    keys = [str(one) for one in agent_ids]
    gate_queries.prefetch_mailboxes(tx, agent_ids)
    tx.prefetch_counters("agent", keys, "left", since=bucket(tx.now, HOUR_BUCKET) - HOUR_MINUTES - HOUR_BUCKET)
    tx.prefetch_counters("agent", keys, "left_15m", since=bucket(tx.now, DAY_BUCKET) - DAY_MINUTES - DAY_BUCKET)


def warmup_cap(tx: Transaction, box: SenderState, policy: Policy) -> int | None:
    """What the subdomain's age and use allow a day; None for a warm stream."""
    if box.warm_cap is not None:
        return box.warm_cap
    if box.warm:
        return None

    def load() -> int | None:
        today = tx.now // DAY
        sent = [(m // DAY_MINUTES, n) for m, n in tx.buckets("stream", str(box.stream_id), "left_1d", since=0)]
        stage = budgets.warmup_day(sent, days=policy.warmup.days, today=today)
        return budgets.warmup_cap(policy.warmup.days, day_number=stage)

    return tx.memo(("warmup", box.stream_id, tx.now // DAY), load)


def new_recipient_caps(tx: Transaction, box: SenderState) -> Cap:
    """First-time recipients a day: the largest allowance among the agent's mailboxes."""
    _, policy = context.current_policy(tx)
    rate = policy.budgets.agent.new_recipients_day
    boxes = gate_queries.agent_mailboxes(tx, box.agent_id)
    cap = budgets.agent_cap(_or(b.limit_new_recipients_day, rate) for b in boxes)
    return Cap("new_recipients_day", "agent", str(box.agent_id), "new_15m", cap, DAY_MINUTES, DAY_BUCKET)


def site_cap(tx: Transaction, box: SenderState, site: str) -> Cap:
    """Attempts an hour of a mailbox at a site."""
    _, policy = context.current_policy(tx)
    cap = policy.budgets.of_site(site).hour if box.limit_site_hour is None else box.limit_site_hour
    return Cap("site_hour", "site", f"{box.mailbox_id}:{site}", "attempts", cap, HOUR_MINUTES, HOUR_BUCKET)


def stream_site_cap(tx: Transaction, box: SenderState, site: str) -> Cap:
    """Attempts an hour of all mailboxes of a stream at a site: policy's, or more where one of them may more."""
    _, policy = context.current_policy(tx)
    own, widest = policy.budgets.of_site(site), _widest(tx, box.stream_id)[1]
    cap = max(own.stream_hour, own.hour, widest)
    return Cap("stream_site_hour", "stream_site", f"{box.stream_id}:{site}", "attempts", cap, HOUR_MINUTES, HOUR_BUCKET)


def prefetch_sites(tx: Transaction, pairs: Collection[tuple[int, str]]) -> None:
    """Read at once what `site_cap` will be asked for many a mailbox and site."""
    _prefetch_attempts(tx, "site", [f"{mailbox_id}:{site}" for mailbox_id, site in pairs])


def prefetch_stream_sites(tx: Transaction, pairs: Collection[tuple[int, str]]) -> None:
    """The same for `stream_site_cap`, for many a stream and site."""
    _prefetch_attempts(tx, "stream_site", [f"{stream_id}:{site}" for stream_id, site in pairs])


def _prefetch_attempts(tx: Transaction, scope: str, keys: Collection[str]) -> None:
    tx.prefetch_counters(scope, keys, "attempts", since=bucket(tx.now, HOUR_BUCKET) - HOUR_MINUTES - HOUR_BUCKET)


def site_pace(tx: Transaction, box: SenderState, site: str) -> int:
    """Messages a minute of a mailbox at a site."""
    _, policy = context.current_policy(tx)
    return policy.budgets.of_site(site).minute if box.limit_site_minute is None else box.limit_site_minute


def stream_site_pace(tx: Transaction, box: SenderState, site: str) -> int:
    """Messages a minute of all mailboxes of a stream at a site: policy's, or more where one of them may more."""
    _, policy = context.current_policy(tx)
    own = policy.budgets.of_site(site)
    return max(own.stream_minute, own.minute, _widest(tx, box.stream_id)[0])


def _widest(tx: Transaction, stream_id: int) -> tuple[int, int]:
    """The widest site limits of a minute and an hour that governance has given to a mailbox of this stream; 0: none."""

    def load() -> tuple[int, int]:
        row = tx.conn.execute(_WIDEST, {"b_stream": stream_id}).one()
        return row.minute or 0, row.hour or 0

    return tx.cached(("widest", stream_id), load)


def run_cap(tx: Transaction, box: SenderState) -> int:
    _, policy = context.current_policy(tx)
    return _or(box.limit_run, policy.budgets.run.cap)


# --- at acceptance --------------------------------------------------------------------------------------------------


def run_accepted(tx: Transaction, run_id: int) -> int:
    """Recipients the run has had accepted, less what was rejected, expired or cancelled."""
    return tx.total("run", str(run_id), "accepted", since=EVER)


def refuse_over_budget(tx: Transaction, box: SenderState, n: int) -> Answer | None:
    """429 where policy says refuse: used, plus accepted and waiting, plus this would exceed a cap."""
    _, policy = context.current_policy(tx)
    if policy.budgets.agent.on_exceed != "refuse":
        return None
    waiting = tx.total("agent", str(box.agent_id), "waiting", since=EVER)
    for cap in departure_caps(tx, box):
        room = cap.room(tx, asking=waiting + n)
        if room.next_at is not None:
            return rate_limited(tx, cap, room)
    return None


def rate_limited(tx: Transaction, cap: Cap, room: Room) -> Answer:
    """The refusal with its limit and when to come back. A cap that never fits says a day."""
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


def refuse_over_quota(tx: Transaction, box: SenderState, *, size: int) -> Answer | None:
    """429 while the desk keeps so much of the agent's mail that this one has no room."""
    _, policy = context.current_policy(tx)
    agent = str(box.agent_id)
    for name, unit, asking, cap in (
        ("kept", "messages", 1, policy.quota.messages),
        ("kept_kb", "kilobytes", _kilobytes(size), policy.quota.megabytes * 1024),
    ):
        used = tx.total("agent", agent, name, since=EVER)
        if used + asking > cap:
            return Answer(
                status="rate_limited",
                http=429,
                error="rate_limited",
                reason=f"{box.agent_name} has {used:,} {unit} held, queued or on their way, {cap:,} are allowed",
                fix="wait until some are decided or sent, cancel what is no longer needed, or ask governance for more",
                limit={"name": f"quota_{unit}", "used": used, "cap": cap, "window_seconds": None},
                retry_after_seconds=60,
            )
    return None


def keep(tx: Transaction, agent_id: int, *, size: int) -> None:
    """Count a message that was accepted."""
    tx.bump("agent", str(agent_id), "kept", minute=EVER)
    tx.bump("agent", str(agent_id), "kept_kb", minute=EVER, n=_kilobytes(size))


def keep_no_more(tx: Transaction, agent_id: int, *, size: int) -> None:
    """Count it out: all of it has ended."""
    tx.bump("agent", str(agent_id), "kept", minute=EVER, n=-1)
    tx.bump("agent", str(agent_id), "kept_kb", minute=EVER, n=-_kilobytes(size))


def _kilobytes(size: int) -> int:
    return -(-size // 1024)


def charge_acceptance(tx: Transaction, run: RunFacts, *, n: int) -> None:
    """Count what acceptance counts, beside first-time recipients (`contacts.reserve`)."""
    tx.bump("run", str(run.id), "accepted", minute=EVER, n=n)


def wait(tx: Transaction, box: SenderState, *, n: int) -> None:
    """Count recipients that are accepted and free but not paid for yet: what is ahead of the next one."""
    if n:
        tx.bump("agent", str(box.agent_id), "waiting", minute=EVER, n=n)


def departs_at(tx: Transaction, box: SenderState, targets: Sequence[Target]) -> int:
    """An honest estimate of when the last of these leaves: the latest word of every cap and pace that binds."""
    waiting = tx.total("agent", str(box.agent_id), "waiting", since=EVER)
    at = max(tx.now, min(box.backoff_until, tx.now + DAY))
    if waiting > tx.memo(("free", box.mailbox_id), lambda: min(cap.room(tx).left for cap in departure_caps(tx, box))):
        at = max(
            budgets.departure(
                cap.buckets(tx), cap=cap.cap, window_minutes=cap.window, bucket_minutes=cap.width,
                ahead=max(0, waiting - 1), now=tx.now,
            )
            for cap in departure_caps(tx, box)
        )  # fmt: skip
    for target in targets:
        lane = queue.lane_for(tx, mailbox_id=box.mailbox_id, domain=target.address.domain_ascii, site=target.site)
        ahead = lane.depth + tx.lane(lane.id).depth
        pace = site_pace(tx, box, target.site)
        wait = ahead * MINUTE // pace if pace else DAY
        at = max(at, min(lane.not_before, tx.now + DAY), tx.now) + (wait if wait > SECOND else 0)
    return at


class Sites:
    """The paces and hourly caps of a mailbox's sites for the length of one claim: read at once, written at once.

    Each site is bounded twice: for the mailbox, and for all mailboxes of its stream together.
    """

    def __init__(self, tx: Transaction, box: SenderState, names: Collection[str]) -> None:
        self._tx = tx
        self._box = box
        prefetch_sites(tx, [(box.mailbox_id, name) for name in names])
        prefetch_stream_sites(tx, [(box.stream_id, name) for name in names])
        self._tats = arrivals(tx, box.mailbox_id, names) | arrivals(
            tx, NO_MAILBOX, [shared_pace(box.stream_id, name) for name in names]
        )
        self._moved: dict[tuple[int, str], int] = {}

    def grant(self, site: str, *, asking: int) -> int:
        """How many may leave towards the site now."""
        for bound in self._bounds(site):
            asking = min(asking, bound.cap.room(self._tx).left)
            asking = self._pace(bound, asking=asking).n
        return asking

    def spend(self, site: str, n: int) -> tuple[int, str | None]:
        """Note that `n` leave; returns until when the site's lanes are held back and by what, or (0, None).

        Of several that hold it back the latest; a lane that looks again sooner would look in vain.
        """
        now, waits = self._tx.now, []
        for bound in self._bounds(site):
            grant = self._pace(bound, asking=n)
            self._moved[bound.mailbox_id, bound.name] = self._tats[bound.name] = grant.tat
            if n:
                bound.cap.charge(self._tx, n)
            room = bound.cap.room(self._tx)
            if room.left == 0:
                waits.append((min(room.next_at or now + MINUTE, now + HOUR), bound.cap.name))
            elif grant.next_at > now:
                waits.append((min(grant.next_at, now + HOUR), bound.pace))
        return max(waits, key=lambda wait: wait[0], default=(0, None))

    def save(self) -> None:
        values = [
            {"mailbox_id": mailbox_id, "site": name, "tat": tat}
            for (mailbox_id, name), tat in sorted(self._moved.items())
        ]
        self._tx.write_keeping_memo(_ARRIVE_SQLITE if self._tx.sqlite else _ARRIVE_PG, values)

    def _pace(self, bound: _Bound, *, asking: int) -> budgets.Grant:
        return budgets.pace(
            self._tats.get(bound.name), per_minute=bound.per_minute, burst=1, now=self._tx.now, asking=asking
        )

    def _bounds(self, site: str) -> tuple[_Bound, _Bound]:
        return site_bounds(self._tx, self._box, site)


@dataclass(frozen=True, slots=True)
class _Bound:
    """What bounds a site: an hourly cap, and a pace whose arrival time is kept under (`mailbox_id`, `name`)."""

    cap: Cap
    pace: str
    per_minute: int
    mailbox_id: int
    name: str


def site_bounds(tx: Transaction, box: SenderState, site: str) -> tuple[_Bound, _Bound]:
    """The mailbox's own bound and the one it shares with its stream's others."""
    stream = stream_site_pace(tx, box, site)
    return (
        _Bound(site_cap(tx, box, site), "site_minute", site_pace(tx, box, site), box.mailbox_id, site),
        _Bound(
            stream_site_cap(tx, box, site), "stream_site_minute", stream, NO_MAILBOX, shared_pace(box.stream_id, site)
        ),
    )


def shared_pace(stream_id: int, site: str) -> str:
    """Under which name `Pace` keeps what all mailboxes of a stream share towards a site."""
    return f"stream:{stream_id}:{site}"


class RoutePace:
    """The pace of a stream's route, which all its mailboxes share; without a limit it grants what is asked.

    A relay that takes so many a minute counts everybody's. Sent in bursts of a quarter of a second, so that a fast
    pace is reached by a worker that looks four times a second; the burst comes off the rate, and no minute has more.
    """

    def __init__(self, tx: Transaction, box: SenderState) -> None:
        self._tx = tx
        self._site = f"route:{box.stream_id}"
        self._limit = box.minute_messages
        self._tat = arrivals(tx, NO_MAILBOX, {self._site}).get(self._site) if self._limit is not None else None

    def grant(self, *, asking: int) -> budgets.Grant:
        limit = self._limit
        if limit is None:
            return budgets.Grant(n=asking, tat=0, next_at=self._tx.now)
        burst = 1 + limit // 240
        return budgets.pace(self._tat, per_minute=limit - burst + 1, burst=burst, now=self._tx.now, asking=asking)

    def spend(self, n: int) -> None:
        """Note that `n` leave."""
        if self._limit is not None and n:
            self._tat = self.grant(asking=n).tat
            values = {"mailbox_id": NO_MAILBOX, "site": self._site, "tat": self._tat}
            self._tx.write_keeping_memo(_ARRIVE_SQLITE if self._tx.sqlite else _ARRIVE_PG, [values])

    @property
    def gauge(self) -> Limit | None:
        if self._limit is None:
            return None
        ahead = max(0, (self._tat or 0) - self._tx.now)
        used = min(self._limit, -(-ahead * self._limit // MINUTE))
        return Limit(ROUTE_MINUTE, used, self._limit, 60, (self._tx.now + ahead) if ahead else None)


def arrivals(tx: Transaction, mailbox_id: int, sites: Collection[str]) -> dict[str, int]:
    """GCRA's theoretical arrival times of a mailbox at these sites; none before the first."""
    rows = tx.read_unflushed(_ARRIVALS, {"b_mailbox": mailbox_id, "b_sites": list(sites)})
    return {row.site: row.tat for row in rows}


# --- gauges ---------------------------------------------------------------------------------------------------------


def gauges(tx: Transaction, box: SenderState) -> list[Limit]:
    """Used, cap, window and next refill of every budget of a mailbox, from the counters that enforce."""
    caps = [*departure_caps(tx, box), new_recipient_caps(tx, box)]
    limits = [cap.room(tx).limit(cap.name) for cap in caps]
    if (route := RoutePace(tx, box).gauge) is not None:
        limits.append(route)
    busy = _busy_sites(tx, box.mailbox_id)
    tats = arrivals(tx, box.mailbox_id, busy) | arrivals(
        tx, NO_MAILBOX, [shared_pace(box.stream_id, site) for site in busy]
    )
    for site in busy:
        for bound in site_bounds(tx, box, site):
            limits.append(bound.cap.room(tx).limit(f"{bound.cap.name}:{site}"))
            ahead = max(0, (tats.get(bound.name) or 0) - tx.now)
            used = min(bound.per_minute, -(-ahead * bound.per_minute // MINUTE)) if bound.per_minute else 0
            next_at = (tx.now + ahead) if ahead else None
            limits.append(Limit(f"{bound.pace}:{site}", used, bound.per_minute, 60, next_at))
    return limits


def _busy_sites(tx: Transaction, mailbox_id: int) -> list[str]:
    """Sites with something waiting or moving, the fullest first; a mailbox may know thousands."""
    rows = tx.read_unflushed(
        select(LANE.c.site)
        .where(LANE.c.mailbox_id == mailbox_id, (LANE.c.depth > 0) | (LANE.c.in_flight > 0))
        .order_by(LANE.c.depth.desc())
        .limit(20)
    )
    return list(dict.fromkeys(row.site for row in rows))


def _or(own: int | None, policy: int) -> int:
    return policy if own is None else own


_WIDEST: Final = select(
    func.max(MAILBOX.c.limit_site_minute).label("minute"), func.max(MAILBOX.c.limit_site_hour).label("hour")
).where(MAILBOX.c.stream_id == bindparam("b_stream"), MAILBOX.c.status == "active")
_ARRIVALS: Final = select(PACE.c.site, PACE.c.tat).where(
    PACE.c.mailbox_id == bindparam("b_mailbox"), PACE.c.site.in_(bindparam("b_sites", expanding=True))
)


def _arrive(insert: Any) -> Any:
    statement = insert(PACE)
    return statement.on_conflict_do_update(
        index_elements=[PACE.c.mailbox_id, PACE.c.site], set_={"tat": statement.excluded.tat}
    )


_ARRIVE_SQLITE: Final = _arrive(sqlite_insert)
_ARRIVE_PG: Final = _arrive(pg_insert)

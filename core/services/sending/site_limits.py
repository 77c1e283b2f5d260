"""Sending speed: pace and hourly cap towards each site (by mailbox and by stream), and pace of a stream's route.

Caps count attempts. A pace is GCRA (`rules/budgets.py`); its theoretical arrival times are stored in `Pace`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import bindparam, func, select, tuple_

from core.db.counters import Name, bucket
from core.db.gate_queries import SenderState
from core.db.tables import MAILBOX, PACE
from core.db.transaction import Transaction
from core.db.upsert import insert_into
from core.durations import HOUR, MINUTE
from core.model import Limit
from core.rules import budgets
from core.rules.budgets import HOUR_BUCKET, HOUR_MINUTES
from core.services import context
from core.services.sending.limits import Cap

NO_MAILBOX: Final = 0
"""Mailbox id in `Pace` of a pace that all mailboxes of a stream share."""
ROUTE_MINUTE: Final = "route_minute"


def site_cap(tx: Transaction, mailbox: SenderState, site: str) -> Cap:
    """Hourly cap on attempts of a mailbox at a site."""
    _, policy = context.current_policy(tx)
    cap = policy.budgets.of_site(site).hour if mailbox.limit_site_hour is None else mailbox.limit_site_hour
    return Cap("site_hour", "site", f"{mailbox.mailbox_id}:{site}", "attempts", cap, HOUR_MINUTES, HOUR_BUCKET)


def stream_site_cap(tx: Transaction, mailbox: SenderState, site: str) -> Cap:
    """Hourly cap on attempts of a stream at a site: the policy's, or a mailbox's own if that is higher."""
    _, policy = context.current_policy(tx)
    own, widest = policy.budgets.of_site(site), _widest(tx, mailbox.stream_id)[1]
    cap = max(own.stream_hour, own.hour, widest)
    return Cap(
        "stream_site_hour", "stream_site", f"{mailbox.stream_id}:{site}", "attempts", cap, HOUR_MINUTES, HOUR_BUCKET
    )


def site_pace(tx: Transaction, mailbox: SenderState, site: str) -> int:
    """Messages per minute of a mailbox at a site."""
    _, policy = context.current_policy(tx)
    return policy.budgets.of_site(site).minute if mailbox.limit_site_minute is None else mailbox.limit_site_minute


def stream_site_pace(tx: Transaction, mailbox: SenderState, site: str) -> int:
    """Messages per minute of a stream at a site: the policy's, or a mailbox's own if that is higher."""
    _, policy = context.current_policy(tx)
    own = policy.budgets.of_site(site)
    return max(own.stream_minute, own.minute, _widest(tx, mailbox.stream_id)[0])


def _widest(tx: Transaction, stream_id: int) -> tuple[int, int]:
    """The largest site limits (minute, hour) that governance has given a mailbox of this stream; 0 if none."""

    def load() -> tuple[int, int]:
        row = tx.conn.execute(_WIDEST, {"b_stream": stream_id}).one()
        return row.minute or 0, row.hour or 0

    return tx.desk_cache.get(("widest", stream_id), load)


def counters(mailbox: SenderState, sites: Collection[str], *, now: int) -> dict[Name, int]:
    """The counters that `site_cap` and `stream_site_cap` read, and from which minute on: for `prefetch_all`."""
    since = bucket(now, HOUR_BUCKET) - HOUR_MINUTES - HOUR_BUCKET
    own = {("site", f"{mailbox.mailbox_id}:{site}", "attempts"): since for site in sites}
    return own | {("stream_site", f"{mailbox.stream_id}:{site}", "attempts"): since for site in sites}


def prefetch_sites(tx: Transaction, pairs: Collection[tuple[int, str]]) -> None:
    """Prefetch what `site_cap` reads, for many mailboxes and sites."""
    _prefetch_attempts(tx, "site", [f"{mailbox_id}:{site}" for mailbox_id, site in pairs])


def prefetch_stream_sites(tx: Transaction, pairs: Collection[tuple[int, str]]) -> None:
    """Prefetch what `stream_site_cap` reads, for many streams and sites."""
    _prefetch_attempts(tx, "stream_site", [f"{stream_id}:{site}" for stream_id, site in pairs])


def _prefetch_attempts(tx: Transaction, scope: str, keys: Collection[str]) -> None:
    tx.counters.prefetch(scope, keys, "attempts", since=bucket(tx.now, HOUR_BUCKET) - HOUR_MINUTES - HOUR_BUCKET)


@dataclass(frozen=True, slots=True)
class _Bound:
    """Limits of a site: an hourly cap, and a pace whose arrival time is stored under (`mailbox_id`, `name`)."""

    cap: Cap
    pace: str
    per_minute: int
    mailbox_id: int
    name: str


def site_bounds(tx: Transaction, mailbox: SenderState, site: str) -> tuple[_Bound, _Bound]:
    """The mailbox's own limits, and those it shares with the other mailboxes of its stream."""
    stream = stream_site_pace(tx, mailbox, site)
    return (
        _Bound(site_cap(tx, mailbox, site), "site_minute", site_pace(tx, mailbox, site), mailbox.mailbox_id, site),
        _Bound(
            stream_site_cap(tx, mailbox, site),
            "stream_site_minute",
            stream,
            NO_MAILBOX,
            shared_pace(mailbox.stream_id, site),
        ),
    )


def shared_pace(stream_id: int, site: str) -> str:
    """Name in `Pace` of the pace that all mailboxes of a stream share towards a site."""
    return f"stream:{stream_id}:{site}"


class Paces:
    """GCRA's theoretical arrival times, as one claim reads and moves them: read at once, written at once.

    They are named by mailbox (`NO_MAILBOX` for what a stream shares) and site, as in `Pace`.
    """

    def __init__(self, tx: Transaction, names: Collection[tuple[int, str]]) -> None:
        self._tx = tx
        rows = tx.fetch_unflushed(_TATS, {"b_names": list(names)}) if names else ()
        self._tats = {(row.mailbox_id, row.site): int(row.tat) for row in rows}
        self._moved: set[tuple[int, str]] = set()

    def of(self, name: tuple[int, str]) -> int | None:
        """None before the first departure."""
        return self._tats.get(name)

    def move(self, name: tuple[int, str], tat: int) -> None:
        self._tats[name] = tat
        self._moved.add(name)

    def save(self) -> None:
        values = [
            {"mailbox_id": mailbox_id, "site": site, "tat": self._tats[mailbox_id, site]}
            for mailbox_id, site in sorted(self._moved)
        ]
        self._tx.write_keeping_caches(_arrive(sqlite=self._tx.sqlite), values)


def site_paces(mailbox: SenderState, sites: Collection[str]) -> list[tuple[int, str]]:
    """Names of the paces of a mailbox at these sites, and of its stream."""
    own = [(mailbox.mailbox_id, site) for site in sites]
    return own + [(NO_MAILBOX, shared_pace(mailbox.stream_id, site)) for site in sites]


class Sites:
    """Paces and hourly caps of a mailbox's sites during one claim.

    Each site is limited twice: for the mailbox, and for all mailboxes of its stream together.
    """

    def __init__(self, tx: Transaction, mailbox: SenderState, paces: Paces) -> None:
        self._tx = tx
        self._box = mailbox
        self._paces = paces

    def grant(self, site: str, *, asking: int) -> int:
        """How many may leave towards the site now."""
        for bound in self._bounds(site):
            asking = min(asking, bound.cap.room(self._tx).left)
            asking = self._pace(bound, asking=asking).n
        return asking

    def spend(self, site: str, n: int) -> tuple[int, str | None]:
        """Charge `n` departures. Returns until when the site's lanes are held back and by what, or (0, None).

        Of several limits the latest counts; a lane that looks again sooner would look in vain.
        """
        now, waits = self._tx.now, []
        for bound in self._bounds(site):
            grant = self._pace(bound, asking=n)
            self._paces.move((bound.mailbox_id, bound.name), grant.tat)
            if n:
                bound.cap.charge(self._tx, n)
            room = bound.cap.room(self._tx)
            if room.left == 0:
                waits.append((min(room.next_at or now + MINUTE, now + HOUR), bound.cap.name))
            elif grant.next_at > now:
                waits.append((min(grant.next_at, now + HOUR), bound.pace))
        return max(waits, key=lambda wait: wait[0], default=(0, None))

    def _pace(self, bound: _Bound, *, asking: int) -> budgets.Grant:
        tat = self._paces.of((bound.mailbox_id, bound.name))
        return budgets.pace(tat, per_minute=bound.per_minute, burst=1, now=self._tx.now, asking=asking)

    def _bounds(self, site: str) -> tuple[_Bound, _Bound]:
        return site_bounds(self._tx, self._box, site)


def route_pace(mailbox: SenderState) -> tuple[int, str]:
    """Name of the pace of a stream's route."""
    return NO_MAILBOX, f"route:{mailbox.stream_id}"


class RoutePace:
    """Pace of a stream's route, which all its mailboxes share; without a limit it grants what is asked.

    A relay's limit per minute counts the messages of all mailboxes. They are sent in bursts of a quarter of a second,
    so that a worker that polls four times a second reaches a fast pace; the burst is subtracted from the rate, so no
    minute has more.
    """

    def __init__(self, tx: Transaction, mailbox: SenderState, paces: Paces) -> None:
        self._tx = tx
        self._name = route_pace(mailbox)
        self._limit = mailbox.minute_messages
        self._paces = paces

    def grant(self, *, asking: int) -> budgets.Grant:
        limit = self._limit
        if limit is None:
            return budgets.Grant(n=asking, tat=0, next_at=self._tx.now)
        burst = 1 + limit // 240
        tat = self._paces.of(self._name)
        return budgets.pace(tat, per_minute=limit - burst + 1, burst=burst, now=self._tx.now, asking=asking)

    def spend(self, n: int) -> None:
        """Charge `n` departures."""
        if self._limit is not None and n:
            self._paces.move(self._name, self.grant(asking=n).tat)

    @property
    def gauge(self) -> Limit | None:
        if self._limit is None:
            return None
        ahead = max(0, (self._paces.of(self._name) or 0) - self._tx.now)
        used = min(self._limit, -(-ahead * self._limit // MINUTE))
        return Limit(ROUTE_MINUTE, used, self._limit, 60, (self._tx.now + ahead) if ahead else None)


_WIDEST: Final = select(
    func.max(MAILBOX.c.limit_site_minute).label("minute"), func.max(MAILBOX.c.limit_site_hour).label("hour")
).where(MAILBOX.c.stream_id == bindparam("b_stream"), MAILBOX.c.status == "active")
_TATS: Final = select(PACE.c.mailbox_id, PACE.c.site, PACE.c.tat).where(
    tuple_(PACE.c.mailbox_id, PACE.c.site).in_(bindparam("b_names", expanding=True))
)


@cache
def _arrive(*, sqlite: bool) -> Any:
    statement = insert_into(PACE, sqlite=sqlite)
    return statement.on_conflict_do_update(
        index_elements=[PACE.c.mailbox_id, PACE.c.site], set_={"tat": statement.excluded.tat}
    )

"""How many messages may leave now, and when the next one may: caps, paces, the run cap.

Caps are counted in buckets, the rows of the counter table. A bucket counts in full until its last instant is one window
old, so no window of that length, wherever it starts, ever exceeds the cap. The price is slack: a place becomes free up
to one bucket late. With an hour in 1-minute buckets a cap of N yields at least N every 61 minutes (98.4 %), with a day
in 15-minute buckets at least N every 24 h 15 min (99.0 %). A place is never free early, only late.

Paces are GCRA (ITU-T I.371), whose whole state is one number, the theoretical arrival time.

Clocks step. A count made under a clock that ran ahead is treated as made now. That is later than the truth, so a
backward step grants nothing extra; and the count ages from now on, so nothing starves, provided that the caller writes
back what `redate` and `Grant.tat` return. A forward step ages counts early: it cannot be told from time passing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.durations import FAR_FUTURE, MINUTE
from core.model import Limit, Reason

HOUR_MINUTES: Final = 60
DAY_MINUTES: Final = 24 * 60
HOUR_BUCKET: Final = 1
"""Width of the buckets of hourly caps, in minutes."""
DAY_BUCKET: Final = 15
"""Width of the buckets of daily caps, in minutes: 97 rows to read instead of 1,441, for 1 % of slack."""

SITE_WAITS: Final = ("site_hour", "site_minute", "stream_site_hour", "stream_site_minute")
"""The waits of a lane that another policy or a wider limit ends."""

Bucket = tuple[int, int]
"""(start in minutes since the epoch, how many)."""


@dataclass(frozen=True, slots=True)
class Room:
    """The room left under a rolling cap, for the gate and for gauges.

    `next_at` (microseconds) is when the number asked for fits; None if it fits now, FAR_FUTURE if never.
    """

    used: int
    cap: int
    window_minutes: int
    next_at: int | None

    @property
    def left(self) -> int:
        return max(0, self.cap - self.used)

    def limit(self, name: str) -> Limit:
        """The same figures as a gauge."""
        return Limit(name, used=self.used, cap=self.cap, window=self.window_minutes * 60, next_at=self.next_at)


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer of a pace: `n` may leave now, the next at `next_at`. Store `tat` even when `n` is 0."""

    n: int
    tat: int
    next_at: int


@dataclass(frozen=True, slots=True)
class RunRoom:
    """How many more a run may accept without a person's confirmation. `hold` is set when not all fit."""

    fits: int
    ceiling: int
    hold: Reason | None


def room(
    buckets: Iterable[Bucket], *, cap: int, window_minutes: int, bucket_minutes: int, now: int, asking: int = 1
) -> Room:
    """The room under `cap` in the window that ends now, and when `asking` fit.

    To refuse at submission instead of queueing, add what is accepted and waiting: refuse if `waiting + asking > left`,
    and retry after `departure(..., ahead=waiting + asking - 1)`.
    """
    releases = _releases(buckets, window_minutes=window_minutes, bucket_minutes=bucket_minutes, now=now)
    used = sum(n for _, n in releases)
    next_at: int | None = None
    missing = used + asking - cap
    if missing > 0:
        next_at = FAR_FUTURE
        if asking <= cap:
            for at, n in releases:
                missing -= n
                if missing <= 0:
                    next_at = at
                    break
    return Room(used=used, cap=cap, window_minutes=window_minutes, next_at=next_at)


def departure(
    buckets: Iterable[Bucket], *, cap: int, window_minutes: int, bucket_minutes: int, ahead: int, now: int
) -> int:
    """When a message with `ahead` waiting before it leaves under this cap alone, if every place is used at once.

    FAR_FUTURE for a cap of zero. Where several caps and paces apply, the latest of their answers is the estimate.
    """
    if cap <= 0:
        return FAR_FUTURE
    releases = _releases(buckets, window_minutes=window_minutes, bucket_minutes=bucket_minutes, now=now)
    left = cap - sum(n for _, n in releases)
    if ahead < left:
        return now
    # From now on the cap stays full: each place that becomes free is taken, and is free again a window and a bucket
    # later. So one round of releases, which holds exactly `cap` places, repeats for ever.
    period = (window_minutes + bucket_minutes) * MINUTE
    surplus = max(0, -left)
    if left > 0:
        current = _bucket_start(now, bucket_minutes)
        releases = sorted([*releases, (current * MINUTE + period, left)])
    rounds, place = divmod(ahead - max(0, left), cap)
    place += surplus  # places above a lowered cap are not reused
    for at, n in releases:
        if place < n:
            return at + rounds * period
        place -= n
    raise AssertionError("a round of releases holds exactly the cap")


def redate(buckets: Sequence[Bucket], *, bucket_minutes: int, now: int) -> tuple[Bucket, ...]:
    """Move buckets from the future to the present; returns equal `buckets` on a clock that never stepped.

    Write the result back where it differs: until then a bucket from the future counts as full at each check, which
    never exceeds the cap but lasts until the clock has caught up. One bucket ahead is ordinary skew between gateways
    and is not moved.
    """
    current = _bucket_start(now, bucket_minutes)
    if all(start <= current + bucket_minutes for start, _ in buckets):
        return tuple(buckets)
    dated: dict[int, int] = {}
    for start, n in buckets:
        here = start if start <= current + bucket_minutes else current
        dated[here] = dated.get(here, 0) + n
    return tuple(sorted(dated.items()))


def pace(tat: int | None, *, per_minute: int, burst: int, now: int, asking: int = 1) -> Grant:
    """At most `per_minute` a minute, evenly, `burst` at once after idle time; up to `asking` granted.

    In any span of S, wherever it starts, at most `burst + S // (MINUTE / per_minute)` leave. Zero means never.
    """
    if per_minute <= 0 or burst <= 0:
        return Grant(n=0, tat=now if tat is None else tat, next_at=FAR_FUTURE)
    interval = -(-MINUTE // per_minute)  # rounded up: a pace may be a microsecond slow, never fast
    tolerance = (burst - 1) * interval
    # No grant moves the arrival time further ahead than `burst` intervals: one that is comes from a clock that has
    # stepped back (or a pace that has been raised), and would starve the lane until that hour comes again.
    due = now if tat is None else max(now, min(tat, now + burst * interval))
    free = (now + tolerance - due) // interval + 1
    n = max(0, min(asking, free))
    due += n * interval
    return Grant(n=n, tat=due, next_at=max(now, due - tolerance))


def paced_departure(tat: int | None, *, per_minute: int, burst: int, ahead: int, now: int) -> int:
    """When a message with `ahead` waiting before it leaves under this pace alone."""
    if per_minute <= 0 or burst <= 0:
        return FAR_FUTURE
    interval = -(-MINUTE // per_minute)
    current = pace(tat, per_minute=per_minute, burst=burst, now=now, asking=0)
    return max(now, current.tat + (ahead - burst + 1) * interval)


def run_hold(count_before: int, *, asking: int, cap: int, confirmed_up_to: int | None) -> RunRoom:
    """How many of `asking` fit into a run that has accepted `count_before`.

    A person's confirmation sets a total and can only raise the ceiling: confirming less than the cap lowers nothing.
    """
    ceiling = max(cap, confirmed_up_to or 0)
    fits = max(0, min(asking, ceiling - count_before))
    if fits == asking:
        return RunRoom(fits=fits, ceiling=ceiling, hold=None)
    limit_text = f"confirmed up to {ceiling:,}" if ceiling > cap else f"capped at {cap:,}"
    text = f"the run is {limit_text} recipients and this makes {count_before + asking:,}: a human must confirm more"
    return RunRoom(fits=fits, ceiling=ceiling, hold=Reason("run_cap", text))


def agent_cap(mailbox_caps: Iterable[int]) -> int:
    """An agent's cap: the largest of its active mailboxes, so that a second mailbox adds nothing; 0 without any."""
    return max(mailbox_caps, default=0)


def _bucket_start(now: int, bucket_minutes: int) -> int:
    """Start of the bucket that contains `now`, in minutes."""
    return now // (bucket_minutes * MINUTE) * bucket_minutes


def _releases(
    buckets: Iterable[Bucket], *, window_minutes: int, bucket_minutes: int, now: int
) -> list[tuple[int, int]]:
    """When each bucket that still counts frees its places, soonest first."""
    current = _bucket_start(now, bucket_minutes)
    releases = []
    for start, n in buckets:
        here = start if start <= current + bucket_minutes else current
        # Count a bucket as if all of it had left at its last instant: no window may exceed the cap.
        at = (here + bucket_minutes + window_minutes) * MINUTE
        if n > 0 and at > now:
            releases.append((at, n))
    return sorted(releases)

"""What waits to leave: lanes, sites by age, scheduled mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.model import Limit

AGES: Final = (5, 10, 20, 40, 80, 160, 320, 640)
"""Upper bounds of the age columns in minutes; one more column holds anything older."""


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One lane and what holds it back. `next_at` is None while only an operator's act wakes it.

    `last_reply` is the reply that delayed it, if a refusal or the route did; `last_reply_at` is None if not recorded.
    """

    id: int
    mailbox_id: int
    mailbox: str
    agent: str
    stream: str
    domain: str
    site: str
    depth: int
    in_flight: int
    next_at: int | None
    waits_for: str | None
    failures: int
    paused_by: str | None
    paused_at: int | None
    last_reply: str | None
    last_reply_at: int | None


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One site by age: `ages` has a count for each of `AGES`, and one for anything older."""

    site: str
    depth: int
    in_flight: int
    lanes: int
    ages: tuple[int, ...]
    exact: bool


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The number of scheduled messages, and the earliest of their times; None: there are none."""

    count: int
    next_at: int | None


@dataclass(frozen=True, slots=True)
class Paced:
    """A lane and what may go to its site: messages a minute, and the hour's gauge (the stream's if less is left)."""

    lane: LaneRow
    pace: int
    hour: Limit


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits to leave: in lanes, and outside them until its own time."""

    lanes: tuple[Paced, ...]
    scheduled: Scheduled


@dataclass(frozen=True, slots=True)
class Sites:
    """The deepest sites."""

    sites: tuple[SiteRow, ...]

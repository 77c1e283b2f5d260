"""Events of streams (keys, route, warm-up) and of lanes that an operator paused.

A lane that waits for its pace or its site is marked in its own row: only an operator's action is an event here.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.events.catalogue import Data, Event, fact


@fact("stream.added")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAdded(Event):
    """A sending subdomain was added, with its route, four selectors and route limits (None: the gateway's own)."""

    domain: str
    provider: str
    selectors: list[str]
    protected: bool = False
    connection_messages: int | None = None
    minute_messages: int | None = None


@fact("stream.key_rotated")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamKeyRotated(Event):
    """The other key slot signs now; `fresh` are the new selectors to publish for the next rotation."""

    slot: str
    selectors: list[str]
    fresh: list[str]


@fact("stream.changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChanged(Event):
    """A stream's route, provider or the sender details in its commercial mail changed; `changes` says how."""

    changes: dict[str, Data]
    reason: str


@fact("stream.warmup_changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamWarmupChanged(Event):
    """An operator fixed the stream's daily cap, or ended its warm-up (then `new` is empty)."""

    old: int | None
    new: int | None
    widened: bool
    reason: str


@fact("stream.paused")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPaused(Event):
    """No new delivery of this stream starts."""

    reason: str
    in_flight: int = 0


@fact("stream.resumed")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamResumed(Event):
    """Deliveries of this stream start again."""

    reason: str


@fact("stream.warned")
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamWarned(Event):
    """A primary domain nears or crosses the volume at which receivers treat it as a bulk sender, for good."""

    domain: str
    sent: int
    crossed: bool
    reason: str


@fact("lane.paused")
@dataclass(frozen=True, slots=True, kw_only=True)
class LanePaused(Event):
    """No new delivery of this lane starts."""

    lane: int
    domain: str
    reason: str


@fact("lane.resumed")
@dataclass(frozen=True, slots=True, kw_only=True)
class LaneResumed(Event):
    """Deliveries of this lane start again."""

    lane: int
    domain: str
    reason: str

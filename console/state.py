"""What the console knows about the desk at this moment, as values: the header, what needs attention, the agents.

Read by one background reader (`console.desk_client`), drawn by every screen. No I/O and no ORM: the first frame imports
this module.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from core.views.live import AgentLine, Figures, Level


class Link(enum.Enum):
    """The state of the console's connection to the desk."""

    OPENING = "opening"
    LIVE = "live"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Live(Figures):
    """One reading of the desk. `lost_since` and `lost_reason` say since when and why it is stale."""

    link: Link = Link.OPENING
    lost_since: int = 0
    lost_reason: str = ""
    seq: int = 0
    agents: tuple[AgentLine, ...] = ()

    @property
    def faults(self) -> int:
        return sum(need.level is Level.FAULT and not need.quiet for need in self.needs)

    @property
    def warnings(self) -> int:
        return sum(need.level is Level.WARN and not need.quiet for need in self.needs)

    @property
    def stopped(self) -> bool:
        return self.stopped_at is not None


@dataclass(frozen=True, slots=True)
class DeskUpdate:
    """What the log brought since the last look; `everything`: too much to list, or the connection was lost."""

    live: Live
    kinds: frozenset[str] = frozenset()
    messages: frozenset[int] = frozenset()
    """Ids of items: a message, or a held read or tag."""
    left: frozenset[int] = frozenset()
    """Items that are no longer pending."""
    came: bool = False
    """Whether anything became pending."""
    agents: frozenset[int] = frozenset()
    count: int = 0
    everything: bool = False

    @property
    def quiet(self) -> bool:
        return not self.count and not self.everything

    def joined(self, later: DeskUpdate) -> DeskUpdate:
        """Both as one: what waited while the console was paused."""
        return DeskUpdate(
            later.live,
            kinds=self.kinds | later.kinds,
            messages=self.messages | later.messages,
            left=(self.left - (later.messages - later.left)) | later.left,
            came=self.came or later.came,
            agents=self.agents | later.agents,
            count=self.count + later.count,
            everything=self.everything or later.everything,
        )

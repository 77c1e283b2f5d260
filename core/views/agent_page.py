"""One agent with everything its page shows: mailboxes, budgets, rates hour by hour, evidence for the next rung."""

from __future__ import annotations

from dataclasses import dataclass

from core.model import Limit
from core.views.agents import AgentBasics, MailboxRow, RunRow
from core.views.events import EventRow
from core.views.evidence import Evidence
from core.views.live import Share


@dataclass(frozen=True, slots=True)
class Course:
    """A rate over its guard's window: `points` are fractions, None where nothing was sent."""

    name: str
    share: Share
    points: tuple[float | None, ...]
    window: int


@dataclass(frozen=True, slots=True)
class MailboxFacts:
    """One mailbox: where it stands on the ladder and how full its budgets are."""

    mailbox: MailboxRow
    evidence: Evidence
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class AgentPage:
    """The page. `runs` and `events` name people; None for an operator who may not read them."""

    agent: AgentBasics
    mailboxes: tuple[MailboxFacts, ...]
    courses: tuple[Course, ...]
    runs: tuple[RunRow, ...] | None
    events: tuple[EventRow, ...] | None

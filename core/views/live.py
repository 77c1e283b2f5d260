"""The desk at this moment: what needs attention, and every agent as one line."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from core.model import Limit, Mode


class Level(enum.IntEnum):
    """How bad it is; the worst sorts first."""

    FAULT = 0
    WARN = 1
    INFO = 2
    FINE = 3


@dataclass(frozen=True, slots=True)
class Need:
    """One line of what needs attention. `go` says where enter leads: a screen's name, and what to find there."""

    level: Level
    subject: str
    text: str
    go: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A rate with its figures: `events` of `whole`, against its guard's thresholds."""

    events: int
    whole: int
    warn: float
    suspend: float
    level: Level = Level.FINE

    @property
    def rate(self) -> float | None:
        return self.events / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class MailboxLine:
    """A mailbox of an agent."""

    id: int
    address: str
    mode: Mode
    mode_since: int
    expires_at: int | None
    stream_id: int
    raise_from: int | None = None
    """When its mode may next be raised; None: now, as far as the waiting time is concerned."""


@dataclass(frozen=True, slots=True)
class AgentLine:
    """One agent as a row of the desk: the loosest mode among its mailboxes, its fullest budgets, its rates."""

    id: int
    name: str
    status: str
    suspended_by: str | None
    suspended_at: int | None
    suspend_reason: str | None
    mailboxes: tuple[MailboxLine, ...]
    held: int
    sent_hour: int
    hour: Limit | None
    day: Limit | None
    complaints: Share
    bounces: Share
    trend: tuple[int, ...]
    oldest: int | None
    last: str
    last_at: int | None
    level: Level

    @property
    def mode(self) -> Mode | None:
        return self.mailboxes[0].mode if self.mailboxes else None

    @property
    def suspended(self) -> bool:
        return self.status == "suspended"

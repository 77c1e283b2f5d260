"""The desk at this moment: its figures, what needs attention, and every agent as one line.

All of it comes from one transaction, so that a header, a row and a gauge never contradict each other.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.durations import SECOND
from core.model import Limit, Mode, Role


class Level(enum.IntEnum):
    """How bad it is; the worst sorts first."""

    FAULT = 0
    WARN = 1
    INFO = 2
    FINE = 3

    @property
    def word(self) -> str:
        """As JSON and commands have it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Need:
    """One line of what needs attention. `go` says where enter leads: a screen's name, and what to find there.

    `id` stays the same while it lasts: it is what people acknowledge. `did` is what the desk did by itself, `refused`
    how many attempts it has refused since, `step` what a person does next and `next` the operation for it.
    `quiet_until`: somebody, `quiet_by`, knows about it.
    """

    level: Level
    subject: str
    text: str
    go: str = ""
    key: str = ""
    id: str = ""
    since: int | None = None
    did: str = ""
    refused: int = 0
    step: str = ""
    next: str = ""
    quiet_by: str | None = None
    quiet_until: int | None = None

    @property
    def quiet(self) -> bool:
        """Whether somebody has acknowledged it, and it has not become worse."""
        return self.quiet_by is not None


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


@dataclass(frozen=True, slots=True)
class Figures:
    """What the header and the first screen show, beside the agents' lines."""

    last_event_at: int | None = None
    held: int = 0
    held_minute: int = 0
    oldest: int | None = None
    stopped_at: int | None = None
    stopped_by: str | None = None
    stop_reason: str | None = None
    default_mode: str = ""
    release_delay: int = 10 * SECOND
    flow: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    gateway_down: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of the desk for one operator, as far as it differs from the `version` that they have.

    `figures` is None if nothing differs. `order` has the ids of all agents, worst first; `agents` the lines that
    changed. `desk` is its name. `seq` is the last entry of the log that is counted in; `at` is the desk's time.
    """

    version: str
    at: int
    seq: int
    desk: str
    operator: str
    roles: tuple[Role, ...]
    figures: Figures | None = None
    order: tuple[int, ...] = ()
    agents: tuple[AgentLine, ...] = ()

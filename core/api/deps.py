"""The dependencies that all routes of a gateway share, in one object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from core.api.auth import Authenticator
from core.api.compose_pool import ComposePool
from core.api.inbox_waiter import InboxWaiter
from core.api.listener import Traffic
from core.api.read_log import ReadLog
from core.db.store import Store
from core.db.writer import Writer
from core.operations.event_stream import EventStream
from core.services.context import ServiceContext


@dataclass(frozen=True, slots=True)
class ApiContext:
    """One per gateway."""

    store: Store
    writer: Writer
    ctx: ServiceContext
    callers: Authenticator
    traffic: Traffic = field(default_factory=Traffic)
    composers: ComposePool | None = None
    """Child processes for large messages; None: the event loop composes them too."""
    pulse: Callable[[], str | None] = lambda: None
    """Why this gateway's last heartbeat was not committed."""
    gateway: str | None = None
    """The name under which this gateway is registered as running; None: it is not registered."""
    reads: ReadLog = field(init=False)
    events: EventStream = field(init=False)
    arrivals: InboxWaiter = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reads", ReadLog(self.store, self.writer, self.callers))
        object.__setattr__(self, "events", EventStream(self.store))
        object.__setattr__(self, "arrivals", InboxWaiter(self.store))
        self.writer.listeners.append(self.arrivals.wake)

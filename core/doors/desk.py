"""What every door of a gateway needs, in one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from core.doors.callers import Callers
from core.doors.composers import Composers
from core.doors.listener import Traffic
from core.flow.house import House
from core.ledger.store import Store
from core.ledger.writer import Writer


@dataclass(frozen=True, slots=True)
class Desk:
    """One per gateway."""

    store: Store
    writer: Writer
    house: House
    callers: Callers
    traffic: Traffic = field(default_factory=Traffic)
    composers: Composers | None = None
    """Processes for large messages; None: the event loop composes them too."""
    pulse: Callable[[], str | None] = lambda: None
    """Why this gateway's last sign of life was not committed."""

"""Watch several desks at once, for one line each: a desk that is slow or gone delays no other.

Each desk has a thread of its own with short timeouts. Daemon threads: looking up the name of a host that is gone, or a
keyring that asks for its password, may take minutes, and no console waits for that.
"""

from __future__ import annotations

import contextlib
import enum
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from core.cli.known_desks import Place
from core.desk_client import reads
from core.desk_client.interface import Desk
from core.errors import Forbidden, PostroomError, Refused, Unauthenticated
from core.views.live import Level, Reading

EVERY: Final = 10.0
"""Seconds between two readings of one desk."""
WITHIN: Final = 4.0
"""Seconds that a desk has for an answer."""


class State(enum.Enum):
    """What is known of the connection to a desk."""

    ASKED = "asking"
    LIVE = "live"
    LOST = "unreachable"
    SIGN_IN = "sign-in needed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class DeskLine:
    """One desk as last read; times in UTC microseconds by the console's clock.

    `since` is when the state began; of a desk that is lost, when it last answered, or was first asked. The figures are
    None until it has answered once.
    """

    place: Place
    state: State = State.ASKED
    since: int = 0
    reason: str = ""
    held: int | None = None
    oldest: int | None = None
    faults: int = 0
    sent: int = 0
    complaints: int = 0
    stopped: bool = False


Connect = Callable[[Place, float], Desk]
"""Opens a saved desk whose answers take at most so many seconds. Raises `PostroomError`."""


class DeskWatch(threading.Thread):
    """Reads one desk again and again until it is stopped, and tells each change."""

    def __init__(
        self, place: Place, connect: Connect, tell: Callable[[DeskLine], None], *, now: Callable[[], int]
    ) -> None:
        super().__init__(name=f"all-desks-{place.name}", daemon=True)
        self._place, self._connect, self._tell, self._now = place, connect, tell, now
        self._line = DeskLine(place)
        self._version = ""
        self._due = threading.Event()
        self._stopped = False

    def look(self) -> None:
        """Read now."""
        self._due.set()

    def stop(self) -> None:
        self._stopped = True
        self._due.set()

    def run(self) -> None:
        desk: Desk | None = None
        with contextlib.ExitStack() as stack:
            while not self._stopped:
                try:
                    if desk is None:
                        desk = stack.enter_context(contextlib.closing(self._connect(self._place, WITHIN)))
                    self._take(desk.read(reads.LIVE, known=self._version, anew=False))
                except Exception as error:  # noqa: BLE001 - one desk's trouble is its line's, whatever it is
                    self._fail(error)
                if not self._stopped:
                    self._tell(self._line)
                self._due.wait(EVERY)
                self._due.clear()

    def _take(self, reading: Reading) -> None:
        line = replace(self._line, state=State.LIVE, since=self._now(), reason="")
        figures = reading.figures
        if figures is not None:
            ahead = self._now() - reading.at  # the desk's clock may be another
            line = replace(
                line, held=figures.held, oldest=None if figures.oldest is None else figures.oldest + ahead,
                faults=sum(need.level is Level.FAULT and not need.quiet for need in figures.needs),
                sent=sum(figures.flow.get("sent", ())), complaints=sum(figures.flow.get("complained", ())),
                stopped=figures.stopped_at is not None,
            )  # fmt: skip
        self._version, self._line = reading.version, line

    def _fail(self, error: Exception) -> None:
        was = self._line
        match error:
            case Unauthenticated():
                state = State.SIGN_IN
            case Forbidden() | Refused():
                state = State.REFUSED
            case _:
                state = State.LOST
        reason = str(error) if isinstance(error, PostroomError) else repr(error)
        since = was.since if was.state in (state, State.LIVE) else self._now()
        self._line = replace(was, state=state, since=since, reason=reason)

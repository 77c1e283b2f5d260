"""What screens need of the app that shows them, and what the app is opened with; neither imports the other.

The app imports screens when the desk is open, and the first frame imports neither the ORM nor a screen of the desk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from console.session import Session
from console.state import Live
from core.model import Actor

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel
    from textual.screen import Screen
    from textual.timer import Timer

    from console.desk_client import Desk
    from console.operations import Operation

T = TypeVar("T")


class ConsoleApp(Protocol):
    """The app, as its screens know it: who looks at which desk, verbs in the background, ways to other screens."""

    actor: Actor
    live: Live
    session: Session
    hint: str
    desk_name: str
    paused_at: int | None
    frame_timer: Timer
    monotonic: Callable[[], float]

    @property
    def desk(self) -> Desk: ...

    @property
    def now(self) -> int:
        """UTC microseconds."""

    @property
    def release_delay(self) -> int:
        """Microseconds for which an approval given here can be taken back."""

    @property
    def waiting(self) -> int:
        """Events that a pause holds back."""

    @property
    def alarm_text(self) -> str: ...

    def alarm(self, text: str) -> None: ...

    def say(self, text: str, severity: SeverityLevel = "information") -> None: ...

    def copy(self, text: str) -> None: ...

    def perform(self, name: str) -> None: ...

    def run_operation(self, operation: Operation[T], then: Callable[[T], None]) -> None: ...

    def go(self, name: str) -> None: ...

    def open_agent(self, name: str) -> None: ...

    def open_message(self, item: int, among: Sequence[int] = ()) -> None: ...

    def open_trace(self, asked: str) -> None: ...

    def run_worker(self, work: Any, /, **options: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """An open desk and what to see it on: the eight screens, and the pages that open over them."""

    desk: Desk
    modes: Mapping[str, type[Screen[Any]]]
    agent: Callable[[str], Screen[Any]]
    message: Callable[[int, Sequence[int]], Screen[Any]]
    trace: Callable[[str], Screen[Any]]
    name: str = ""
    """What the desk is called in its settings."""


@dataclass(slots=True)
class Waiting:
    """What an opener that takes long shows on the screen, and whether somebody still looks at it."""

    text: str = ""
    left: threading.Event = field(default_factory=threading.Event)

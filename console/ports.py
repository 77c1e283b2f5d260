"""What screens need from the app that shows them, and what the app is opened with, so that neither imports the other.

The app imports screens once the desk is open; the first frame imports neither the ORM nor any of the desk's screens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from console.preferences import Preferences
from console.session import Session
from console.state import Live
from core.model import Actor

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel
    from textual.screen import Screen
    from textual.timer import Timer

    from console.desk_client import Desk
    from console.operations import Operation
    from console.screens.desk_screen import DeskScreen
    from console.screens.message import MessageScreen
    from core.cli.known_desks import Place
    from core.desk_client.interface import Desk as AnyDesk

T = TypeVar("T")


class ConsoleApp(Protocol):
    """The app as its screens know it: who is looking at which desk, background operations, ways to other screens."""

    actor: Actor
    live: Live
    session: Session
    hint: str
    desk_name: str
    desk_colour: str | None
    local: bool
    """Whether the desk is this host's own database, without its gateway."""
    paused_at: int | None
    frame_timer: Timer
    monotonic: Callable[[], float]

    saved_desks: SavedDesks | None
    saved_as: str
    """The name under which the open desk is saved on this machine, empty if it is not."""

    @property
    def is_open(self) -> bool:
        """Whether a desk is open, on the screen or below it."""

    @property
    def desk(self) -> Desk: ...

    @property
    def now(self) -> int:
        """UTC microseconds."""

    @property
    def release_delay(self) -> int:
        """Microseconds during which an approval given here can be taken back."""

    @property
    def current_mode(self) -> str:
        """The screen of keys 1 to 9 that is open, whatever lies over it."""

    @property
    def waiting(self) -> int:
        """Events held back while the console is paused."""

    @property
    def alarm_text(self) -> str: ...

    def alarm(self, text: str) -> None: ...

    @property
    def preferences(self) -> Preferences: ...

    def remember(self, chosen: Preferences) -> None:
        """Keep it for the next console as well."""

    def report(self, error: BaseException | None) -> None: ...

    def say(self, text: str, severity: SeverityLevel = "information") -> None: ...

    def copy(self, text: str) -> None: ...

    def edit_text(self, text: str) -> str | None:
        """Let the operator edit a text in $EDITOR; None if it was not saved."""

    def perform(self, name: str) -> None: ...

    def run_operation(
        self,
        operation: Operation[T],
        then: Callable[[T], None],
        *,
        otherwise: Callable[[str], None] | None = None,
        ended: Callable[[], None] | None = None,
    ) -> None: ...

    def go(self, name: str) -> None: ...

    def open_agent(self, name: str) -> None: ...

    def open_message(self, item: int, among: Sequence[int] = ()) -> MessageScreen: ...

    def open_trace(self, key: str) -> None: ...

    def call_later(self, callback: Callable[..., object], *args: Any) -> bool: ...

    def switch_desk(self, name: str) -> None: ...

    def open_page(self, name: str) -> None:
        """Open a page of `Parts.pages` over the visible screen."""

    def run_worker(self, work: Any, /, **options: Any) -> Any: ...


class SavedDesks(Protocol):
    """The desks that a person has saved on this machine (`console.desk_list`)."""

    def places(self) -> tuple[Place, ...]:
        """All of them. Raises `Invalid` if their file cannot be understood."""

    def open_named(self, name: str) -> Parts:
        """Sign in at one. Raises `PostroomError`."""

    def connect(self, place: Place, within: float) -> AnyDesk:
        """One for reading its figures, each within so many seconds. Raises `PostroomError`."""


@dataclass(frozen=True, slots=True)
class Parts:
    """An open desk with everything to view it: the nine screens, and the pages that open over them."""

    desk: Desk
    modes: Mapping[str, type[Screen[Any]]]
    agent: Callable[[str], Screen[Any]]
    message: Callable[[int, Sequence[int]], MessageScreen]
    trace: Callable[[str], Screen[Any]]
    pages: Mapping[str, Callable[[DeskScreen], Screen[Any]]] = field(default_factory=dict)
    """Pages that open over any screen, by the action that opens them."""
    name: str = ""
    """What the header calls the desk: the word and name under which it is saved here, or else its name in its settings.
    """
    saved_as: str = ""
    """The name under which it is saved on this machine, empty if it is not."""
    colour: str | None = None
    """The colour of its name, one of `known_desks.COLOURS`."""


@dataclass(slots=True)
class Waiting:
    """What a slow opener shows on the screen, and whether anyone is still looking at it."""

    text: str = ""
    left: threading.Event = field(default_factory=threading.Event)

"""The parts the console is built from, imported after its first frame: the screens and the connection to the desk.

No database: what opens one on its own host is `console.local_desk`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from console.desk_client import Desk, DeskClock
from console.pages import PAGES
from console.ports import Parts
from console.screens.agent import AgentPage
from console.screens.agents import AgentsScreen
from console.screens.desk_screen import DeskScreen
from console.screens.events import EventsScreen
from console.screens.identities import IdentitiesScreen
from console.screens.inbox import InboxScreen
from console.screens.lanes import LanesScreen
from console.screens.message import MessageScreen
from console.screens.overview import DeskOverview
from console.screens.queue import QueueScreen
from console.screens.suppressions import SuppressionsScreen
from console.screens.trace import TraceScreen
from core.cli.known_desks import Place
from core.desk_client import direct_desk, reads
from core.desk_client.interface import Desk as AnyDesk
from core.errors import PostroomError
from core.model import Clock

MODES: Final[Mapping[str, type[DeskScreen]]] = {
    "desk": DeskOverview,
    "queue": QueueScreen,
    "agents": AgentsScreen,
    "lanes": LanesScreen,
    "events": EventsScreen,
    "suppressions": SuppressionsScreen,
    "identities": IdentitiesScreen,
    "trace": TraceScreen,
    "inbox": InboxScreen,
}


def build(desk: AnyDesk, *, clock: Clock | None = None, place: Place | None = None) -> Parts:
    """The desk as this operator sees it. `clock` is the desk's own, where it can be had; `place` what they call it.

    Raises `Unauthenticated`, `Forbidden`, `Unavailable`.
    """
    asked = time.monotonic()
    reading = desk.read(reads.LIVE)
    if clock is None:
        clock = DeskClock()
        clock.learn(reading.at, asked=asked, answered=time.monotonic())
    shown = Desk(desk, clock=clock, reading=reading)
    place = place or Place()
    return Parts(
        shown, MODES, agent=AgentPage, message=MessageScreen, trace=TraceScreen, pages=PAGES,
        name=place.shown or reading.desk,
        saved_as=place.name or "", colour=place.colour,
    )  # fmt: skip


def sign_in(url: str, token: str, *, place: Place | None = None) -> Parts:
    """Open a desk through its gateway. Raises `Invalid`, `Unauthenticated`, `Unavailable`."""
    place = place or Place(url=url)
    desk = direct_desk.opened(url, token, name=place.name, client="console", guarded=place.guard)
    try:
        desk.call("operator.sign_in")
        return build(desk, place=place)
    except PostroomError:
        desk.close()
        raise

"""What the console is put together from, imported after its first frame: the screens and the way to the desk."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from console import deeds
from console.desk import Desk
from console.screens.agent import AgentPage
from console.screens.agents import AgentsScreen
from console.screens.base import DeskScreen
from console.screens.desk import DeskOverview
from console.screens.events import EventsScreen
from console.screens.identities import IdentitiesScreen
from console.screens.lanes import LanesScreen
from console.screens.message import MessageScreen
from console.screens.queue import QueueScreen
from console.screens.suppressions import SuppressionsScreen
from console.screens.trace import TraceScreen
from core import keyfile, minting
from core.clock import SystemClock
from core.errors import PostroomError
from core.flow import access
from core.ledger import revision
from core.ledger.store import Store
from core.rules.provenance import Keyring
from core.settings import load
from core.words import Actor, Clock

MODES: Final[Mapping[str, type[DeskScreen]]] = {
    "desk": DeskOverview,
    "queue": QueueScreen,
    "agents": AgentsScreen,
    "lanes": LanesScreen,
    "events": EventsScreen,
    "suppressions": SuppressionsScreen,
    "identities": IdentitiesScreen,
    "trace": TraceScreen,
}


@dataclass(frozen=True, slots=True)
class Parts:
    """An open desk and what to see it on: the eight screens, and the pages that open over them."""

    desk: Desk
    modes: Mapping[str, type[DeskScreen]]
    agent: Callable[[str], DeskScreen]
    message: Callable[[int, Sequence[int]], DeskScreen]
    trace: Callable[[str], DeskScreen]
    name: str = ""
    """What the desk is called in its settings."""


def build(store: Store, actor: Actor, keyring: Keyring | None = None, *, name: str = "") -> Parts:
    """The desk as this operator sees it. Without its keys nothing proves to be ours by its marks, only by its row."""
    ring = keyring or Keyring({"00": secrets.token_bytes(32)}, "00")
    return Parts(Desk(store, actor, ring), MODES, agent=AgentPage, message=MessageScreen, trace=TraceScreen, name=name)


def sign_in(directory: Path, token: str) -> Parts:
    """Open the desk in this directory for whoever's token this is. Raises `Invalid`, `Unauthenticated`, `Unavailable`.

    A database of another version is refused here rather than by a query that finds no column.
    """
    store = Store(load(directory).database_url, clock=SystemClock())
    try:
        with store.read() as conn:
            revision.check(conn)
            actor = access.sign_in(conn, minting.digest(token), now=store.clock.now())
        deeds.signed_in()(store, actor)
    except PostroomError:
        store.close()
        raise
    return _furnished(store, actor, directory)


def open_desk(directory: Path, actor: Actor, *, clock: Clock) -> Parts:
    """A desk that was founded to be looked at, by its own time."""
    return _furnished(Store(load(directory).database_url, clock=clock), actor, directory)


def _furnished(store: Store, actor: Actor, directory: Path) -> Parts:
    settings = load(directory)
    return build(store, actor, keyfile.provenance_keys(settings.master_key.read_text()), name=settings.name)

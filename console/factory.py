"""The parts the console is built from, imported after its first frame: the screens and the connection to the desk."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from console import operations
from console.desk_client import Desk
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
from core.clock import SystemClock
from core.db import schema_revision
from core.db.development import BANNER, is_development
from core.db.store import Store
from core.errors import PostroomError
from core.model import Actor, Clock
from core.rules.signed_ids import HmacKeys
from core.security import credentials, key_file
from core.services import access
from core.settings import Settings, load

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


def build(
    store: Store, actor: Actor, keyring: HmacKeys | None = None, *, name: str = "", settings: Settings | None = None
) -> Parts:
    """The desk as this operator sees it. Without its keys, a message is matched to the desk by its row alone."""
    ring = keyring or HmacKeys({"00": secrets.token_bytes(32)}, "00")
    desk = Desk(store, actor, ring, settings=settings)
    return Parts(desk, MODES, agent=AgentPage, message=MessageScreen, trace=TraceScreen, name=name)


def sign_in(directory: Path, token: str) -> Parts:
    """Open the desk in this directory for the owner of this token. Raises `Invalid`, `Unauthenticated`, `Unavailable`.

    A database of another version is refused here, not by a query that finds a column missing.
    """
    store = Store(load(directory).database_url, clock=SystemClock())
    try:
        with store.read() as conn:
            schema_revision.check(conn)
            actor = access.sign_in(conn, credentials.digest(token), now=store.clock.now())
        operations.signed_in()(store, actor)
    except PostroomError:
        store.close()
        raise
    return _furnished(store, actor, directory)


def open_desk(directory: Path, actor: Actor, *, clock: Clock) -> Parts:
    """A desk that was created for viewing, on its own clock."""
    return _furnished(Store(load(directory).database_url, clock=clock), actor, directory)


def _furnished(store: Store, actor: Actor, directory: Path) -> Parts:
    settings = load(directory)
    ring = key_file.provenance_keys(settings.master_key.read_text())
    with store.read() as conn:
        name = BANNER if is_development(conn) else settings.name
    return build(store, actor, ring, name=name, settings=settings)

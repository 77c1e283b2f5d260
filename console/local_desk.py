"""Open a desk on its own host, over its database: the one file of the console that does.

For the host alone, and for the moment when the gateway is down: the same token, roles and log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from console import factory
from console.ports import Parts
from core.cli.known_desks import Place
from core.clock import SystemClock
from core.db import schema_revision
from core.db.store import Store
from core.errors import PostroomError
from core.model import Clock
from core.operations.local_desk import LocalDesk
from core.operations.operation import Resources
from core.security import key_file
from core.services.control.read_log import EntryPoint
from core.settings import Settings, load

CACHED: Final = 2_000
"""KiB of the file that each connection keeps: one that reads a long queue once would keep 24 MB of it ever after."""


def sign_in(directory: Path, token: str, *, place: Place | None = None) -> Parts:
    """Open the desk in this directory, for the owner of this token.

    Raises `Invalid`, `Unauthenticated`, `Unavailable`.
    """
    clock = SystemClock()
    desk = connect(directory, token, clock=clock, guarded=place is not None and place.guard)
    try:
        desk.call("operator.sign_in")
        return factory.build(desk, clock=clock, place=place)
    except PostroomError:
        desk.close()
        raise


def connect(directory: Path, token: str, *, clock: Clock, guarded: bool = False) -> OwnDesk:
    """The desk in this directory. Raises `Invalid`, `Unavailable`.

    A database of another version is refused here, not by a query that finds a column missing.
    """
    settings = load(directory)
    store = Store(settings.database_url, clock=clock, cached=CACHED)
    try:
        with store.read() as conn:
            schema_revision.check(conn)
    except PostroomError:
        store.close()
        raise
    return OwnDesk(store, settings, token, guarded=guarded)


def open_desk(directory: Path, token: str, *, clock: Clock) -> Parts:
    """A desk that was created for viewing, on its own clock."""
    settings = load(directory)
    store = Store(settings.database_url, clock=clock, cached=CACHED)
    return factory.build(OwnDesk(store, settings, token), clock=clock)


class OwnDesk(LocalDesk):
    """The desk in this database, for a console that opened it and closes it."""

    def __init__(self, store: Store, settings: Settings, token: str, *, guarded: bool = False) -> None:
        resources = Resources(lambda: key_file.serving_provenance_keys(settings), settings)
        super().__init__(store, resources, token, entry_point=EntryPoint.CONSOLE, guarded=guarded)
        self._own = store

    def close(self) -> None:
        super().close()
        self._own.close()

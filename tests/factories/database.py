"""A migrated SQLite file, made once per process and copied: two dozen migrations per test were most of its time."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from core.db import migrate
from core.db.store import Store
from core.demo.clock import FakeClock
from core.model import Clock


@functools.cache
def _migrated() -> bytes:
    """What `migrate.upgrade` leaves in an empty file."""
    with tempfile.TemporaryDirectory(prefix="postroom-template-") as directory:
        file = Path(directory) / "postroom.db"
        made = Store(f"sqlite:///{file}", clock=FakeClock())
        migrate.upgrade(made.engine)
        made.close()  # the last connection brings everything into the one file
        return file.read_bytes()


def new_sqlite(directory: Path) -> str:
    """The URL of an empty, migrated `postroom.db` in this directory."""
    file = directory / "postroom.db"
    file.write_bytes(_migrated())
    return f"sqlite:///{file}"


def new_store(directory: Path, clock: Clock) -> Store:
    """An open store on a new SQLite file."""
    return Store(new_sqlite(directory), clock=clock)

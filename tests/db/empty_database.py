"""A migrated SQLite desk for each example of a property test: copied, for a migration costs more than the example."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

from core.db import migrate
from core.db.store import Store
from core.demo.clock import FakeClock


@functools.cache
def _template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        made = Store(f"sqlite:///{folder}/desk.db", clock=FakeClock())
        migrate.upgrade(made.engine)
        made.close()
        return Path(folder, "desk.db").read_bytes()


class Fresh:
    """A store in a folder of its own; `close` removes both."""

    def __init__(self, clock: FakeClock) -> None:
        self._folder = tempfile.mkdtemp()
        file = Path(self._folder, "desk.db")
        file.write_bytes(_template())
        self.store = Store(f"sqlite:///{file}", clock=clock)

    def close(self) -> None:
        self.store.close()
        shutil.rmtree(self._folder)

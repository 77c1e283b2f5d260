"""A migrated SQLite desk for each example of a property test, in a folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from core.demo.clock import FakeClock
from tests.factories.database import new_store


class Fresh:
    """A store in a folder of its own; `close` removes both."""

    def __init__(self, clock: FakeClock) -> None:
        self._folder = tempfile.mkdtemp()
        self.store = new_store(Path(self._folder), clock)

    def close(self) -> None:
        self.store.close()
        shutil.rmtree(self._folder)

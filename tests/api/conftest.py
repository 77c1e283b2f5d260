from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db.store import Store
from tests.api.api_client import Visitor, opened
from tests.factories.desk import make_desk


@pytest.fixture
def agent(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """The agent at the desk, in mode gated_send."""
    with opened(make_desk(sqlite_store), tmp_path) as visitor:
        yield visitor

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db.store import Store
from tests.api.api_client import Visitor, opened
from tests.factories.desk import make_desk
from tests.mcp.live_gateway import CAST, Live, live_gateway


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One gateway for all tests of MCP."""
    directory = tmp_path_factory.mktemp("mcp") / "desk"
    with live_gateway(directory, CAST) as running:
        yield running


@pytest.fixture
def agent(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """The agent of a desk without a port."""
    with opened(make_desk(sqlite_store), tmp_path) as visitor:
        yield visitor

"""Pilot tests run on asyncio, through the pytest plugin that anyio brings along, on a temporary desk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.harness import Scene, make_scene


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A desk with a gateway that beats, and nothing on it."""
    made = make_scene(tmp_path)
    yield made
    made.store.close()

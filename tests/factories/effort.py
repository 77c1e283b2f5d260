"""Test effort: little on each change, much with `pytest --thorough`."""

from __future__ import annotations

import os

_THOROUGH = "TESTS_THOROUGH"


def choose(*, thorough: bool) -> None:
    """Set the effort before tests are imported, for this process and its children."""
    os.environ[_THOROUGH] = "1" if thorough else ""


def thorough() -> bool:
    return bool(os.environ.get(_THOROUGH))


def times(usual: int, thoroughly: int) -> int:
    """Number of repetitions: kills of a process, examples of a property."""
    return thoroughly if thorough() else usual

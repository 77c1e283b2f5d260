from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.cli_runner import Clerk, founded, with_mailbox


@pytest.fixture
def clerk(tmp_path: Path) -> Clerk:
    """A fresh desk."""
    return founded(tmp_path / "desk")


@pytest.fixture
def office(tmp_path: Path) -> Clerk:
    """A desk with an active mailbox."""
    return with_mailbox(tmp_path / "desk")

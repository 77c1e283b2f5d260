"""A finished file gets its name whole, once, and on every file system."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from core.errors import Conflict
from core.services.control.backup import placed


@pytest.fixture(params=["hard links", "no hard links"])
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished file, on a file system with hard links and on one (FAT, some network shares) without."""
    if request.param == "no hard links":

        def refused(*_args: object, **_more: object) -> None:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "link", refused)
    folder = tmp_path / "staging"
    folder.mkdir()
    (folder / "made").write_text("whole")
    return folder / "made"


def test_a_finished_file_gets_its_name(made: Path, tmp_path: Path) -> None:
    with placed(made, tmp_path / "final"):
        assert (tmp_path / "final").read_text() == "whole"
    assert (tmp_path / "final").read_text() == "whole"


def test_a_file_that_is_there_is_not_overwritten(made: Path, tmp_path: Path) -> None:
    (tmp_path / "final").write_text("mine")
    with pytest.raises(Conflict, match="already exists"), placed(made, tmp_path / "final"):
        raise AssertionError("never entered")
    assert (tmp_path / "final").read_text() == "mine"


def test_the_name_is_given_up_if_what_follows_fails(made: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), placed(made, tmp_path / "final"):
        raise KeyboardInterrupt
    assert not (tmp_path / "final").exists()


def test_a_file_that_cannot_be_named_leaves_no_empty_one(made: Path, tmp_path: Path) -> None:
    target = tmp_path / "absent" / "final"
    with pytest.raises(FileNotFoundError), placed(made, target):
        raise AssertionError("never entered")
    assert made.read_text() == "whole"

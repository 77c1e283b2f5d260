"""Private files: never half written, never readable by others, nothing left beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.security import files


def test_a_private_file_gets_its_folder_and_only_its_owner_can_read_both(tmp_path: Path) -> None:
    file = tmp_path / "new" / "desks.toml"
    files.replace_private(file, b"one")
    assert file.read_bytes() == b"one"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_it_is_private_even_if_the_file_it_replaces_was_not(tmp_path: Path) -> None:
    file = tmp_path / "views.toml"
    file.write_text("old")
    file.chmod(0o644)
    files.replace_private(file, b"new")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o600)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "desks.toml"
    file.mkdir()  # cannot be replaced by a file
    (file / "kept").write_text("kept")
    with pytest.raises(IsADirectoryError):
        files.replace_private(file, b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["desks.toml"]
    assert (file / "kept").read_text() == "kept"


def test_what_a_crash_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    file = tmp_path / "desks.toml"
    (tmp_path / f".desks.toml.{os.getpid()}").write_text("half of")
    files.replace_private(file, b"whole")
    assert (file.read_bytes(), [one.name for one in tmp_path.iterdir()]) == (b"whole", ["desks.toml"])

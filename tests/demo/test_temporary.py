"""A demonstration that was killed leaves its directory; the next one removes it, and no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.demo import temporary


def test_only_a_demonstration_in_which_no_process_lives_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, lived_in, unmarked = (tmp_path / f"{temporary.PREFIX}{name}" for name in ("left", "lived-in", "unmarked"))
    for folder in (left, lived_in, unmarked, tmp_path / "another"):
        (folder / "desk").mkdir(parents=True)
        if folder is not unmarked:
            (folder / temporary.IN_USE).touch()
    code = (
        "import sys, pathlib; from core.demo import temporary; temporary.move_in(pathlib.Path(sys.argv[1]));"
        "print('here', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lived_in / "desk")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as living:
        assert living.stdout is not None
        assert living.stdout.readline() == b"here\n"
        with temporary.directory() as mine:
            temporary.remove_abandoned(tmp_path)  # as the next demonstration would
            assert {one.name for one in tmp_path.iterdir()} == {lived_in.name, unmarked.name, "another", mine.name}
        living.kill()
    temporary.remove_abandoned(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {unmarked.name, "another"}

"""Figures that stand side by side on a screen come from one reading: `held 33` never stands over `34 held`."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import desk_client
from console.desk_client import Desk
from tests.console.harness import make_scene
from tests.factories.desk import ALICE, KEYRING


@pytest.mark.parametrize("busy", [False, True], ids=["few agents", "many agents"])
def test_header_needs_and_lines_count_the_same_held_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, busy: bool
) -> None:
    """Mail comes between any two looks; on a busy desk the lines are not due while the header is."""
    monkeypatch.setattr(desk_client, "HEAD_EVERY", 0.0)
    monkeypatch.setattr(desk_client, "LINES_EVERY", 3_600.0)
    monkeypatch.setattr(desk_client, "FEW", 0 if busy else 8)
    scene = make_scene(tmp_path)
    desk = Desk(scene.store, ALICE, KEYRING)
    shown = []
    for n in range(6):
        scene.submit(f"guest{n}@example.com")
        desk.live = live = desk._look().live
        shown.append(live.held)
        assert live.held == sum(line.held for line in live.agents)
        assert [need.text for need in live.needs if "waiting for review" in need.text] == [
            f"{live.held} waiting for review"
        ]
    assert shown[0] == 1
    assert shown[-1] == (1 if busy else 6)
    desk.refresh()
    assert desk._look().live.held == 6
    desk.close()
    scene.store.close()

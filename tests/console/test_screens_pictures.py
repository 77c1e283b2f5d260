"""Pictures of every screen at two sizes; a change of any is looked at before it is accepted (--snapshot-update)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from console.app import FRAME_EVERY
from console.demo_guide import guide
from tests.console.fixtures_gallery import make_gallery
from tests.console.harness import Scene, looking
from tests.console.picture import PICTURES, SMALL, Shot, compared, kept, taken
from tests.console.shots_points import POINTS
from tests.console.shots_screens import SCREENS
from tests.factories.shortcuts import Frames

pytestmark = pytest.mark.anyio
SHOTS = (*SCREENS, *POINTS)


@pytest.fixture(autouse=True)
def drawn_throughout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Frames, "all", True)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "desk").mkdir()
    made = make_gallery(tmp_path / "desk")
    yield made
    made.store.close()


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
async def test_the_screens_look_as_they_did(
    scene: Scene, shot: Shot, tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    if shot.no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)

    app = scene.app(shot.actor, hint=shot.hint)
    app.guide = guide if shot.hint else app.guide
    async with looking(app, size=shot.size) as pilot:
        if shot.theme:
            app.theme = shot.theme
        await shot.steps(pilot, scene)
        await look(pilot, shot.name, tmp_path, pytestconfig)
        if shot.then is not None:
            await pilot.resize_terminal(*SMALL)
            await pilot.pause()
            await look(pilot, shot.then, tmp_path, pytestconfig)


async def look(pilot: Pilot[int], name: str, actual: Path, config: pytest.Config) -> None:
    """A screen can seem to rest while a busy machine does something else: it has until it looks as it did."""
    update = bool(config.getoption("update_snapshots"))
    svg = await still(pilot)
    for _ in range(40):
        if update or svg == kept(name):
            break
        await pilot.pause(FRAME_EVERY * 4)
        svg = await still(pilot)
    compared(svg, name, actual=actual, update=update)


async def still(pilot: Pilot[int]) -> str:
    """The picture once nothing moves any more, nor blinks."""
    for line in pilot.app.screen.query(Input):
        line.cursor_blink = False
    seen = ""
    for _ in range(40):
        before, seen = seen, taken(pilot)
        if seen == before:
            return seen
        await pilot.pause(FRAME_EVERY * 1.4)
    raise AssertionError("the screen never came to rest")


def test_pictures_stand_alone_and_each_is_taken() -> None:
    names = {name for shot in SHOTS for name in shot.names}
    assert {file.stem for file in PICTURES.glob("*.svg")} == names
    for file in PICTURES.glob("*.svg"):
        said = file.read_text()
        assert "@font-face" not in said
        assert not re.search(r"url\((?!#)|href=", said)

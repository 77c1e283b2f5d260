"""Pictures of the key screens at two sizes; a change of any is looked at before it is accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from console.live import Link
from core.flow import controls
from tests.console.scene import HOSTILE_BODY, HOSTILE_HTML, Scene, furnish, lines, make_scene, shows, until
from tests.desk import ALICE

WIDE, SMALL = (120, 36), (80, 24)
Snap = Callable[..., bool]
Steps = Callable[[Pilot[int]], Awaitable[None]]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = make_scene(tmp_path)
    furnish(made)
    made.submit(
        ["cfo@acme.example", "x@b.example"],
        subject="Re: revised terms \u202egnp.exe",
        text=HOSTILE_BODY,
        html=HOSTILE_HTML,
    )
    made.store.transact(
        lambda tx: controls.suspend_agent(tx, "quote-bot", reason="complaints 0.41 % > 0.05 %", actor=ALICE)
    )
    made.clock.advance(seconds=5)
    yield made
    made.store.close()


async def to_desk(pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: pilot.app.live.link is Link.LIVE and "opening" not in lines(pilot)[0])  # type: ignore[attr-defined]  # ours
    await shows(pilot, "suspended by alice")


async def to_queue(pilot: Pilot[Any]) -> None:
    await to_desk(pilot)
    await pilot.press("2")
    await shows(pilot, "Re: revised terms")
    await pilot.press("space", "space")
    if pilot.app.size.width >= 120:
        await shows(pilot, "Subj   Your refund 2")


async def to_message(pilot: Pilot[Any]) -> None:
    await to_desk(pilot)
    await pilot.press("2")
    await shows(pilot, "Re: revised terms")
    await pilot.press("end", "enter")
    await shows(pilot, "gnp.exe")
    await shows(pilot, "Dear")


async def to_agent(pilot: Pilot[Any]) -> None:
    await to_desk(pilot)
    await pilot.press("3", "enter")
    await shows(pilot, "agent.suspended" if pilot.app.size.height > 24 else "gated_send")


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
@pytest.mark.parametrize("steps", [to_desk, to_queue, to_message, to_agent], ids=["desk", "queue", "message", "agent"])
def test_the_key_screens_look_as_they_did(
    snap_compare: Snap, scene: Scene, steps: Steps, size: tuple[int, int]
) -> None:
    assert snap_compare(scene.app(), terminal_size=size, run_before=steps)

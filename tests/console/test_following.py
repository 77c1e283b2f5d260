"""A mistake of ours ends neither the console nor what it knows about the desk: it is said, and nothing looks live."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from console.desk_client import READERS
from console.operations import stop
from console.state import DeskUpdate, Link
from core.desk_client import reads
from tests.console.harness import Scene, drawn, looking, said, shows, until
from tests.factories.desk import BOB

pytestmark = pytest.mark.anyio


async def test_an_all_stop_does_not_wait_for_reads_that_hang(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = scene.parts(BOB).desk
    hung = threading.Event()
    monkeypatch.setattr(desk._desk, "read", lambda *_, **__: hung.wait())
    waiting = [asyncio.ensure_future(desk.read(reads.LANES)) for _ in range(2 * READERS)]
    try:
        async with asyncio.timeout(60):
            await desk.act(stop("spam"))
        assert not any(one.done() for one in waiting)
    finally:
        hung.set()
        await asyncio.gather(*waiting)
        desk.close()


def _broken(*_: Any, **__: Any) -> Any:
    raise KeyError("surprise")


@pytest.mark.parametrize("broken", ["events", "read"])
async def test_a_desk_whose_answer_cannot_be_understood_is_not_called_live(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    desk = scene.parts(BOB).desk
    monkeypatch.setattr(desk._desk, broken, _broken)
    lost = asyncio.Event()

    def publish(update: DeskUpdate) -> None:
        if update.live.link is Link.LOST:
            lost.set()

    following = asyncio.ensure_future(desk.follow(publish))
    desk.refresh()
    try:
        async with asyncio.timeout(60):
            await lost.wait()
        assert "internal error: KeyError" in desk.live.lost_reason
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        desk.close()


async def test_a_screen_that_cannot_be_read_says_so_and_the_console_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = scene.app()
    async with looking(app, faulty=True) as pilot:
        await shows(pilot, "support-bot")
        real = app.desk.read

        async def read(which: Any, /, **members: Any) -> Any:
            return _broken() if which is reads.LANES else await real(which, **members)

        monkeypatch.setattr(app.desk, "read", read)
        await pilot.press("4")
        await until(pilot, lambda: "please report it" in said(app))
        assert "internal error: KeyError" in drawn(pilot)
        await pilot.press("1")
        await shows(pilot, "support-bot")

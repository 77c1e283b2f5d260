"""A mistake of ours ends neither the console nor what it knows about the desk: it is said, and nothing looks live."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from console.desk_client import READERS, _Follower
from console.operations import stop
from console.state import DeskUpdate, Link
from core.desk_client import reads
from core.desk_client.interface import Heartbeat
from core.errors import Forbidden
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


class LongLog:
    """A desk whose log arrives in one piece."""

    lines = 20_000

    def events(self, *, after: int | None = None, outline: bool = False) -> Iterator[Heartbeat]:
        del outline
        yield from (Heartbeat(seq, None) for seq in range(after or 0, self.lines))
        raise Forbidden("that was all")


@pytest.mark.parametrize("beside", [False, True])
async def test_what_comes_in_one_piece_is_heard_whole_in_its_order_and_wakes_the_console_once(*, beside: bool) -> None:
    heard, ended, woken = list[Any](), asyncio.Event(), list[int]()

    def hear(news: Any) -> None:
        heard.append(news)
        if isinstance(news, Forbidden):
            ended.set()

    class Counted(_Follower):
        def _hand_over(self) -> None:
            woken.append(len(heard))
            super()._hand_over()

    follower = Counted(LongLog(), 0, asyncio.get_running_loop(), hear)  # type: ignore[arg-type]  # all it uses of a desk
    if beside:
        follower.start()
    else:
        follower.run()
    async with asyncio.timeout(60):
        await ended.wait()
    assert [one.seq for one in heard[:-1]] == list(range(LongLog.lines))
    assert beside or woken == [0]


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

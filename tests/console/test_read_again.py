"""What is read again while somebody looks at it moves neither cursor nor text, mixes no lists, and never ends early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from console.app import PostroomConsole
from console.screens import events, queue
from console.screens.events import EventsScreen
from console.screens.identities import IdentitiesScreen
from console.screens.overview import DeskOverview
from console.screens.trace import TraceScreen
from console.widgets.pane import TextPane
from console.widgets.table import VirtualTable
from core.desk_client import reads
from core.errors import Unavailable
from core.ids import spell_id
from core.operations import screens
from core.services.control import emergency
from tests.console.harness import Scene, drawn, furnish, looking, open_queue, request_identity, said, shows, until
from tests.factories.desk import ALICE, GAIL

pytestmark = pytest.mark.anyio


class Reads:
    """The reads of a console: which have ended, and those that wait until they are let."""

    def __init__(self, app: PostroomConsole, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ended: list[str] = []
        self.begun: list[str] = []
        self.late: Callable[[str, dict[str, Any]], bool] = lambda _name, _members: False
        self.let = asyncio.Event()
        self.fails: Exception | None = None
        real = app.desk.read

        async def read(which: Any, /, **members: Any) -> Any:
            late = self.late(which.name, members)
            self.begun.append(which.name)
            if late:
                await self.let.wait()
                if self.fails is not None:
                    raise self.fails
            answer = await real(which, **members)
            self.ended.append(which.name)
            return answer

        monkeypatch.setattr(app.desk, "read", read)


async def test_the_cursor_stays_on_the_need_that_was_looked_at_also_while_paused(scene: Scene) -> None:
    request_identity(scene)
    scene.store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="odd", actor=ALICE))
    app = scene.app()
    async with looking(app) as pilot:
        await shows(pilot, "suspended by alice")
        screen = app.screen
        assert isinstance(screen, DeskOverview)
        needs = screen.query_one("#needs", VirtualTable)
        needs.focus()
        await pilot.press("end")
        looked_at = screen._need()
        assert looked_at is not None
        assert looked_at.go == "identities"
        scene.store.transact(lambda tx: emergency.stop(tx, reason="fire", actor=ALICE))
        await until(pilot, lambda: any(one.id == "desk:stopped" for one in screen._needs.values()))
        assert (screen._need() or looked_at).id == looked_at.id
        await pilot.press("Z")
        scene.store.transact(lambda tx: emergency.resume_agent(tx, "support-bot", reason="fine", actor=GAIL))
        await until(pilot, lambda: not any(one.go == "agent" for one in app.live.needs))
        await pilot.resize_terminal(118, 34)
        await pilot.pause()
        assert any(one.go == "agent" for one in screen._needs.values())
        assert (screen._need() or looked_at).id == looked_at.id


async def test_a_folded_line_keeps_the_cursor_when_older_events_join_it(scene: Scene) -> None:
    furnish(scene)
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("5")
        await shows(pilot, "email.pending")
        screen = app.screen
        assert isinstance(screen, EventsScreen)
        folded = next(line for line in screen._lines.values() if line.count > 2)
        assert screen.table.seek(folded.id)
        oldest = screen._events[folded.id]
        screen._take([replace(oldest, seq=-1, at=oldest.at - 1)], newer=False)
        event = screen._event()
        assert screen.table.cursor_id == -1
        assert event is not None
        assert event.seq == folded.row.seq


async def test_what_is_read_again_leaves_a_reader_where_they_are(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [scene.submit("jane@example.com", text="one line\n" * 60)]
    request_identity(scene)
    app = scene.app()
    async with looking(app, size=(120, 14)) as pilot:
        seen = Reads(app, monkeypatch)

        async def stays(pane: TextPane, again: Callable[[], object], name: str) -> None:
            await until(pilot, lambda: pane.max_scroll_y > 2)
            pane.scroll_to(y=2, animate=False)
            await until(pilot, lambda: pane.scroll_y == 2)
            before = seen.ended.count(name)
            again()
            await until(pilot, lambda: seen.ended.count(name) > before)
            await pilot.pause()
            assert pane.scroll_y == 2, name

        screen = await open_queue(pilot, "Your refund")
        await stays(screen.query_one("#preview", TextPane), screen._preview, reads.ITEM.name)
        await pilot.press("7")
        await shows(pilot, "must still sign")
        identities = app.screen
        assert isinstance(identities, IdentitiesScreen)
        await stays(identities.query_one("#record", TextPane), identities.reload, reads.IDENTITIES.name)
        await pilot.press("8", *spell_id("m", items[0]), "enter")
        await shows(pilot, "✔ ours")
        await pilot.resize_terminal(120, 9)
        trace = app.screen
        assert isinstance(trace, TraceScreen)
        await stays(trace.query_one("#story", TextPane), trace.reload, reads.TRACE.name)
        await pilot.press("enter", "ctrl+u", "space", "enter")
        await pilot.pause()
        assert "Looking" not in drawn(pilot)
        assert "✔ ours" in trace.query_one("#story", TextPane).plain


async def test_older_events_of_another_filter_do_not_enter_the_list_and_a_lost_page_is_no_internal_error(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "EVENT_PAGE", 4)
    for n in range(6):
        scene.submit(f"r{n}@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        seen = Reads(app, monkeypatch)
        seen.late = lambda name, members: name == reads.EVENTS.name and "before" in members
        await pilot.press("5", "F")
        await shows(pilot, "email.pending")
        screen = app.screen
        assert isinstance(screen, EventsScreen)
        await pilot.press("end")
        await until(pilot, lambda: seen.begun.count(reads.EVENTS.name) > seen.ended.count(reads.EVENTS.name))
        before = seen.begun.count(reads.EVENTS.name)
        screen.filter_by("type:email.submitted")
        await until(pilot, lambda: {row.type for row in screen._events.values()} == {"email.submitted"})
        seen.let.set()
        await until(pilot, lambda: seen.ended.count(reads.EVENTS.name) >= before + 1)
        await pilot.pause()
        assert {row.type for row in screen._events.values()} == {"email.submitted"}
        seen.fails = Unavailable("the network is gone")
        screen._older = 5
        screen._load_older()
        await shows(pilot, "the network is gone")
        assert "internal error" not in said(app)


async def test_a_tail_catches_up_with_a_burst_of_more_than_a_page(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "EVENT_PAGE", 3)
    monkeypatch.setattr(events, "FULL", 3)
    scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("5", "F")
        await shows(pilot, "email.pending")
        screen = app.screen
        assert isinstance(screen, EventsScreen)
        await pilot.press("Z")
        for n in range(5):
            scene.submit(f"r{n}@example.com")
        await until(pilot, lambda: app.waiting >= 10)
        await pilot.press("Z")
        await until(pilot, lambda: len([row for row in screen._events.values() if row.type == "email.pending"]) == 6)


async def test_a_row_whose_facts_were_let_go_is_not_approved_unopened(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "FACTS_KEPT", 0)
    scene.submit("a@example.com", subject="wire\u202egnp.exe")
    scene.submit("b@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "b@example.com")
        await pilot.press("home")
        screen.table.touch_rows([screen.table.roster.ids[1]])
        await screen.fetch([screen.table.roster.ids[1]])  # another row is read again
        assert len(screen._known) == 2
        await pilot.press("a")
        await until(pilot, lambda: "open it first" in said(app))
        screen._known.clear()
        await pilot.press("a")
        await until(pilot, lambda: "it is still loading" in said(app))


async def test_a_filter_by_age_waits_for_the_read_that_is_under_way(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "Your refund")
        screen.filter_by("age>1h")
        await shows(pilot, "Nothing matches")
        seen = Reads(app, monkeypatch)
        seen.late = lambda name, _members: name == reads.QUEUE.name
        screen._age()
        await until(pilot, lambda: reads.QUEUE.name in seen.begun)
        for _ in range(3):
            screen._age()
        await pilot.pause()
        assert seen.begun.count(reads.QUEUE.name) == 1
        seen.let.set()
        await until(pilot, lambda: seen.ended.count(reads.QUEUE.name) == 2)

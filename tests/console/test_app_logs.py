"""The gateway's log lines on a screen: followed, filtered, by level, waiting while somebody reads further up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from core.db.tables import LOG_ENTRY
from core.log_file import NAME, LogFile
from tests.cli.cli_runner import with_mailbox
from tests.console.harness import Scene, drawn, lines, looking, make_scene, shows, until
from tests.console.test_over_http import console, gateway
from tests.factories.desk import OLIVE
from tests.factories.log_lines import entry, log_night

pytestmark = pytest.mark.anyio


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = make_scene(tmp_path)
    yield made
    made.store.close()


async def test_l_shows_the_newest_lines_and_what_is_written_from_then_on(scene: Scene) -> None:
    log_night(scene.directory)
    async with looking(scene.app()) as pilot:
        await pilot.press("l")
        await shows(pilot, "egress departures: the route answers again")
        await until(pilot, lambda: "Logs of desk-a" in lines(pilot)[0])
        assert "▲ warn  desk-a 127.0.0.1:8025 egress departures: the relay is not answering" in drawn(pilot)
        LogFile(scene.directory / NAME).write(entry("a line just written", level="error"))
        await shows(pilot, "✖ error desk-a 127.0.0.1:8025 gateway gateway: a line just written")
        await pilot.press("escape")
        await until(pilot, lambda: "Logs of" not in drawn(pilot))


async def test_level_filter_and_problems_only_choose_lines(scene: Scene) -> None:
    log_night(scene.directory)
    async with looking(scene.app(), size=(80, 24)) as pilot:
        await pilot.press("l")
        await shows(pilot, "the route answers again")
        await pilot.press("v", "v")
        await until(pilot, lambda: "serving LMTP" not in drawn(pilot))
        await until(pilot, lambda: "Logs warning+" in lines(pilot)[0])
        await pilot.press("v", "v")
        await shows(pilot, "serving LMTP")
        await pilot.press("slash", *"process:egress relay", "enter")
        await until(pilot, lambda: "serving LMTP" not in drawn(pilot))
        assert "the relay is not answering" in drawn(pilot)
        await until(pilot, lambda: "process:egress relay 1" in lines(pilot)[0])
        await pilot.press("escape")
        await shows(pilot, "serving LMTP")
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "serving LMTP" not in drawn(pilot))
        await pilot.press("exclamation_mark")
        await shows(pilot, "serving LMTP")
        await pilot.press("slash", *"agent:x", "enter")
        await shows(pilot, "unknown field agent")


async def test_scrolled_up_it_waits_and_counts_and_the_end_goes_on(scene: Scene) -> None:
    file = LogFile(scene.directory / NAME)
    for n in range(80):
        file.write(entry(f"line {n} of the night"))
    async with looking(scene.app()) as pilot:
        await pilot.press("l")
        await shows(pilot, "line 79 of the night")
        await shows(pilot, "following")
        await pilot.press("g")
        await shows(pilot, "line 0 of the night")
        file.write(entry("written meanwhile"))
        await shows(pilot, "waits, 1 new: G")
        assert "line 0 of the night" in drawn(pilot)
        assert "written meanwhile" not in drawn(pilot)
        await pilot.press("G")
        await shows(pilot, "written meanwhile")
        await shows(pilot, "following")


async def test_f_stops_following_and_goes_on(scene: Scene) -> None:
    log_night(scene.directory)
    async with looking(scene.app()) as pilot:
        await pilot.press("l")
        await shows(pilot, "the route answers again")
        await pilot.press("f")
        await shows(pilot, "not following: f")
        LogFile(scene.directory / NAME).write(entry("written meanwhile"))
        await pilot.press("w", "w")
        assert "written meanwhile" not in drawn(pilot)
        await pilot.press("f")
        await shows(pilot, "written meanwhile")


async def test_w_cuts_long_lines_and_wraps_them_again(scene: Scene) -> None:
    LogFile(scene.directory / NAME).write(entry("long", data={"reason": "word " * 60 + "END"}))
    async with looking(scene.app(), size=(80, 24)) as pilot:
        await pilot.press("l")
        await shows(pilot, "END")
        await pilot.press("w")
        await until(pilot, lambda: "END" not in drawn(pilot))
        assert "gateway: long" in drawn(pilot)
        await pilot.press("w")
        await shows(pilot, "END")


async def test_foreign_text_in_a_line_is_spelled_out(scene: Scene) -> None:
    LogFile(scene.directory / NAME).write(entry("\x1b]0;x\x07 [b]x[/b]", data={"reply": "\u202egnp"}))
    async with looking(scene.app()) as pilot:
        await pilot.press("l")
        await shows(pilot, "reply=⟨U+202E⟩gnp")
        assert "[b]x[/b]" in drawn(pilot)
        assert "\x1b" not in drawn(pilot)


async def test_nothing_kept_is_said_and_a_role_without_the_right_is_told(scene: Scene) -> None:
    async with looking(scene.app()) as pilot:
        await pilot.press("l")
        await shows(pilot, "No lines are kept here")
        await pilot.press("v")
        await shows(pilot, "No line matches.")
    async with looking(scene.app(OLIVE), notices=True) as pilot:
        await pilot.press("l")
        await shows(pilot, "oncall")
        assert "Logs" not in lines(pilot)[0]


async def test_reading_them_is_in_the_log_once_an_hour(scene: Scene) -> None:
    log_night(scene.directory)
    async with looking(scene.app()) as pilot:
        await pilot.press("l")
        await shows(pilot, "the route answers again")
        LogFile(scene.directory / NAME).write(entry("another look"))
        await shows(pilot, "another look")
    rows = scene.store.rows(select(LOG_ENTRY).where(LOG_ENTRY.c.type == "desk.read"))
    assert [row.actor for row in rows if "gateway_log" in str(row.data)] == ["alice"]


async def test_when_the_gateway_goes_its_last_lines_stay_and_when_it_is_back_the_next_follow(tmp_path: Path) -> None:
    office = with_mailbox(tmp_path / "desk")
    log_night(office.directory)
    async with AsyncExitStack() as running:
        url = await running.enter_async_context(gateway(office))
        async with looking(console(url, office, "alice")) as pilot:
            await pilot.press("l")
            await shows(pilot, "the route answers again")
            assert "LOCAL" not in lines(pilot)[0]
            await running.aclose()
            await shows(pilot, "no answer")
            assert "the route answers again" in drawn(pilot)
            LogFile(office.directory / NAME).write(entry("it serves once more"))
            async with gateway(office, port=urlsplit(url).port or 0):
                await shows(pilot, "it serves once more")
                await until(pilot, lambda: "no answer" not in drawn(pilot))

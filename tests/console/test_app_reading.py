"""Review stays honest: what was read is known, what was not is said, and one template is still many bodies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console.screens.message import LOOK_FOR, MessageScreen
from console.views.rows import TIMES
from core.db import audit_log
from core.db.tables import READER, READING
from core.events import EmailApproved, ReviewHurried
from core.rules.policy import Policy
from tests.console.harness import Scene, drawn, lines, looking, make_scene, open_queue, press, said, shows, until

pytestmark = pytest.mark.anyio


def dwells(scene: Scene) -> list[int | None]:
    with scene.store.read() as conn:
        return [e.event.dwell_ms for e in audit_log.read(conn, after=0) if isinstance(e.event, EmailApproved)]


def alarms(scene: Scene) -> list[ReviewHurried]:
    with scene.store.read() as conn:
        return [e.event for e in audit_log.read(conn, after=0) if isinstance(e.event, ReviewHurried)]


def reads(scene: Scene) -> int | None:
    row = scene.store.row(READER.select())
    return None if row is None else row.item


def letters(scene: Scene, n: int, **more: str) -> list[int]:
    return [
        scene.submit(f"r{i}@example.com", subject=f"Your quote Q-{i}", text=f"Dear R{i},\nyour quote {i}.", **more)
        for i in range(n)
    ]


# --- another view -----------------------------------------------------------------------------------------------------


async def test_escape_leads_from_another_view_to_the_message_and_only_then_to_the_list(scene: Scene) -> None:
    letters(scene, 1)
    async with looking(scene.app()) as pilot:
        await open_queue(pilot, "Your quote Q-0")
        await pilot.press("enter")
        await shows(pilot, "Dear R0")
        for view in ("H", "V"):
            await pilot.press(view)
            await shows(pilot, "MIME-Version: 1.0")
            await pilot.press("escape")
            await until(pilot, lambda: "MIME-Version: 1.0" not in drawn(pilot))
            assert isinstance(pilot.app.screen, MessageScreen)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, MessageScreen))


# --- reading ----------------------------------------------------------------------------------------------------------


async def test_what_the_preview_shows_is_read_as_long_as_it_stays(scene: Scene) -> None:
    first, second = letters(scene, 2)
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: reads(scene) == first)
        scene.clock.advance(seconds=6)
        await pilot.press("j")
        await until(pilot, lambda: reads(scene) == second)
        scene.clock.advance(seconds=9)
        await pilot.press("k", "a")
        await until(pilot, lambda: len(dwells(scene)) == 1)
        assert dwells(scene) == [6_000]
        await pilot.press("1")
        await until(pilot, lambda: reads(scene) is None)


async def test_without_a_preview_nothing_is_read_until_it_is_opened(scene: Scene) -> None:
    (item,) = letters(scene, 1)
    app = scene.app()
    async with looking(app, size=(90, 30)) as pilot:
        await open_queue(pilot, "Your quote")
        await pilot.press("enter")
        await until(pilot, lambda: reads(scene) == item)
        await pilot.press("escape")
        await until(pilot, lambda: reads(scene) is None)


async def test_a_message_walked_to_is_the_one_that_is_read(scene: Scene) -> None:
    first, second = letters(scene, 2)
    app = scene.app()
    async with looking(app, size=(90, 30)) as pilot:
        await open_queue(pilot, "r1@example.com")
        await pilot.press("enter")
        await until(pilot, lambda: reads(scene) == first)
        scene.clock.advance(seconds=5)
        await pilot.press("J")
        await until(pilot, lambda: reads(scene) == second)
        rows = {row.item: row.read_us for row in scene.store.rows(READING.select())}
        assert rows == {first: 5_000_000, second: 0}


async def test_a_message_left_while_it_is_read_again_ends_nothing(scene: Scene) -> None:
    letters(scene, 1)
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r0@example.com")
        await pilot.press("enter")
        await shows(pilot, "To     r0@example.com")
        page = app.screen
        assert isinstance(page, MessageScreen)
        await pilot.press("escape")
        await until(pilot, lambda: not page.display)
        await page.remove()
        await page.reload().wait()
        assert app.is_running


# --- the alarm --------------------------------------------------------------------------------------------------------


async def test_approving_unread_is_said_to_who_does_it_and_to_the_desk(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    letters(scene, 4)
    app = scene.app()
    async with looking(app, size=(90, 30)) as pilot:
        await open_queue(pilot, "r3@example.com")
        for n in range(1, 4):
            await pilot.press("a")
            await until(pilot, lambda n=n: len(dwells(scene)) == n and app.session.approvals != [])  # type: ignore[misc]  # bound now
            await pilot.press("j")
        await until(pilot, lambda: "alice approved 3 in a minute" in said(app))
        await until(pilot, lambda: "▲ alice approved 3" in lines(pilot)[-1])
        assert len(alarms(scene)) == 1
        await pilot.press("1")
        await shows(pilot, "alice approved 3 in a minute, 3 of them read for")
        await pilot.press("5")
        await shows(pilot, "review.hurried")
    scene.store.close()


async def test_a_reviewer_who_reads_hears_nothing(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, policy=Policy.model_validate({"review": {"messages_per_minute": 5}}))
    items = letters(scene, 4)
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r3@example.com")
        for at, item in enumerate(items):
            await until(pilot, lambda item=item: reads(scene) == item)  # type: ignore[misc]  # bound now
            scene.clock.advance(seconds=4)
            await pilot.press("a")
            await until(pilot, lambda at=at: len(dwells(scene)) == at + 1)  # type: ignore[misc]  # bound now
            await pilot.press("j")
        assert dwells(scene) == [4_000] * 4
        assert alarms(scene) == []
    scene.store.close()


# --- what is alike ----------------------------------------------------------------------------------------------------


async def test_one_template_is_counted_walked_and_marked_and_each_body_still_seen(scene: Scene) -> None:
    items = letters(scene, 3)
    other = scene.submit("x@example.com", subject="Quite another thing")
    fourth = scene.submit("r9@example.com", subject="Your quote Q-9", text="Dear R9,\nyour quote 9.")
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "r9@example.com")
        assert drawn(pilot).count(f"{TIMES}4") == 4
        for item in (*items[1:], fourth, items[0]):  # past the other one, and round
            await pilot.press("n")
            await until(pilot, lambda item=item: screen.table.cursor_id == item)  # type: ignore[misc]  # bound now
        await pilot.press("equals_sign")
        await shows(pilot, "A/X marked(4)")
        assert list(screen.table.marks) == [*items, fourth]
        assert other not in screen.table.marks
        await pilot.press("enter")
        await shows(pilot, "1 of 4")
        await pilot.press("J", "J", "J")
        await shows(pilot, "4 of 4")
        await shows(pilot, "your quote 9.")
        await pilot.press("escape")
        await shows(pilot, "A/X marked(4)")
        await pilot.press("A")
        await shows(pilot, "4 messages from 1 template")
        await press(pilot, scene, "4", "space")
        await until(pilot, lambda: len(dwells(scene)) == 4)
        await shows(pilot, "u undo batch (4)")


async def test_a_group_shrinks_as_its_messages_are_decided(scene: Scene) -> None:
    letters(scene, 3)
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: drawn(pilot).count(f"{TIMES}3") == 3)
        await pilot.press("a")
        await until(pilot, lambda: drawn(pilot).count(f"{TIMES}2") == 2)


async def test_a_message_that_is_like_no_other_says_so(scene: Scene) -> None:
    scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("n", "equals_sign")
        await until(pilot, lambda: "no other message is like this one" in said(app))


# --- what fails a check -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"text": "pay\u200bpal"},
        pytest.param({"html": "<a href='https://evil.example'>www.bank.example</a>"}, marks=pytest.mark.thorough),
        pytest.param({"text": "https://p\u0430ypal.example/"}, marks=pytest.mark.thorough),
        {"subject": "Invoice \u202efdp.exe"},
    ],
)
async def test_what_would_deceive_must_be_opened_first(scene: Scene, more: dict[str, str]) -> None:
    scene.submit(**more)
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: re.search(r"✖[1-9]", drawn(pilot)) is not None)
        await pilot.press("a")
        await until(pilot, lambda: "open it first" in said(app))
        await pilot.press("space", "A")
        await until(pilot, lambda: "no marked message can be approved" in said(app))
        assert dwells(scene) == []
        await pilot.press("enter")
        await shows(pilot, "✖ ")
        await pilot.press("a")
        await until(pilot, lambda: "read it first" in said(app))
        scene.monotonic.at += LOOK_FOR
        await pilot.press("a")
        await shows(pilot, "failed check")
        (count,) = re.findall(r"despite (\d+) failed check", drawn(pilot))
        await press(pilot, scene, *"phoned", "enter", count, "space")
        await until(pilot, lambda: len(dwells(scene)) == 1)

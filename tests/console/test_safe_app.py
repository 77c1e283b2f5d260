"""The console is careful with who sits before it: stray clicks, bad themes, modes that rise, mailboxes that are two."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from textual import events
from textual.color import Color
from textual.pilot import Pilot

from console.app import PostroomConsole
from console.themes import theme_folder
from core.db.tables import MAILBOX
from core.model import Mode
from core.services.identity import mailbox_settings
from tests.console.fixtures_gallery import add_mailbox_to
from tests.console.harness import (
    Scene,
    drawn,
    looking,
    open_queue,
    press,
    said,
    shows,
    until,
)
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, GAIL
from tests.factories.records import SALES, add_keys, issued

pytestmark = pytest.mark.anyio
SECOND = f"second@{DOMAIN}"


def mode(scene: Scene, address: str = ADDRESS) -> str:
    row = scene.store.row(select(MAILBOX.c.mode).where(MAILBOX.c.address == address))
    assert row is not None
    return str(row.mode)


# --- modes ------------------------------------------------------------------------------------------------------------


async def test_a_mode_rises_by_typing_its_name_and_a_reason(scene: Scene) -> None:
    scene.store.transact(lambda tx: add_keys(tx, scene.bench.stream_id))
    issued(scene.store)
    scene.store.transact(
        lambda tx: mailbox_settings.change_mode(tx, SALES, Mode.GATED_ALL, reason="spike", actor=ALICE)
    )
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        await shows(pilot, ">sales-bot")
        await pilot.press("m")
        await shows(pilot, f"Mode of {SALES}, now gated_all")
        await press(pilot, scene, "home", "enter")  # what cannot be chosen is skipped: the next rung is the first
        await shows(pilot, "gated_all → gated_send")
        await press(pilot, scene, *"it_is_well", "enter", *"gated_sen", "space", "enter")
        await shows(pilot, "Enter never confirms")
        await pilot.press("backspace", "d", "space")
        await until(pilot, lambda: mode(scene, SALES) == "gated_send")
        await until(pilot, lambda: "is gated_send now" in said(app))


async def test_what_the_verb_refuses_is_said_with_what_to_do(scene: Scene) -> None:
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        await pilot.press("m")
        await press(pilot, scene, "home", "enter")
        await shows(pilot, "gated_send → monitored")
        await press(pilot, scene, *"care", "enter", *"monitored", "space")
        await until(pilot, lambda: "nowhere to notify - give it an approval_webhook" in said(app))
        assert mode(scene) == "gated_send"


async def test_a_rise_that_somebody_else_overtook_is_refused_with_the_reason(scene: Scene) -> None:
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        await pilot.press("m")
        await press(pilot, scene, "home", "enter")
        await shows(pilot, "gated_send → monitored")
        scene.store.transact(
            lambda tx: mailbox_settings.change_mode(tx, ADDRESS, Mode.READ_ONLY, reason="spike", actor=ALICE)
        )
        await press(pilot, scene, *"care", "enter", *"monitored", "space")
        await until(pilot, lambda: "one step at a time" in said(app))
        assert mode(scene) == "read_only"


async def test_who_may_not_raise_is_told_which_role_may(scene: Scene) -> None:
    app = scene.app(ALICE)
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        await pilot.press("m")
        await shows(pilot, "needs role governance")
        await press(pilot, scene, "home", "enter")
        await shows(pilot, "gated_send → gated_all")  # all that can be chosen goes down
        await press(pilot, scene, "escape")
        assert mode(scene) == "gated_send"


async def test_of_two_mailboxes_the_key_asks_which(scene: Scene) -> None:
    bench = scene.bench
    scene.store.transact(lambda tx: add_mailbox_to(tx, bench.agent_id, SECOND, bench.stream_id, Mode.MONITORED))
    app = scene.app()
    async with looking(app) as pilot:
        await shows(pilot, "+1")
        await pilot.press("m")
        await shows(pilot, "Which mailbox of support-bot?")
        await press(pilot, scene, "end", "enter")
        await shows(pilot, f"Mode of {ADDRESS}, now gated_send")
        await press(pilot, scene, "end", "enter")
        await shows(pilot, "gated_send → read_only")
        await press(pilot, scene, *"spike", "enter")
        await until(pilot, lambda: mode(scene) == "read_only")
        assert mode(scene, SECOND) == "monitored"


# --- clicks -----------------------------------------------------------------------------------------------------------


async def click(pilot: Pilot[int], x: int, y: int) -> None:
    """As the terminal reports it, to the app; the pilot's own click goes past it to the screen."""
    for kind in (events.MouseDown, events.MouseUp):
        pilot.app.post_message(kind(None, x, y, 0, 0, 1, False, False, False, x, y))
    await pilot.pause()


async def test_the_click_that_brings_the_terminal_to_the_front_moves_nothing(scene: Scene) -> None:
    first, second = scene.submit("a@example.com"), scene.submit("b@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "b@example.com")
        app.post_message(events.AppBlur())
        app.post_message(events.AppFocus())
        await pilot.pause()
        await click(pilot, 10, 4)
        assert screen.table.cursor_id == first
        await click(pilot, 10, 4)
        await until(pilot, lambda: screen.table.cursor_id == second)


async def test_a_key_after_the_terminal_came_to_the_front_is_meant(scene: Scene) -> None:
    first, second = scene.submit("a@example.com"), scene.submit("b@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "b@example.com")
        app.post_message(events.AppFocus())
        await pilot.pause()
        await pilot.press("j")
        await until(pilot, lambda: screen.table.cursor_id == second)
        await click(pilot, 10, 3)
        await until(pilot, lambda: screen.table.cursor_id == first)


# --- themes -----------------------------------------------------------------------------------------------------------


async def test_a_saved_theme_is_drawn_while_the_console_runs_and_a_bad_one_is_refused_and_said(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "themes"
    shutil.copytree(theme_folder(), folder)
    monkeypatch.setattr("console.personal_app.theme_folder", lambda: folder)
    path = folder / "postroom-dark.toml"
    good = path.read_text()
    background = next(line for line in good.splitlines() if line.startswith("background"))
    app = scene.app()
    async with looking(app) as pilot:

        def save(text: str) -> None:  # the watch starts in its own time: save until it has seen one
            path.write_text(text)

        await _until_saved(pilot, lambda: save(good.replace(background, 'background = "#203040"')), app, "#203040")
        save("[palette")
        await until(pilot, lambda: "theme rejected, keeping the last good one" in said(app))
        assert app.screen.styles.background == Color.parse("#203040")
        save(good.replace(background, 'background = "#010203"'))
        await until(pilot, lambda: app.screen.styles.background == Color.parse("#010203"))
        await open_queue(pilot, "Nothing is held")
        assert app.screen.styles.background == Color.parse("#010203")


async def _until_saved(pilot: Pilot[int], save: Callable[[], None], app: PostroomConsole, colour: str) -> None:
    for _ in range(60):
        save()
        for _ in range(10):
            await pilot.pause(0.05)
            if app.screen.styles.background == Color.parse(colour):
                return
    raise AssertionError(f"the theme was never drawn:\n{drawn(pilot)}")

"""A subject line must not drive the terminal: every screen is drawn over hostile mail, and looked at cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.flow import controls, suppressions
from core.flow.suppressions import Entry
from core.ledger.tables import Mailbox, table
from tests.console.scene import (
    HOSTILE,
    HOSTILE_BODY,
    HOSTILE_HTML,
    Scene,
    drawn,
    looking,
    make_scene,
    press,
    request_identity,
    shows,
    until,
)
from tests.desk import ALICE, GAIL

pytestmark = pytest.mark.anyio
SIZES = ((120, 36), (80, 24))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = make_scene(tmp_path)
    yield made
    made.store.close()


def hostile_desk(scene: Scene) -> int:
    """Hostile wherever somebody outside has the word: subject, body, HTML, file names, addresses, runs, reasons."""
    item = scene.submit(
        ["cfo@acme.example", "x@b.example"],
        subject="Re: revised terms \u202egnp.exe [@click=app.perform('approve')]a[/] [/b]",
        text=HOSTILE_BODY, html=HOSTILE_HTML, run="run [@click=app.quit]x[/] [/b]",
    )  # fmt: skip
    request_identity(scene)
    c = table(Mailbox).c
    scene.store.transact(
        lambda tx: tx.write(
            table(Mailbox).update().where(c.status == "requested").values(purpose=HOSTILE, owner=HOSTILE)
        )
    )
    scene.store.transact(lambda tx: suppressions.add(tx, Entry("gone@example.com"), actor=ALICE))
    scene.store.transact(lambda tx: controls.suspend_agent(tx, "support-bot", reason=HOSTILE, actor=GAIL))
    return item


def assert_inert(pilot: Pilot[int], where: str) -> None:
    """Nothing that was drawn is a control, an action of somebody else's, or a link."""
    for strip in pilot.app.screen._compositor.render_strips():
        for segment in strip:
            assert segment.control is None, where
            assert segment.text.isprintable(), f"{where}: {segment.text!r}"
            style = segment.style
            if style is None:
                continue
            assert style.link is None, f"{where}: {segment.text!r}"
            foreign = {key: value for key, value in (style.meta or {}).items() if key.startswith("@")}
            assert not foreign, f"{where}: {segment.text!r} {foreign}"


@pytest.mark.parametrize("size", SIZES)
async def test_no_screen_draws_a_control_an_action_or_a_link_of_hostile_mail(
    scene: Scene, size: tuple[int, int]
) -> None:
    hostile_desk(scene)
    app = scene.app()
    async with looking(app, size=size) as pilot:
        await shows(pilot, "suspended by gail")
        assert_inert(pilot, "desk")
        await pilot.press("3", "enter")
        await shows(pilot, "SUSPENDED")
        assert_inert(pilot, "agent")
        await pilot.press("2")
        await shows(pilot, "Re: revised")
        assert_inert(pilot, "queue")
        await pilot.press("enter")
        await shows(pilot, "⟨U+202E⟩")
        assert_inert(pilot, "message")
        for key, sign in (("H", "header fields"), ("V", "rendered"), ("D", "as issued")):
            await pilot.press(key)
            await shows(pilot, sign)
            assert_inert(pilot, f"message {key}")
        await pilot.press("x")
        await shows(pilot, "Reject m")
        assert_inert(pilot, "reject")
        await press(pilot, scene, "escape")
        for key, sign in (("4", "SITE"), ("5", "agent.suspended"), ("6", "gone@example.com"), ("7", "○ requested")):
            await pilot.press(key)
            await shows(pilot, sign)
            assert_inert(pilot, key)
        await pilot.press("8", *"support-bot", "enter")
        await shows(pilot, "agent of this desk")
        assert_inert(pilot, "trace")


async def test_hostile_words_reach_the_screen_as_they_are_spelled(scene: Scene) -> None:
    hostile_desk(scene)
    app = scene.app()
    async with looking(app, size=(160, 50)) as pilot:
        await pilot.press("2")
        await shows(pilot, "Re: revised")
        await pilot.press("enter")
        await shows(pilot, "[@click=app.perform('approve')]a[/] [/b]")
        await shows(pilot, "Dear ⟨U+001B⟩[31mMs⟨U+001B⟩[0m Doe,")
        await shows(pilot, "hidden or bidi characters: subject 1, body 6")
        await shows(pilot, "a link says www.bank.example and goes to evil.example")
        await shows(pilot, "the HTML holds text its reader would not see")


async def test_notices_and_the_filter_line_take_foreign_text_too(scene: Scene) -> None:
    app = scene.app()
    async with looking(app, notices=True) as pilot:
        app.say(HOSTILE, "error")
        await until(pilot, lambda: "[JIRA-12]" in drawn(pilot))
        assert_inert(pilot, "notice")
        await pilot.press("2")
        await shows(pilot, "Nothing is held")
        await pilot.press("slash")
        app.screen.query_one("FilterLine", Input).value = HOSTILE
        await pilot.pause()
        assert_inert(pilot, "filter")


async def test_every_click_on_a_hostile_queue_decides_nothing(scene: Scene) -> None:
    scene.submit(subject="[@click=app.perform('approve')]click me[/]")
    app = scene.app()
    async with looking(app, size=(120, 20)) as pilot:
        await pilot.press("2")
        await shows(pilot, "[@click=app.perform")
        for x in range(0, 118, 6):
            await pilot.click(offset=(x, 3))
        assert app.session.approvals == []
        assert app.live.held == 1

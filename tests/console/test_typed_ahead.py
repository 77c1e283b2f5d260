"""Keys that arrive together, as over a connection that lags: each acts where the one before it has led."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual import events
from textual.app import ComposeResult
from textual.widgets import Input, OptionList, Static

from console.dialogs import DEAF_FOR, ChoiceDialog, Dialog, WaitingDialog
from console.keymap import ACTIONS
from console.safe_app import SafeApp
from console.screens.desk_screen import DeskScreen
from console.screens.groups import GroupsPage
from console.screens.message import MessageScreen
from console.views.rows import TIMES
from console.widgets.filter_line import FilterLine
from core.db.tables import REVIEW
from core.desk_client import reads
from core.services.sending import review
from tests.console.harness import (
    Scene,
    burst,
    drawn,
    handled,
    looking,
    open_queue,
    request_identity,
    shows,
    until,
)
from tests.factories.desk import BOB, GAIL

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key may take its time on a busy machine: the next one waits for it, not for the clock."""
    monkeypatch.setattr("console.safe_app.HANDLED_TIMEOUT", 60.0)


async def test_a_filter_typed_at_once_goes_into_its_line_and_decides_nothing(scene: Scene) -> None:
    items = [scene.submit(f"r{n}@example.com") for n in range(3)]
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "r0@example.com")
        burst(app, *"/agent:xara*")
        await until(pilot, lambda: screen.query_one(FilterLine).value == "agent:xara*")
        assert screen.query_one(FilterLine).has_focus
        assert not screen.table.marks
    statuses = {row.status for row in scene.store.rows(REVIEW.select())}
    assert (len(items), statuses) == (3, {"pending"})


@pytest.mark.parametrize(("typed", "line"), [("xaaa", "aaa"), (":aaa", "aaa"), ("?aaa", None)])
async def test_what_is_typed_behind_a_question_decides_nothing_below_it(
    scene: Scene, typed: str, line: str | None
) -> None:
    scene.submit("r0@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r0@example.com")
        scene.monotonic.step = DEAF_FOR + 0.1  # no dialog is deaf: what it ignores would not be seen to reach it
        burst(app, *typed)
        await until(pilot, lambda: len(app.screen_stack) > 1)
        await handled(pilot, app)
        if line is not None:
            assert app.screen.query_one(Input).value == line
    assert [row.status for row in scene.store.rows(REVIEW.select())] == ["pending"]


async def test_what_is_typed_behind_a_choice_goes_into_the_question_that_follows_it(scene: Scene) -> None:
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        scene.monotonic.step = DEAF_FOR + 0.1
        burst(app, "m", "end", "enter", *"spike")  # on the screen below, s would suspend the agent
        await until(pilot, lambda: isinstance(app.screen, Dialog) and bool(app.screen.query(Input)))
        await handled(pilot, app)
        assert "gated_send → read_only" in drawn(pilot)
        assert app.screen.query_one(Input).value == "spike"


async def test_what_is_typed_behind_a_command_of_the_palette_goes_into_the_question_it_opens(scene: Scene) -> None:
    scene.submit("r0@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r0@example.com")
        scene.monotonic.step = DEAF_FOR + 0.1
        await pilot.press(":", *"ctrl+x")
        await until(pilot, lambda: app.screen.query_one(OptionList).option_count == 1)
        burst(app, "down", "enter", *"aaa")
        await until(pilot, lambda: isinstance(app.screen, Dialog))
        await handled(pilot, app)
        assert app.screen.query_one(Input).value == "aaa"
    assert [row.status for row in scene.store.rows(REVIEW.select())] == ["pending"]


def pending(scene: Scene) -> list[int]:
    return [
        row.message_id
        for row in scene.store.rows(REVIEW.select().order_by(REVIEW.c.message_id))
        if row.status == "pending"
    ]


async def test_nothing_under_the_cursor_is_decided_while_a_filter_is_being_read(scene: Scene) -> None:
    scene.submit("r0@example.com")
    request_identity(scene)
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        for number, text, action in (("2", "r0@example.com", "open"), ("7", "○ requested", "veto")):
            await pilot.press(number)
            await shows(pilot, text)
            screen = app.screen
            assert isinstance(screen, DeskScreen)
            assert app.why_not(ACTIONS[action]) is None
            screen.filter_by("agent:nobody")
            assert app.why_not(ACTIONS[action]) == "what you asked for is still loading"
            await until(pilot, lambda screen=screen: not screen.rows_pending)  # type: ignore[misc]  # bound now


async def test_a_decision_typed_behind_next_alike_is_never_about_the_message_before_it(scene: Scene) -> None:
    first, _ = (scene.submit(f"r{n}@example.com", subject=f"Your quote Q-{n}") for n in range(2))
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "r1@example.com")
        await until(pilot, lambda: screen.table.cursor_id == first and app.why_not(ACTIONS["next_alike"]) is None)
        burst(app, "n", "a")
        await until(pilot, lambda: screen.table.cursor_id != first)
        await handled(pilot, app)
    assert first in pending(scene)


async def test_a_question_typed_behind_the_next_message_is_never_about_the_one_before_it(scene: Scene) -> None:
    for n in range(2):
        scene.submit(f"r{n}@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r1@example.com")
        await pilot.press("enter")
        await shows(pilot, "To     r0@example.com")
        burst(app, "J", "S")
        await handled(pilot, app)
        if isinstance(app.screen, ChoiceDialog):
            assert [choice.key for choice in app.screen._choices] == ["r1@example.com"]


async def test_what_is_typed_while_a_template_is_read_goes_to_its_page_or_its_question(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        scene.submit(f"r{n}@example.com", subject=f"Your quote Q-{n}")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r1@example.com")
        await pilot.press("t")
        await shows(pilot, "oldest")
        real, answers = app.desk.read, asyncio.Event()

        async def late(read: Any, /, **members: Any) -> Any:
            if read is reads.ALIKE:
                await answers.wait()
            return await real(read, **members)

        monkeypatch.setattr(app.desk, "read", late)
        await pilot.press("enter", "J")
        await until(pilot, lambda: isinstance(app.screen, MessageScreen))
        assert app.why_not(ACTIONS["approve"]) == "what you asked for is still loading"
        answers.set()
        await shows(pilot, "2 of 3")
        await pilot.press("escape")
        await shows(pilot, "oldest")
        answers.clear()
        scene.monotonic.step = DEAF_FOR + 0.1
        burst(app, "A", "4")
        await until(pilot, lambda: isinstance(app.screen, WaitingDialog))
        await handled(pilot, app)
        answers.set()
        await shows(pilot, "Approve 3 of 3 messages?")
    assert len(pending(scene)) == 3


async def test_a_template_keeps_the_cursor_when_its_oldest_message_is_decided(scene: Scene) -> None:
    others = [
        scene.submit(f"a{n}@example.com", subject=f"Refund {n}", text="Your refund is on its way.") for n in range(3)
    ]
    items = [
        scene.submit(f"r{n}@example.com", subject=f"Your quote Q-{n}", text="Here is our quote.") for n in range(2)
    ]
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r1@example.com")
        await pilot.press("t")
        await shows(pilot, f"{TIMES}{len(others)}")
        await pilot.press("end")
        page = app.screen
        assert isinstance(page, GroupsPage)
        chosen = page._group()
        assert chosen is not None
        oldest = chosen.samples[0].id
        assert oldest in items
        decision = review.Decision(oldest, approve=False, reason="odd")
        scene.store.transact(lambda tx: review.decide(tx, decision, actor=BOB))
        await until(pilot, lambda: (now := page._group()) is None or now.samples[0].id != oldest)
        after = page._group()
        assert after is not None
        assert after.samples[0].id in items


class Vanishing(Static, can_focus=True):
    """A widget that a key removes."""

    def on_key(self, event: events.Key) -> None:
        if event.key == "x":
            self.remove()


class Slow(Static, can_focus=True):
    """A widget that takes as long as a test wants over the key s."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def on_key(self, event: events.Key) -> None:
        if event.key == "s":
            self.begun.set()
            await self.go_on.wait()


class Few(SafeApp[int]):
    """An app of one widget that notes the keys which nobody has kept."""

    def __init__(self, widget: Static) -> None:
        super().__init__()
        self.widget = widget
        self.heard: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_mount(self) -> None:
        self.widget.focus()

    def on_key(self, event: events.Key) -> None:
        self.heard.append(event.key)


async def test_a_key_that_removes_its_widget_holds_up_the_next_for_a_moment_only() -> None:
    app = Few(Vanishing())
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.focused is app.widget)
        burst(app, "x", "y")
        await until(pilot, lambda: app.heard[-1:] == ["y"])
        assert not app.query(Vanishing)


async def test_a_late_report_of_one_key_does_not_end_the_key_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.safe_app.HANDLED_TIMEOUT", 60.0)
    slow = Slow()
    app = Few(slow)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.focused is slow)
        burst(app, "a", "s", "z")
        await slow.begun.wait()
        late, looked = app._key_number - 1, asyncio.Event()
        app.call_later(app._end_key, late)  # as queued behind the clock that had ended its key
        app.call_later(looked.set)
        await looked.wait()
        assert [event.key for event in app._typed if isinstance(event, events.Key)] == ["z"]
        slow.go_on.set()
        await until(pilot, lambda: app.heard == ["a", "s", "z"])

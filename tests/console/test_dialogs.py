"""A hand that is faster than the eye does no harm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic

import pytest
from textual.content import Content
from textual.pilot import Pilot

from console.dialogs import (
    DEAF_FOR,
    Answer,
    Choice,
    ChoiceDialog,
    Confirmed,
    Dialog,
    Prompt,
    ReasonDialog,
    TypedDialog,
    WaitingDialog,
)
from console.safe_text import GuardedApp, content, make_safe

pytestmark = pytest.mark.anyio
HOSTILE = make_safe("[@click=app.bell]x[/] [/b] \u202egnp.exe")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Host(GuardedApp[None], Generic[Answer]):
    """An app with one dialog open; `answers` are what it was dismissed with."""

    def __init__(self, dialog: Dialog[Answer]) -> None:
        super().__init__()
        self.dialog = dialog
        self.answers: list[Answer | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.answers.append)


@asynccontextmanager
async def opened(
    dialog: Dialog[Answer], clock: Clock, *, deaf: bool = False
) -> AsyncIterator[tuple[Host[Answer], Pilot[None]]]:
    app = Host(dialog)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        if not deaf:
            clock.now += DEAF_FOR
        yield app, pilot


def suspend(clock: Clock) -> ReasonDialog:
    return ReasonDialog("Suspend quote-bot?", content(HOSTILE), does="suspends", clock=clock)


def approve(clock: Clock, *, expected: str = "2", reason: bool = False) -> TypedDialog:
    return TypedDialog("Approve?", content(HOSTILE), expected=expected, does="approve", reason=reason, clock=clock)


async def test_a_reason_is_typed_and_entered() -> None:
    clock = Clock()
    async with opened(suspend(clock), clock) as (app, pilot):
        await pilot.press(*"spam", "space", *"run", "enter")
        assert app.answers == ["spam run"]


async def test_an_empty_reason_is_asked_for_again_by_its_name() -> None:
    clock = Clock()
    note = ReasonDialog("Note on quote-bot", does="saves the note", asks="note", clock=clock)
    for dialog, name in ((suspend(clock), "reason"), (note, "note")):
        async with opened(dialog, clock) as (app, pilot):
            assert dialog.query_one("#reason", Prompt).placeholder == name
            await pilot.press("space", "enter")
            assert app.answers == []
            assert f"A {name} is required" in drawn(app)


async def deaf_at_first(dialog: Dialog[Answer], clock: Clock) -> None:
    async with opened(dialog, clock, deaf=True) as (app, pilot):
        await pilot.press("2", "space", "x", "enter", "escape")
        assert app.answers == []
        assert app.screen is dialog
        clock.now += DEAF_FOR
        await pilot.press("escape")
        assert app.answers == [None]


async def test_the_keys_of_the_first_moment_are_ignored() -> None:
    clock = Clock()
    await deaf_at_first(suspend(clock), clock)
    await deaf_at_first(approve(clock), clock)
    await deaf_at_first(ChoiceDialog("Which?", choices=[Choice("a", Content("a"))], clock=clock), clock)


async def test_enter_never_approves() -> None:
    clock = Clock()
    async with opened(approve(clock), clock) as (app, pilot):
        await pilot.press("enter", "2", "enter", "enter")
        assert app.answers == []
        assert "Enter never confirms" in drawn(app)
        await pilot.press("space")
        assert app.answers == [Confirmed()]


async def test_a_longer_name_does_not_confirm_the_one_it_begins_with() -> None:
    clock = Clock()
    async with opened(approve(clock, expected="bot"), clock) as (app, pilot):
        await pilot.press(*"bot-2", "space")
        assert app.answers == []


async def test_a_wrong_count_does_not_confirm() -> None:
    clock = Clock()
    async with opened(approve(clock, expected="12"), clock) as (app, pilot):
        await pilot.press("1", "space", "2", "space")
        assert app.answers == []


async def test_loosening_with_a_reason_needs_both() -> None:
    clock = Clock()
    async with opened(approve(clock, expected="bot", reason=True), clock) as (app, pilot):
        await pilot.press("enter", *"bot", "space")
        assert app.answers == []
        await pilot.press(*"fixed", "enter", "space")
        assert app.answers == [Confirmed("fixed")]


async def test_a_choice_that_is_not_allowed_says_why_and_cannot_be_chosen() -> None:
    clock = Clock()
    choices = [
        Choice("up", Content("[b]monitored[/b]"), why_not="needs role governance"),
        Choice("down", content(make_safe("gated_all [/b]"))),
    ]
    async with opened(ChoiceDialog("Mode", choices=choices, clock=clock), clock) as (app, pilot):
        assert "needs role governance" in drawn(app)
        assert "[b]monitored[/b]" in drawn(app)
        await pilot.press("up", "enter")
        assert app.answers == ["down"]


async def test_foreign_text_in_a_dialog_is_never_markup() -> None:
    clock = Clock()
    async with opened(suspend(clock), clock) as (app, _):
        assert HOSTILE.text in drawn(app)


def drawn(app: Host[Answer]) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def waiting(clock: Clock) -> WaitingDialog[str]:
    return WaitingDialog("Sign as owner", content(HOSTILE), clock=clock)


async def test_what_the_desk_finds_is_the_answer_of_the_dialog_that_waits_for_it() -> None:
    clock, found = Clock(), list[str]()
    dialog = waiting(clock)
    dialog.when_answered(found.append)
    async with opened(dialog, clock) as (app, pilot):
        await pilot.press("a", "enter", "space")
        dialog.found("a sheet")
        assert found == ["a sheet"]
        assert app.screen is not dialog


async def test_what_is_found_after_the_wait_was_cancelled_opens_nothing() -> None:
    clock, found = Clock(), list[str]()
    dialog = waiting(clock)
    dialog.when_answered(found.append)
    async with opened(dialog, clock) as (app, pilot):
        await pilot.press("escape")
        dialog.found("a sheet")
        dialog.failed("and no reason is shown")
        await pilot.pause()
        assert app.answers == [None]
        assert found == []


async def test_what_is_found_while_something_lies_over_the_wait_comes_once_that_is_gone() -> None:
    clock, found = Clock(), list[str]()
    dialog = waiting(clock)
    dialog.when_answered(found.append)
    async with opened(dialog, clock) as (app, pilot):
        over = suspend(clock)
        await app.push_screen(over)
        dialog.found("a sheet")
        assert app.screen is over
        assert found == []
        over.dismiss(None)
        await pilot.pause()
        assert found == ["a sheet"]


async def test_an_answer_opens_the_next_question_before_any_key_can_reach_the_screen_below() -> None:
    clock = Clock()
    first, second = suspend(clock), approve(clock)
    async with opened(first, clock) as (app, _):

        def ask_next(answer: str) -> None:
            del answer
            app.push_screen(second)

        first.when_answered(ask_next)
        first.dismiss("spam")
        assert app.screen is second

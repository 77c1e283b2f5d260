"""Reviewers share a queue: who is on what is seen, mail goes back to its agent, and an edit needs another person."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from textual.drivers.headless_driver import HeadlessDriver

from console import operations
from console.screens import message, queue
from core.db import audit_log
from core.db.tables import BODY, CLAIM, REVIEW
from core.errors import NoAnswer
from core.services.sending import review
from tests.console.harness import Scene, drawn, lines, looking, open_queue, press, said, shows, until
from tests.factories.desk import BOB

pytestmark = pytest.mark.anyio


def state(scene: Scene, item: int) -> str:
    row = scene.store.row(select(REVIEW.c.status).where(REVIEW.c.id == item))
    assert row is not None
    return str(row.status)


async def test_c_claims_for_the_others_to_see_and_gives_back(scene: Scene) -> None:
    scene.submit()
    async with looking(scene.app()) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("c")
        await shows(pilot, "yours")
        assert [row.operator for row in scene.store.rows(select(CLAIM))] == ["alice"]
        await pilot.press("c")
        await until(pilot, lambda: not scene.store.rows(select(CLAIM)))
        await until(pilot, lambda: "yours" not in drawn(pilot).replace("is yours for ten minutes", ""))


async def test_what_somebody_else_has_claimed_says_so_in_queue_and_message(scene: Scene) -> None:
    item = scene.submit()
    scene.store.transact(lambda tx: review.claim(tx, item, actor=BOB))
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "bob has it")
        await pilot.press("c")
        await until(pilot, lambda: "bob has claimed" in said(app))
        await pilot.press("enter")
        await shows(pilot, "bob has it")


async def test_who_opens_a_message_is_seen_by_the_others_until_they_leave_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "CLOCK_AGAIN", 0.1)
    monkeypatch.setattr(message, "WHO_AGAIN", 0.1)
    item = scene.submit()
    async with looking(scene.app()) as pilot:
        await open_queue(pilot, "Your refund")
        for key, text in (("", "Your refund"), ("enter", "It is on its way")):
            if key:
                await pilot.press(key)
            await shows(pilot, text)
            scene.store.transact(lambda tx: review.opened(tx, item, actor=BOB))
            await shows(pilot, "bob reads it")
            scene.store.transact(lambda tx: review.closed(tx, actor=BOB))
            await until(pilot, lambda: "bob reads it" not in drawn(pilot))


async def test_a_claim_past_its_time_goes_from_queue_and_message_without_an_event(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "CLOCK_AGAIN", 0.1)
    monkeypatch.setattr(message, "WHO_AGAIN", 0.1)
    item = scene.submit()
    scene.store.transact(lambda tx: review.claim(tx, item, actor=BOB))
    async with looking(scene.app()) as pilot:
        await open_queue(pilot, "bob has it")
        scene.clock.advance(seconds=601)
        await until(pilot, lambda: "bob has it" not in drawn(pilot))
        scene.store.transact(lambda tx: review.claim(tx, item, actor=BOB))
        await pilot.press("enter")
        await until(pilot, lambda: drawn(pilot).count("bob has it") == 2)  # among the facts and in the footer
        scene.clock.advance(seconds=601)
        await until(pilot, lambda: "bob has it" not in drawn(pilot))


async def test_what_somebody_else_has_claimed_comes_last_in_a_queue_opened_after_it(scene: Scene) -> None:
    first, second = scene.submit(subject="Your first refund"), scene.submit(subject="Your second refund")
    scene.store.transact(lambda tx: review.claim(tx, first, actor=BOB))
    async with looking(scene.app()) as pilot:
        screen = await open_queue(pilot, "bob has it")
        assert list(screen.table.roster.ids) == [second, first]


async def test_mail_goes_back_to_its_agent_with_a_comment(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("space", "R")
        await shows(pilot, "to its agent?")
        await press(pilot, scene, *"name", "space", *"it", "enter")
        await until(pilot, lambda: state(scene, item) == "returned")
        await shows(pilot, "returned by alice")
        await until(pilot, lambda: "is returned to its agent" in said(app))
        assert "someone else" not in said(app)
    row = scene.store.row(select(REVIEW.c.reason))
    assert row is not None
    assert row.reason == "name it"


async def test_a_note_is_kept_in_the_log_also_on_what_is_decided(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("N")
        await shows(pilot, "Note on")
        await press(pilot, scene, *"asked", "enter")
        await until(pilot, lambda: "noted" in said(app))
        await pilot.press("enter")
        await shows(pilot, "It is on its way")
        decision = review.Decision(item, approve=False, reason="odd")
        scene.store.transact(lambda tx: review.decide(tx, decision, actor=BOB))
        await shows(pilot, "by bob")
        await pilot.press("N")
        await shows(pilot, "Note on")
        await press(pilot, scene, *"why", "enter")
        await until(pilot, lambda: said(app).count("noted") == 2)
    with scene.store.read() as conn:
        kinds = [entry.event.type for entry in audit_log.read(conn, after=0)]
    assert kinds.count("review.noted") == 2


async def test_an_edit_in_the_editor_waits_for_somebody_else(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    seen: list[str] = []

    def editor(text: str) -> str:
        seen.append(text)
        return text.replace("Your refund", "Your money")

    app.edit_text = editor  # type: ignore[method-assign]  # the operator's own program
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("E")
        await shows(pilot, "Your money")
        # the line itself: the preview may be read again before it
        await until(pilot, lambda: any(line[:1] == ">" and "edited" in line for line in lines(pilot)))
        assert seen[0].startswith("Subject: Your refund\n")
        await pilot.press("a")
        await until(pilot, lambda: "open it first" in said(app))
        assert state(scene, item) == "pending"
    row = scene.store.row(select(BODY.c.rendered))
    assert row is not None
    assert b"Subject: Your money" in row.rendered


async def test_an_editor_that_fails_is_reported_and_the_terminal_comes_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("E")
        await until(pilot, lambda: "no editor can run in this terminal" in said(app))
        came_back: list[str] = []
        monkeypatch.setattr(HeadlessDriver, "can_suspend", True)
        monkeypatch.setattr(HeadlessDriver, "suspend_application_mode", lambda _: None)
        monkeypatch.setattr(HeadlessDriver, "resume_application_mode", lambda _: came_back.append("yes"))
        for editor, why in (("false", "Editing failed"), ("sh -c 'printf \"\\377\" > $0'", "decode")):
            monkeypatch.setenv("VISUAL", editor)
            await pilot.press("E")
            await until(pilot, lambda why=why: why in said(app))  # type: ignore[misc]  # bound now
        assert came_back == ["yes", "yes"]


async def test_a_text_that_the_desk_did_not_take_is_offered_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.submit()
    app = scene.app()
    seen: list[str] = []

    def editor(text: str) -> str:
        seen.append(text)
        return text.replace("It is on its way", "It was sent")

    app.edit_text = editor  # type: ignore[method-assign]  # the operator's own program
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        with monkeypatch.context() as lost:
            lost.setattr(operations, "edit", lambda *_: _lost)
            await pilot.press("E")
            await until(pilot, lambda: "no answer: it may have been done" in said(app))
        assert "not done" not in said(app)
        await pilot.press("enter")
        await shows(pilot, "E your unsaved text")
        await pilot.press("E")
        await until(pilot, lambda: "is edited" in said(app))
    assert ("It was sent" in seen[0], "It was sent" in seen[1]) == (False, True)
    assert app.session.unsaved == {}


def _lost(_desk: object) -> dict[str, object]:
    raise NoAnswer("the desk does not answer")

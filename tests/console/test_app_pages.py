"""History, hand-over, a whole event; acknowledgements, claims of one's own, and an undo of what others decided."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from console.screens.events import EventsScreen
from console.state import Link
from core.db.tables import ACKNOWLEDGEMENT, REVIEW
from core.durations import SECOND
from core.ids import spell_id
from core.model import Actor
from core.services.control import emergency
from core.services.sending import review
from core.services.sending.review import Decision
from tests.console.fixtures_gallery import add_week, make_gallery
from tests.console.harness import Scene, drawn, looking, press, said, shows, until
from tests.factories.desk import ALICE, BOB

pytestmark = pytest.mark.anyio


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Scene]:
    made = make_gallery(tmp_path)
    yield made
    made.store.close()


def decide(scene: Scene, item: int, *, approve: bool, batch: str | None = None, actor: Actor = BOB) -> None:
    decision = Decision(item, approve=approve, reason="odd", delay=10 * SECOND, batch=batch)
    scene.store.transact(lambda tx: review.decide(tx, decision, actor=actor))


def states(scene: Scene) -> list[str]:
    return [row.status for row in scene.store.rows(select(REVIEW.c.status).order_by(REVIEW.c.id))]


async def test_history_is_of_what_is_under_the_cursor_and_of_what_is_chosen(gallery: Scene) -> None:
    add_week(gallery)
    async with looking(gallery.app()) as pilot:
        await pilot.press("3")
        await shows(pilot, "quote-bot")
        await pilot.press("H")
        await shows(pilot, "History of agent quote-bot, 7d")
        await shows(pilot, "▲0.03 % ✖0.05 %")
        assert "┴" in drawn(pilot)
        await pilot.press("m")
        await shows(pilot, "History of agent quote-bot, 30d")
        await shows(pilot, "in 30d")
        await pilot.press("b")
        await shows(pilot, "the whole desk")
        await press(pilot, gallery, "enter")
        await shows(pilot, "History of the desk, 30d")
        await pilot.press("b")
        await shows(pilot, "a site (where mail goes)")
        await press(pilot, gallery, "end", "enter")
        await shows(pilot, "Which site?")
        await press(pilot, gallery, "enter")
        await shows(pilot, "History of site ")
        await until(pilot, lambda: "held for a person" not in drawn(pilot))  # no site holds mail
        await pilot.press("escape")
        await shows(pilot, "SENT/h")


async def test_the_hand_over_says_what_waits_who_did_what_and_takes_a_note(gallery: Scene) -> None:
    async with looking(gallery.app(), size=(80, 24)) as pilot:
        await pilot.press("O")
        await shows(pilot, "Hand-over at ")
        await shows(pilot, "digest-bot is suspended by bob: double sends")
        await pilot.press("O")  # once is enough
        assert len(pilot.app.screen_stack) == 2
        await pilot.press("N")
        await shows(pilot, "Note on which incident?")
        await press(pilot, gallery, *"INC-428", "enter")
        await shows(pilot, "Note on INC-428")
        await press(pilot, gallery, *"owner_asked", "enter")
        await pilot.press("b")
        await shows(pilot, "How far back?")
        await press(pilot, gallery, "end", "enter")
        await until(pilot, lambda: "since 01-07" in drawn(pilot))
        await pilot.press("end")
        await shows(pilot, "alice on INC-428: owner_asked")
        await shows(pilot, "bob: ")


async def test_a_whole_event_shows_its_data_and_opens_what_it_is_about(scene: Scene) -> None:
    item = scene.submit()
    scene.store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="spam_wave", actor=ALICE))
    async with looking(scene.app()) as pilot:
        await pilot.press("5")
        await shows(pilot, "agent.suspended")
        screen = pilot.app.screen
        assert isinstance(screen, EventsScreen)
        screen.filter_by("type:agent.suspended OR type:email.pending")
        await until(pilot, lambda: not screen.rows_pending)
        await pilot.press("home", "enter")
        await shows(pilot, "entry 3 of the log")
        await shows(pilot, "spam_wave")
        await pilot.press("enter")
        await shows(pilot, "gated_send")
        await pilot.press("escape", "escape")
        await shows(pilot, "email.pending")
        await pilot.press("down", "enter")
        await shows(pilot, f"about      {spell_id('m', item)}")
        await pilot.press("enter")
        await shows(pilot, "It is on its way.")


async def test_what_needs_somebody_is_acknowledged_snoozed_and_shown_again(scene: Scene) -> None:
    scene.submit()
    scene.store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="spam", actor=BOB))
    app = scene.app()

    def known() -> list[str]:
        return [row.key for row in scene.store.rows(select(ACKNOWLEDGEMENT))]

    async with looking(app) as pilot:
        await shows(pilot, "suspended by bob: spam")
        await until(pilot, lambda: app.screen.query_one("#needs").has_focus)
        await pilot.press("a")
        await until(pilot, lambda: known() == ["agent:support-bot:suspended"])
        await until(pilot, lambda: app.live.link is Link.LIVE and app.live.needs[-1].quiet)
        await shows(pilot, "known to alice")
        await pilot.press("z")  # it has moved to the end, and the cursor with it
        await shows(pilot, "How long is support-bot quiet?")
        await shows(pilot, "8 hours, a shift")
        await press(pilot, scene, "end", "enter")
        await until(pilot, lambda: not known())
        await until(pilot, lambda: not app.live.needs[0].quiet)
        await pilot.press("tab", "a")
        await until(pilot, lambda: "tab goes there" in said(app))


async def test_mine_shows_ones_own_claims_as_they_come_and_go(scene: Scene) -> None:
    first, second = (scene.submit(f"r{n}@example.com") for n in range(2))
    scene.store.transact(lambda tx: review.claim(tx, first, actor=ALICE))
    scene.store.transact(lambda tx: review.claim(tx, second, actor=BOB))
    async with looking(scene.app()) as pilot:
        await pilot.press("2")
        await shows(pilot, "r1@example.com")
        await pilot.press("slash", *"mine:", "enter")
        await shows(pilot, "mine: → 1 of 2")
        await shows(pilot, "r0@example.com")
        await pilot.press("c")
        await shows(pilot, "mine: → 0 of 2")


async def test_anybodys_decision_can_be_undone_until_its_release(scene: Scene) -> None:
    items = [scene.submit(f"r{n}@example.com") for n in range(4)]
    decide(scene, items[2], approve=True)
    scene.clock.advance(seconds=1)
    for item in items[:2]:
        decide(scene, item, approve=False, batch="b1")
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("2")
        await shows(pilot, "r3@example.com")
        await pilot.press("u")
        await shows(pilot, "bob rejected 2 messages")  # the latest first
        await press(pilot, scene, "enter")
        await until(pilot, lambda: states(scene) == ["pending", "pending", "approved", "pending"])
        page = app.open_message(items[2])
        await until(pilot, lambda: page.undoable_here() is not None)
        await pilot.press("u")
        await until(pilot, lambda: states(scene) == ["pending"] * 4)
        await pilot.press("escape", "u")
        await until(pilot, lambda: "nothing left to undo" in said(app))

"""Held mail is decided by exactly what was looked at, once, by whoever may; and taken back while that is possible."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from console.screens.groups import GroupsPage
from console.screens.inbox import InboxScreen
from console.screens.queue import QueueScreen
from console.views.rows import TIMES
from core.db import audit_log
from core.db.tables import MESSAGE, REVIEW
from core.durations import SECOND
from core.events import EmailApproved, EmailRejected
from core.model import Role
from core.services.sending import review
from core.services.sending.review import Decision
from tests.console.harness import (
    Scene,
    drawn,
    furnish,
    handled,
    lines,
    looking,
    make_scene,
    open_queue,
    press,
    said,
    shows,
    until,
)
from tests.factories.desk import BOB, person

pytestmark = pytest.mark.anyio
AUDITOR = person("audrey", Role.AUDITOR)
ONCALL = person("otto", Role.ONCALL)


def state(scene: Scene, item: int) -> str:
    c = REVIEW.c
    row = scene.store.row(REVIEW.select().where(c.id == item))
    assert row is not None
    return str(row.status)


def approvals(scene: Scene) -> list[EmailApproved]:
    with scene.store.read() as conn:
        return [entry.event for entry in audit_log.read(conn, after=0) if isinstance(entry.event, EmailApproved)]


def elsewhere(scene: Scene, item: int, *, approve: bool = True) -> None:
    scene.store.transact(lambda tx: review.decide(tx, Decision(item, approve=approve), actor=BOB))


async def test_an_approval_leaves_the_queue_and_is_released_after_the_delay(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("a")
        await until(pilot, lambda: state(scene, item) == "approved")
        await shows(pilot, "u undo m")
        event = approvals(scene)[0]
        assert event.release_at == scene.clock.now() + 10 * SECOND
        assert event.digest is not None


async def test_a_decision_shows_at_once_that_it_is_on_its_way_and_is_sent_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = scene.submit(), scene.submit("r2@example.com", subject="Your invoice")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        real, network = app.desk.act, asyncio.Event()

        async def slow(operation: Any) -> Any:
            await network.wait()
            return await real(operation)

        monkeypatch.setattr(app.desk, "act", slow)
        await pilot.press("a")
        await shows(pilot, "sending 1 decision ...")
        assert next(line for line in lines(pilot) if "Your refund" in line)[:3] == ">… "
        await pilot.press("a")
        await until(pilot, lambda: "your decision is on its way" in said(app))
        await pilot.press("down", "a")
        await shows(pilot, "sending 2 decisions ...")
        assert {state(scene, item) for item in (first, second)} == {"pending"}
        network.set()
        await until(pilot, lambda: {state(scene, item) for item in (first, second)} == {"approved"})
        await until(pilot, lambda: "sending" not in drawn(pilot))
        await handled(pilot, app)  # what has been sent still leaves the list
        assert len(approvals(scene)) == 2


async def test_an_approval_is_taken_back_until_its_release_with_a_countdown(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("a")
        await shows(pilot, " 10s")
        scene.clock.advance(seconds=2)
        await shows(pilot, " 8s")
        await pilot.press("u")
        await until(pilot, lambda: state(scene, item) == "pending")
        await until(pilot, lambda: "u undo" not in drawn(pilot))


async def test_after_the_release_there_is_no_undo(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("a")
        await until(pilot, lambda: app.session.undoable(scene.clock.now()) is not None)
        scene.clock.advance(seconds=11)
        await pilot.press("u")
        await until(pilot, lambda: "nothing left to undo" in said(app))
        assert state(scene, item) == "approved"


async def test_a_rejection_asks_for_its_reason(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("x")
        await shows(pilot, "Reject m")
        assert state(scene, item) == "pending"
        await press(pilot, scene, *"wrong", "space", *"sum", "enter")
        await until(pilot, lambda: state(scene, item) == "rejecting")
        await shows(pilot, "u undo m")
        with scene.store.read() as conn:
            rejected = [
                entry.event for entry in audit_log.read(conn, after=0) if isinstance(entry.event, EmailRejected)
            ]
        assert rejected[0].reason == "wrong sum"


async def test_a_second_press_decides_nothing_else(scene: Scene) -> None:
    first, second = scene.submit("a@example.com"), scene.submit("b@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "b@example.com")
        await pilot.press("a")
        await until(pilot, lambda: state(scene, first) == "approved" and app.session.approvals != [])
        await pilot.press("a")
        await until(pilot, lambda: "already decided" in said(app))
        assert state(scene, second) == "pending"


async def test_what_another_operator_decided_is_gone_within_the_next_look(scene: Scene) -> None:
    item, other = scene.submit("a@example.com"), scene.submit("b@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "b@example.com")
        elsewhere(scene, other)
        await until(pilot, lambda: "b@example.com" not in drawn(pilot))
        elsewhere(scene, item)
        await until(pilot, lambda: screen.table.is_gone(item))
        await pilot.press("a")
        await until(pilot, lambda: "already decided" in said(app))
        assert len(approvals(scene)) == 2


async def test_the_second_of_two_operators_is_told_who_was_first(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("Z")  # what is drawn stands still, so the key is pressed before the news arrives
        elsewhere(scene, item)
        await pilot.press("a")
        await until(pilot, lambda: "already released by bob" in said(app) or "already approved by bob" in said(app))
        assert len(approvals(scene)) == 1


async def test_a_message_that_is_not_the_one_drawn_is_not_approved(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        c = MESSAGE.c
        scene.store.transact(lambda tx: tx.write(update(MESSAGE).where(c.id == item).values(digest="0" * 64)))
        await pilot.press("a")
        await until(pilot, lambda: "digest is not that" in said(app))
        assert state(scene, item) == "pending"


async def test_who_may_not_approve_is_told_which_role_may(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app(AUDITOR)
    async with looking(app) as pilot:
        assert "[R] audrey, read-only: needs role reviewer" in lines(pilot)[0]
        await open_queue(pilot, "Your refund")
        await pilot.press("a")
        assert "approve: needs role reviewer" in said(app)
        for keys, action in ((("x",), "reject"), (("space", "A"), "approve marked")):
            await pilot.press(*keys)
            await shows(pilot, f"You cannot {action}")
            await press(pilot, scene, "escape")
        assert state(scene, item) == "pending"


async def test_a_reason_typed_for_a_question_that_was_not_asked_goes_nowhere(scene: Scene) -> None:
    first, second = scene.submit("r0@example.com"), scene.submit("r1@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r1@example.com")
        elsewhere(scene, first)
        await until(pilot, lambda: app.desk_screen is not None and app.desk_screen.why_not("reject") is not None)
        await pilot.press("x")
        await shows(pilot, "no longer pending")
        await press(pilot, scene, *"jaquux", "enter")
        await shows(pilot, "You cannot reject")
        assert state(scene, second) == "pending"
        await pilot.press("escape")
        await until(pilot, lambda: "You cannot" not in drawn(pilot))
        assert app.is_running


async def test_what_was_decided_a_moment_before_leaving_is_done(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        app.perform("approve")
        app.perform("quit")
        await until(pilot, lambda: app.return_code is not None)
    assert state(scene, item) == "approved"


async def test_on_call_may_reject_and_not_approve(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app(ONCALL)
    async with looking(app) as pilot:
        assert "[RW] otto" in lines(pilot)[0]
        await open_queue(pilot, "Your refund")
        await pilot.press("a")
        assert "needs role reviewer" in said(app)
        await pilot.press("x")
        await press(pilot, scene, *"spam", "enter")
        await until(pilot, lambda: state(scene, item) == "rejecting")


async def test_a_batch_is_approved_by_typing_its_count_and_each_has_its_own_event(scene: Scene) -> None:
    items = [scene.submit(f"r{n}@example.com") for n in range(4)]
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r3@example.com")
        await pilot.press("space", "space", "v", "j", "v")
        await shows(pilot, "A/X marked(4)")
        await pilot.press("A")
        await shows(pilot, "Approve 4 of 4 marked messages?")
        await press(pilot, scene, "3", "space", "enter")
        assert not approvals(scene)
        await pilot.press("backspace", "backspace", "4", "space")
        await until(pilot, lambda: len(approvals(scene)) == 4)
        assert {state(scene, item) for item in items} == {"approved"}
        assert len({event.batch for event in approvals(scene)}) == 1
        await shows(pilot, "u undo batch (4)")
        await until(pilot, lambda: "marked(" not in drawn(pilot))
        assert "elsewhere" not in said(app)
        await pilot.press("u")
        await until(pilot, lambda: {state(scene, item) for item in items} == {"pending"})


async def test_a_batch_leaves_out_what_changed_and_what_was_decided_meanwhile(scene: Scene) -> None:
    items = [scene.submit(f"r{n}@example.com") for n in range(3)]
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r2@example.com")
        await pilot.press("asterisk", "A")
        await shows(pilot, "Approve 3 of 3")
        elsewhere(scene, items[0], approve=False)
        await until(pilot, lambda: "1 marked was decided by someone else" in said(app))
        c = MESSAGE.c
        scene.store.transact(lambda tx: tx.write(update(MESSAGE).where(c.id == items[1]).values(digest="0" * 64)))
        await press(pilot, scene, "3", "space")
        await until(pilot, lambda: state(scene, items[2]) == "approved")
        assert [state(scene, item) for item in items] == ["rejected", "pending", "approved"]
        assert "(and 1 more)" in said(app)


async def test_what_is_held_for_more_than_its_mode_must_be_opened_before_it_can_be_approved(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, allow=["known@example.com"])
    item = scene.submit("stranger@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "▲1")
        await pilot.press("a")
        await until(pilot, lambda: "open it first" in said(app))
        await pilot.press("space", "A")
        await until(pilot, lambda: "no marked message can be approved" in said(app))
        assert state(scene, item) == "pending"
        await pilot.press("enter")
        await shows(pilot, "It is on its way.")
        await pilot.press("escape")
        await shows(pilot, "SUBJECT")
        await pilot.press("A")
        await press(pilot, scene, "1", "space")
        await until(pilot, lambda: state(scene, item) == "approved")
    scene.store.close()


async def test_approving_over_a_failed_check_takes_a_reason_and_the_count_of_checks(scene: Scene) -> None:
    item = scene.submit(subject="Your \u202erefund")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "✖1")
        await pilot.press("a")
        await until(pilot, lambda: "open it first" in said(app))
        await pilot.press("enter")
        await shows(pilot, "✖ hidden or bidi characters: subject 1")
        scene.monotonic.at += 5
        await pilot.press("a")
        await shows(pilot, "despite 1 failed check?")
        await press(pilot, scene, "enter", "1", "space")
        await shows(pilot, "A reason is required")
        assert not approvals(scene)
        await pilot.press(*"phoned", "enter", "space")
        await until(pilot, lambda: state(scene, item) == "approved")
        (event,) = approvals(scene)
        assert (event.reason, event.overridden) == ("phoned", ["hidden_characters"])


async def test_a_batch_is_rejected_by_its_count_and_can_be_taken_back(scene: Scene) -> None:
    items = [scene.submit(f"r{n}@example.com") for n in range(12)]
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r9@example.com")
        await pilot.press("asterisk", "X")
        await shows(pilot, "Reject 12 of 12 marked messages?")
        await press(pilot, scene, *"word", "enter", "enter")
        assert {state(scene, item) for item in items} == {"pending"}
        await pilot.press("1", "2", "space")
        await until(pilot, lambda: {state(scene, item) for item in items} == {"rejecting"})
        await shows(pilot, "u undo batch (12)")
        await pilot.press("u")
        await until(pilot, lambda: {state(scene, item) for item in items} == {"pending"})
        await shows(pilot, "r9@example.com")


async def test_opening_is_kept_so_that_an_approval_says_how_long_it_was_read(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("enter")
        await shows(pilot, "It is on its way.")
        c = REVIEW.c
        await until(pilot, lambda: scene.store.rows(REVIEW.select().where(c.id == item))[0].opened_by == "alice")
        scene.clock.advance(seconds=7)
        await pilot.press("a")
        await until(pilot, lambda: len(approvals(scene)) == 1)
        assert approvals(scene)[0].dwell_ms == 7_000
        await shows(pilot, "approved by alice, released at 04:00:17Z")


async def test_enter_never_approves(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("enter", "enter", "enter")
        await shows(pilot, "It is on its way.")
        assert state(scene, item) == "pending"


async def test_marked_messages_are_walked_body_by_body(scene: Scene) -> None:
    for n in range(3):
        scene.submit(f"r{n}@example.com", text=f"body number {n}")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "r2@example.com")
        await pilot.press("space", "j", "space", "home", "enter")
        await shows(pilot, "1 of 2")
        await shows(pilot, "body number 0")
        await pilot.press("J")
        await shows(pilot, "body number 2")
        await pilot.press("J")
        await until(pilot, lambda: "last one" in said(app))
        await pilot.press("K")
        await shows(pilot, "body number 0")


async def test_a_template_is_one_line_is_walked_and_approved_by_its_number(scene: Scene) -> None:
    furnish(scene)
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your quote")
        await pilot.press("t")
        await shows(pilot, f"{TIMES}4")
        await shows(pilot, "oldest")
        await shows(pilot, "newest")
        groups = [line for line in drawn(pilot).splitlines() if TIMES in line]
        place = next(n for n, line in enumerate(groups) if f"{TIMES}4" in line)
        await pilot.press(*["down"] * place, "A")
        await shows(pilot, "Approve 4 of 4 messages?")
        await shows(pilot, "You have opened 0 of 4 bodies.")
        await press(pilot, scene, "escape")
        await until(pilot, lambda: "Approve 4" not in drawn(pilot))
        await pilot.press("enter")
        await shows(pilot, "1 of 4")
        await pilot.press("escape")
        await shows(pilot, "oldest")
        await pilot.press("A")
        await shows(pilot, "You have opened 1 of 4 bodies.")
        await press(pilot, scene, "4", "space")
        await until(pilot, lambda: len(app.session.approvals) == 1)
        assert len(app.session.approvals[0].items) == 4


def test_an_answer_to_a_screen_that_was_left_is_no_mistake() -> None:
    for left in (QueueScreen(), InboxScreen(), GroupsPage("")):
        left.confirmed([1])

"""Suspend, resume, modes, lanes, the all-stop: one key and a reason to tighten, typing to loosen, roles for both."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.screens.agent_actions import mode_refusal
from core.db.tables import AGENT, DESK, LANE, MAILBOX, SUPPRESSION
from core.model import Mode
from core.services.control import emergency
from tests.console.harness import Scene, drawn, lines, looking, make_scene, press, request_identity, said, shows, until
from tests.factories.desk import ADDRESS, ALICE, BOB, DORA, GAIL

pytestmark = pytest.mark.anyio


def agent_status(scene: Scene) -> str:
    row = scene.store.row(AGENT.select())
    assert row is not None
    return str(row.status)


def mode(scene: Scene) -> str:
    row = scene.store.row(MAILBOX.select().where(MAILBOX.c.address == ADDRESS))
    assert row is not None
    return str(row.mode)


async def test_an_agent_is_suspended_with_one_key_and_a_reason(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        await pilot.press("s")
        await shows(pilot, "Suspend support-bot?")
        await press(pilot, scene, *"spam", "enter")
        await until(pilot, lambda: agent_status(scene) == "suspended")
        await shows(pilot, "✖ SUSP")
        await shows(pilot, "suspended by alice: spam")
        assert "✖1" in lines(pilot)[0]
        await pilot.press("s")
        await shows(pilot, "already suspended")


async def test_resuming_is_for_governance_and_never_for_who_suspended(scene: Scene) -> None:
    scene.store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="spam", actor=GAIL))
    app = scene.app(ALICE)
    async with looking(app) as pilot:
        await shows(pilot, "✖ SUSP")
        await pilot.press("r")
        await shows(pilot, "needs role governance")
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        await shows(pilot, "✖ SUSP")
        await pilot.press("r")
        await press(pilot, scene, *"mended", "enter", *"support-bot", "space")
        await until(pilot, lambda: "the same person took the previous step" in said(app))
        assert agent_status(scene) == "suspended"


async def test_resuming_wants_the_name_typed(scene: Scene) -> None:
    scene.store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="spam", actor=ALICE))
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        await shows(pilot, "✖ SUSP")
        await pilot.press("r")
        await press(pilot, scene, *"mended", "enter", *"support-bo", "space")
        assert agent_status(scene) == "suspended"
        await pilot.press("backspace", "t", "space")
        await until(pilot, lambda: agent_status(scene) == "active")


async def test_a_mode_goes_down_by_a_reason(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        await pilot.press("m")
        await shows(pilot, "one step at a time")
        await shows(pilot, "needs role governance")
        await press(pilot, scene, "end", "enter")
        await shows(pilot, "gated_send → read_only")
        await press(pilot, scene, *"spike", "enter")
        await until(pilot, lambda: mode(scene) == "read_only")


def test_a_mode_rises_one_rung_and_only_by_governance() -> None:
    assert mode_refusal(Mode.GATED_SEND, Mode.MONITORED, GAIL) is None
    assert mode_refusal(Mode.GATED_SEND, Mode.MONITORED, ALICE) == "needs role governance"
    assert mode_refusal(Mode.GATED_SEND, Mode.AUTONOMOUS, GAIL) == "one step at a time"
    assert mode_refusal(Mode.GATED_SEND, Mode.READ_ONLY, ALICE) is None
    assert mode_refusal(Mode.GATED_SEND, Mode.GATED_SEND, GAIL) == "current"
    waits = mode_refusal(Mode.GATED_SEND, Mode.MONITORED, GAIL, raise_from=0)
    assert waits == "raised recently; can be raised again from 1970-01-01 00:00:00Z"
    assert mode_refusal(Mode.GATED_SEND, Mode.READ_ONLY, ALICE, raise_from=0) is None


async def test_the_ladder_says_from_when_a_mode_may_be_raised_again(scene: Scene) -> None:
    raised = {"raised_at": scene.store.clock.now()}
    scene.store.transact(lambda tx: tx.write(MAILBOX.update().values(**raised)))
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        await pilot.press("m")
        await shows(pilot, "raised recently")


async def test_the_all_stop_is_one_key_from_anywhere_and_unmistakable(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("5", "ctrl+x")
        await shows(pilot, "Stop the whole desk?")
        await press(pilot, scene, *"fire", "enter")
        await shows(pilot, "■ ALL STOP by alice: fire")
        row = scene.store.row(DESK.select())
        assert row is not None
        assert row.stopped_by == "alice"


async def test_the_all_stop_ends_by_two_on_call(scene: Scene) -> None:
    scene.store.transact(lambda tx: emergency.stop(tx, reason="fire", actor=ALICE))
    first = scene.app(ALICE)
    async with looking(first) as pilot:
        await shows(pilot, "ALL STOP")
        await pilot.press("ctrl+g")
        await press(pilot, scene, *"out", "enter", *"start", "space")
        await until(pilot, lambda: "one more on-call operator" in said(first))
        assert "ALL STOP" in drawn(pilot)
    second = scene.app(BOB)
    async with looking(second) as pilot:
        await shows(pilot, "ALL STOP")
        await pilot.press("ctrl+g")
        await press(pilot, scene, *"out", "enter", *"start", "space")
        await until(pilot, lambda: "ALL STOP" not in lines(pilot)[0])


async def test_a_lane_is_paused_and_resumed(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, mode=Mode.AUTONOMOUS)
    scene.bench.submit("jane@example.com")
    app = scene.app(DORA)
    async with looking(app) as pilot:
        await pilot.press("4")
        await shows(pilot, "example.com")
        await pilot.press("s")
        await press(pilot, scene, *"slow", "enter")
        await shows(pilot, "■ lane paused")
        await pilot.press("r")
        await press(pilot, scene, *"fine", "enter", *"example.com", "space")
        await until(pilot, lambda: "lane paused" not in drawn(pilot))
        row = scene.store.row(LANE.select())
        assert row is not None
        assert row.paused_at is None
        await pilot.press("b")
        await shows(pilot, "older")
    scene.store.close()


async def test_an_address_is_suppressed_and_let_go_again_by_typing_it(scene: Scene) -> None:
    app = scene.app(DORA)
    async with looking(app) as pilot:
        await pilot.press("6")
        await shows(pilot, "No address is suppressed.")
        await pilot.press("n")
        await press(pilot, scene, *"jane@example.com", "enter")
        await shows(pilot, "Suppress jane@example.com?")
        await press(pilot, scene, *"on_the_phone", "enter")
        await shows(pilot, "on_the_phone")
        await pilot.press("x")
        await press(pilot, scene, *"asked", "enter", *"jane@example.com", "space")
        await until(pilot, lambda: scene.store.rows(SUPPRESSION.select())[0].removed_at is not None)


async def test_who_asked_for_an_identity_cannot_sign_it_and_any_signer_may_veto(scene: Scene) -> None:
    request_identity(scene)
    app = scene.app(ALICE)
    async with looking(app) as pilot:
        await pilot.press("7")
        await shows(pilot, "○ requested")
        await pilot.press("a")
        await shows(pilot, "needs role owner or governance or deliverability")
    app = scene.app(GAIL)
    async with looking(app) as pilot:
        await pilot.press("7")
        await shows(pilot, "○ requested")
        await pilot.press("x")
        await press(pilot, scene, *"why", "enter")
        await until(pilot, lambda: "is vetoed" in said(app))

"""Events, traces and single pages: what happened is found, followed and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.screens import trace
from console.screens.trace import TraceScreen, story_lines
from console.views.rows import TIMES
from console.widgets.columns import Piece
from core.ids import spell_id
from core.model import Role
from core.services.control import emergency
from core.views.trace import Story
from tests.console.harness import Scene, drawn, furnish, looking, open_queue, said, shows, until
from tests.factories.desk import ALICE, person

pytestmark = pytest.mark.anyio
AUDITOR = person("audrey", Role.AUDITOR)


async def test_events_grow_at_the_top_while_they_are_looked_at(scene: Scene) -> None:
    scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("5")
        await shows(pilot, "email.pending")
        scene.store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="spam", actor=ALICE))
        await shows(pilot, "agent.suspended")
        assert "agent.suspended" in drawn(pilot).splitlines()[3]


async def test_errors_and_warnings_are_one_key_apart(scene: Scene) -> None:
    scene.submit()
    scene.store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="spam", actor=ALICE))
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("5")
        await shows(pilot, "agent.suspended")
        await shows(pilot, "desk.read")  # of this list itself: it comes in on top, and a view at the top follows it
        await pilot.press("end", "E")
        await until(
            pilot, lambda: any(line.startswith(">") and "suspended" in line for line in drawn(pilot).splitlines())
        )
        await pilot.press("e")
        await until(pilot, lambda: "no more error events below" in said(app))


async def test_an_object_is_followed_and_opened_from_its_event(scene: Scene) -> None:
    items = furnish(scene)
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("5")
        await shows(pilot, "mailbox.requested")
        await pilot.press("F", "end", "f")
        await shows(pilot, f"id:{spell_id('m', items[0])}")
        await shows(pilot, "2 shown")
        await pilot.press("enter")
        await shows(pilot, "of the log")
        await pilot.press("enter")
        await shows(pilot, "It is on its way.")
        await pilot.press("escape", "escape", "escape")
        await shows(pilot, "mailbox.requested")


async def test_repeats_are_one_line_that_spreads_out_and_a_type_can_be_left_out(scene: Scene) -> None:
    furnish(scene)
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: sum("email.pending" in line for line in drawn(pilot).splitlines()) == 2)
        assert f"{TIMES}4 at once" in drawn(pilot)
        pending = next(
            n for n, line in enumerate(drawn(pilot).splitlines()[3:]) if "email.pending" in line and f"{TIMES}4" in line
        )
        await pilot.press(*["down"] * pending, "enter")
        await until(pilot, lambda: sum("email.pending" in line for line in drawn(pilot).splitlines()) == 5)
        await pilot.press("h")
        await until(pilot, lambda: "email.pending" not in "\n".join(drawn(pilot).splitlines()[3:]))
        await shows(pilot, "Events !type=email.pending")


async def test_only_an_auditor_saves_the_log_and_what_is_saved_is_what_is_shown(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("5", "S")
        await until(pilot, lambda: "needs role auditor" in said(app))
    app = scene.app(AUDITOR)
    async with looking(app) as pilot:
        await pilot.press("5")
        await shows(pilot, "4 shown")
        await pilot.press("S")
        await until(pilot, lambda: "4 events in" in said(app))
    (saved,) = tmp_path.glob("postroom-events-*.jsonl")  # noqa: ASYNC240 - at once, and of a local disk
    kinds = [json.loads(line)["type"] for line in saved.read_text().splitlines()]
    assert kinds == ["email.submitted", "email.pending", "desk.read", "desk.read"], "both have read the log"


async def test_a_trace_tells_the_story_of_whatever_is_pasted(scene: Scene) -> None:
    item = scene.submit("jane@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("8", *spell_id("m", item), "enter")
        await shows(pilot, "✔ ours")
        await shows(pilot, "held (mode)")
        await pilot.press("enter", "ctrl+u", *"nobody@nowhere.example", "enter")
        await until(pilot, lambda: "✔ ours" not in drawn(pilot) and "Looking" not in drawn(pilot))


async def test_a_trace_that_is_read_again_leaves_the_field_to_who_types_in_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = scene.submit("jane@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("8", *spell_id("m", item), "enter")
        await shows(pilot, "held (mode)")
        await pilot.press("enter", "ctrl+u")
        screen = app.screen
        assert isinstance(screen, TraceScreen)
        told: list[Story] = []

        def lines_of(story: Story) -> list[list[Piece]]:
            told.append(story)
            return story_lines(story)

        monkeypatch.setattr(trace, "story_lines", lines_of)
        screen.reload()
        await until(pilot, lambda: bool(told) and screen._loading is None)
        await pilot.press(*"nobody@nowhere.example", "enter")
        await shows(pilot, "unknown")


async def test_an_agents_page_draws_ladder_budgets_and_rates(scene: Scene) -> None:
    scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await shows(pilot, "support-bot")
        await pilot.press("enter")
        await shows(pilot, "▶ ╞═══╡ gated_send")
        await shows(pilot, "0 of 30 days at the present mode")
        await shows(pilot, "agent, hour")
        await shows(pilot, "suspend 0.05 %")
        await shows(pilot, "run-1 · 1 recipient")
        await pilot.press("escape")
        await shows(pilot, "NEEDS YOU")


async def test_a_message_is_compared_with_what_its_agent_issued(scene: Scene) -> None:
    scene.submit(issued=json.dumps({"to": "jane@example.com", "subject": "Your refund", "text": "It is on"}).encode())
    app = scene.app()
    async with looking(app, size=(140, 60)) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("enter", "D")
        await shows(pilot, "as submitted by the agent")
        await shows(pilot, "Message-ID")
        await pilot.press("D")
        await shows(pilot, "what happened")

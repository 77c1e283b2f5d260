"""Whatever mail an operator's screen shows is entered in the log, in their name, without a key waiting for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.db import audit_log
from core.events import DeskRead, EmailRead
from core.ids import spell_id
from core.model import Actor, Role
from core.services.feedback import suppressions
from core.services.feedback.suppressions import Entry
from tests.console.harness import Scene, drawn, looking, open_queue, shows, until
from tests.factories.desk import ALICE, person

pytestmark = pytest.mark.anyio

VICTOR = person("victor", Role.AUDITOR)


def entered(scene: Scene) -> list[tuple[str, str, int | None]]:
    """(who, what, which) of the reads in the log."""
    with scene.store.read() as conn:
        events = [one.event for one in audit_log.read(conn, after=0)]
    reads = [one for one in events if isinstance(one, EmailRead | DeskRead)]
    assert {one.door for one in reads} <= {"console"}
    return [(one.actor, one.what, one.message) for one in reads]


@pytest.mark.parametrize("actor", [ALICE, VICTOR], ids=["reviewer", "auditor"])
async def test_the_list_and_each_body_that_is_opened_are_entered_once(scene: Scene, actor: Actor) -> None:
    first, second = (scene.submit(f"r{n}@example.com", subject=f"Your quote {n}") for n in range(2))
    name = actor.name
    async with looking(scene.app(actor), size=(90, 30)) as pilot:
        assert entered(scene) == []
        await open_queue(pilot, "r1@example.com")
        await until(pilot, lambda: entered(scene) == [(name, "pending", None)])
        await pilot.press("enter")
        await until(pilot, lambda: (name, "message", first) in entered(scene))
        await pilot.press("J")
        await until(pilot, lambda: (name, "message", second) in entered(scene))
        await pilot.press("K", "J", "escape", "enter")
        await shows(pilot, "Your quote")
    assert sorted(entered(scene), key=str) == sorted(
        [(name, "pending", None), (name, "message", first), (name, "message", second)], key=str
    )


async def test_a_body_beside_the_queue_is_shown_too(scene: Scene) -> None:
    item = scene.submit("jane@example.com")
    async with looking(scene.app()) as pilot:
        await open_queue(pilot, "jane@example.com")
        await until(pilot, lambda: ("alice", "message", item) in entered(scene))


async def test_a_trace_and_the_suppressed_are_entered(scene: Scene) -> None:
    item = scene.submit("jane@example.com")
    scene.store.transact(lambda tx: suppressions.add(tx, Entry("joe@example.com", source="test"), actor=ALICE))
    async with looking(scene.app()) as pilot:
        await pilot.press("8", *spell_id("m", item), "enter")
        await until(pilot, lambda: ("alice", "trace", item) in entered(scene))
        await pilot.press("6")
        await until(pilot, lambda: ("alice", "suppressions", None) in entered(scene))


async def test_who_ends_the_console_at_once_has_read_all_the_same(scene: Scene) -> None:
    item = scene.submit("jane@example.com")
    async with looking(scene.app(), size=(90, 30)) as pilot:
        await open_queue(pilot, "jane@example.com")
        await pilot.press("enter")
        await shows(pilot, "on its way")
        await pilot.press("ctrl+q")
    assert ("alice", "message", item) in entered(scene)


async def test_what_was_shown_while_the_database_was_away_is_entered_once_it_is_back(
    scene: Scene, tmp_path: Path
) -> None:
    """The letter was read; the disk went before the log heard of it."""
    item = scene.submit("jane@example.com")
    app = scene.app()
    async with looking(app, size=(90, 30)) as pilot:
        await open_queue(pilot, "jane@example.com")
        await until(pilot, lambda: len(entered(scene)) == 1)
        away = tmp_path.with_name(f"{tmp_path.name}-away")
        tmp_path.rename(away)  # noqa: ASYNC240 - at once, and of a local disk
        scene.store.engine.dispose()
        await shows(pilot, "✖ LOST")
        await pilot.press("enter")
        assert "on its way" not in drawn(pilot)
        away.rename(tmp_path)
        await shows(pilot, "on its way")
        await until(pilot, lambda: ("alice", "message", item) in entered(scene))


async def test_reading_ends_on_another_screen_and_goes_on_in_the_message_itself(scene: Scene) -> None:
    item = scene.submit("jane@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "jane@example.com")
        await until(pilot, lambda: app.session._reading == item)
        await pilot.press("enter")
        await shows(pilot, "on its way")
        assert app.session._reading == item
        await pilot.press("escape", "9")
        await until(pilot, lambda: app.session._reading == 0)

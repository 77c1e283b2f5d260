"""A console whose operator is out says so and ends; one whose roles change knows at once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from core.db.tables import OPERATOR, REVIEW
from core.errors import AccessEnded
from core.services.identity import operators
from tests.console.harness import Scene, drawn, furnish, looking, open_queue, shows, until
from tests.factories.desk import ALICE, ROOT

pytestmark = pytest.mark.anyio


@pytest.fixture
def scene(scene: Scene) -> Scene:
    furnish(scene)
    return scene


def change(scene: Scene, **values: Any) -> None:
    scene.store.transact(lambda tx: tx.write(update(OPERATOR).where(OPERATOR.c.name == "alice").values(**values)))


async def test_a_console_whose_operator_is_disabled_shows_nothing_more_and_ends_with_1(scene: Scene) -> None:
    app = scene.app(ALICE)
    async with looking(app) as pilot:
        await open_queue(pilot, "Your quote")
        scene.store.transact(lambda tx: operators.disable(tx, name="alice", actor=ROOT))
        await shows(pilot, "Your access has ended")
        assert "alice was disabled at" in drawn(pilot)
        assert "Your quote" not in drawn(pilot)
        await pilot.press("a")
        await until(pilot, lambda: app.return_code is not None)
    assert app.return_code == 1
    assert isinstance(app.refused, AccessEnded)
    with scene.store.read() as conn:
        states = {row.status for row in conn.execute(select(REVIEW.c.status))}
    assert states == {"pending"}


@pytest.mark.parametrize(
    ("values", "why"),
    [({"token_hash": b"another"}, "revoked or replaced"), ({"token_expires_at": 1}, "expired at")],
    ids=["replaced", "expired"],
)
async def test_a_console_ends_with_its_operators_token(scene: Scene, values: dict[str, Any], why: str) -> None:
    app = scene.app(ALICE)
    async with looking(app) as pilot:
        change(scene, **values)
        await shows(pilot, "Your access has ended")
        assert why in drawn(pilot)


async def test_an_act_finds_out_before_the_next_look_at_the_log(scene: Scene) -> None:
    app = scene.app(ALICE)
    async with looking(app) as pilot:
        await open_queue(pilot, "Your quote")
        assert app._parts is not None
        assert app._parts.desk._follower is not None
        app._parts.desk._follower.stopped.set()  # the log is not looked at any more
        scene.store.transact(lambda tx: operators.disable(tx, name="alice", actor=ROOT))
        await pilot.press("a")
        await shows(pilot, "Your access has ended")


async def test_a_console_knows_of_a_role_that_was_taken_away(scene: Scene) -> None:
    app = scene.app(ALICE)
    async with looking(app) as pilot:
        assert "[RW]" in drawn(pilot)
        change(scene, roles=["auditor"])
        await shows(pilot, "[R]")

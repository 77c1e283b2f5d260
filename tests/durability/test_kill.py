"""`kill -9` at any moment loses nothing that was accepted; SIGTERM drains."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.db import audit_log
from core.db.store import Store
from core.db.tables import IN_FLIGHT, LANE, MESSAGE, RECIPIENT, WORKER
from tests.durability.gateway_processes import Site, number, site, uncertain
from tests.factories import effort

KILLS = effort.times(8, 100)
pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    """None for SQLite in the desk's own directory."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("empty_postgres"))


def drained(store: Store) -> bool:
    waiting = ["queued", "sending", "deferred", "uncertain"]
    return store.row(select(RECIPIENT.c.n).where(RECIPIENT.c.status.in_(waiting)).limit(1)) is None


def nothing_lost(tested: Site, store: Store) -> None:
    """Everything with a 2xx has come, and came twice only where the desk says it does not know."""
    rows = store.rows(select(MESSAGE.c.id, MESSAGE.c.rfc_message_id, MESSAGE.c.status))
    known = {row.id: row for row in rows}
    received = tested.received()
    accepted = {number(public) for public in tested.accepted}
    assert accepted <= known.keys()
    assert {known[one].status for one in accepted} == {"sent"}
    assert all(received[known[one].rfc_message_id] >= 1 for one in accepted)
    twice = {row.id for row in rows if received[row.rfc_message_id] > 1}
    assert twice <= uncertain(store)
    assert set(received) <= {row.rfc_message_id for row in rows}


def figures_agree(store: Store) -> None:
    lane = LANE.c
    for name, kept in (("ready", lane.depth), ("in_flight", lane.in_flight)):
        assert store.row(select(func.sum(kept))) == (0,), name
    with store.read() as conn:
        verified = audit_log.verify(conn)
    assert verified.ok
    assert verified.events > 0


@pytest.mark.timeout(effort.times(900, 1_500))
def test_nothing_accepted_is_lost_when_the_gateway_is_killed_at_many_moments(
    tmp_path: Path, database: str | None
) -> None:
    moments = random.Random(20)

    async def story() -> None:
        async with site(tmp_path / "desk", database) as tested:
            for life in range(KILLS):
                # dead for forty seconds each time, so that the leases of the last life have lapsed
                async with tested.gateway(ahead=40 * life) as running, running.load() as first:
                    await first.wait()
                    await asyncio.sleep(moments.uniform(0.0, 0.3))  # the moment is what is tested
                    await running.kill()
            with tested.store() as store, store.read() as conn:
                assert audit_log.verify(conn).ok
            async with tested.gateway(ahead=40 * KILLS) as running:
                await tested.until(drained)
                assert await running.terminate() == 0
            with tested.store() as store:
                nothing_lost(tested, store)
                figures_agree(store)
                # whoever died took no more with it than it could hold
                assert len(uncertain(store)) <= KILLS * 192
            assert len(tested.accepted) > KILLS

    asyncio.run(story())


def test_sigterm_finishes_what_is_under_way_and_leaves_the_rest_for_the_next(
    tmp_path: Path, database: str | None
) -> None:
    async def story() -> None:
        async with site(tmp_path / "desk", database) as tested:
            async with tested.gateway() as running, running.load() as first:
                await first.wait()
                await tested.world.until(lambda: len(tested.world.messages) > 20)
                assert await running.terminate() == 0
            with tested.store() as store:
                assert uncertain(store) == set()
                attempted = select(func.count()).select_from(IN_FLIGHT).where(IN_FLIGHT.c.attempted_at.is_not(None))
                assert store.row(attempted) == (0,)
                assert store.row(select(func.count()).select_from(WORKER)) == (0,)
                sent = tested.statuses(store)["sent"]
                assert sent == len(tested.world.messages)
            async with tested.gateway() as running:
                await tested.until(drained)
                assert await running.terminate() == 0
            with tested.store() as store:
                nothing_lost(tested, store)
                assert max(tested.received().values()) == 1
                figures_agree(store)

    asyncio.run(story())


async def _lost_and_started(directory: Path, database: str | None) -> None:
    async with site(directory, database) as place:
        async with place.gateway() as first:
            await first.kill()
        async with place.gateway() as second:
            pass
        with place.store() as opened, opened.read() as conn:
            told = [one.event.type for one in audit_log.read(conn, after=0, limit=10_000)]
        kinds = [one for one in told if one.startswith("gateway.")]
        assert kinds == ["gateway.started", "gateway.lost", "gateway.started"], second.url


def test_the_next_start_writes_down_that_the_last_gateway_was_killed(tmp_path: Path) -> None:
    asyncio.run(_lost_and_started(tmp_path / "desk", None))

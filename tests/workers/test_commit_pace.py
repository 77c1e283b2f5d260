"""The common moments of a busy worker's writes. Time is real, but only order and lower bounds are asserted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from core.db.store import Store
from core.db.tables import IN_FLIGHT, RECIPIENT
from core.demo.clock import FakeClock
from core.model import Actor
from core.services.control import emergency
from core.workers.commit_pace import BUSY, EVERY, CommitPace
from tests.db.empty_database import Fresh
from tests.durability.test_receivers import GOOD, two

MAIL = 12


@pytest.fixture
def store(clock: FakeClock) -> Iterator[Store]:
    fresh = Fresh(clock)
    yield fresh.store
    fresh.close()


def test_with_little_to_do_nothing_waits() -> None:
    async def story() -> None:
        pace = CommitPace(lambda: BUSY - 1)
        for _ in range(100):
            with pytest.raises(StopIteration):  # it ends at its first step
                pace.moment().send(None)

    asyncio.run(story())


def test_under_load_writes_that_come_after_a_moment_share_the_next() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        pace = CommitPace(lambda: BUSY)
        await pace.moment()
        began = loop.time()
        came = []

        async def one(name: int) -> None:
            await pace.moment()
            came.append((name, loop.time() - began))

        waiting = [asyncio.create_task(one(name)) for name in range(5)]
        await waiting[0]
        assert [name for name, _ in came] == [0, 1, 2, 3, 4]  # in one pass of the loop, before the first goes on
        assert min(after for _, after in came) >= EVERY * 0.9  # timers are a little coarse

    asyncio.run(story())


def test_a_wait_that_began_under_load_ends_though_the_load_ends() -> None:
    async def story() -> None:
        load = BUSY
        pace = CommitPace(lambda: load)
        await pace.moment()
        waiting = asyncio.create_task(pace.moment())
        await asyncio.sleep(0)
        load = 0
        await waiting

    asyncio.run(story())


def test_a_cancelled_wait_does_not_cancel_the_moment_of_the_others() -> None:
    async def story() -> None:
        pace = CommitPace(lambda: BUSY)
        await pace.moment()
        one, other = asyncio.create_task(pace.moment()), asyncio.create_task(pace.moment())
        await asyncio.sleep(0)
        one.cancel()
        await other

    asyncio.run(story())


def test_a_delivery_that_waits_for_its_moment_when_its_agent_is_suspended_does_not_leave(
    store: Store, clock: FakeClock
) -> None:
    async def story() -> None:
        async with two(store, clock, trouble={}) as tested:
            worker = tested.departures
            pace = worker._pace
            pace._last = asyncio.get_running_loop().time() + 3_600  # the next moment comes when the test says so
            pace._in_progress = lambda: BUSY if worker._under_way else 0
            for place in range(MAIL):
                tested.hand_in(GOOD, f"r@d{place}.fine.test")
            while sum(len(one._waiting) for one in worker._attempts._batchers.values()) < MAIL:
                await tested.writer.do(lambda tx: None)
            guard = Actor("guard", "complaints")
            store.transact(lambda tx: emergency.freeze(tx, tested.token.agent_id, reason="stop", actor=guard))
            assert pace._next is not None
            pace._come(pace._next)
            pace._in_progress = lambda: 0
            while store.row(select(IN_FLIGHT.c.n).limit(1)) is not None:
                await tested.writer.do(lambda tx: None)
            assert tested.good.messages == []
            assert {row.status for row in store.rows(select(RECIPIENT.c.status))} == {"queued"}

    asyncio.run(story())

"""When a worker may skip a look at the database, and that it misses nothing by it."""

from __future__ import annotations

import asyncio

from sqlalchemy import exists, update

from core.db.due import AHEAD, CALM, CALM_PAUSE, NOW, DueCheck, DueWatch, Quiet
from core.db.store import Store
from core.db.tables import STREAM
from core.demo.clock import FakeClock
from core.durations import FAR_FUTURE
from tests.factories.desk import make_desk


def back_off(store: Store, until: int) -> None:
    store.transact(lambda tx: tx.write(update(STREAM).values(backoff_until=until)))


def test_a_look_is_skipped_until_any_process_commits_or_the_last_one_searched_no_further(
    store: Store, clock: FakeClock
) -> None:
    make_desk(store)
    quiet, another = Quiet(store), Store(store.url, clock=clock)
    try:
        for writer in (store, another):
            assert not quiet.lasts()
            quiet.begin(clock.now())
            assert quiet.lasts() == store.sqlite, "PostgreSQL does not say whether anything was committed"
            back_off(writer, clock.now())
    finally:
        another.close()
    assert not quiet.lasts()
    quiet.begin(clock.now())
    clock.advance(micros=AHEAD - 1)
    assert quiet.lasts() == store.sqlite
    clock.advance(micros=1)
    assert not quiet.lasts()


def test_a_look_is_made_after_the_clock_was_set_back(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    quiet = Quiet(store)
    assert not quiet.lasts()
    quiet.begin(clock.now() + 1)
    assert not quiet.lasts()


def test_what_is_committed_during_a_look_ends_the_quiet(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    quiet = Quiet(store)
    assert not quiet.lasts()
    back_off(store, clock.now())
    quiet.begin(clock.now())
    assert not quiet.lasts()


def test_what_a_watch_looks_for_is_found_at_its_time_although_nothing_is_committed(
    store: Store, clock: FakeClock
) -> None:
    make_desk(store)
    back_off(store, FAR_FUTURE)
    watch = DueWatch(DueCheck({"open": exists().where(STREAM.c.backoff_until <= NOW)}), store)

    async def story() -> None:
        assert await watch.due() == set()
        back_off(store, clock.now() + 2 * AHEAD)
        for _ in range(4):
            assert await watch.due() == set()
            clock.advance(micros=AHEAD // 4)
        clock.advance(micros=AHEAD - 1)
        assert await watch.due() == set()
        clock.advance(micros=1)
        assert await watch.due() == {"open"}
        assert await watch.due() == {"open"}, "until it is done"

    asyncio.run(story())


def test_looks_are_rarer_on_a_calm_desk_and_frequent_again_once_something_is_near(
    store: Store, clock: FakeClock
) -> None:
    make_desk(store)
    back_off(store, FAR_FUTURE)
    watch = DueWatch(DueCheck({"open": exists().where(STREAM.c.backoff_until <= NOW)}), store)

    async def story() -> None:
        for _ in range(1 + CALM // AHEAD):
            assert watch.pause(0.25) == 0.25
            assert await watch.due() == set()
            clock.advance(micros=AHEAD)
        assert watch.pause(0.25) == CALM_PAUSE
        assert watch.pause(2.0) == 2.0
        back_off(store, clock.now() + AHEAD - 1)
        assert await watch.due() == set()
        assert await watch.due() == set()
        assert watch.pause(0.25) == 0.25, "it is due within the time that a look searches ahead"

    asyncio.run(story())

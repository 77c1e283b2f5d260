"""A process whose event loop is busy still says that it lives."""

from __future__ import annotations

import asyncio
import threading

from core.db.store import Store
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.workers.egress import LONGEST_RESTART, RESTART, STEADY, failures_after, restart_in
from core.workers.heartbeat import Heartbeat
from tests.factories.desk import make_desk


def test_beats_go_on_while_the_event_loop_does_nothing_else(store: Store) -> None:
    make_desk(store)
    beats = threading.Semaphore(0)

    def beat(_tx: Transaction) -> None:
        beats.release()

    async def story() -> None:
        writer = Writer(store)
        writer.start()
        heart = Heartbeat(writer, beat, every=0.01)
        heart.start()
        for _ in range(5):
            assert beats.acquire(timeout=60)  # blocks this thread, and with it the loop
        await heart.stop()
        await writer.close()

    asyncio.run(story())


async def changed(heart: Heartbeat, trouble: str | None) -> str | None:
    """What it says once it is something else; a thread cannot tell us when."""
    while heart.trouble == trouble:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return heart.trouble


def test_a_beat_that_fails_says_why_and_is_tried_again(store: Store) -> None:
    make_desk(store)
    tried = threading.Semaphore(0)
    broken = True

    def beat(_tx: Transaction) -> None:
        tried.release()
        if broken:
            raise RuntimeError("no room")

    async def story() -> tuple[str | None, str | None]:
        nonlocal broken
        writer = Writer(store)
        writer.start()
        heart = Heartbeat(writer, beat, every=0.01)
        heart.start()
        assert await asyncio.to_thread(tried.acquire, timeout=60)
        said = await changed(heart, None)
        broken = False
        await changed(heart, said)
        await heart.stop()
        await writer.close()
        return said, heart.trouble

    assert asyncio.run(story()) == ("RuntimeError: no room", None)


def test_a_child_that_keeps_dying_is_started_later_each_time() -> None:
    failures, waits = 0, []
    for _ in range(12):
        failures = failures_after(failures, lived=1.0)
        waits.append(restart_in(failures))
    assert waits == sorted(waits)
    assert waits[0] == 2 * RESTART
    assert waits[-1] == LONGEST_RESTART


def test_a_child_that_lived_a_while_is_started_again_soon_whatever_was_before() -> None:
    assert restart_in(failures_after(50, lived=STEADY)) == 2 * RESTART

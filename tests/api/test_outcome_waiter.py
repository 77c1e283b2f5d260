"""Two hundred agents that wait for their outcome cost the database what one of them costs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from core.api import outcome_waiter, shared_reader
from core.api.outcome_waiter import OutcomeWaiter
from core.db.store import Store
from core.demo.clock import FakeClock
from core.model import Mode
from tests.api.api_client import Visitor, mail, opened
from tests.factories.delivery import attempt, claim, pass_a_moment, settle
from tests.factories.desk import WIDE, make_desk

MANY = 200


@pytest.fixture
def free(store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """The agent of an autonomous mailbox with wide limits, on both databases."""
    with opened(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as visitor:
        yield visitor


class Reads:
    """How often the doors, and not the writer, asked for messages."""

    def __init__(self, store: Store) -> None:
        self.count = 0
        event.listen(store.engine, "before_cursor_execute", self._see)

    def _see(self, _conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FROM message" in statement and threading.current_thread().name != "postroom-writer":
            self.count += 1


async def waiting(visitor: Visitor, many: int) -> list[asyncio.Task[httpx.Response]]:
    """So many requests that are accepted and wait."""
    commits, all_in = 0, asyncio.Event()

    def count() -> None:
        nonlocal commits
        commits += 1
        if visitor.desk.writer.committed >= many:
            all_in.set()

    visitor.desk.writer.listeners.append(count)
    asking = [
        asyncio.create_task(
            visitor.ask("POST", "/emails/send", json=mail(to=f"r{n}@example.com"), headers={"Prefer": "wait=30"})
        )
        for n in range(many)
    ]
    await all_in.wait()
    return asking


def test_many_who_wait_read_no_more_than_one(free: Visitor, clock: FakeClock) -> None:
    async def story() -> tuple[int, int]:
        asking = await waiting(free, MANY)
        reads, commits = Reads(free.bench.store), free.desk.writer.batches
        looks = 20
        for n in range(looks):
            clock.advance(seconds=shared_reader.LOOK)
            answer = await free.ask("POST", "/emails/send", json=mail(to=f"other{n}@example.com"))
            assert answer.status_code == 202
        commits = free.desk.writer.batches - commits
        assert not any(one.done() for one in asking)
        seen = reads.count
        clock.advance(seconds=31)
        told = await asyncio.gather(*asking)
        assert {one.json()["status"] for one in told} == {"queued"}
        return seen, looks + commits + 1

    seen, most = asyncio.run(story())
    assert seen <= most


def test_each_who_waits_is_told_its_own_outcome(free: Visitor) -> None:
    async def story() -> list[httpx.Response]:
        asking = await waiting(free, 5)
        store = free.bench.store
        gone = 0
        while gone < 5:
            pass_a_moment(store)
            claimed = claim(store)
            attempt(store, claimed)
            settle(store, claimed)
            gone += len(claimed)
        await free.ask("POST", "/emails/send", json=mail())  # any commit of this process wakes the reader
        return await asyncio.gather(*asking)

    told = asyncio.run(story())
    assert [one.json()["status"] for one in told] == ["sent"] * 5
    assert {one.json()["recipients"][0]["address"] for one in told} == {f"r{n}@example.com" for n in range(5)}


def test_what_another_process_commits_is_found_at_the_next_look(free: Visitor, clock: FakeClock) -> None:
    async def story() -> httpx.Response:
        (asking,) = await waiting(free, 1)
        store = free.bench.store
        claimed = claim(store)
        attempt(store, claimed)
        settle(store, claimed)  # in transactions of their own: no commit of this process's writer
        while not asking.done():
            clock.advance(seconds=shared_reader.LOOK)
            await asyncio.wait([asking], timeout=0.05)
        return await asking

    assert asyncio.run(story()).json()["status"] == "sent"


def test_who_waits_beyond_the_bound_is_answered_at_once(
    free: Visitor, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_waiter, "PER_AGENT", 3)

    async def story() -> list[httpx.Response]:
        asking = await waiting(free, 5)
        done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 2:
            done, _ = await asyncio.wait(asking, timeout=0.05)
        clock.advance(seconds=31)
        answers = await asyncio.gather(*asking)
        return [await one for one in done] + answers

    assert {one.json()["status"] for one in asyncio.run(story())} == {"queued"}


def test_nobody_is_remembered_who_waits_no_more(store: Store) -> None:
    async def story() -> OutcomeWaiter:
        kept = OutcomeWaiter(store)
        await asyncio.gather(*(kept.wait(n, agent_id=n % 2, seconds=30) for n in range(10)))  # no such messages: final
        gone = asyncio.create_task(kept.wait(11, agent_id=1, seconds=30))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        return kept

    kept = asyncio.run(story())
    assert (len(kept._waiting), kept._of_agent.total()) == (0, 0)

"""Mail with a time of its own: a kill around its release loses nothing, and a cancel that was answered holds."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.clock import SystemClock
from core.db import audit_log
from core.db.store import Store
from core.db.tables import COUNTER, IN_FLIGHT, MESSAGE, RECIPIENT
from core.durations import HOUR, SECOND, stamp
from core.events import EmailQueued, EmailSent
from tests.durability.gateway_processes import Running, Site, number, site, uncertain

pytestmark = pytest.mark.slow

LIVES = 3
EACH = 20
"""Messages of one life. Their times lie close together, so that some are released and others wait when it ends."""


def in_(micros: int, *, ahead: int = 0) -> str:
    """`send_at` so long from now, by the clock of a gateway that is ahead."""
    return stamp(SystemClock().now() + ahead * SECOND + micros)


def waiting(store: Store, *more: str) -> int:
    stages = ["queued", "sending", "deferred", "uncertain", *more]
    row = store.row(select(func.count()).select_from(RECIPIENT).where(RECIPIENT.c.status.in_(stages)))
    return int(row[0]) if row else 0


def scheduled(store: Store, ids: Collection[int]) -> int:
    wanted = (MESSAGE.c.status == "scheduled", MESSAGE.c.id.in_(ids))
    row = store.row(select(func.count()).select_from(MESSAGE).where(*wanted))
    return int(row[0]) if row else 0


def log_says_so(store: Store) -> None:
    """Each message was released once and left no sooner than at its time; the log is whole, the counters at zero."""
    due = {row.id: row.send_at or 0 for row in store.rows(select(MESSAGE.c.id, MESSAGE.c.send_at))}
    released = Counter[int]()
    with store.read() as conn:
        assert audit_log.verify(conn).ok
        after = 0
        while entries := audit_log.read(conn, after=after):
            for entry in entries:
                if isinstance(entry.event, EmailQueued | EmailSent):
                    assert entry.at >= due[entry.event.message or 0]
                if isinstance(entry.event, EmailQueued):
                    released[entry.event.message or 0] += 1
            after = entries[-1].seq
    # What is uncertain may be let go again: the desk says so of each.
    assert {n for message, n in released.items() if message not in uncertain(store)} <= {1}
    kept = select(func.sum(COUNTER.c.n)).where(COUNTER.c.kind == "scheduled").group_by(COUNTER.c.scope)
    assert {int(row[0]) for row in store.rows(kept)} == {0}


def test_scheduled_mail_is_neither_lost_nor_released_twice_when_the_gateway_is_killed_around_its_time(
    tmp_path: Path,
) -> None:
    moments = random.Random(10)

    async def live(tested: Site, running: Running, *, ahead: int) -> None:
        mine = []
        for step in range(EACH):
            answer = await running.submit(send_at=in_(SECOND + step * SECOND // EACH, ahead=ahead))
            assert answer.status_code == 202
            mine.append(number(answer.json()["message_id"]))
        # The first is released, and the last comes within a second.
        await tested.until(lambda store: scheduled(store, mine) < EACH)
        await asyncio.sleep(moments.uniform(0.0, 0.5))  # the moment is what is tested
        await running.kill()

    async def story() -> None:
        async with site(tmp_path / "desk", None) as tested:
            for life in range(LIVES):
                # dead for forty seconds each time, so that the leases of the last life have lapsed
                async with tested.gateway(ahead=40 * life) as running:
                    await live(tested, running, ahead=40 * life)
            async with tested.gateway(ahead=40 * LIVES) as running:
                await tested.until(lambda store: waiting(store, "scheduled") == 0)
                assert await running.terminate() == 0
            received = tested.received()
            with tested.store() as store:
                rows = {row.id: row for row in store.rows(select(MESSAGE))}
                assert {number(public) for public in tested.accepted} == set(rows)
                assert {row.status for row in rows.values()} == {"sent"}
                assert set(received) == {row.rfc_message_id for row in rows.values()}
                twice = {row.id for row in rows.values() if received[row.rfc_message_id] > 1}
                assert twice <= uncertain(store)
                log_says_so(store)
        assert len(tested.accepted) == LIVES * EACH

    asyncio.run(story())


def test_two_gateways_that_race_to_release_and_to_cancel_agree_on_each_message(
    tmp_path: Path, empty_postgres: str
) -> None:
    async def cancel(where: Running, public: str) -> bool:
        answer = await where.client.post(f"/emails/{public}/cancel")
        assert answer.status_code in (200, 409), answer.text
        return answer.is_success

    async def story(tested: Site) -> None:
        async with tested.gateway() as one, tested.gateway() as two:
            both = (one, two)
            far = (await one.submit(send_at=in_(HOUR))).json()["message_id"]
            left_alone = (await two.submit(send_at=in_(SECOND))).json()["message_id"]
            raced = []
            for step in range(24):
                answer = await both[step % 2].submit(send_at=in_(SECOND))
                raced.append(answer.json()["message_id"])
            # The chores of both look for what is due every quarter of a second, and so long the cancels go on.
            cancelled = {far} if await cancel(two, far) else set()
            for step, public in enumerate(raced):
                # Both at once: one of the cancels may win, and against a release none may.
                won = await asyncio.gather(*(cancel(where, public) for where in both))
                assert sum(won) <= 1
                cancelled |= {public} if any(won) else set()
                await asyncio.sleep(0.05 if step % 2 else 0)
            await tested.until(lambda store: waiting(store, "scheduled") == 0 and _calm(store))
            assert await one.terminate() == 0
            assert await two.terminate() == 0
        with tested.store() as store:
            rows = {row.id: row for row in store.rows(select(MESSAGE))}
            ended = {public: rows[number(public)].status for public in tested.accepted}
            assert {public for public, status in ended.items() if status == "cancelled"} == cancelled
            assert set(ended.values()) <= {"cancelled", "sent"}
            sent = {rows[number(public)].rfc_message_id for public in tested.accepted if public not in cancelled}
            assert tested.received() == Counter(sent)
            assert uncertain(store) == set()
            log_says_so(store)
        assert far in cancelled
        assert left_alone not in cancelled

    async def on() -> None:
        async with site(tmp_path / "desk", empty_postgres) as tested:
            await story(tested)

    asyncio.run(on())


def _calm(store: Store) -> bool:
    return store.row(select(IN_FLIGHT.c.n).limit(1)) is None

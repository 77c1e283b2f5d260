"""Two gateways on one PostgreSQL race for claims, caps and suspensions: none wins what only one may have."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from core.db import audit_log
from core.db.store import Store
from core.db.tables import IN_FLIGHT, LOG_ENTRY, MAILBOX, MESSAGE, RECIPIENT
from core.db.transaction import Transaction
from core.model import Outcome
from core.services.control import emergency
from tests.durability.gateway_processes import Site, site, uncertain

pytestmark = pytest.mark.slow


def sent(store: Store) -> int:
    row = store.row(select(func.count()).select_from(RECIPIENT).where(RECIPIENT.c.status == Outcome.SENT.value))
    return int(row[0]) if row else 0


def calm(store: Store) -> bool:
    return store.row(select(IN_FLIGHT.c.n).limit(1)) is None


def log_is_whole(store: Store) -> None:
    with store.read() as conn:
        verified = audit_log.verify(conn)
    assert verified.ok
    row = store.row(select(func.count(), func.min(LOG_ENTRY.c.seq), func.max(LOG_ENTRY.c.seq)))
    assert row == (verified.events, 1, verified.events)


def test_two_gateways_send_each_message_once_and_keep_a_conversation_in_order(
    tmp_path: Path, empty_postgres: str
) -> None:
    async def story(tested: Site) -> None:
        async with tested.gateway() as one, tested.gateway() as two:
            root = (await one.submit(to="jane@thread.test", subject="step 00")).json()["rfc_message_id"]
            for step in range(1, 12):
                which = (one, two)[step % 2]
                answer = await which.submit(to="jane@thread.test", subject=f"step {step:02}", in_reply_to=root)
                assert answer.status_code == 202
            async with one.load(agents=4) as first, two.load(agents=4) as second:
                await asyncio.gather(first.wait(), second.wait())
                await tested.until(lambda store: sent(store) >= 150)
            await tested.until(lambda store: sent(store) >= len(tested.accepted))
        with tested.store() as store:
            assert uncertain(store) == set()
            assert set(tested.received().values()) == {1}
            rows = store.rows(select(MESSAGE.c.rfc_message_id))
            assert {row.rfc_message_id for row in rows} == set(tested.received())
            log_is_whole(store)
        steps = [raw.partition(b"Subject: step ")[2][:2] for raw in tested.world.messages if b"Subject: step " in raw]
        assert steps == sorted(steps)
        assert len(steps) == 12

    asyncio.run(_on(tmp_path, empty_postgres, story))


def test_two_gateways_together_never_exceed_a_cap(tmp_path: Path, empty_postgres: str) -> None:
    cap = 60

    async def story(tested: Site) -> None:
        with tested.store() as store:
            store.transact(lambda tx: tx.write(update(MAILBOX).values(limit_hour=cap)))
        async with tested.gateway() as one, tested.gateway() as two:
            async with one.load(agents=3), two.load(agents=3):
                await tested.until(lambda store: sent(store) >= cap)
                # both look again at the spent budget, with more waiting than would fit
                enough = len(tested.accepted) + 100
                await tested.until(lambda store: len(tested.accepted) >= enough)
            await tested.until(lambda store: calm(store) and _asleep(store))
            assert await one.terminate() == 0
            assert await two.terminate() == 0
        with tested.store() as store:
            assert sent(store) == cap
            log_is_whole(store)
        assert len(tested.world.messages) == cap

    asyncio.run(_on(tmp_path, empty_postgres, story))


def _asleep(store: Store) -> bool:
    row = store.row(select(MAILBOX.c.waits_for))
    return row is not None and row.waits_for in ("agent_hour", "mailbox_hour")


def test_no_attempt_is_committed_after_a_suspension_on_either_gateway(tmp_path: Path, empty_postgres: str) -> None:
    tried = select(func.count()).select_from(RECIPIENT).where(RECIPIENT.c.attempts > 0)

    async def story(tested: Site) -> None:
        def suspend(tx: Transaction) -> tuple[int, int]:
            frozen = emergency.suspend_agent(tx, "bot", reason="looks odd", actor=tested.desk.person("alice"))
            row = tx.one(tried)
            assert row is not None
            return int(row[0]), frozen.in_flight

        async with tested.gateway() as one, tested.gateway() as two:
            for _ in range(3):
                async with one.load(agents=4) as first, two.load(agents=4) as second:
                    await asyncio.gather(first.wait(), second.wait())
                    target = len(tested.world.messages) + 30
                    await tested.world.until(lambda n=target: len(tested.world.messages) >= n)  # type: ignore[misc]  # bound now
                    with tested.store() as store:
                        before = len(tested.world.messages)
                        attempted, in_flight = await asyncio.to_thread(store.transact, suspend)
                    refused = await one.submit()
                    assert (refused.status_code, refused.json()["error"]) == (403, "agent_suspended")
                await tested.until(calm)
                with tested.store() as store:
                    assert store.row(tried) == (attempted,)
                    assert before <= len(tested.world.messages) == sent(store) <= attempted
                    assert attempted - sent(store) == 0 <= in_flight
                    store.transact(
                        lambda tx: emergency.resume_agent(
                            tx, "bot", reason="it was fine", actor=tested.desk.person("gail")
                        )
                    )
        with tested.store() as store:
            log_is_whole(store)
        assert max(tested.received().values()) == 1

    asyncio.run(_on(tmp_path, empty_postgres, story))


async def _on(folder: Path, database: str, story: object) -> None:
    async with site(folder / "desk", database) as tested:
        await story(tested)  # type: ignore[operator]  # one of the coroutines above

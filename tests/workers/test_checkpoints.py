"""Checkpoints leave the desk by the clock; a place that does not take one is tried again, and the others are not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.db.store import Store
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.durations import DAY
from core.security.encryption import MasterKeys, new_master_key
from core.services.audit import checkpoints
from core.services.audit.checkpoint_targets import Sent
from core.services.notify.webhook_client import WebhookClient
from core.settings import Checkpoints as Wanted
from core.settings import Settings
from core.workers.checkpoints import Checkpoints
from tests.factories.desk import make_desk
from tests.services.audit.test_checkpoints import grow
from tests.workers.test_notifications import chat
from tests.workers.test_webhooks import answers, receiving, thanks

RING = MasterKeys.parse(new_master_key("m1"))


@contextlib.asynccontextmanager
async def keeping(store: Store, directory: Path, **wanted: Any) -> AsyncIterator[Checkpoints]:
    writer = Writer(store)
    writer.start()
    hooks = WebhookClient(allow=["127.0.0.1"])
    settings = Settings(dir=directory, checkpoints=Wanted(**wanted))
    try:
        yield Checkpoints(settings, writer=writer, hooks=hooks, keyring=RING, clock=store.clock)
    finally:
        await hooks.close()
        await writer.close()


def told(results: Any) -> list[tuple[str, bool]]:
    return [(one.place.partition(" ")[0], one.ok) for one in results]


def test_a_checkpoint_is_due_a_day_after_the_last_and_is_appended_to_its_file(
    store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    async def story() -> None:
        make_desk(store)
        grow(store, 3)
        async with keeping(store, tmp_path, file=Path("kept.jsonl")) as loop:
            assert await loop.look() == ()
            clock.advance(micros=DAY)
            assert told(await loop.look()) == [("file", True)]
            assert await loop.look() == ()
            grow(store)
            clock.advance(micros=DAY)
            await loop.look()
        lines = (tmp_path / "kept.jsonl").read_bytes()
        assert [one.seq for one in checkpoints.parse_all(lines)] == [3, 5]
        with store.read() as conn:
            assert checkpoints.verify_against(conn, lines).ok

    asyncio.run(story())


def test_a_day_without_events_needs_no_checkpoint(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    async def story() -> None:
        make_desk(store)
        grow(store)
        async with keeping(store, tmp_path, file=Path("kept.jsonl")) as loop:
            for _ in range(3):
                clock.advance(micros=DAY)
                await loop.look()
        assert len(checkpoints.parse_all((tmp_path / "kept.jsonl").read_bytes())) == 1

    asyncio.run(story())


def test_webhook_and_people_get_the_signed_statement_itself(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    async def story() -> None:
        make_desk(store)
        grow(store)
        clock.advance(micros=DAY)
        async with receiving() as receiver, chat() as channel:
            notify = (f"json://127.0.0.1:{channel.port}",)
            async with keeping(store, tmp_path, webhook=receiver.url, notify=notify) as loop:
                assert told(await loop.look()) == [("webhook", True), ("notify", True)]
            (body,) = receiver.said
            assert checkpoints.parse(orjson.dumps(body)).genuine
            assert checkpoints.parse(channel.posts[0]["message"]).signature == body["signature"]

    asyncio.run(story())


def test_what_was_not_taken_is_tried_again_where_it_failed_only(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    async def story() -> None:
        make_desk(store)
        grow(store)
        clock.advance(micros=DAY)
        async with (
            receiving(answers("503 Busy")) as receiver,
            keeping(store, tmp_path, webhook=receiver.url, file=Path("kept.jsonl")) as loop,
        ):
            assert told(await loop.look()) == [("file", True), ("webhook", False)]
            receiver.answer = thanks
            assert told(await loop.look()) == [("webhook", True)]
            assert await loop.look() == ()
        assert len((tmp_path / "kept.jsonl").read_bytes().splitlines()) == 1

    asyncio.run(story())


def test_a_file_that_cannot_be_written_is_said_and_ends_nothing(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    async def story() -> tuple[Sent, ...]:
        make_desk(store)
        grow(store)
        clock.advance(micros=DAY)
        async with keeping(store, tmp_path, file=Path("no/such/folder")) as loop:
            return tuple(await loop.look())

    (failed,) = asyncio.run(story())
    assert (failed.ok, failed.reason) == (False, "No such file or directory")


@pytest.mark.both_databases
def test_of_two_gateways_one_takes_it(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    async def story() -> None:
        make_desk(store)
        grow(store)
        clock.advance(micros=DAY)
        async with (
            keeping(store, tmp_path, file=Path("a")) as one,
            keeping(store, tmp_path, file=Path("b")) as other,
        ):
            assert len(await one.look()) == 1
            assert await other.look() == ()

    asyncio.run(story())


def test_checkpoints_taken_by_hand_only_need_no_clock(store: Store, tmp_path: Path) -> None:
    async def story() -> None:
        make_desk(store)
        async with keeping(store, tmp_path, every="0s") as loop:
            await asyncio.wait_for(loop.run(), 60)

    asyncio.run(story())

"""While much small mail arrives at once, other processes read some of it; whichever reads it, it reads the same."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.api.compose_pool import ComposePool
from core.db.store import Store
from core.db.writer import Writer
from core.services.receiving.intake import MANY, Intake
from core.services.receiving.read_mail import read_mail
from core.settings import Inbound
from tests.factories.desk import make_desk
from tests.factories.fork_server import postroom
from tests.factories.inbound import mail

SERVE = """\
import dataclasses, os, sys
from core.cli.compose_process import serve
def work(task):
    {work}
serve(sys.stdin.buffer, sys.stdout.buffer, work)"""


@asynccontextmanager
async def reader(store: Store, *command: str) -> AsyncIterator[tuple[Intake, ComposePool]]:
    """An intake with one process, started by this command."""
    pool = ComposePool(command, os.environ, most=1)
    ctx = make_desk(store).ctx
    try:
        yield Intake(store=store, writer=Writer(store), ctx=ctx, settings=Inbound(), pool=pool), pool
    finally:
        await pool.close()


def doing(work: str) -> tuple[str, ...]:
    return (*postroom("-c"), SERVE.format(work=work))


async def started(pool: ComposePool) -> None:
    while not pool.ready():  # noqa: ASYNC110 - a pool has nobody to tell that a process is ready
        await asyncio.sleep(0.01)


def test_a_process_starts_while_many_small_messages_are_read_and_then_reads_some(sqlite_store: Store) -> None:
    raws = [mail(f"message {n}", message_id=f"<{n}@example.com>") for n in range(2 * MANY)]
    marked = "return dataclasses.replace(task(), problems=('read by the process',))"

    async def story() -> None:
        async with reader(sqlite_store, *doing(marked)) as (intake, pool):
            for raw in raws:
                assert await intake.read(raw, source="lmtp") == read_mail(raw)
            assert pool.pids() == [], "one message at a time needs no process"
            together = await asyncio.gather(*(intake.read(raw, source="lmtp") for raw in raws))
            assert together == [read_mail(raw) for raw in raws], "none waits for a process to start"
            await started(pool)
            together = await asyncio.gather(*(intake.read(raw, source="lmtp") for raw in raws))
            assert [one.digest for one in together] == [read_mail(raw).digest for raw in raws]
            assert "read by the process" in {problem for one in together for problem in one.problems}

    asyncio.run(story())


def test_a_process_that_is_killed_while_it_reads_loses_no_message(sqlite_store: Store) -> None:
    raws = [mail(f"message {n}", message_id=f"<{n}@example.com>") for n in range(2 * MANY)]

    async def story() -> None:
        async with reader(sqlite_store, *doing("os._exit(9)")) as (intake, pool):
            pool.warm()
            await started(pool)
            (pid,) = pool.pids()
            together = await asyncio.gather(*(intake.read(raw, source="lmtp") for raw in raws))
            assert together == [read_mail(raw) for raw in raws]
            assert pid not in pool.pids(), "the process was asked"

    asyncio.run(story())


def test_a_pool_whose_processes_cannot_start_leaves_reading_to_threads(sqlite_store: Store) -> None:
    raws = [mail(f"message {n}", message_id=f"<{n}@example.com>") for n in range(2 * MANY)]

    async def story() -> None:
        async with reader(sqlite_store, "/nowhere/postroom") as (intake, _):
            together = await asyncio.gather(*(intake.read(raw, source="lmtp") for raw in raws))
            assert together == [read_mail(raw) for raw in raws]

    asyncio.run(story())

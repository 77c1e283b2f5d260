"""The primary of PostgreSQL changes under load: nothing that was acknowledged is lost, and nobody has to do anything.

Two gateways, one of which delivers itself and one in a process for that, and agents who repeat a request with its key
until it is accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import pytest
from sqlalchemy import func, select, text

from core.db import audit_log
from core.db.store import Store
from core.db.tables import COUNTER, MESSAGE, RECIPIENT
from tests.durability.gateway_processes import Running, Site, number, site, uncertain
from tests.durability.test_kill import drained, figures_agree
from tests.factories import replication
from tests.factories.replication import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

AGENTS: Final = 6
ENOUGH: Final = 40
"""Messages accepted before, and again after, a change."""
PATIENCE: Final = 0.1


@dataclass
class Agents:
    """Agents that repeat each request until it is accepted, at any of the gateways."""

    gateways: Sequence[Running]
    accepted: dict[str, str] = field(default_factory=dict)
    """Idempotency key -> id of the message."""
    refused: Counter[int] = field(default_factory=Counter)
    """Answers that were not 2xx, by status; 0: there was none."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        ended = asyncio.Event()

        async def agent() -> None:
            while not ended.is_set():
                await self.another()

        async with asyncio.TaskGroup() as group:
            for _ in range(AGENTS):
                group.create_task(agent())
            try:
                yield
            finally:
                ended.set()

    async def another(self) -> None:
        """Return once one more was accepted."""
        n = next(self._numbers)
        await self._insist(f"key-{n}", subject=f"mail {n}", to=f"r{n}@d{n % 20}.test")

    async def _insist(self, key: str, **mail: str) -> None:
        for gateway in itertools.cycle(self.gateways):
            status = 0
            with contextlib.suppress(httpx.HTTPError):
                answer = await gateway.submit(key=key, **mail)
                status = answer.status_code
                if answer.is_success:
                    self.accepted[key] = answer.json()["message_id"]
                    return
            assert status in (0, 503), answer.text
            self.refused[status] += 1
            await asyncio.sleep(PATIENCE)

    async def more(self, n: int = ENOUGH) -> None:
        """Return once so many more were accepted."""
        enough = len(self.accepted) + n
        await _until(lambda: len(self.accepted) >= enough)

    async def notice(self) -> None:
        """Return once each of them has been refused: whatever they ask now is asked again later."""
        enough = self.refused.total() + 2 * AGENTS
        await _until(lambda: self.refused.total() >= enough)


async def _until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - agents and servers of other processes: the test's own limit ends the wait
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def under_load(folder: Path, database: str) -> AsyncIterator[tuple[Site, Agents]]:
    """Two gateways that agents send to; afterwards all that may leave has left, and every promise is looked at."""
    async with site(folder / "desk", database) as tested:
        async with tested.gateway(egress=1) as one:
            agents = Agents([one])
            await agents.another()
            await tested.world.until(lambda: bool(tested.world.messages))  # nobody but its process can deliver yet
            async with tested.gateway() as two:
                agents.gateways = [one, two]
                async with agents.sending():
                    await agents.more()
                    await tested.world.until(lambda: len(tested.world.messages) >= ENOUGH)
                    yield tested, agents
                await tested.until(drained)
                assert [await one.terminate(), await two.terminate()] == [0, 0]
        with tested.store() as store:
            promises_hold(tested, agents, store)


def promises_hold(tested: Site, agents: Agents, store: Store) -> None:
    rows = {row.id: row for row in store.rows(select(MESSAGE.c.id, MESSAGE.c.rfc_message_id, MESSAGE.c.status))}
    # each key became one message, whatever was answered in between, and each answer was true
    assert len(rows) == len(agents.accepted) == len(set(agents.accepted.values()))
    assert {number(public) for public in agents.accepted.values()} == set(rows)
    assert {row.status for row in rows.values()} == {"sent"}
    received, doubtful = tested.received(), uncertain(store)
    assert set(received) == {row.rfc_message_id for row in rows.values()}
    assert {row.id for row in rows.values() if received[row.rfc_message_id] > 1} <= doubtful
    figures_agree(store)
    with store.read() as conn:
        entries, after = Counter[str](), 0
        while page := audit_log.read(conn, after=after):
            entries.update(entry.event.type for entry in page)
            after = page[-1].seq
        c = COUNTER.c
        counted = {
            (row.scope, row.kind): int(row.n)
            for row in conn.execute(
                select(c.scope, c.kind, func.sum(c.n).label("n"))
                .where(c.scope.in_(["desk", "agent"]))
                .group_by(c.scope, c.kind)
            )
        }
        recipients = conn.execute(select(func.count()).select_from(RECIPIENT)).scalar()
        held = conn.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar()
    assert entries["email.submitted"] == entries["email.sent"] == recipients == len(rows)
    assert counted["desk", "sent"] == counted["agent", "sent"] == counted["agent", "left"] == len(rows)
    assert held == 0, "a lock outlived its transaction"


def test_nothing_is_lost_when_the_primary_is_started_again_nor_when_its_standby_is_promoted(
    tmp_path: Path, cluster: list[Server]
) -> None:
    async def story() -> None:
        primary = cluster[0]
        cluster.append(standby := await asyncio.to_thread(primary.standby, tmp_path / "servers" / "second"))
        async with under_load(tmp_path, replication.url(cluster, "desk")) as (_, agents):
            for after in (primary.start, standby.promote):
                await asyncio.to_thread(primary.kill)
                await agents.notice()
                await asyncio.to_thread(after)
                await agents.more()

    asyncio.run(story())


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_nothing_is_lost_over_many_changes_of_the_primary(tmp_path: Path, cluster: list[Server]) -> None:
    """Each time the standby takes over, and a new one is made of it at the place of the server that was killed."""

    async def story() -> None:
        folder = tmp_path / "servers"
        cluster.append(await asyncio.to_thread(cluster[0].standby, folder / "second"))
        async with under_load(tmp_path, replication.url(cluster, "desk")) as (_, agents):
            for change in range(8):
                lost, successor = cluster
                await asyncio.to_thread(lost.kill)
                await agents.notice()
                await asyncio.to_thread(successor.promote)
                await agents.more()
                fresh = await asyncio.to_thread(successor.standby, folder / f"fresh{change}", port=lost.port)
                cluster[:] = [successor, fresh]

    asyncio.run(story())

"""`kill -9` while mail is handed over: what was answered 250 is stored, and nothing is stored twice."""

from __future__ import annotations

import asyncio
import random
import smtplib
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import select

from core.db import audit_log
from core.db.store import Store
from core.db.tables import INBOUND_MESSAGE
from core.events import EmailReceived
from core.settings import TOML
from tests.durability.gateway_processes import BOT, Site, site
from tests.factories import effort
from tests.factories.inbound import mail
from tests.factories.lmtp import MailServer

KILLS: Final = effort.times(3, 100)
"""On each of the two databases."""
SERVERS: Final = 3
pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    """None for SQLite in the desk's own directory."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("empty_postgres"))


class Queue:
    """A mail server's queue: it keeps each message until it is answered 250."""

    def __init__(self, socket: Path) -> None:
        self._socket = str(socket)
        self.handed = asyncio.Event()
        self.taken: list[str] = []
        self._numbers = iter(range(10**6))
        self._again: list[str] = []

    async def run(self) -> None:
        """Hand over message after message until nobody answers; the one under way is kept."""
        loop = asyncio.get_running_loop()

        def deliver() -> None:
            number = f"<{next(self._numbers)}@example.com>" if not self._again else self._again.pop()
            try:
                with MailServer(self._socket, local_hostname="mx", timeout=30) as mta:
                    while True:
                        (answer,) = mta.hand_over(mail("x" * 5_000, to=BOT, message_id=number), BOT)
                        assert answer == (250, "2.0.0")
                        self.taken.append(number)
                        loop.call_soon_threadsafe(self.handed.set)
                        number = f"<{next(self._numbers)}@example.com>" if not self._again else self._again.pop()
            except (OSError, smtplib.SMTPException):
                self._again.append(number)

        await asyncio.gather(*(asyncio.to_thread(deliver) for _ in range(SERVERS)))

    def finish(self) -> None:
        """Hand over what was left unanswered."""
        with MailServer(self._socket, local_hostname="mx", timeout=30) as mta:
            for number in self._again:
                assert mta.hand_over(mail("x" * 5_000, to=BOT, message_id=number), BOT) == [(250, "2.0.0")]
                self.taken.append(number)


def stored(tested: Site) -> list[str]:
    with tested.store() as store:
        _the_log_knows_each(store)
        return [row.rfc_message_id for row in store.rows(select(INBOUND_MESSAGE.c.rfc_message_id))]


def _the_log_knows_each(store: Store) -> None:
    ids = {row.id for row in store.rows(select(INBOUND_MESSAGE.c.id))}
    told: list[int | None] = []
    with store.read() as conn:
        assert audit_log.verify(conn).ok
        after = 0
        while entries := audit_log.read(conn, after=after):
            told += [one.event.message for one in entries if isinstance(one.event, EmailReceived)]
            after = entries[-1].seq
    assert sorted(filter(None, told)) == sorted(ids)


@pytest.mark.timeout(effort.times(240, 3_000))
def test_mail_survives_a_gateway_that_is_killed_while_it_is_handed_over(tmp_path: Path, database: str | None) -> None:
    moments = random.Random(5)
    socket = tmp_path / "s"

    async def story() -> None:
        async with site(tmp_path / "desk", database) as tested:
            settings = tmp_path / "desk" / TOML
            settings.write_text(settings.read_text().replace("[inbound]", f'[inbound]\nlmtp = "unix:{socket}"'))
            assert str(socket) in settings.read_text()
            queue = Queue(socket)
            for _ in range(KILLS):
                queue.handed.clear()
                async with tested.gateway() as running:
                    handing = asyncio.create_task(queue.run())
                    await queue.handed.wait()
                    await asyncio.sleep(moments.uniform(0.0, 0.3))  # the moment is what is tested
                    await running.kill()
                    await handing
            async with tested.gateway() as running:
                await asyncio.to_thread(queue.finish)
                assert await running.terminate() == 0
            found = await asyncio.to_thread(stored, tested)
            assert len(queue.taken) > KILLS
            assert len(found) == len(set(found)), "nothing twice"
            assert set(queue.taken) <= set(found), "nothing lost"

    asyncio.run(story())

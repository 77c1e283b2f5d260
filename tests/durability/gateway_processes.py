"""Real gateway processes under load: started, asked over HTTP, killed, looked at through their database.

A gateway is forked from a server that has imported everything already, so that twenty restarts cost no twenty imports.
Its clock may be ahead of ours: leases of a killed process lapse after half a minute that no test has to wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import func, select

from core.clock import SystemClock
from core.db import audit_log
from core.db.store import Store
from core.db.tables import RECIPIENT
from core.demo.seed import WIDE, Cast, SeededDesk, found
from core.durations import SECOND
from core.events import EmailUncertain
from core.ids import read_id
from core.model import Mode
from core.rules.policy import Policy
from core.rules.policy.sections import Delivery
from core.settings import POLICY, TOML
from tests.factories.database import new_sqlite
from tests.factories.fork_server import postroom
from tests.factories.ports import free_port
from tests.smtp.receiver import Receiver, receiver

BOT = "bot@bots.acme.test"
_ROOT = Path(__file__).parents[2]
SOON = Policy(delivery=Delivery(first_retry=SECOND))


class Process:
    """A gateway's process. What it is sent reaches it at once, and not by way of its client."""

    def __init__(self, directory: Path, listen: str, ahead: int, egress: int) -> None:
        arguments = (str(directory), listen, f"{ahead}", f"{egress}")
        self._client = subprocess.Popen(
            [*postroom("tests.durability.gateway_ahead"), *arguments], stdout=subprocess.PIPE, cwd=_ROOT
        )
        assert self._client.stdout is not None
        with self._client.stdout as said:
            self._pid = int(said.read())  # to the end: a pipe that stayed open would have to be read all along

    def is_alive(self) -> bool:
        return self._client.poll() is None

    def send(self, sent: signal.Signals) -> None:
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, sent)

    def join(self) -> int:
        """Wait until it is gone; returns its exit code."""
        return self._client.wait()


@dataclass
class Site:
    """A founded desk with a receiver behind it and what agents were told."""

    desk: SeededDesk
    database: str
    world: Receiver
    accepted: dict[str, str] = field(default_factory=dict)
    """Message id -> recipient, of every 2xx."""
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @contextlib.asynccontextmanager
    async def gateway(self, *, ahead: int = 0, egress: int = 0) -> AsyncIterator[Running]:
        """A process that answers; ended, if nobody has ended it. Its `egress` processes keep to our clock."""
        address = f"127.0.0.1:{free_port()}"
        process = await asyncio.to_thread(Process, self.desk.directory, address, ahead, egress)
        running = Running(self, process, f"http://{address}", self.desk.agents["bot"])
        try:
            await running.up()
            yield running
        finally:
            await running.client.aclose()
            process.send(signal.SIGKILL)
            await asyncio.to_thread(process.join)

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        opened = Store(self.database, clock=SystemClock())
        try:
            yield opened
        finally:
            opened.close()

    def statuses(self, opened: Store) -> Counter[str]:
        c = RECIPIENT.c
        rows = opened.rows(select(c.status, func.count().label("n")).group_by(c.status))
        return Counter({row.status: row.n for row in rows})

    async def until(self, true: Callable[[Store], bool]) -> None:
        """Return once the database says so; the test's own time limit ends a wait for what never comes."""
        with self.store() as opened:
            while not true(opened):  # noqa: ASYNC110 - other processes write it: nobody here can tell us when
                await asyncio.sleep(0.05)

    def received(self) -> Counter[str]:
        """Message-ID -> how often a receiver took it."""
        return Counter(_message_id(raw) for raw in self.world.messages)


@dataclass
class Running:
    """One gateway process."""

    site: Site
    process: Process
    url: str
    token: str
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=30, trust_env=False
        )

    async def up(self) -> None:
        while self.process.is_alive():
            with contextlib.suppress(httpx.HTTPError):
                if (await self.client.get("/healthz")).status_code == 200:
                    return
            await asyncio.sleep(0.02)  # a port that nobody listens on yet sends no word when somebody does
        raise AssertionError("the gateway ended while starting")

    async def submit(self, *, key: str | None = None, **more: object) -> httpx.Response:
        number = next(self.site._numbers)
        address = more.pop("to", f"r{number}@d{number % 20}.test")
        body = {"from": BOT, "to": address, "subject": f"number {number}", "text": "It is on its way."} | more
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = await self.client.post("/emails/send", json=body, headers=headers)
        if answer.is_success:
            self.site.accepted[answer.json()["message_id"]] = str(address)
        return answer

    @contextlib.asynccontextmanager
    async def load(self, *, agents: int = 6) -> AsyncIterator[asyncio.Event]:
        """Agents that submit as fast as they are answered, until the block ends or nobody answers."""
        first, enough = asyncio.Event(), asyncio.Event()

        async def hurry() -> None:
            with contextlib.suppress(httpx.HTTPError):
                while not enough.is_set():
                    if (await self.submit()).is_success:
                        first.set()

        async with asyncio.TaskGroup() as group:
            for _ in range(agents):
                group.create_task(hurry())
            try:
                yield first
            finally:
                enough.set()  # and not cancelled: a connection that is just being made would be nobody's

    async def kill(self) -> None:
        self.process.send(signal.SIGKILL)
        await asyncio.to_thread(self.process.join)

    async def terminate(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send(signal.SIGTERM)
        return await asyncio.to_thread(self.process.join)


@contextlib.asynccontextmanager
async def site(
    directory: Path,
    database: str | None,
    *,
    policy: Policy = SOON,
    limits: Mapping[str, int | None] = WIDE,
    more_settings: str = "",
) -> AsyncIterator[Site]:
    """A desk whose one agent may send by itself, and a receiver that takes everything."""
    async with receiver() as world:
        cast = [Cast("bot", BOT, Mode.AUTONOMOUS, "to be killed", limits=limits)]
        relay = f"smtp://127.0.0.1:{world.port}"

        def founded() -> SeededDesk:
            if database is None:  # tables that are there: every migration takes longer than founding the desk
                directory.mkdir(exist_ok=True)
                new_sqlite(directory)
            return found(directory, cast, relay=relay, clock=SystemClock(), policy=policy, database=database)

        desk = await asyncio.to_thread(founded)
        # the file that gateways watch must say what is in force, or they would put its words in force instead
        with (directory / TOML).open("a") as settings:
            settings.write(more_settings)
        file = directory / POLICY
        file.write_text(file.read_text().replace('first_retry = "5m"', 'first_retry = "1s"'))
        yield Site(desk, database or f"sqlite:///{directory}/postroom.db", world)


def uncertain(store: Store) -> set[int]:
    """Ids of messages whose delivery the desk has said to be uncertain."""
    found_: set[int] = set()
    after = 0
    with store.read() as conn:
        while entries := audit_log.read(conn, after=after):
            found_ |= {e.event.message or 0 for e in entries if isinstance(e.event, EmailUncertain)}
            after = entries[-1].seq
    return found_


def number(public: str) -> int:
    found_ = read_id("m", public)
    assert found_ is not None
    return found_


def _message_id(raw: bytes) -> str:
    head = raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    lines = [line for line in head.split("\r\n") if line.lower().startswith("message-id:")]
    assert len(lines) == 1
    return lines[0].partition(":")[2].strip()

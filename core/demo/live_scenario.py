"""The live demonstration: a real gateway process in a simulated world.

The gateway is `postroom serve` on loopback, exactly as in production. Everything outside it is simulated: the SMTP
receiver that plays the internet, the agents that call its HTTP API, the operator who reviews. `live_figures` reads
afterwards from the desk itself what became of their mail.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import httpx

from core.clock import SystemClock
from core.db.store import Store
from core.demo import correspondents, scripts
from core.demo.agents import SimulatedAgent, SimulatedReviewer
from core.demo.live_figures import Figures, figures_of
from core.demo.newcomer import Newcomer
from core.demo.receiver import ReceiverProfile, World
from core.demo.scripts import Script
from core.demo.seed import WIDE, Cast, SeededDesk, found
from core.errors import Unavailable
from core.model import Mode

SEED: Final = 20_261_121
ROGUE: Final = "pipeline-bot"


def _capped(hour: int, day: int) -> dict[str, int]:
    """Room for bursts, with hourly and daily budgets small enough to watch them fill."""
    return WIDE | {"hour": hour, "day": day}


CAST: Final[tuple[tuple[Cast, Script], ...]] = (
    (
        Cast(
            "support-bot",
            "help@support-bot.acme.example",
            Mode.AUTONOMOUS,
            "answers customers' tickets",
            _capped(1_200, 9_600),
        ),
        scripts.SUPPORT,
    ),
    (
        Cast(
            "invoice-bot",
            "billing@invoice-bot.acme.example",
            Mode.GATED_SEND,
            "sends invoices and reminders",
            _capped(300, 2_400),
        ),
        scripts.INVOICES,
    ),
    (
        Cast(
            "digest-bot",
            "digest@digest-bot.acme.example",
            Mode.AUTONOMOUS,
            "the morning digest for colleagues",
            _capped(200, 1_200),
        ),
        scripts.DIGEST,
    ),
    (
        Cast(
            "quote-bot",
            "sales@quote-bot.acme.example",
            Mode.GATED_SEND,
            "answers requests for a quote",
            _capped(200, 1_600),
        ),
        scripts.QUOTES,
    ),
    (
        Cast(
            ROGUE,
            "hello@pipeline-bot.acme.example",
            Mode.AUTONOMOUS,
            "follows up with yesterday's callers",
            _capped(2_000, 10_000),
        ),
        scripts.PIPELINE,
    ),
)
READER: Final = CAST[3][0]
"""The agent that reads its inbox; a person approves its mail in any case."""
BRISK: Final = 4
"""How many times faster than real life the agents work."""
PRINTED: Final = "gateway.out"
"""What its gateway prints: beside `core.log_file.NAME`, which the gateway writes itself."""
STEP: Final = 5.0
"""Seconds between two lines of progress."""


class Live:
    """One demonstration in one directory."""

    def __init__(
        self,
        directory: Path,
        *,
        seed: int = SEED,
        rogue_after: float = 25.0,
        reads_for: tuple[float, float] = (4.0, 9.0),
        pace: float = 8.0,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`reads_for`: how long the simulated reviewer reads a message; the slow setting leaves work for a visitor.

        `pace`: seconds between two steps of the agent that asks for a mailbox.

        `progress` is called with what is being waited for.
        """
        self._progress = progress
        self.directory = directory
        self._reads_for = reads_for
        self._pace = pace
        self._rogue_after = rogue_after
        self.clock = SystemClock()
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.lmtp = f"127.0.0.1:{_free_port()}"
        self.founded: SeededDesk | None = None
        self.agents: list[SimulatedAgent] = []
        self._seed = seed
        climate = ReceiverProfile(
            complaints_by_agent={ROGUE: 0.02}, unknown=0.01, complains_after=(1.0, 4.0), bounces_after=(1.0, 4.0)
        )
        self.world = World(seed=seed, clock=self.clock, report=self._report, climate=climate)
        self._client: httpx.AsyncClient | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Live]:
        """Create the desk, start the gateway, receivers, agents and reviewer; stop all of them afterwards."""
        self._progress("the desk is starting: its keys, streams and agents ...")
        await self.world.start()
        relay = f"smtp://{self.world.host}:{self.world.port}"
        casts = [cast for cast, _ in CAST]
        self.founded = await asyncio.to_thread(found, self.directory, casts, relay=relay, clock=self.clock)
        self._progress("the gateway is starting ...")
        gateway = await self._start_gateway()
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        try:
            async with httpx.AsyncClient(base_url=self.url, timeout=30, trust_env=False, limits=limits) as client:
                self._client = client
                await self._wait_until_up(client, gateway)
                await correspondents.deliver(self.lmtp)
                acting = [asyncio.create_task(one) for one in self._actors(client)]
                try:
                    yield self
                finally:
                    for task in acting:
                        task.cancel()
                    await asyncio.gather(*acting, return_exceptions=True)
                    await self.world.reported()
        finally:
            self._client = None
            await _end(gateway)
            await self.world.stop()

    def figures(self, *, seconds: float) -> Figures:
        """Read the figures from the desk's log and counters."""
        store = Store(f"sqlite:///{self.directory / 'postroom.db'}", clock=self.clock)
        try:
            return figures_of(store, seconds=seconds)
        finally:
            store.close()

    def _actors(self, client: httpx.AsyncClient) -> list[Any]:
        assert self.founded is not None
        for cast, script in CAST:
            self.agents.append(
                SimulatedAgent(
                    name=cast.agent, mailbox=cast.address, token=self.founded.agents[cast.agent],
                    script=self._brisk(script),
                    client=client, clock=self.clock, seed=self._seed,
                )
            )  # fmt: skip
        reviewer = SimulatedReviewer(
            token=self.founded.operators["olive"], mailboxes=[cast.address for cast, _ in CAST[1:4:2]], client=client,
            clock=self.clock, seed=self._seed, reads_for=self._reads_for,
        )  # fmt: skip
        reading = correspondents.read_inbox(
            client, mailbox=READER.address, token=self.founded.agents[READER.agent], clock=self.clock
        )
        newcomer = Newcomer(desk=self.founded, client=client, clock=self.clock, pace=self._pace)
        return [*(agent.run() for agent in self.agents), reviewer.run(), reading, newcomer.run()]

    def _brisk(self, script: Script) -> Script:
        """Return the script at a pace that a person can watch for a minute."""
        fan_out = dataclasses.replace(script.fan_out, after=self._rogue_after) if script.fan_out else None
        return dataclasses.replace(script, per_minute=script.per_minute * BRISK, run_length=2, fan_out=fan_out)

    async def _report(self, raw: bytes) -> None:
        """Deliver bounces and complaints to the feedback endpoint, as an MTA's pipe does."""
        if self._client is not None and self.founded is not None:
            answer = await self._client.post(
                "/feedback/report", content=raw,
                headers={"Content-Type": "message/rfc822", "Authorization": f"Bearer {self.founded.report_token}"},
            )  # fmt: skip
            answer.raise_for_status()

    async def _start_gateway(self) -> asyncio.subprocess.Process:
        log_file = (self.directory / PRINTED).open("wb")
        with contextlib.closing(log_file):
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "core.demo.gateway_process", "serve", "--dir", str(self.directory),
                "--listen", self.url.removeprefix("http://"), "--lmtp", self.lmtp,
                stdin=asyncio.subprocess.PIPE, stdout=log_file, stderr=log_file,
                env=surroundings() | {"POSTROOM_LOG_LEVEL": "warning"},
            )  # fmt: skip

    async def _wait_until_up(self, client: httpx.AsyncClient, gateway: asyncio.subprocess.Process) -> None:
        """Wait while the gateway runs, reporting progress; a deadline would end the demonstration on a busy machine."""
        began, said_at = time.monotonic(), 0.0
        while gateway.returncode is None:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get("/readyz", timeout=STEP)).status_code == 200:
                    return
            await asyncio.sleep(0.1)
            waited = time.monotonic() - began
            if waited - said_at >= STEP:
                said_at = waited
                self._progress(f"the gateway is starting, {waited:.0f} s ... {self._last_words(1)}".rstrip())
        raise Unavailable(
            f"the demonstration's gateway ended with exit code {gateway.returncode}: {self._last_words(8) or 'silence'}"
        )

    def _last_words(self, lines: int) -> str:
        """Return the end of the gateway's log."""
        with contextlib.suppress(OSError):
            log_lines = (self.directory / PRINTED).read_text(errors="replace")[-4_000:].strip().splitlines()
            return " | ".join(line.strip() for line in log_lines[-lines:] if line.strip())
        return ""


def surroundings() -> dict[str, str]:
    """The environment of the demonstration's processes, without the caller's own desk."""
    return {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}


async def headless(directory: Path, *, seconds: float, progress: Callable[[str], None]) -> Figures:
    """Run the demonstration without a screen and return its figures; `progress` is called with the current step."""
    started = time.monotonic()
    task = asyncio.current_task()
    assert task is not None
    # Killed by the signal, the demonstration would leave its gateway to drain alone, and its folder.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    live = Live(
        directory,
        rogue_after=min(5.0, seconds / 4),
        reads_for=(0.1, 1.0),
        pace=min(1.5, seconds / 12),
        progress=progress,
    )
    async with live.running():
        progress(f"the gateway is up after {time.monotonic() - started:.0f} s; the agents are at work")
        left = seconds
        while left > 0:
            await asyncio.sleep(min(left, STEP))
            left -= STEP
            progress(f"{seconds - max(left, 0):.0f} of {seconds:.0f} s, {live.world.accepted:,} delivered")
        progress("closing the desk ...")
    return live.figures(seconds=round(time.monotonic() - started, 1))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Send SIGTERM, which drains; kill a process that has not exited after half a minute."""
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 30)
    except TimeoutError:
        process.kill()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""A gateway in a thread of this process, on a real port, and agents that speak to it with the official client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent

from core.clock import SystemClock
from core.db import gate_queries
from core.db.gate_queries import TokenFacts
from core.db.store import Store
from core.db.tables import TOKEN
from core.demo.seed import WIDE, Cast, SeededDesk, found
from core.gateway import Gateway, server
from core.model import Mode
from core.rules.policy import Policy
from core.rules.policy.sections import AgentBudget, Budgets
from core.security import credentials
from core.services.identity import enrolment
from core.settings import POLICY, load
from tests.factories.ports import free_port
from tests.smtp.receiver import Receiver, receiver

T = TypeVar("T")
JSON = dict[str, Any]
REFUSING = Policy(budgets=Budgets(agent=AgentBudget(on_exceed="refuse")))
RAW = "in-front-of-the-desk"
"""The token of POST /inbound/raw."""
LEGACY = "legacy"
MODERN = "2026-07-28"


@dataclass
class Live:
    """The gateway, the world it delivers to, and the tokens of its agents by name."""

    desk: SeededDesk
    gateway: Gateway
    world: Receiver
    url: str
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def store(self) -> Store:
        return self.gateway.delivery.store

    def token(self, agent: str) -> str:
        return self.desk.agents[agent]

    def facts(self, agent: str) -> TokenFacts:
        with self.store.read() as conn:
            known = gate_queries.token_by_hash(conn, credentials.digest(self.token(agent)))
        assert known is not None
        return known

    def issue(self, agent: str, **more: object) -> str:
        """Another token of an agent."""
        new, known = credentials.new_agent_token(), self.facts(agent)
        now = self.store.clock.now()
        values = {
            "hash": new.digest, "agent_id": known.agent_id, "scopes": ["send", "read"], "test": False, "issued_at": now,
            "issued_by": "gail", "expires_at": now + 3_600_000_000,
        }  # fmt: skip
        self.store.transact(lambda tx: tx.create(TOKEN, values | more))
        return new.secret

    def enrol(self, agent: str) -> str:
        """A token with which a new agent asks for a mailbox."""
        new, olive = credentials.new_agent_token(), self.desk.person("olive")
        self.store.transact(lambda tx: enrolment.issue(tx, agent=agent, token_hash=new.digest, actor=olive))
        return new.secret

    def arrives(self, raw: bytes, to: str, *, sender: str = "jane@example.com") -> None:
        """Mail for a mailbox, as the mail server in front hands it over."""
        answer = httpx.post(
            f"{self.url}/inbound/raw", params={"recipient": to, "sender": sender}, content=raw, trust_env=False,
            verify=False,
            headers={"Authorization": f"Bearer {RAW}", "Content-Type": "message/rfc822"},
        )  # fmt: skip
        assert answer.is_success, answer.text


@contextlib.contextmanager
def live_gateway(directory: Path, cast: Sequence[Cast]) -> Iterator[Live]:
    """Run a gateway until the block ends."""
    ready: threading.Event = threading.Event()
    running: list[Live] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_serve(directory, cast, running, ready))
        except BaseException as error:  # noqa: BLE001 - told to the test, which waits for it
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    if failed:
        raise failed[0]
    try:
        yield running[0]
    finally:
        running[0].loop.call_soon_threadsafe(running[0].stop.set)
        thread.join()
    if failed:
        raise failed[0]


async def _serve(directory: Path, cast: Sequence[Cast], running: list[Live], ready: threading.Event) -> None:
    async with receiver() as world:
        relay = f"smtp://127.0.0.1:{world.port}"
        desk = found(directory, cast, relay=relay, clock=SystemClock(), policy=REFUSING)
        # The gateway watches the file: it must say what is in force.
        policy = directory / POLICY
        policy.write_text(policy.read_text().replace('on_exceed = "queue"', 'on_exceed = "refuse"'))
        listen = f"127.0.0.1:{free_port()}"
        gateway = Gateway(
            load(directory, listen=listen, public_url=f"http://{listen}", inbound={"raw_token": RAW, "review": 1})
        )
        async with gateway.running():
            http = server(listen, gateway.app, gateway.traffic.inside)
            serving = asyncio.create_task(http.serve())
            while not http.started:  # noqa: ASYNC110 - uvicorn says so in no other way
                await asyncio.sleep(0.01)
            live = Live(desk, gateway, world, f"http://{listen}", asyncio.get_running_loop())
            running.append(live)
            ready.set()
            await live.stop.wait()
            http.should_exit = True
            await serving


@contextlib.asynccontextmanager
async def connected(live: Live, token: str, *, mode: str = MODERN) -> AsyncIterator[Client]:
    """The official client, with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False, verify=False) as http:
        transport = streamable_http_client(f"{live.url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


def talk(live: Live, token: str, work: Callable[[Client], Coroutine[Any, Any, T]], *, mode: str = MODERN) -> T:
    """Do something with a connected client."""

    async def run() -> T | MCPError:
        async with connected(live, token, mode=mode) as client:
            try:
                return await work(client)
            except MCPError as error:  # raised in here, the client's task groups would wrap it
                return error

    found = asyncio.run(run())
    if isinstance(found, MCPError):
        raise found
    return found


def call(live: Live, token: str, name: str, /, *, mode: str = MODERN, **arguments: Any) -> CallToolResult:
    """Call one tool."""
    return talk(live, token, lambda client: client.call_tool(name, arguments), mode=mode)


def post(live: Live, token: str, name: str, arguments: JSON, *, seconds: float = 60) -> JSON:
    """The JSON-RPC answer to a call without the client's own checks."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    answer = httpx.post(
        f"{live.url}/mcp", content=json.dumps(body).encode(), trust_env=False, verify=False, timeout=seconds,
        headers={
            "Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": "application/json",
            "MCP-Protocol-Version": "2025-11-25",
        },
    )  # fmt: skip
    found: JSON = answer.json()
    return found


def text(result: CallToolResult) -> str:
    (only,) = result.content
    assert isinstance(only, TextContent)
    return only.text


CAST = (
    Cast("free", "free@bots.acme.test", Mode.AUTONOMOUS, "sends"),
    Cast("inbox", "inbox@bots.acme.test", Mode.AUTONOMOUS, "reads strangers' mail, which taints it"),
    Cast("gated", "gated@bots.acme.test", Mode.GATED_SEND, "asks"),
    Cast("careful", "careful@bots.acme.test", Mode.GATED_ALL, "asks for everything"),
    Cast("reader", "reader@bots.acme.test", Mode.READ_ONLY, "reads"),
    Cast("tight", "tight@bots.acme.test", Mode.AUTONOMOUS, "sends one", limits=WIDE | {"hour": 1}),
)

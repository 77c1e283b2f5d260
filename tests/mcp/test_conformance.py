"""The official conformance suite and the inspector's command line, where node has them (core/docs/mcp.md lists them).

`npm install @modelcontextprotocol/conformance @modelcontextprotocol/inspector` puts both into node_modules/.bin; name
that folder in POSTROOM_NODE_BIN (both need node 22). What they prove is proven without node by the other tests here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.api.middleware.request_limits import App, Receive, Scope, Send
from core.cli.docs import pages
from core.gateway import server
from tests.factories.ports import free_port
from tests.mcp.live_gateway import Live

BIN = os.environ.get("POSTROOM_NODE_BIN", "")
CONFORMANCE, INSPECTOR = Path(BIN, "conformance"), Path(BIN, "mcp-inspector")
SCENARIOS = [
    *((one, "2025-11-25") for one in ("server-initialize", "ping", "tools-list", "dns-rebinding-protection")),
    *((one, "2026-07-28") for one in ("tools-list", "dns-rebinding-protection", "http-header-validation")),
]

pytestmark = pytest.mark.thorough


def with_token(app: App, token: str) -> App:
    """The application for a client that cannot be given a token."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], (b"authorization", f"Bearer {token}".encode())]}
        await app(scope, receive, send)

    return serve


@contextlib.contextmanager
def open_door(live: Live) -> Iterator[str]:
    """The URL of /mcp on another port, where the token is added."""
    listen = f"127.0.0.1:{free_port()}"
    app: Any = with_token(live.gateway.app, live.token("gated"))
    http = server(listen, app, live.gateway.traffic.inside)
    serving = asyncio.run_coroutine_threadsafe(http.serve(), live.loop)
    while not http.started and not serving.done():
        time.sleep(0.01)
    try:
        yield f"http://{listen}/mcp"
    finally:
        live.loop.call_soon_threadsafe(setattr, http, "should_exit", True)
        serving.result()


def node(*command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}  # a node of its own comes first
    return subprocess.run([*map(str, command)], check=False, capture_output=True, text=True, env=environment)


@pytest.mark.skipif(not BIN or not CONFORMANCE.exists(), reason="POSTROOM_NODE_BIN has no conformance suite")
@pytest.mark.parametrize(("scenario", "version"), SCENARIOS)
def test_the_conformance_suite_passes(live: Live, scenario: str, version: str) -> None:
    if not re.search(rf"^  - {scenario} \[[^]]*{version}", node(CONFORMANCE, "list").stdout, re.MULTILINE):
        pytest.skip(f"this release of the suite does not ask {scenario} of {version}")
    with open_door(live) as url:
        done = node(CONFORMANCE, "server", "--url", url, "--scenario", scenario, "--spec-version", version)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not BIN or not CONFORMANCE.exists(), reason="POSTROOM_NODE_BIN has no conformance suite")
def test_the_page_says_of_every_scenario_whether_it_applies() -> None:
    listed = node(CONFORMANCE, "list").stdout.partition("Client scenarios")[0]
    page = pages()["mcp"].read_text(encoding="utf-8")
    assert [one for one in re.findall(r"^  - ([a-z0-9-]+) \[", listed, re.MULTILINE) if f"`{one}`" not in page] == []


@pytest.mark.skipif(not BIN or not INSPECTOR.exists(), reason="POSTROOM_NODE_BIN has no inspector")
def test_the_inspectors_command_line_lists_and_calls_the_tools(live: Live) -> None:
    base = (
        INSPECTOR, "--cli", f"{live.url}/mcp", "--transport", "http", "--header",
        f"Authorization: Bearer {live.token('gated')}", "--method",
    )  # fmt: skip
    listed = json.loads(node(*base, "tools/list").stdout)["tools"]
    assert {"send_email", "my_mailbox"} <= {one["name"] for one in listed}
    sent = node(
        *base, "tools/call", "--tool-name", "send_email", "--tool-arg", "to=i@x.test", "subject=Inspected", "text=t"
    )
    called = json.loads(sent.stdout)
    assert called["structuredContent"]["status"] == "pending"
    assert called["content"][0]["text"].startswith("Held for a person.")

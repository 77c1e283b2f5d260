"""`postroom mcp`: a gateway's tools on stdin and stdout; what goes wrong is said on stderr."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from console.main import main
from tests.factories.ports import free_port
from tests.factories.proxies import unused_proxy
from tests.mcp.live_gateway import Live

INITIALIZE: dict[str, Any] = {
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    },
}  # fmt: skip


class Bridge:
    """The command as a client starts it."""

    def __init__(self, live: Live, agent: str) -> None:
        environment = os.environ | {"POSTROOM_URL": live.url, "POSTROOM_TOKEN": live.token(agent)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "console.entry", "mcp"], env=environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._number = 0

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self._number += 1
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": self._number} | request) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert answer["id"] == self._number
        return answer

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        meta = {"baggage": "postroom.run=stdio-1"}
        return self.ask({"method": "tools/call", "params": {"name": name, "arguments": arguments, "_meta": meta}})


def test_the_bridge_passes_everything_on_and_ends_with_its_input(live: Live) -> None:
    bridge = Bridge(live, "gated")
    started = bridge.ask(INITIALIZE)["result"]
    assert (started["serverInfo"]["name"], started["protocolVersion"]) == ("postroom", "2025-11-25")
    assert "Email under governance" in started["instructions"]
    assert bridge.process.stdin
    bridge.process.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    listed = bridge.ask({"method": "tools/list"})["result"]["tools"]
    assert {"send_email", "read_email"} <= {one["name"] for one in listed}
    held = bridge.call("send_email", to="b@x.test", subject="By stdio", text="t")["result"]
    assert (held["isError"], held["structuredContent"]["status"]) == (False, "pending")
    assert "there is no tool" in bridge.call("approve_email")["error"]["message"]
    rest, errors = bridge.process.communicate(timeout=200)
    assert (bridge.process.returncode, rest, errors) == (0, "", "")


def test_ctrl_c_ends_the_bridge_at_once_and_without_a_traceback(live: Live) -> None:
    bridge = Bridge(live, "gated")
    bridge.ask(INITIALIZE)
    bridge.process.send_signal(signal.SIGINT)  # its stdin is open: it waits for a line
    assert bridge.process.wait(timeout=200) == 130
    rest, errors = bridge.process.communicate()
    assert (rest, errors) == ("", "")


@pytest.mark.parametrize(
    ("url", "token", "told"),
    [
        (None, None, "this needs an agent's token; set POSTROOM_TOKEN=pra_"),
        (None, "pro_someone", "this is an operator's token"),
        (None, "pra_nobody", "no such token; ask an operator for one"),
        ("http://127.0.0.1:{free}", "pra_nobody", "no gateway answers at"),
        ("not a url", "pra_nobody", "is not the URL of a desk"),
        ("http://desk.example.com", "pra_nobody", "would send your token in clear text"),
        ("{url}/healthz", "pra_nobody", "Not Found"),
    ],
)
def test_what_cannot_work_is_said_on_stderr_in_one_line(
    live: Live, url: str | None, token: str | None, told: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("POSTROOM_TOKEN", raising=False)
    if token is not None:
        monkeypatch.setenv("POSTROOM_TOKEN", token)
    address = (url or "{url}").format(url=live.url, free=free_port())
    with unused_proxy(monkeypatch):
        assert main(["mcp", "--url", address]) == (2 if "a desk" in told or "clear text" in told else 1)
    said = capsys.readouterr()
    assert said.out == ""
    assert told in said.err
    assert said.err.count("\n") == 1

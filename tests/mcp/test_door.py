"""What happens at /mcp before a body is read, and what is said to whoever does not come in."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import update

from core.api import app as api_app
from core.db.tables import TOKEN
from core.errors import Invalid
from core.mcp.endpoint import MAX_BODY, McpEndpoint
from core.security import credentials
from core.settings import Mcp
from tests.api.api_client import Visitor, problem
from tests.mcp.live_gateway import MODERN, Live

LIST: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
READY = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def ask(live: Live, method: str = "POST", path: str = "/mcp", **more: Any) -> httpx.Response:
    headers = READY | {"Authorization": f"Bearer {live.token('free')}"} | more.pop("headers", {})
    kept = {name: value for name, value in headers.items() if value is not None}
    if method == "POST" and "content" not in more:
        more.setdefault("json", LIST)
    return httpx.request(method, live.url + path, headers=kept, trust_env=False, verify=False, timeout=60, **more)


def test_without_a_token_the_answer_names_where_it_is_said_which_one_is_needed(live: Live) -> None:
    answer = ask(live, headers={"Authorization": None})
    problem(answer, 401, "unauthenticated")
    metadata = f"{live.url}/.well-known/oauth-protected-resource/mcp"
    assert answer.headers["www-authenticate"] == f'Bearer resource_metadata="{metadata}"'
    described = httpx.get(metadata, trust_env=False, verify=False)
    assert described.json() == httpx.get(metadata.removesuffix("/mcp"), trust_env=False, verify=False).json()
    told = described.json()
    assert (told["resource"], told["bearer_methods_supported"]) == (f"{live.url}/mcp", ["header"])
    assert {"send", "read"} <= set(told["scopes_supported"])


def test_a_revoked_an_unknown_and_an_operators_token_do_not_come_in(live: Live) -> None:
    revoked = live.issue("free")
    assert ask(live, headers={"Authorization": f"Bearer {revoked}"}).is_success
    live.store.transact(
        lambda tx: tx.write(
            update(TOKEN).where(TOKEN.c.hash == credentials.digest(revoked)).values(revoked_at=live.store.clock.now())
        )
    )
    while ask(live, headers={"Authorization": f"Bearer {revoked}"}).is_success:
        time.sleep(0.05)  # what a token is known to be lasts a second; each verb looks again by itself
    for secret in (revoked, "pra_unknown"):
        answer = ask(live, headers={"Authorization": f"Bearer {secret}"})
        problem(answer, 401, "unauthenticated")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    operator = {"Authorization": f"Bearer {live.desk.operators['gail']}"}
    problem(ask(live, headers=operator), 403, "insufficient_scope")


def test_the_token_is_checked_before_a_byte_of_the_body_is_read(live: Live) -> None:
    place = urlsplit(live.url)
    assert place.hostname
    assert place.port
    with socket.create_connection((place.hostname, place.port), timeout=60) as client:
        client.sendall(f"POST /mcp HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 1000\r\n\r\n".encode())
        assert client.recv(4_096).startswith(b"HTTP/1.1 401")  # no byte of the body was sent


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://127.0.0.1.evil.test", "file://", "x"])
def test_a_page_of_another_site_is_refused(live: Live, origin: str) -> None:
    problem(ask(live, headers={"Origin": origin}), 403, "wrong_origin")


def test_a_page_of_this_desk_is_not_refused_and_another_host_is(live: Live) -> None:
    assert ask(live, headers={"Origin": live.url}).is_success
    problem(ask(live, headers={"Host": "evil.test"}), 421, "misdirected")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_is_no_stream_to_listen_to_and_no_session_to_end(live: Live, method: str) -> None:
    answer = ask(live, method)
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


def test_a_body_is_bounded_with_and_without_a_declared_size(live: Live) -> None:
    large = b" " * (MAX_BODY + 1)
    problem(ask(live, content=large), 413, "too_large")

    def chunks() -> Iterator[bytes]:
        yield from (large[: MAX_BODY // 2], large[MAX_BODY // 2 :])

    assert ask(live, content=chunks()).status_code == 413


DEEP = b"[" * 100_000


@pytest.mark.parametrize("era", [MODERN, "2025-11-25"])
@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"null", b"[]", b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', b'{"jsonrpc":"1.0","id":1}', DEEP,
        b'{"jsonrpc":"2.0","id":1}', b'{"jsonrpc":"2.0","id":1,"method":"\xff"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + DEEP,
    ],
)  # fmt: skip
def test_what_is_no_json_rpc_is_answered_with_its_error(live: Live, content: bytes, era: str) -> None:
    answer = ask(live, content=content, headers={"MCP-Protocol-Version": era})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {-32700, -32600, -32602, -32020}


@pytest.mark.parametrize("version", ["2099-01-01", "x"])
def test_a_version_that_is_not_served_is_answered_with_an_error(live: Live, version: str) -> None:
    answer = ask(live, headers={"MCP-Protocol-Version": version, "Mcp-Method": "tools/list"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] < 0


def test_white_space_around_a_header_is_no_part_of_it(live: Live) -> None:
    place = urlsplit(live.url)
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }  # fmt: skip
    params = {"name": "my_mailbox", "arguments": {}, "_meta": meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    lines = [
        "POST /mcp HTTP/1.1", f"Host: {place.netloc}", f"Authorization: Bearer {live.token('free')}",
        "Accept: application/json", "Content-Type: application/json", f"MCP-Protocol-Version: {MODERN} ",
        "Mcp-Method:  tools/call\t", "Mcp-Name: my_mailbox  ", f"Content-Length: {len(body)}", "Connection: close",
    ]  # fmt: skip
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=60) as client:
        client.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")


def test_other_bodies_than_json_are_refused(live: Live) -> None:
    assert ask(live, headers={"Content-Type": "text/plain"}).status_code in {400, 415}
    assert ask(live, headers={"Accept": "text/html"}).status_code == 406


def test_a_door_that_is_shut_or_not_installed_says_so(agent: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def door(*, enabled: bool | None) -> Visitor:
        settings = agent.settings.model_copy(update={"mcp": Mcp(enabled=enabled)})
        app = api_app.build(agent.desk, settings)
        McpEndpoint(app, agent.desk, settings)
        return agent.at(app)

    assert "mcp.enabled is false" in problem(door(enabled=False).post("/mcp", LIST), 404, "not_found")["reason"]
    monkeypatch.setitem(sys.modules, "mcp", None)  # as where the extra is not installed
    missing = problem(door(enabled=None).post("/mcp", LIST), 501, "not_installed")
    assert "postroom[mcp]" in missing["reason"]
    assert "pip install" in missing["fix"]
    assert problem(door(enabled=None).get("/.well-known/oauth-protected-resource"), 501, "not_installed")
    with pytest.raises(Invalid, match="extra is not installed"):
        door(enabled=True)


@pytest.mark.thorough  # an import contract says the same of every module that is named in an import
def test_the_sdk_is_imported_when_it_is_first_asked_for() -> None:
    code = "import sys, core.gateway; print(*{name.split('.')[0] for name in sys.modules})"

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not set(done.stdout.split()) & {"mcp", "mcp_types", "jsonschema", "httpx2"}

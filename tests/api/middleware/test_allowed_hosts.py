"""The desk answers under its own names alone, and its documentation runs nobody's scripts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from core.api import app
from core.api.middleware.allowed_hosts import Hosts, plain
from core.api.middleware.request_limits import Message
from core.api.routes import docs
from core.db.store import Store
from core.settings import Http
from tests.api.api_client import Visitor, opened, problem
from tests.factories.desk import make_desk


@pytest.fixture
def visitor(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    with opened(
        make_desk(sqlite_store), tmp_path, public_url="https://mail.acme.test/desk", http=Http(hosts=("postroom",)),
        listen="10.0.0.5:8025",
    ) as made:  # fmt: skip
        yield made


@pytest.mark.parametrize(
    "host",
    ["localhost:8025", "127.0.0.1", "[::1]:8025", "10.0.0.5:8025", "mail.acme.test", "MAIL.acme.test.:443", "postroom"],
)
def test_its_own_names_are_answered(visitor: Visitor, host: str) -> None:
    assert visitor.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.0.2.1", "", "mail.acme.test@evil.example"]
)
@pytest.mark.parametrize("path", ["/healthz", "/docs", "/openapi.json", "/emails/m1"])
def test_other_names_are_misdirected(visitor: Visitor, host: str, path: str) -> None:
    told = problem(visitor.get(path, headers={"Host": host}), 421, "misdirected")
    assert told["fix"]


@pytest.mark.parametrize(
    ("hosts", "version", "status"),
    [
        ([], "1.1", 400), ([], "1.0", 200), (["postroom"], "1.1", 200),
        (["postroom", "evil.example"], "1.1", 400), (["evil.example", "postroom"], "1.1", 400),
    ],
)  # fmt: skip
def test_a_request_names_one_host(visitor: Visitor, hosts: list[str], version: str, status: int) -> None:
    """Two fields, and a proxy in front may have gone by the one and the desk by the other (RFC 9110 7.2)."""
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        said.append(message)

    named = [(b"host", host.encode()) for host in hosts]
    scope = {"type": "http", "method": "GET", "path": "/docs", "headers": named, "http_version": version}
    asyncio.run(Hosts(PlainTextResponse("ours"), settings=visitor.settings)(scope, receive, send))
    assert said[0]["status"] == status


def test_the_address_of_the_connection_is_a_name_of_its_own(visitor: Visitor) -> None:
    assert visitor.get("/healthz").status_code == 200  # the transport says that it is connected to desk.test


def test_what_carries_its_own_proof_is_answered_under_any_name(visitor: Visitor) -> None:
    public = visitor.at(app.public(visitor.desk, visitor.settings))
    for one in (visitor, public):
        assert one.get("/u/nobody", headers={"Host": "links.other.test"}).status_code == 404
        assert one.post("/feedback/ses", {}, headers={"Host": "links.other.test"}).status_code == 401


@pytest.mark.parametrize(
    ("given", "found"),
    [("A.b:1", "a.b"), ("[::FFFF:127.0.0.1]:1", "127.0.0.1"), ("[0:0::1]", "::1"), ("::1", "::1"), ("a.b.", "a.b")],
)
def test_hosts_are_compared_without_port_case_and_spelling(given: str, found: str) -> None:
    assert plain(given) == found


def test_the_documentation_names_every_operation_and_loads_nothing(visitor: Visitor) -> None:
    answer = visitor.get("/docs", headers={"Host": "localhost"})
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script|<link|<img|<iframe|\bsrc=|@import|url\(|\bon\w+=", answer.text)
    assert not re.findall(r'href="(?:https?:)?//', answer.text)
    for path in visitor.app.openapi()["paths"]:
        assert f"<code>{path}</code>" in answer.text


def test_what_is_described_is_text_on_the_page() -> None:
    bad = "<script>alert(1)</script>"
    described = {
        "info": {"title": bad, "description": bad},
        "paths": {bad: {"get": {"description": bad, "parameters": [{"name": bad, "in": bad}], "responses": {bad: {}}}}},
        "components": {"schemas": {bad: {bad: bad}}},
    }
    assert "<script" not in "".join(docs.page(described))

"""A gateway that speaks TLS itself, and one that believes the headers of its own proxy alone."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request

from core.api.listener import Limits, Listener
from core.api.tls import Certificate
from core.desk_client.direct_desk import DirectDesk
from core.desk_client.http_desk import DeskClient
from core.errors import Invalid, Unavailable
from core.gateway import server
from core.settings import load
from tests.cli.cli_runner import founded
from tests.factories.served import served
from tests.smtp.receiver import certificate


def _pair(directory: Path, *names: str) -> Path:
    """A PEM file with a new certificate and its key."""
    directory.mkdir(exist_ok=True)
    certificate(directory, *names)
    return directory / "server.pem"


def test_a_client_reaches_a_gateway_over_tls_and_trusts_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, file = founded(tmp_path / "desk"), _pair(tmp_path / "ca", "localhost")
    monkeypatch.setenv("POSTROOM_TLS_CERTIFICATE", str(file))
    monkeypatch.setenv("POSTROOM_TLS_KEY", str(file))
    with served(office.directory) as url:
        assert url.startswith("https://localhost:")
        for client in (DeskClient, DirectDesk):
            with contextlib.closing(client(url, office.tokens["victor"])) as stranger, pytest.raises(Unavailable):
                stranger.call("desk.status")
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        for client in (DeskClient, DirectDesk):
            with contextlib.closing(client(url, office.tokens["victor"])) as victor:
                assert victor.call("desk.status")["running"] is True
                with contextlib.closing(victor.events()) as lines:
                    next(lines)
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http") + "/healthz", trust_env=False)


def _shown(context: ssl.SSLContext) -> bytes | None:
    """The certificate that a server with this context shows, without a network."""
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server)
    there = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (here, there):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return here.getpeercert(binary_form=True)


def test_a_renewed_certificate_is_taken_and_a_broken_one_is_not(tmp_path: Path) -> None:
    old, new = _pair(tmp_path / "old", "localhost"), _pair(tmp_path / "new", "localhost")
    file = tmp_path / "live.pem"
    shutil.copy(old, file)
    made = Certificate(file, file)
    before = _shown(made.context)
    assert not made.look()
    file.write_text("half of a file")
    assert not made.look()
    assert _shown(made.context) == before
    shutil.copy(new, file)
    assert made.look()
    assert _shown(made.context) not in {before, None}


def test_a_certificate_that_cannot_be_used_is_refused_before_the_gateway_starts(tmp_path: Path) -> None:
    one, other = _pair(tmp_path / "one", "localhost"), _pair(tmp_path / "other", "localhost")
    for pair in ((one, other), (one, tmp_path / "nothing.pem")):
        with pytest.raises(Invalid, match="cannot be used"):
            Certificate(*pair)
    office = founded(tmp_path / "desk")
    refused = office.refused("serve", "--tls-certificate", str(one), "--tls-key", str(other), code=2)
    assert "name two PEM files that belong together" in refused
    with pytest.raises(Invalid, match="belong together"):
        load(office.directory, tls_key=one)


def test_headers_of_a_proxy_are_believed_where_they_are_allowed() -> None:
    app = FastAPI()

    @app.get("/")
    async def seen(request: Request) -> dict[str, str]:
        return {"scheme": request.url.scheme, "client": request.client.host if request.client else ""}

    async def story(forwarded: tuple[str, ...]) -> dict[str, str]:
        one = server("127.0.0.1:0", app, Listener("test", Limits()), forwarded=forwarded)
        serving = asyncio.create_task(one.serve())
        while not one.started:  # noqa: ASYNC110 - uvicorn tells it no other way
            await asyncio.sleep(0.01)
        port = one.servers[0].sockets[0].getsockname()[1]
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
        async with httpx.AsyncClient(trust_env=False) as client:
            found: dict[str, str] = (await client.get(f"http://127.0.0.1:{port}/", headers=headers)).json()
        one.should_exit = True
        await serving
        return found

    assert asyncio.run(story(("127.0.0.0/8",))) == {"scheme": "https", "client": "203.0.113.7"}
    assert asyncio.run(story(("10.0.0.0/8",))) == {"scheme": "http", "client": "127.0.0.1"}

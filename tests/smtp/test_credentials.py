"""Passwords and tokens from elsewhere than the desk: where they come from, and what is said when they fail."""

from __future__ import annotations

import base64
import contextlib
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.model import Outcome, Reply
from core.smtp.client import SmtpClient
from core.smtp.credentials import Source
from core.smtp.route import Parcel, Route, Timeouts
from tests.smtp.receiver import Hours, Receiver, receiver

pytestmark = pytest.mark.anyio

AUTH = {"EHLO": b"250-mx\r\n250 AUTH PLAIN XOAUTH2\r\n"}
PASSWORD = "p@ss/w#rd%41 with spaces"


def plain(password: str = PASSWORD) -> bytes:
    return b"AUTH PLAIN " + base64.b64encode(f"\0agent@acme.example\0{password}".encode())


def bearer(token: str) -> str:
    told = f"user=agent@acme.example\1auth=Bearer {token}\1\1".encode()
    return re.escape(f"AUTH XOAUTH2 {base64.b64encode(told).decode()}")


@contextlib.asynccontextmanager
async def courier(source: Source) -> AsyncIterator[SmtpClient]:
    waits = Timeouts(connect=10, command=10, data=10, dot=10, quit=1)
    one = SmtpClient(clock=Hours(), hello="gw.example", timeouts=waits, sources={"127.0.0.1": source})
    try:
        yield one
    finally:
        await one.close()


async def send(post: SmtpClient, world: Receiver) -> Reply:
    route = Route.parse(f"smtp://agent@acme.example@127.0.0.1:{world.port}")
    message = b"Subject: x\r\n\r\nHi\r\n"
    return await post.deliver(Parcel(route, "example.com", "b@acme.example", "jane@example.com", message))


@pytest.mark.parametrize("kind", ["given", "environment", "file"])
async def test_a_password_needs_no_encoding_wherever_it_comes_from(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    monkeypatch.setenv("RELAY_PASSWORD", PASSWORD)
    source = {
        "given": Source(password=PASSWORD),
        "environment": Source(password_env="RELAY_PASSWORD"),
        "file": Source(password_file=file),
    }[kind]
    async with receiver(AUTH) as world, courier(source) as post:
        assert (await send(post, world)).outcome is Outcome.SENT
        assert plain() in world.commands
    assert PASSWORD not in repr(source)


async def test_a_password_from_the_keyring_of_the_os(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.backend import KeyringBackend

    class Kept(KeyringBackend):
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            return PASSWORD if (service, username) == ("postroom-relay", "acme") else None

        def set_password(self, service: str, username: str, password: str) -> None:
            raise NotImplementedError

    monkeypatch.setattr("keyring.core._keyring_backend", Kept())  # type: ignore[no-untyped-call]  # keyring has no types
    assert keyring.get_password("postroom-relay", "acme") == PASSWORD
    async with receiver(AUTH) as world, courier(Source(password_keyring="acme")) as post:
        assert (await send(post, world)).outcome is Outcome.SENT
        assert plain() in world.commands


@pytest.mark.parametrize("refusal", [b"535 5.7.8 token expired\r\n", b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"])
async def test_a_token_that_has_expired_is_asked_for_anew(refusal: bytes, tmp_path: Path) -> None:
    count = tmp_path / "count"
    program = f"""
from pathlib import Path
count = Path({str(count)!r})
n = int(count.read_text()) + 1
count.write_text(str(n))
print(f"token-{{n}}")
"""
    count.write_text("0")
    source = Source(xoauth2_command=(sys.executable, "-c", program))
    script = AUTH | {bearer("token-1"): b"235 2.7.0 ok\r\n", "AUTH": refusal, "": b"535 5.7.8 no\r\n"}
    async with receiver(script) as world, courier(source) as post:
        assert (await send(post, world)).outcome is Outcome.SENT
        world.writers[0].transport.abort()
        await world.until(lambda: world.open_now == 0)
        world.script[bearer("token-1")] = refusal
        world.script[bearer("token-2")] = b"235 2.7.0 ok\r\n"
        assert (await send(post, world)).outcome is Outcome.SENT
        assert count.read_text() == "2"


async def test_a_token_that_is_refused_afresh_takes_the_route_down_and_is_not_told(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret-token")
    script = AUTH | {"AUTH": b"535 5.7.3 Authentication unsuccessful\r\n"}
    async with receiver(script) as world, courier(Source(xoauth2_file=file)) as post:
        reply = await send(post, world)
    assert (reply.outcome, reply.stage, reply.code) == (Outcome.ROUTE_DOWN, "auth", 535)
    assert "secret-token" not in repr(reply)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Source(password_env="NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE is not set"),
        (Source(password_file=Path("/nowhere/password")), "/nowhere/password: No such file"),
        (Source(xoauth2_command=("/nowhere/token",)), "/nowhere/token: No such file"),
        (Source(xoauth2_command=(sys.executable, "-c", "print('half a token'); raise SystemExit(3)")), "ended with 3"),
    ],
)
async def test_a_source_that_gives_nothing_takes_the_route_down_and_says_which(source: Source, said: str) -> None:
    async with receiver(AUTH) as world, courier(source) as post:
        reply = await send(post, world)
    assert (reply.outcome, reply.stage) == (Outcome.ROUTE_DOWN, "auth")
    assert said in reply.text
    assert "half a token" not in reply.text
    assert not [one for one in world.commands if one.startswith(b"AUTH")]

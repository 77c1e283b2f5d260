"""Doctor tries each route as mail will go, and says what the relay said; a relay's password comes in out of sight."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import dns.rdata
import dns.resolver
import pytest

from core.smtp import mx
from tests.cli.cli_runner import DOMAIN, Clerk
from tests.smtp.receiver import Receiver, Say, certificate, receiver

PASSWORD = "p@ss/w#rd%41 with spaces"
LOGIN = b"AUTH PLAIN " + base64.b64encode(f"\0agent@acme.example\0{PASSWORD}".encode())
STARTTLS: Mapping[str, Say] = {"EHLO": b"250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"}


@contextlib.contextmanager
def relay(script: Mapping[str, Say], *, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A relay on a loop of its own: commands run in this thread, as they do in a shell."""
    ready, over = threading.Event(), asyncio.Event()
    box: list[Receiver] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with receiver(script, tls=tls) as world:
            box.append(world)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(30)
    try:
        yield box[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def add(clerk: Clerk, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    clerk.ok("stream", "add", DOMAIN, "--relay", url, "--password-stdin", who="dora")


def route(clerk: Clerk) -> tuple[str, str, str]:
    (found,) = [one for one in clerk.run("doctor", "--json").json["checks"] if one["check"] == "route"]
    return found["grade"], found["text"], found["fix"] or ""


def configure(clerk: Clerk, text: str) -> None:
    file = clerk.directory / "postroom.toml"
    file.write_text(f"{file.read_text()}\n{text}\n")


def test_the_whole_way_is_tried_and_nothing_is_sent(
    clerk: Clerk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = certificate(tmp_path, "localhost")
    with relay(STARTTLS, tls=server) as world:
        add(clerk, f"smtp://agent@acme.example@localhost:{world.port}?tls=starttls", monkeypatch)
        grade, text, fix = route(clerk)
        assert (grade, "certificate" in text, "ca_file" in fix) == ("fail", True, True)
        configure(clerk, f'[smtp]\nca_file = "{tmp_path / "server.pem"}"')
        grade, text, _ = route(clerk)
        assert grade == "ok", text
        assert "over TLS, login and MAIL FROM: 250 2.1.0 ok; certificate by localhost, until " in text
        assert LOGIN in world.commands
        verbs = [line.split(b" ")[0] for line in world.commands]
        assert verbs[-3:] == [b"MAIL", b"RSET", b"QUIT"]
        assert not {b"RCPT", b"DATA"} & set(verbs)
        assert f"MAIL FROM:<postmaster@bounces.{DOMAIN}>".encode() in world.commands


@pytest.mark.parametrize("name", ["mail.other.test", "*.acme.test"])
def test_a_certificate_of_another_name_is_refused_although_its_authority_is_trusted(
    clerk: Clerk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    server, _ = certificate(tmp_path, name)
    configure(clerk, f'[smtp]\nca_file = "{tmp_path / "server.pem"}"')
    with relay(STARTTLS, tls=server) as world:
        add(clerk, f"smtp://agent@acme.example@localhost:{world.port}?tls=starttls", monkeypatch)
        grade, text, fix = route(clerk)
        assert grade == "fail"
        assert "does not encrypt as required" in text
        assert "localhost" in text, "the name that was wanted"
        assert "name in its certificate" in fix
        assert LOGIN not in world.commands, "no password for a stranger"


def test_a_relay_that_offers_no_encryption_is_refused_where_it_must(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with relay({"EHLO": b"250-mx\r\n250 AUTH PLAIN\r\n"}) as world:
        add(clerk, f"smtp://agent@acme.example@localhost:{world.port}?tls=starttls", monkeypatch)
        grade, text, _ = route(clerk)
        assert (grade, "does not encrypt as required" in text) == ("fail", True)
        assert LOGIN not in world.commands


def test_a_ca_file_that_is_not_there_is_named(clerk: Clerk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(clerk, f'[smtp]\nca_file = "{tmp_path / "missing.pem"}"')
    with relay(STARTTLS) as world:
        add(clerk, f"smtp://agent@acme.example@localhost:{world.port}?tls=starttls", monkeypatch)
        grade, text, _ = route(clerk)
    assert (grade, "ca_file" in text) == ("fail", True)


@pytest.mark.parametrize(
    ("script", "where", "said"),
    [
        ({"greeting": b"554 5.7.1 your network is listed\r\n"}, "does not answer", "554 5.7.1 your network is listed"),
        ({"AUTH": b"535 5.7.8 bad credentials\r\n"}, "refuses the login", "535 5.7.8 bad credentials"),
        (
            {"MAIL": b"550 5.7.60 cannot send as this sender\r\n"},
            "refuses the sender",
            "550 5.7.60 cannot send as this",
        ),
        ({"MAIL": b"530 5.7.0 authenticate first\r\n"}, "refuses the sender", "530 5.7.0 authenticate first"),
    ],
)
def test_what_the_relay_refuses_is_said_in_its_words(
    clerk: Clerk, script: Mapping[str, Say], where: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with relay({"EHLO": b"250-mx\r\n250 AUTH PLAIN\r\n", **script}) as world:
        add(clerk, f"smtp://agent@acme.example@localhost:{world.port}", monkeypatch)
        grade, text, fix = route(clerk)
    assert grade == "fail"
    assert where in text
    assert said in text
    assert fix
    assert PASSWORD not in clerk.run("doctor").out


def test_a_password_named_in_the_settings_is_the_one_that_doctor_tries(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = clerk.directory / "relay-password"
    file.write_text(PASSWORD)
    configure(clerk, f'[smtp.relays.localhost]\nusername = "agent@acme.example"\npassword_file = "{file}"')
    with relay({"EHLO": b"250-mx\r\n250 AUTH PLAIN\r\n"}) as world:
        clerk.ok("stream", "add", DOMAIN, "--relay", f"smtp://localhost:{world.port}", who="dora")
        assert route(clerk)[0] == "ok"
        assert LOGIN in world.commands


def test_a_password_from_the_environment_or_the_keyring_is_tried_and_its_lack_is_named(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clerk's environment has no POSTROOM_ and no keyring, and the rest of ours."""
    configure(clerk, '[smtp.relays.localhost]\nusername = "agent@acme.example"\npassword_env = "RELAY_PASSWORD"')
    with relay({"EHLO": b"250-mx\r\n250 AUTH PLAIN\r\n"}) as world:
        clerk.ok("stream", "add", DOMAIN, "--relay", f"smtp://localhost:{world.port}", who="dora")
        monkeypatch.delenv("RELAY_PASSWORD", raising=False)
        grade, text, fix = route(clerk)
        assert (grade, "RELAY_PASSWORD is not set" in text, bool(fix)) == ("fail", True, True)
        monkeypatch.setenv("RELAY_PASSWORD", PASSWORD)
        assert route(clerk)[0] == "ok"
        assert world.commands.count(LOGIN) == 1
        file = clerk.directory / "postroom.toml"
        file.write_text(file.read_text().replace('password_env = "RELAY_PASSWORD"', 'password_keyring = "acme"'))
        grade, text, _ = route(clerk)
        assert (grade, "keyring" in text) == ("fail", True)


def test_a_password_on_the_command_line_works_and_is_advised_against(clerk: Clerk) -> None:
    heard = clerk.run("stream", "add", DOMAIN, "--relay", "smtp://user:s3cr3t@smtp.acme.example", who="dora")
    assert (heard.code, "--password-stdin" in heard.err, "s3cr3t" in heard.out + heard.err) == (0, True, False)


def test_a_relay_has_one_source_of_its_password(clerk: Clerk) -> None:
    configure(clerk, '[smtp.relays.localhost]\npassword_env = "A"\npassword_file = "/b"')
    assert "exactly one of" in clerk.refused("stream", "list", code=2)


def test_a_password_from_standard_input_rests_sealed_and_is_shown_nowhere(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(clerk, "smtp://agent@acme.example@smtp.acme.example:587", monkeypatch)
    assert clerk.ok("stream", "show", DOMAIN)["route"] == "smtp://agent@acme.example@smtp.acme.example:587"
    for file in clerk.directory.iterdir():
        assert PASSWORD.encode() not in file.read_bytes()
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    wanted = ("stream", "set", DOMAIN, "--reason", "x", "--password-stdin")
    assert "is empty" in clerk.refused(*wanted, "--relay", "smtp://agent@smtp.acme.example", who="dora", code=2)
    assert "needs a user" in clerk.refused(*wanted, "--relay", "smtp://smtp.acme.example", who="dora", code=2)
    assert "belongs to a relay" in clerk.refused(*wanted, who="dora", code=2)


# --- direct -------------------------------------------------------------------------------------------------------


@pytest.fixture
def gmail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its mail exchanger is this machine."""

    def resolver(**_: object) -> mx.LookUp:
        async def look_up(name: str, kind: str) -> Sequence[dns.rdata.Rdata]:
            known = {"MX": "10 mx.gmail.test.", "A": "127.0.0.1"}
            if kind not in known:
                raise dns.resolver.NoAnswer
            return [dns.rdata.from_text("IN", kind, known[kind])]

        return look_up

    monkeypatch.setattr(mx, "system_resolver", resolver)


def direct(clerk: Clerk, port: int) -> tuple[str, str, str]:
    configure(clerk, "[smtp]\nprivate = true")
    clerk.ok("stream", "add", DOMAIN, "--relay", f"direct?port={port}", who="dora")
    return route(clerk)


@pytest.mark.usefixtures("gmail")
def test_direct_delivery_is_tried_as_far_as_the_sender_at_a_large_receiver(clerk: Clerk, tmp_path: Path) -> None:
    server, _ = certificate(tmp_path, "mx.gmail.test")
    with relay({"EHLO": b"250-mx\r\n250 STARTTLS\r\n"}, tls=server) as world:
        grade, text, _ = direct(clerk, world.port)
        assert (grade, text) == ("ok", "direct; mx.gmail.test takes mail over TLS and MAIL FROM: 250 2.1.0 ok")
        assert world.commands[-3:] == [f"MAIL FROM:<postmaster@bounces.{DOMAIN}>".encode(), b"RSET", b"QUIT"]


@pytest.mark.usefixtures("gmail")
@pytest.mark.parametrize("stage", ["greeting", "MAIL"])
def test_a_receiver_that_refuses_this_machine_is_quoted(clerk: Clerk, stage: str) -> None:
    with relay({stage: b"550 5.7.25 the sending IP has no PTR record\r\n"}) as world:
        grade, text, fix = direct(clerk, world.port)
    assert (grade, "550 5.7.25 the sending IP has no PTR record" in text, "PTR" in fix) == ("fail", True, True)


@pytest.mark.usefixtures("gmail")
def test_a_network_that_lets_nothing_out_on_port_25_is_found_out(clerk: Clerk) -> None:
    grade, text, _ = direct(clerk, 9)
    assert (grade, "no outbound connection on port 25" in text) == ("fail", True)


def test_without_dns_nothing_is_concluded_of_direct_delivery(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolver(**_: object) -> mx.LookUp:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(mx, "system_resolver", resolver)
    assert direct(clerk, 25)[0] == "warn"

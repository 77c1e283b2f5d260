"""From a bare clone to a real, approved message: every command as README or the one before it printed it."""

from __future__ import annotations

import contextlib
import datetime as dt
import email
import re
import shutil
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.cli.cli_runner import Clerk
from tests.cli.playing import Player, await_ready, blocks, steps
from tests.factories.ports import free_port

README = (Path(__file__).parents[2] / "README.md").read_text()
PASSWORD = "it's p@ss/w#rd%41"
MOST = 8

pytestmark = pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl"))), reason="typed into a shell, with curl")


# --- the relay ----------------------------------------------------------------------------------------------------


def authority(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context whose certificate an authority of our own signed, and that authority's file."""
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

    def signed(
        name: str, key: EllipticCurvePrivateKey, issuer: str, by: EllipticCurvePrivateKey, *, ca: bool
    ) -> x509.Certificate:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

        return (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + dt.timedelta(days=36_500))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
            .sign(by, SHA256())
        )

    root, own = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    ca_file, chain = folder / "acme-ca.pem", folder / "relay.pem"
    ca_file.write_bytes(signed("ca.acme.test", root, "ca.acme.test", root, ca=True).public_bytes(Encoding.PEM))
    chain.write_bytes(
        own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + signed("localhost", own, "ca.acme.test", root, ca=False).public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context, ca_file


@dataclass
class Relay:
    """What came, from whom, and how."""

    port: int = 0
    mail: list[bytes] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert session.ssl is not None
        assert session.authenticated
        assert isinstance(envelope.content, bytes)
        self.mail.append(envelope.content)
        self.came.set()
        return "250 2.0.0 taken"

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        self.logins.append(given.login)
        return AuthResult(success=(given.login, given.password) == (b"postroom", PASSWORD.encode()))


@contextlib.contextmanager
def relay(context: ssl.SSLContext) -> Iterator[Relay]:
    """A relay that takes mail over STARTTLS and for those who log in, and no other."""
    seen = Relay(free_port())
    controller = Controller(
        seen, hostname="127.0.0.1", port=seen.port, tls_context=context, require_starttls=True, auth_required=True,
        authenticator=seen.login,
    )  # fmt: skip
    controller.start()
    try:
        yield seen
    finally:
        controller.stop()


# --- the walk -----------------------------------------------------------------------------------------------------


def first_command() -> str:
    """What README tells a stranger to type first."""
    found = re.search(r"^(pip install -q uv && uv run postroom init(?: .*\\\n)*.*--relay .*)$", README, re.MULTILINE)
    assert found, "README says how a real desk begins"
    return found[1]


@pytest.mark.slow
def test_eight_commands_lead_from_a_clone_to_an_approved_message_over_starttls_and_auth(tmp_path: Path) -> None:
    context, ca_file = authority(tmp_path)
    port = free_port()
    answers = {
        "Password of": PASSWORD, "Apprise URL": "json://pager.example/desk",
        "What is it for": "answers tickets", "Who owns the systems": "platform team",
        "Whom does it write to": "customers with a ticket", "Do you affirm": "yes",
        "Reason to sign": "a test without DNS", "Type help@": "help@support-bot.acme.com", "[a]pprove": "a",
    }  # fmt: skip
    player = Player.at(tmp_path, answers=answers, POSTROOM_LISTEN=f"127.0.0.1:{port}")
    with relay(context) as world:
        asked = first_command()
        begin = asked.replace("smtp.example.com:587", f"localhost:{world.port}?tls=starttls --ca-file {ca_file}")
        assert begin != asked
        said = player.run(begin)
        assert "The route works" in said
        assert "login and MAIL FROM" in said
        while "curl " not in said:
            (command,) = steps(said)
            said = player.run(command)
        serve, review = steps(said)
        with player.shell(serve) as gateway:
            await_ready(gateway, port)
            answer = player.run(blocks(said)["curl"])
            assert '"status":"pending"' in answer
            assert not world.mail
            decided = player.run(review)
            assert "approved" in decided
            assert world.came.wait(60)
            gateway.press("\x03")
            assert gateway.ended() == 0
            assert "Traceback" not in gateway.screen
    assert len(player.typed) <= MOST, player.typed
    assert world.logins
    (raw,) = world.mail
    mail = email.message_from_bytes(raw)
    assert mail["From"] == "help@support-bot.acme.com"
    assert len(mail.get_all("DKIM-Signature") or []) == 2
    desk = tmp_path / "desk"
    clerk = Clerk(desk, {name.name: name.read_text().strip() for name in (desk / "tokens").iterdir()}, reader="victor")
    assert clerk.ok("audit", "verify")["ok"] is True
    told = clerk.run("trace", str(mail["X-Postroom-Message-ID"]).partition(".")[0]).out
    assert "alice" in told
    (shown,) = clerk.ok("mailbox", "list")["mailboxes"]
    signed = clerk.ok("mailbox", "show", shown["address"])["signoffs"]
    assert len({one["operator"] for one in signed} | {"alice"}) == 4, "whoever asks never signs, and three do"

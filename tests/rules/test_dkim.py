"""Signatures of both algorithms, checked by two other implementations: dkimpy and OpenDKIM."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import types
from pathlib import Path

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from core.rules.dkim import SigningKey, normalise, sign
from core.rules.dns import Algorithm, PublishedKey, records
from core.security.encryption import KeyPair, new_key_pair
from tests.factories import effort

DOMAIN = "support-bot.acme.example"
AT = 1_700_000_000_123_456
BOTH: tuple[Algorithm, ...] = ("rsa", "ed25519")
PAIRS: dict[Algorithm, KeyPair] = {algorithm: new_key_pair(algorithm) for algorithm in BOTH}
KEYS = [
    SigningKey.load(DOMAIN, selector=f"s-{algorithm}", algorithm=algorithm, private=PAIRS[algorithm].private)
    for algorithm in BOTH
]
ZONE = {
    record.name + ".": record.value
    for record in records(
        DOMAIN,
        keys=[PublishedKey(f"s-{algorithm}", algorithm, PAIRS[algorithm].public) for algorithm in BOTH],
        mail_host="mx.acme.example",
        senders=["a:mx.acme.example"],
    )
    if record.type == "TXT"
}
HEADER = (
    b"From: Help <help@support-bot.acme.example>\r\nTo: jane@example.com\r\nSubject: Your   refund\r\n folded\r\n"
    b"Date: Sat, 21 Nov 2026 03:20:00 +0000\r\nMessage-ID: <1@support-bot.acme.example>\r\nX-Agent-ID: refunds\r\n"
    b"List-Unsubscribe: <https://acme.example/u/1>\r\nX-Other: free\r\nMIME-Version: 1.0\r\n\r\n"
)


class _VerifyKey:
    """PyNaCl's name for what `cryptography` can do as well: dkimpy verifies Ed25519 through it."""

    def __init__(self, key: bytes, encoder: object) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))

    def verify(self, digest: bytes, signature: bytes) -> None:
        self._key.verify(signature, digest)


@pytest.fixture(autouse=True)
def nacl(monkeypatch: pytest.MonkeyPatch) -> None:
    shim = types.SimpleNamespace(
        signing=types.SimpleNamespace(VerifyKey=_VerifyKey),
        encoding=types.SimpleNamespace(Base64Encoder=None),
        exceptions=types.SimpleNamespace(ValueError=ValueError, BadSignatureError=InvalidSignature),
    )
    monkeypatch.setattr(dkim, "nacl", shim, raising=False)


def verified(message: bytes) -> list[bool]:
    def zone(name: bytes, timeout: float = 0) -> bytes:
        return ZONE[name.decode()].encode()

    return [bool(dkim.DKIM(message).verify(idx, dnsfunc=zone)) for idx in range(2)]


def tags(block: bytes) -> list[dict[str, str]]:
    fields = re.split(r"(?m)^DKIM-Signature:", re.sub(r"\r\n[ \t]", " ", block.decode()))[1:]
    return [dict(map(str.strip, tag.split("=", 1)) for tag in field.split(";")) for field in fields]  # type: ignore[misc]


def test_both_signatures_verify_against_the_published_records() -> None:
    message = HEADER + b"Hello Jane.\r\n"
    block = sign(message, keys=KEYS, at=AT)
    assert verified(block + message) == [True, True]
    first, second = tags(block)
    assert (first["a"], second["a"]) == ("rsa-sha256", "ed25519-sha256")
    assert first["t"] == "1700000000"
    assert first["bh"] == second["bh"]


def test_signature_lines_are_short_and_end_in_crlf() -> None:
    block = sign(HEADER + b"x\r\n", keys=KEYS, at=AT)
    assert block.endswith(b"\r\n")
    assert b"\n" not in block.replace(b"\r\n", b"")
    assert max(map(len, block.split(b"\r\n"))) <= 78


@settings(max_examples=effort.times(30, 500), deadline=None)
@given(
    body=st.lists(
        st.sampled_from(
            [
                b"\r",
                b"\n",
                b"\r\n",
                b" ",
                b"\t",
                b".",
                b"a",
                b"\x00",
                b"\xe9",
                "é".encode(),
                b"x" * 1_200,
                b"From ",
                b"--",
            ]
        ),
        max_size=40,
    ).map(b"".join)
)
def test_any_body_verifies_as_it_leaves(body: bytes) -> None:
    block = sign(HEADER + body, keys=KEYS, at=AT)
    assert verified(block + normalise(HEADER + body)) == [True, True]


@given(message=st.binary(max_size=60))
def test_normalised_bytes_have_crlf_only_and_stay_as_they_are(message: bytes) -> None:
    once = normalise(message)
    assert once.endswith(b"\r\n")
    assert b"\r" not in once.replace(b"\r\n", b"")
    assert b"\n" not in once.replace(b"\r\n", b"")
    assert normalise(once) is once


@pytest.mark.parametrize("added", [b"From: x@evil.example\r\n", b"Subject: other\r\n", b"Reply-To: x@evil.example\r\n"])
def test_a_field_added_on_the_way_breaks_the_signature(added: bytes) -> None:
    message = HEADER + b"Hello\r\n"
    block = sign(message, keys=KEYS, at=AT)
    assert verified(block + added + message) == [False, False]


@pytest.mark.parametrize("name", [b"To", b"X-Agent-ID", b"List-Unsubscribe", b"Date"])
def test_a_changed_field_breaks_the_signature(name: bytes) -> None:
    message = HEADER + b"Hello\r\n"
    block = sign(message, keys=KEYS, at=AT)
    assert verified(block + message.replace(name + b": ", name + b": x", 1)) == [False, False]


def test_repeated_fields_are_signed_bottom_up() -> None:
    message = b"X-Agent-ID: one\r\nX-Agent-ID: two\r\nX-Agent-ID:\tthree\r\n" + HEADER + b"Hello\r\n"
    block = sign(message, keys=KEYS, at=AT)
    assert verified(block + message) == [True, True]
    assert verified(block + message.replace(b"one", b"eno")) == [False, False]


def test_what_the_provider_rewrites_is_not_signed() -> None:
    message = HEADER + b"Hello\r\n"
    block = sign(message, keys=KEYS, at=AT, unsigned=frozenset({"date", "message-id", "x-agent-id"}))
    rewritten = re.sub(rb"(Date|Message-ID|X-Agent-ID): [^\r]*", rb"\1: rewritten", message)
    assert verified(block + rewritten) == [True, True]


def test_from_is_signed_whatever_the_provider_rewrites() -> None:
    block = sign(HEADER, keys=KEYS, at=AT, unsigned=frozenset({"from"}))
    assert all("from" in tag["h"].split(" : ") for tag in tags(block))


@pytest.mark.parametrize(
    "message", [b"", b"Subject: no from\r\n\r\nx", b"\r\nFrom: a@b.example\r\n", b"not a header\r\n"]
)
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(Invalid):
        sign(message, keys=KEYS, at=AT)


def test_work_grows_with_the_body_not_with_its_square() -> None:
    # 4 MB of what takes dkimpy's relaxed body step hours; a square here would meet the suite's timeout.
    for filling in (b" " * 4_000_000, b"\t \r\n" * 1_000_000, b"\r" * 4_000_000, b"\r\n" * 2_000_000):
        assert sign(HEADER + filling + b"x", keys=KEYS[1:], at=AT)


def test_a_key_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(Invalid, match="no ed25519 key"):
        SigningKey.load(DOMAIN, selector="s", algorithm="ed25519", private=PAIRS["rsa"].private)


def test_the_longest_names_stay_in_one_piece() -> None:
    domain = ".".join(["d" * 62] * 4)
    key = SigningKey.load(domain, selector="s" * 63, algorithm="ed25519", private=PAIRS["ed25519"].private)
    block = sign(HEADER, keys=[key], at=AT)
    (tag,) = tags(block)
    assert (tag["d"], tag["s"]) == (domain, "s" * 63)
    assert max(map(len, block.split(b"\r\n"))) < 998


def test_a_signing_key_does_not_print_its_secret() -> None:
    assert PAIRS["rsa"].private.hex()[:40] not in repr(KEYS[0]) + repr(PAIRS["rsa"])


@pytest.mark.skipif(shutil.which("opendkim") is None, reason="OpenDKIM is not installed (Debian: opendkim)")
@pytest.mark.parametrize(
    "body", [b"Hello\r\n", b"", b"trailing  \r\n\r\n\r\n", b".dots\r\n..\r\n", b"x" * 5_000 + b"\r\n"]
)
@pytest.mark.parametrize("key", KEYS, ids=BOTH)
def test_opendkim_verifies(tmp_path: Path, body: bytes, key: SigningKey) -> None:
    (tmp_path / "keys").write_text(
        "".join(f"{name.rstrip('.')} {value}\n" for name, value in ZONE.items() if "_domainkey" in name)
    )
    (tmp_path / "conf").write_text(f"Mode v\nTestPublicKeys {tmp_path}/keys\nSyslog no\n")
    mail = tmp_path / "mail"
    message = HEADER + body
    mail.write_bytes(sign(message, keys=[key], at=AT) + normalise(message))
    judged = subprocess.run(
        ["opendkim", "-x", f"{tmp_path}/conf", "-t", str(mail)], capture_output=True, text=True, check=False, timeout=60
    )
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert f"verification (s={key.selector}" in judged.stdout
    assert "succeeded" in judged.stdout

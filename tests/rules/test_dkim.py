"""Signatures of both algorithms, checked by two other implementations: dkimpy and OpenDKIM."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import types
from hashlib import sha256
from pathlib import Path

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from dkim.canonicalization import CanonicalizationPolicy, Relaxed, Simple
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from core.rules.dkim import SigningKey, normalise, sign
from core.rules.stream_records import Algorithm, PublishedKey, records
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
CORPUS = Path(__file__).parent.parent / "corpus"
REFUSED = ["mixed-line-endings-and-mbox-line.eml", "other-empty.eml"]
"""The separator of a mailbox file is no field; the other is empty."""


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


def as_dkimpy_writes_it(message: bytes, key: SigningKey, *, signed: list[bytes], h: bytes) -> bytes:
    """The field from dkimpy's own parser, selection, canonicalization and folding. Only the signature is the key's."""
    signer = dkim.DKIM(message, signature_algorithm=b"ed25519-sha256")  # the branch that calls sign() on the key
    signer.hasher = sha256
    body = Simple.canonicalize_body(signer.body)
    fields = [
        (b"v", b"1"), (b"a", b"%b-sha256" % key.algorithm.encode()), (b"c", b"relaxed/simple"),
        (b"t", b"%d" % (AT // 1_000_000)), (b"\r\n d", key.domain.encode()), (b"\r\n s", key.selector.encode()),
        (b"\r\n h", h), (b"\r\n bh", base64.b64encode(sha256(body).digest())), (b"b", b"0" * 60),
    ]  # fmt: skip
    signs = types.SimpleNamespace(sign=lambda digest: types.SimpleNamespace(signature=key.sign(digest)))
    policy = CanonicalizationPolicy(Relaxed, Simple)
    return b"DKIM-Signature: " + bytes(signer.gen_header(fields, signed, policy, b"DKIM-Signature", signs))


def signed_as_by_dkimpy(message: bytes, *, unsigned: frozenset[str] = frozenset()) -> bytes:
    """Our fields, which are byte for byte what dkimpy writes for the same names: neither algorithm adds chance."""
    block, leaves = sign(message, keys=KEYS, at=AT, unsigned=unsigned), normalise(message)
    (h,) = set(re.findall(rb"(?s)\r\n h=(.*?);", block))
    signed = [name.strip() for name in h.replace(b"\r\n", b"").split(b":")]
    assert block == b"".join(as_dkimpy_writes_it(leaves, key, signed=signed, h=h) for key in KEYS)
    return block


def test_the_fields_are_written_as_they_always_were() -> None:
    # Written by dkimpy 1.1.8, which Postroom signed through: receivers have seen this form from the start.
    message = HEADER + b"Hello Jane.\r\n"
    block = re.sub(rb"\r\n b=[^;]*?(?=\r\nDKIM|\r\n\Z)", b"\r\n b=", sign(message, keys=KEYS, at=AT))
    assert block == b"".join(
        b"DKIM-Signature: v=1; a=%b-sha256; c=relaxed/simple; t=1700000000; \r\n d=support-bot.acme.example; \r\n"
        b" s=s-%b; \r\n h=from : to : subject : date : message-id : x-agent-id : list-unsubscribe\r\n"
        b" : mime-version : from : to : cc : subject : date : message-id :\r\n"
        b" reply-to : mime-version : content-type; \r\n"
        b" bh=UHK3+D1O1pcsoBsfHiejhfxhs1BSzND0ETFrKEQApyc=;\r\n b=\r\n" % (name, name)
        for name in (b"rsa", b"ed25519")
    )


def test_every_message_of_the_corpus_is_signed_as_dkimpy_does_and_verifies() -> None:
    refused = []
    for path in sorted(CORPUS.glob("*.eml")):
        message = path.read_bytes()
        try:
            block = signed_as_by_dkimpy(message)
        except Invalid:
            refused.append(path.name)
            continue
        assert verified(block + normalise(message)) == [True, True], path.name
    assert refused == REFUSED


FIELD_NAMES = st.sampled_from(
    [
        b"from",
        b"TO",
        b"Subject",
        b"subject",
        b"X-Agent-ID",
        b"X-Agent-Run-ID",
        b"Cc",
        b"Date",
        b"Content-Type",
        b"X-Free",
    ]
)
SPACES = [b" ", b"\t", b"  ", b"\t ", b"\v", b"\f", b"\r\n ", b"\r\n\t", b"\n ", b"\r\n \r\n\t "]
VALUES = st.lists(
    st.sampled_from([*SPACES, b"a", b"word", b":", b";", b"=", "é".encode(), b"\xff", b"\x00"]), max_size=8
).map(b"".join)


@settings(max_examples=effort.times(100, 3_000), deadline=None)
@given(
    fields=st.lists(st.tuples(FIELD_NAMES, VALUES), max_size=10),
    blank=st.sampled_from([b"", b"\r\n", b"\n"]),
    body=st.lists(
        st.sampled_from([b"", b"\r", b"\n", b"\r\n", b" \r\n", b"\t", b"a", b"\xe9", b"x" * 1_200, b"y" * 70_000]),
        max_size=8,
    ).map(b"".join),
    unsigned=st.sets(st.sampled_from(["from", "to", "date", "subject", "x-agent-id", "message-id"])).map(frozenset),
)
def test_any_header_and_body_is_signed_as_dkimpy_does_and_verifies(
    fields: list[tuple[bytes, bytes]], blank: bytes, body: bytes, unsigned: frozenset[str]
) -> None:
    header = b"".join(b"%b:%b\r\n" % field for field in [(b"From", b" a@b.example"), *fields])
    message = header + blank + (body if blank else b"")
    block = signed_as_by_dkimpy(message, unsigned=unsigned)
    assert verified(block + normalise(message)) == [True, True]


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


@pytest.mark.parametrize("name", [b"CFBL-Address", b"CFBL-Feedback-ID", b"Feedback-ID"])
def test_where_complaints_go_and_what_they_are_counted_by_is_signed(name: bytes) -> None:
    """RFC 9477 3.1.4: a provider reports only what both keys' signatures cover."""
    fields = b"Feedback-ID: a:b:c:acme1\r\nCFBL-Address: fbl@acme.example\r\nCFBL-Feedback-ID: m1:k1:ab\r\n"
    message = fields + HEADER + b"Hello\r\n"
    block = sign(message, keys=KEYS, at=AT)
    assert all(name.decode().lower() in tag["h"].split(" : ") for tag in tags(block))
    assert verified(block + message) == [True, True]
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
    "message",
    [
        b"",
        b"Subject: no from\r\n\r\nx",
        b"\r\nFrom: a@b.example\r\n",
        b" From: a@b.example\r\n",
        b"not a header\r\n",
        b"From: a@b.example\r\nSubject : a space before the colon\r\n",
        b"From: a@b.example\r\n: no name\r\n",
        b"From: a@b.example\r\nSubj\xc3\xa9ct: not ASCII\r\n",
        b"From a mailbox file\r\nFrom: a@b.example\r\n",
    ],
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

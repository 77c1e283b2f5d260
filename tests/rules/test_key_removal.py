from __future__ import annotations

import base64
import datetime as dt
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from core.rules import stream_records
from core.rules.dkim import SigningKey
from core.rules.key_removal import Record, Removal, Signer, removal
from core.rules.stream_records import PublishedKey

DOMAIN = "support-bot.acme.test"
RSA, ED = generate_private_key(65537, 2048), Ed25519PrivateKey.generate()
KEYS: dict[stream_records.Algorithm, RSAPrivateKey | Ed25519PrivateKey] = {"rsa": RSA, "ed25519": ED}


def name(algorithm: stream_records.Algorithm) -> str:
    return stream_records.selector(dt.date(2026, 11, 21), slot="a", algorithm=algorithm)


def signer(algorithm: stream_records.Algorithm) -> Signer:
    """As the desk signs."""
    key = SigningKey(DOMAIN, name(algorithm), algorithm, KEYS[algorithm])
    return Signer(key.selector, algorithm, key.sign)


def public(algorithm: stream_records.Algorithm) -> str:
    shown = KEYS[algorithm].public_key()
    if algorithm == "rsa":
        raw = shown.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    else:
        raw = shown.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


SIGNERS = [signer("rsa"), signer("ed25519")]
RECORDS = [
    Record(one.name, one.value)
    for one in stream_records.records(
        DOMAIN,
        keys=[PublishedKey(name(one), one, public(one)) for one in ("rsa", "ed25519")],
        mail_host="mx.acme.test",
        senders=["a:mx.acme.test"],
    )
]
NAMED = [f"{name(one)}._domainkey.{DOMAIN}" for one in ("rsa", "ed25519")]


def look(records: list[Record], signers: list[Signer] = SIGNERS) -> Removal:
    return removal(DOMAIN, signers=signers, records=records)


def test_removing_the_keys_named_stops_every_signature_and_the_rest_would_remain() -> None:
    found = look(RECORDS)
    assert found.failures == ()
    assert sorted(found.remove) == sorted(NAMED)
    assert set(found.remaining) == {DOMAIN, f"bounces.{DOMAIN}", f"_dmarc.{DOMAIN}"}


@pytest.mark.parametrize("gone", NAMED)
def test_a_key_whose_record_is_not_its_own_is_said(gone: str) -> None:
    other = next(one.value for one in RECORDS if one.name != gone and one.is_key)
    records = [replace(one, value=other) if one.name == gone else one for one in RECORDS]
    assert any(gone in failure for failure in look(records).failures)


def test_a_key_that_is_published_twice_would_go_on_verifying() -> None:
    twin = replace(next(one for one in RECORDS if one.name == NAMED[1]), name=f"old._domainkey.{DOMAIN}")
    (failure,) = look([*RECORDS, twin]).failures
    assert twin.name in failure
    assert NAMED[1] in failure


def test_a_revoked_key_needs_no_removal_and_lets_nothing_verify() -> None:
    records = [replace(one, value="v=DKIM1; k=rsa; p=") if one.name == NAMED[0] else one for one in RECORDS]
    found = look(records)
    assert NAMED[0] not in found.remove
    assert any(NAMED[0] in failure for failure in found.failures), "what is signed with it verifies nowhere"


def test_a_stream_without_a_key_is_said() -> None:
    assert look(RECORDS, []).failures == (f"{DOMAIN} has no key that signs",)


@pytest.mark.parametrize("value", ["", "v=DKIM1; p=%%%", "v=DKIM1; p=AAAA", "p", "p=A"])
def test_what_is_no_key_verifies_nothing(value: str) -> None:
    records = [replace(one, value=value) if one.is_key else one for one in RECORDS]
    assert len(look(records).failures) == 2

"""The effect of removing a stream's DKIM keys from DNS: whether every signature stops verifying, and what remains.

A receiver finds the public key under `selector._domainkey.domain` and nowhere else (RFC 6376 3.6.2). So a signature
stops verifying when the record it names is gone, unless the same key is also published under another name. Both are
tested here with a real signature by each signing key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, assert_never

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

Algorithm = Literal["rsa", "ed25519"]

_DIGEST: Final = hashlib.sha256(b"postroom revocation drill").digest()


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs now: `sign` takes a SHA-256 digest and returns its signature."""

    selector: str
    algorithm: Algorithm
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the stream: its name, and its value if it is TXT. A key's value has `p=`."""

    name: str
    value: str

    @property
    def is_key(self) -> bool:
        return "._domainkey." in self.name

    @property
    def public(self) -> str:
        """The key in base64; empty: none, or revoked (RFC 6376 3.6.1)."""
        tags = (tag.strip().partition("=") for tag in self.value.split(";"))
        return next(("".join(value.split()) for name, _, value in tags if name.strip() == "p"), "")


@dataclass(frozen=True, slots=True)
class Removal:
    """`remove`: records that let signatures verify; `remaining`: records that would be left; `failures`: sentences."""

    remove: tuple[str, ...]
    remaining: tuple[str, ...]
    failures: tuple[str, ...]


def removal(domain: str, *, signers: Sequence[Signer], records: Sequence[Record]) -> Removal:
    """Sign with each key and verify against the records, with the named record and without it."""
    keys = [record for record in records if record.is_key and record.public]
    failures = []
    for signer in signers:
        named = f"{signer.selector}._domainkey.{domain}"
        signature = signer.sign(_DIGEST)
        verifying = [record.name for record in keys if _verifies(record.public, signature, signer.algorithm)]
        if named not in verifying:
            failures.append(f"{named} is not the key that signs: its signatures do not verify today")
        elif others := [name for name in verifying if name != named]:
            failures.append(f"the key of {named} is published as {', '.join(others)} too")
    if not signers:
        failures.append(f"{domain} has no key that signs")
    removed = tuple(record.name for record in keys)
    return Removal(removed, tuple(record.name for record in records if record.name not in removed), tuple(failures))


def _verifies(public: str, signature: bytes, algorithm: Algorithm) -> bool:
    try:
        raw = base64.b64decode(public, validate=True)
        match algorithm:
            case "rsa":
                key = load_der_public_key(raw)
                if not isinstance(key, RSAPublicKey):
                    return False
                key.verify(signature, _DIGEST, PKCS1v15(), Prehashed(SHA256()))
            case "ed25519":
                Ed25519PublicKey.from_public_bytes(raw).verify(signature, _DIGEST)
            case never:
                assert_never(never)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, binascii.Error):
        return False
    return True

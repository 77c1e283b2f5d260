"""Where keys come from and how secrets are stored: the only place that generates key material.

A secret in the database is encrypted with AES-256-GCM under the desk's master key, and bound to what it belongs to: an
encrypted key copied to another stream's row does not decrypt. Each ciphertext begins with the id of its master key, so
that master keys can rotate: the first of the ring encrypts, all of them decrypt.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Self, assert_never

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from core.errors import Invalid, Unavailable

Algorithm = Literal["rsa", "ed25519"]

_RSA_BITS: Final = 2048  # RFC 8301 3.2: at least 1024, 2048 recommended; 4096 does not fit one UDP answer
_MASTER: Final = re.compile(r"([a-z0-9]{1,16}):([A-Za-z0-9_-]{43}=?)")
_VERSION: Final = b"\x01"
_NONCE: Final = 12


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new DKIM key: `private` is PKCS 8 DER, `public` the `p=` of its DNS record."""

    algorithm: Algorithm
    private: bytes = field(repr=False)
    public: str


def new_key_pair(algorithm: Algorithm) -> KeyPair:
    """RSA-2048 or Ed25519. RSA takes 50 to 500 ms: not for an event loop."""
    match algorithm:
        case "rsa":
            rsa = generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
            private = rsa.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            public = rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        case "ed25519":
            edwards = Ed25519PrivateKey.generate()
            private = edwards.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            # RFC 8463 4.2: the bare 32 bytes, not a SubjectPublicKeyInfo
            public = edwards.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        case never:
            assert_never(never)
    return KeyPair(algorithm, private, base64.b64encode(public).decode())


def new_master_key(name: str) -> str:
    """`NAME:KEY`, an entry of a key ring."""
    return f"{name}:{base64.urlsafe_b64encode(AESGCM.generate_key(256)).decode().rstrip('=')}"


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """The desk's master keys by id; the first one encrypts."""

    keys: Mapping[str, AESGCM] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `NAME:KEY` entries, separated by commas or white space, newest first. Raises `Invalid`."""
        keys: dict[str, AESGCM] = {}
        for entry in text.replace(",", " ").split():
            found = _MASTER.fullmatch(entry)
            if found is None or found[1] in keys:
                # never the entry itself: it is a secret
                raise Invalid("a master key is not NAME:KEY, or a name occurs twice", fix="run postroom init")
            keys[found[1]] = AESGCM(base64.urlsafe_b64decode(found[2].rstrip("=") + "="))
        if not keys:
            raise Invalid("there is no master key", fix="run postroom init")
        return cls(keys)

    def seal(self, secret: bytes, *, about: str) -> bytes:
        """Encrypt `secret`. `about` names its row; the same value is needed to decrypt it."""
        name, key = next(iter(self.keys.items()))
        label = name.encode()
        nonce = os.urandom(_NONCE)
        head = _VERSION + bytes([len(label)]) + label
        return head + nonce + key.encrypt(nonce, secret, head + about.encode())

    def open(self, sealed: bytes, *, about: str) -> bytes:
        """Decrypt. Raises `Unavailable` if the ring lacks the key, or the bytes were not encrypted for `about`."""
        name = key_id(sealed)
        key = self.keys.get(name)
        if key is None:
            raise Unavailable(f"the master key {name!r} that sealed this secret is not in the ring")
        head = 2 + sealed[1]
        try:
            return key.decrypt(sealed[head : head + _NONCE], sealed[head + _NONCE :], sealed[:head] + about.encode())
        except (InvalidTag, ValueError) as error:
            raise Unavailable("a sealed secret was altered, or belongs to something else") from error


def key_id(sealed: bytes) -> str:
    """Which master key encrypted this: tells what still needs re-encryption after a rotation."""
    if len(sealed) < 2 or sealed[:1] != _VERSION:
        raise Unavailable("these bytes are no sealed secret")
    try:
        return sealed[2 : 2 + sealed[1]].decode()
    except UnicodeDecodeError as error:
        raise Unavailable("these bytes are no sealed secret") from error


def master_secrets(text: str) -> dict[str, bytes]:
    """Name -> the 32 bytes of each master key, in the file's order, to derive other keys from."""
    MasterKeys.parse(text)  # refuses malformed entries, with a sentence
    entries = (entry.partition(":") for entry in text.replace(",", " ").split())
    return {name: base64.urlsafe_b64decode(key.rstrip("=") + "=") for name, _, key in entries}

"""Verify provider signatures: RSA by a certificate, ECDSA by a key.

Separate from the provider modules, and imported only when a webhook is verified: settings read the registry, so every
CLI command would otherwise wait a quarter of a second for `cryptography`, which only gateways use.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from core.durations import MICROS
from core.rules.providers.provider import Forged, Genuine, Proof

_SNS: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "1": hashes.SHA1(),  # noqa: S303 - topics sign so by default; no collision helps without SNS's key
    "2": hashes.SHA256(),
}


def by_certificate(signature: bytes, signed: bytes, *, version: str, certificate_pem: bytes, now: int) -> Proof:
    """Verify that the holder of a certificate's RSA key signed these octets, by SNS's signature version."""
    public = _of_certificate(certificate_pem, now=now)
    if isinstance(public, Forged):
        return public
    try:
        public.verify(signature, signed, padding.PKCS1v15(), _SNS[version])
    except (ValueError, InvalidSignature):
        return Forged("the signature does not match")
    return Genuine()


def by_p256_key(signature: str, signed: bytes, *, public_key: str) -> Proof:
    """Verify that the holder of a P-256 key signed these octets. The key is base64 of DER, or PEM."""
    public = _of_text(public_key)
    if public is None:
        return Forged("the configured public key is not a P-256 key")
    try:
        public.verify(base64.b64decode(signature, validate=True), signed, ec.ECDSA(hashes.SHA256()))
    except (binascii.Error, ValueError, InvalidSignature):
        return Forged("the signature does not match")
    return Genuine()


def _of_certificate(certificate_pem: bytes, *, now: int) -> rsa.RSAPublicKey | Forged:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        public = certificate.public_key()
        moment = datetime.fromtimestamp(now // MICROS, UTC)
        valid = certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc
    except (ValueError, UnsupportedAlgorithm, OverflowError, OSError):
        return Forged("the signing certificate cannot be read")
    if not valid:
        return Forged("the signing certificate has expired")
    if not isinstance(public, rsa.RSAPublicKey) or public.key_size < 2048:
        return Forged("the signing certificate's key is not RSA of at least 2048 bits")
    return public


def _of_text(text: str) -> ec.EllipticCurvePublicKey | None:
    try:
        if "-----BEGIN" in text:
            public = load_pem_public_key(text.encode())
        else:
            public = load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        return public
    return None

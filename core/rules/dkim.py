"""DKIM signatures, relaxed/simple, over the bytes that leave (RFC 6376, RFC 8463).

The header fields are canonicalised and the body is hashed once for all signatures: each key continues a copy of the
hash with its own field. This is a narrow case of DKIM - our own bytes, one canonicalization, no `l=` - so it takes a
page; a general library parses, selects and folds again for each key, which cost more than the Ed25519 signature. In the
tests dkimpy verifies every signature and writes the same fields, byte for byte. The body's canonicalization is simple
because a relay that changes spaces in a body is broken, and because a relaxed body costs a search over all of it.

The signed bytes are those that `normalise` returns; exactly those must be sent. Line ends repaired on the way break the
signature.
"""

from __future__ import annotations

import base64
import re
import textwrap
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, Self, assert_never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from core.errors import Invalid

if TYPE_CHECKING:
    from _hashlib import HASH

Algorithm = Literal["rsa", "ed25519"]
Fields = list[tuple[bytes, bytes]]

SIGNED: Final = (
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "auto-submitted",
    "feedback-id",
    "cfbl-address",
    "cfbl-feedback-id",
    "x-postroom-message-id",
)
"""Signed where present, and every `X-Agent-*`. RFC 8058 4 requires both List-Unsubscribe fields to be signed,
RFC 9477 3.1.4 both CFBL fields."""

SEALED: Final = ("from", "to", "cc", "subject", "date", "message-id", "reply-to", "mime-version", "content-type")
"""Oversigned, once more than they occur (RFC 6376 8.15), so that a replayed message cannot gain a second one."""

_SIGNED: Final = frozenset(SIGNED)
_SEALED: Final = tuple(name.encode() for name in SEALED)
_LINE_ENDS: Final = re.compile(rb"\r\n|\n|\r")
_NAME: Final = re.compile(rb"[!-9;-~]+")
_RUN: Final = re.compile(rb"[ \t]{2,}|\t")
"""White space that is not one space already."""
_PIECE: Final = 2_047
"""hashlib releases the GIL for 2,048 bytes and more; beside busy threads, getting it back takes longer than hashing."""
_LONG: Final = 64 * 1024
"""From here on a hash takes long enough for other threads to use the time."""
_COLUMNS: Final = 71
_PADDING: Final = PKCS1v15()
_DIGEST: Final = Prehashed(SHA256())


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One selector's private key, parsed once. `domain` is the `d=` of the signature."""

    domain: str
    selector: str
    algorithm: Algorithm
    key: RSAPrivateKey | Ed25519PrivateKey

    def __post_init__(self) -> None:
        if not (self.domain.isascii() and self.selector.isascii()):
            raise Invalid("a signing domain is written in ASCII", fix="use the xn-- form of the domain")

    @classmethod
    def load(cls, domain: str, *, selector: str, algorithm: Algorithm, private: bytes) -> Self:
        """Load a key from PKCS 8 DER. Raises `Invalid` for a key of another kind."""
        # The key is ours and came from authenticated encryption: OpenSSL's primality check would cost 39 ms a key.
        key = load_der_private_key(private, password=None, unsafe_skip_rsa_key_validation=True)
        match algorithm:
            case "rsa":
                fits = isinstance(key, RSAPrivateKey)
            case "ed25519":
                fits = isinstance(key, Ed25519PrivateKey)
            case never:
                assert_never(never)
        if not fits or not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
            raise Invalid(f"the key of {selector} is no {algorithm} key")
        return cls(domain, selector, algorithm, key)

    def sign(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest. Releases the GIL for RSA."""
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(digest, _PADDING, _DIGEST)
        return self.key.sign(digest)


def _canonical(head: bytes, *, unsigned: frozenset[str]) -> Fields:
    """The fields to sign, relaxed (RFC 6376 3.4.2), in their order: lower-case names and values without line ends."""
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b"\t")
    fields = []
    for line in _RUN.sub(b" ", unfolded).split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            raise Invalid(f"the header of the message cannot be read: {line[:80]!r} is no field")
        name = name.lower()
        if _counts(name.decode(), unsigned=unsigned):
            # Also removes VT and FF, which verifiers disagree about; `compose` writes neither.
            fields.append((name, value.strip()))
    return fields


def _select(fields: Fields, names: Sequence[bytes]) -> Fields:
    """Select the field for each name: RFC 6376 5.4.2 takes repeated fields bottom up; a surplus name selects none."""
    left: dict[bytes, Fields] = defaultdict(list)
    for field in fields:
        left[field[0]].append(field)
    return [left[name].pop() for name in names if left[name]]


def _body_hash(body: bytes) -> bytes:
    """The value of `bh=`: simple canonicalization ends in exactly one CRLF, also if there is no body (3.4.3)."""
    kept = body.rstrip(b"\r\n")
    hasher = sha256()
    piece = _PIECE if len(kept) < _LONG else len(kept)
    for start in range(0, len(kept), piece):
        hasher.update(kept[start : start + piece])
    hasher.update(b"\r\n")
    return base64.b64encode(hasher.digest())


def _field(key: SigningKey, *, signed: HASH, names: tuple[bytes, ...], body_hash: bytes, at: int) -> bytes:
    """One DKIM-Signature field. `signed`: the hash over the header fields, which this one's own text completes."""
    tags = (
        b"v=1; a=%b-sha256; c=relaxed/simple; t=%d; " % (key.algorithm.encode(), at),
        b"d=%b; " % key.domain.encode(),
        b"s=%b; " % key.selector.encode(),
        b"h=%b; " % b" : ".join(names),
        b"bh=%b;" % body_hash,
    )
    own_hash = signed.copy()
    own_hash.update(b"dkim-signature:%b b=" % b"".join(tags))  # 3.7: its own field as relaxed, without value and CRLF
    value = b"b=" + base64.b64encode(key.sign(own_hash.digest()))
    # Each name and value stays in one piece, on a line of its own; only h= and b= may be folded inside (3.5).
    lines = [*tags[:3], b"h=%b; " % _folded(names), tags[4]]
    lines += [value[start : start + _COLUMNS] for start in range(0, len(value), _COLUMNS)]
    return b"DKIM-Signature: %b\r\n" % b"\r\n ".join(lines)


@lru_cache(maxsize=256)
def _folded(names: tuple[bytes, ...]) -> bytes:
    return (
        textwrap.fill(
            " : ".join(name.decode() for name in names),
            width=72,
            subsequent_indent=" ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        .encode()
        .replace(b"\n", b"\r\n")
    )


def _counts(name: str, *, unsigned: frozenset[str]) -> bool:
    return (name in _SIGNED or name.startswith("x-agent-")) and name not in unsigned


def normalise(message: bytes) -> bytes:
    """Convert to CRLF line ends with a final CRLF, the form to sign and send. Makes no copy if it already is."""
    lines = message.count(b"\r\n")
    if message.count(b"\n") != lines or message.count(b"\r") != lines:
        message = _LINE_ENDS.sub(b"\r\n", message)
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def sign(message: bytes, *, keys: Sequence[SigningKey], at: int, unsigned: frozenset[str] = frozenset()) -> bytes:
    """The DKIM-Signature fields, one per key, to prepend to `normalise(message)`. Ends in CRLF.

    `at` is UTC microseconds; `unsigned` names the fields, in lower case, that the route rewrites. From is always signed
    (RFC 6376 5.4). Raises `Invalid` for anything that is not a message.
    """
    head, _, body = normalise(message).partition(b"\r\n\r\n")
    if head.startswith((b"\r\n", b" ", b"\t")):
        raise Invalid("a message begins with its header")
    kept_out = unsigned - {"from"}
    fields = _canonical(head.removesuffix(b"\r\n"), unsigned=kept_out)
    present = [name for name, _ in fields]
    if b"from" not in present:
        raise Invalid("a message without From cannot be signed")
    names = (*present, *(name for name in _SEALED if name.decode() not in kept_out))
    signed = sha256(b"".join(b"%b:%b\r\n" % field for field in _select(fields, names)))
    body_hash = _body_hash(body)
    # t= is in seconds (RFC 6376 3.5)
    return b"".join(_field(key, signed=signed, names=names, body_hash=body_hash, at=at // 1_000_000) for key in keys)

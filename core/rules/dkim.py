"""DKIM signatures: dkimpy canonicalises, `cryptography` signs (RFC 6376, RFC 8463).

dkimpy by itself parses the key for each message and does RSA in pure Python: 7 ms. All its cryptography is in
`gen_header`, whose Ed25519 branch only calls `sign(digest).signature` on a key; an adapter there signs with both
algorithms, and `a=` names the one used. Header fields are canonicalised and the body is hashed once for all signatures.
The canonicalization is relaxed/simple because simple body canonicalization is linear, while dkimpy's relaxed one is
quadratic in a run of spaces.

The signed bytes are those that `normalise` returns; exactly those must be sent. Line ends repaired on the way break the
signature.
"""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, Self, assert_never

import dkim
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key
from dkim.canonicalization import CanonicalizationPolicy, Relaxed, Simple

from core.errors import Invalid

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
    "x-postroom-message-id",
)
"""Signed where present, and every `X-Agent-*`. RFC 8058 4 requires both List-Unsubscribe fields to be signed."""

SEALED: Final = ("from", "to", "cc", "subject", "date", "message-id", "reply-to", "mime-version", "content-type")
"""Oversigned, once more than they occur (RFC 6376 8.15), so that a replayed message cannot gain a second one."""

_SIGNED: Final = frozenset(SIGNED)
_SEALED: Final = tuple(name.encode() for name in SEALED)
_LINE_ENDS: Final = re.compile(rb"\r\n|\n|\r")
_PADDING: Final = PKCS1v15()
_DIGEST: Final = Prehashed(SHA256())


@dataclass(frozen=True, slots=True)
class _Signed:
    signature: bytes


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

    def sign(self, digest: bytes) -> _Signed:
        """Sign a SHA-256 digest, the one method dkimpy calls on a key. Releases the GIL for RSA."""
        if isinstance(self.key, RSAPrivateKey):
            return _Signed(self.key.sign(digest, _PADDING, _DIGEST))
        return _Signed(self.key.sign(digest))


class _Prepared(CanonicalizationPolicy):  # type: ignore[misc]  # dkimpy publishes no types
    """relaxed/simple over fields that are already canonical: only a signature's own field is canonicalised here."""

    def __init__(self) -> None:
        super().__init__(Relaxed, Simple)

    def canonicalize_headers(self, headers: Fields) -> Fields:
        if headers and headers[0][0] != b"DKIM-Signature":
            return headers
        canonical: Fields = Relaxed.canonicalize_headers(headers)
        return canonical


_PREPARED: Final = _Prepared()


class _Signer(dkim.DKIM):  # type: ignore[misc]  # dkimpy publishes no types
    """One message on its way through dkimpy's `gen_header`, which gets the signature from the key passed to it.

    The fields are canonicalised and selected once and passed on as a single field, the first, whose value continues
    through the others: the hashed bytes are the same, and a second signature needs no second selection.
    """

    def __init__(self, head: bytes, *, body: bytes, unsigned: frozenset[str]) -> None:
        super().__init__(None, signature_algorithm=b"ed25519-sha256")  # the branch that duck-types the key
        self.hasher = hashlib.sha256
        parsed, _ = dkim.rfc822_parse(head)
        canonical = Relaxed.canonicalize_headers(
            [field for field in parsed if _counts(field[0].lower().decode(), unsigned=unsigned)]
        )
        present = [name for name, _ in canonical]
        if b"from" not in present:
            raise Invalid("a message without From cannot be signed")
        names = (*present, *(name for name in _SEALED if name.decode() not in unsigned))
        (first, value), *others = _select(canonical, names)
        self.headers = [(first, value + b"".join(b"%b:%b" % field for field in others))]
        self._first = [first]
        self._names = _folded(names)
        self._body_hash = base64.b64encode(hashlib.sha256(Simple.canonicalize_body(body)).digest())

    def draw(self, key: SigningKey, *, at: int) -> bytes:
        # A tag that starts with a line end starts on a line of its own. dkimpy folds only what comes after the last
        # one, at 72 columns and if need be inside a value, which would break a domain name.
        fields = [
            (b"v", b"1"),
            (b"a", b"%b-sha256" % key.algorithm.encode()),
            (b"c", b"relaxed/simple"),
            (b"t", b"%d" % at),
            (b"\r\n d", key.domain.encode()),
            (b"\r\n s", key.selector.encode()),
            (b"\r\n h", self._names),
            (b"\r\n bh", self._body_hash),
            (b"b", b"0" * 60),  # dkimpy: long enough to fold onto a line of its own, so that nothing refolds later
        ]
        value: bytes = self.gen_header(fields, self._first, _PREPARED, b"DKIM-Signature", key)
        return b"DKIM-Signature: " + value


def _select(fields: Fields, names: Sequence[bytes]) -> Fields:
    """Select the field for each name: RFC 6376 5.4.2 takes repeated fields bottom up; a surplus name selects none."""
    left: dict[bytes, Fields] = {}
    for field in fields:
        left.setdefault(field[0], []).append(field)
    return [left[name].pop() for name in names if left.get(name)]


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
    head, blank, body = normalise(message).partition(b"\r\n\r\n")
    if head.startswith((b"\r\n", b" ", b"\t")):
        raise Invalid("a message begins with its header")
    kept_out = unsigned - {"from"}
    try:
        signer = _Signer(head + b"\r\n" if blank else head, body=body, unsigned=kept_out)
    except (dkim.MessageFormatError, UnicodeDecodeError) as error:
        raise Invalid(f"the header of the message cannot be read: {error}") from error
    # t= is in seconds (RFC 6376 3.5)
    return b"".join(signer.draw(key, at=at // 1_000_000) for key in keys)

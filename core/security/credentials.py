"""Where secrets that are handed out come from: tokens, claim codes, webhook secrets.

The desk keeps only the digest of a token or code. They are random and long, so one SHA-256 is enough: a slow hash
protects secrets that people choose, and nobody chose these. Services receive what is minted here as an argument and
generate no secrets themselves.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from core.errors import Invalid

AGENT_PREFIX: Final = "pra_"
OPERATOR_PREFIX: Final = "pro_"
WEBHOOK_PREFIX: Final = "whsec_"
OWN_TOKEN: Final = "operator.token"  # noqa: S105 - a file's name
"""File in which `init --dev` leaves the token of its one person."""
_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A fresh secret, to be shown once, and the SHA-256 the desk keeps."""

    secret: str = field(repr=False)
    digest: bytes


def new_operator_token() -> NewSecret:
    """`pro_...`, for one human."""
    return _mint(OPERATOR_PREFIX)


def new_agent_token() -> NewSecret:
    """`pra_...`, short-lived, for one agent."""
    return _mint(AGENT_PREFIX)


def new_webhook_secret() -> str:
    """`whsec_...` of 32 bytes (Standard Webhooks)."""
    return webhook_secret(secrets.token_bytes(_BYTES))


def webhook_secret(material: bytes) -> str:
    """A webhook's secret from 24 to 64 random bytes (Standard Webhooks). Raises `Invalid`."""
    if not 24 <= len(material) <= 64:
        raise Invalid(f"a webhook's secret is made of 24 to 64 bytes, not {len(material)}")
    return WEBHOOK_PREFIX + base64.b64encode(material).decode()


def is_operators(secret: str) -> bool:
    """Whether this has the form of an operator's token, of whatever worth."""
    return secret.startswith(OPERATOR_PREFIX)


def is_agents(secret: str) -> bool:
    """Whether this has the form of an agent's token, of whatever worth."""
    return secret.startswith(AGENT_PREFIX)


def digest(secret: str) -> bytes:
    """What the desk keeps of a token, and looks it up by."""
    return hashlib.sha256(secret.encode()).digest()


def fingerprint(digest: bytes) -> str:
    """`K7QX-2MBD-9F4T`-like, 60 bits: a claimant reads it out and somebody else compares.

    Hashed once more, so that someone who has only read the code cannot derive the digest by which the desk looks tokens
    up.
    """
    text = base64.b32encode(hashlib.sha256(b"postroom operator " + digest).digest()).decode()
    return "-".join((text[:4], text[4:8], text[8:12]))


def _mint(prefix: str) -> NewSecret:
    secret = prefix + secrets.token_urlsafe(_BYTES)
    return NewSecret(secret, digest(secret))

"""Verify DKIM signatures and DMARC alignment of received mail, where no server in front wrote its verdicts.

dkimpy verifies (RFC 6376, 8463). Its input is bounded here, because senders write the signatures and dkimpy's patterns
take quadratic time on long fields and on runs of spaces in the body. authheaders, which wraps it, reads only the first
signature and cuts a domain at its first hyphen, so that `bank.com-evil.example` would be aligned with `bank.com`.

SPF needs the client's address, which only the mail server in front knows: here it is always `none`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.domains import organisational_domain
from core.rules.inbound import coverage

MAX_SIGNATURES: Final = 5
MAX_FIELD: Final = 4_000
"""Characters of a signature: 4,096-bit RSA over 50 fields takes 1,800."""
ALGORITHMS: Final = frozenset({"rsa-sha256", "ed25519-sha256"})

_HEADER_END: Final = re.compile(rb"\r?\n\r?\n")
_SPACES: Final = re.compile(rb"[ \t]+")
_TRAILING: Final = re.compile(rb" (?=\r?\n)")
_NAME: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM-Signature. `index`: its place among them. `refused`: its status if it is not verified at all."""

    index: int
    domain: str
    selector: str
    relaxed: bool
    refused: str | None = None

    @property
    def key_name(self) -> str:
        """The DNS name of its public key."""
        return f"{self.selector}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True)
class Policy:
    """A DMARC record: its policy, and whether DKIM must name the very domain of the author."""

    policy: str
    strict: bool = False


def listed(fields: Sequence[tuple[str, str]], *, author: str) -> tuple[Signature, ...]:
    """The signatures of a message that are worth a look-up, those of the author's organisation first.

    Only for a header that every program reads alike (`authentication.unambiguous`): dkimpy reads it again.
    """
    values = [value for name, value in fields if name == "dkim-signature"]
    found = [one for index, value in enumerate(values[:50]) if (one := _signature(index, value, fields)) is not None]
    found.sort(key=lambda one: not aligned(one.domain, author, strict=False))
    return tuple(found[:MAX_SIGNATURES])


def _signature(index: int, value: str, fields: Sequence[tuple[str, str]]) -> Signature | None:
    if len(value) > MAX_FIELD:
        return None
    tags = coverage.tags(value)
    domain, selector = tags.get("d", "").lower().strip("."), tags.get("s", "").lower()
    if not _NAME.fullmatch(domain) or not _NAME.fullmatch(selector):
        return None
    refused = None
    if tags.get("a", "").lower() not in ALGORITHMS or not coverage.covers(tags, fields):
        refused = "policy"  # RFC 8601 2.7.1. SHA-1 proves nothing (RFC 8301)
    return Signature(index, domain, selector, tags.get("c", "").lower().endswith("/relaxed"), refused)


def read_policy(texts: Sequence[str]) -> Policy | None:
    """The policy in the TXT records of a `_dmarc` name; None unless there is exactly one (RFC 7489 6.6.3)."""
    records = [tags for text in texts[:50] if (tags := coverage.tags(text[:MAX_FIELD])).get("v") == "DMARC1"]
    if len(records) != 1 or records[0].get("p", "").lower() not in {"none", "quarantine", "reject"}:
        return None
    return Policy(records[0]["p"].lower(), strict=records[0].get("adkim", "").lower() == "s")


def aligned(domain: str, author: str, *, strict: bool) -> bool:
    """Whether a signature's domain speaks for the author's (RFC 7489 3.1.1)."""
    if not domain or not author:
        return False
    return domain == author if strict else organisational_domain(domain) == organisational_domain(author)


def verify(raw: bytes, signatures: Sequence[Signature], *, keys: Mapping[str, str | None]) -> list[str]:
    """The status of each signature (RFC 8601 2.7.1). `keys`: the TXT record of each name, None if DNS did not answer.

    Never raises. Needs dkimpy.
    """
    relaxed = _relaxed(raw) if any(one.relaxed for one in signatures) else b""
    return [_status(relaxed if one.relaxed else raw, one, keys) for one in signatures]


def _status(message: bytes, signature: Signature, keys: Mapping[str, str | None]) -> str:
    import dkim  # noqa: PLC0415 - an optional extra

    if signature.refused is not None:
        return signature.refused
    key = keys.get(signature.key_name)
    if key is None:
        return "temperror"
    if not key:
        return "permerror"  # no key is published, or no longer
    try:
        valid = dkim.DKIM(message).verify(signature.index, dnsfunc=lambda _name, **_: key.encode("utf-8", "replace"))
    except dkim.ValidationError:
        return "fail"
    except Exception:  # noqa: BLE001 - dkimpy raises much besides its own on malformed fields and keys
        return "permerror"
    return "pass" if valid else "fail"


def _relaxed(raw: bytes) -> bytes:
    """The message with its body's spaces as relaxed canonicalization leaves them, in linear time (RFC 6376 3.4.4)."""
    end = _HEADER_END.search(raw)
    if end is None:
        return raw
    return raw[: end.end()] + _TRAILING.sub(b"", _SPACES.sub(b" ", raw[end.end() :]))


def evidence(
    signatures: Sequence[Signature], statuses: Sequence[str], *, author: str, policy: Policy | None, answered: bool
) -> dict[str, Any]:
    """The same form as `authentication.evidence`. `answered`: whether DNS answered for the policy.

    DMARC is `pass` or unproved, never `fail`: SPF, which is not known here, might have passed.
    """
    strict = policy is not None and policy.strict
    found = [
        {"status": status, "domain": one.domain, "selector": one.selector,
         "aligned": status == "pass" and aligned(one.domain, author, strict=strict)}
        for one, status in zip(signatures, statuses, strict=True)
    ]  # fmt: skip
    proved = any(one["aligned"] for one in found)
    status = "pass" if proved and policy is not None else "none"
    if proved and not answered:
        status = "temperror"
    return {
        "spf": {"status": "none", "domain": None, "aligned": False},
        "dkim": found,
        "dmarc": {
            "status": status, "domain": author or None, "policy": policy.policy if policy else None,
            "aligned_by": ["dkim"] if proved else [],
        },
    }  # fmt: skip

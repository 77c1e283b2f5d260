"""What a DKIM signature says nothing about: fields that anybody may add to a genuine message before sending it again.

A signature names the fields that it signs (`h=`, RFC 6376 3.5). Fields that it does not name can be added or replaced,
and a second field of a signed name can be put above the signed one: verifiers read the last, programs show the first.
So a stranger could resend a signed message with a Subject of their own, and it would still verify.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from core.rules.inbound import mime

ONCE: Final = frozenset(
    {"from", "sender", "reply-to", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references",
     "mime-version"}
)  # fmt: skip
"""Fields that a header has once at most (RFC 5322 3.6, RFC 2045); those that begin with `content-` as well."""
SHOWN: Final = frozenset(
    {"from", "subject", "to", "cc", "reply-to", "message-id", "in-reply-to", "references", "content-disposition"}
)
"""Fields whose text an agent is shown, or by which the desk chooses a thread or whom an answer goes to.

Not Date and MIME-Version, which carry no text that is shown. Content-Type only in part (`_says_nothing`).
"""


def repeated(fields: Sequence[tuple[str, str]]) -> bool:
    """Whether a header has a field twice that must be there once: programs disagree about which one counts."""
    names = [name for name, _ in fields if name in ONCE or name.startswith("content-")]
    return len(names) != len(set(names))


def tags(value: str) -> dict[str, str]:
    """The tags of a DKIM-Signature or a DMARC record, without white space; of several of one name the first."""
    found: dict[str, str] = {}
    for part in value.split(";")[:100]:
        name, equals, text = part.partition("=")
        if equals:
            found.setdefault(name.strip(), "".join(text.split()))
    return found


def covers(signature: Mapping[str, str], fields: Sequence[tuple[str, str]]) -> bool:
    """Whether a signature's tags sign the whole body and each field of this header that is shown.

    Only for a header without repeated fields.
    """
    if "l" in signature:
        return False  # RFC 8301: anybody may add text below what was signed
    signed = set(signature.get("h", "").lower().split(":"))
    if {name for name, _ in fields} & SHOWN - signed:
        return False
    return "content-type" in signed or all(_says_nothing(value) for name, value in fields if name == "content-type")


def _says_nothing(value: str) -> bool:
    """Whether a Content-Type has no text that is shown: neither a file name nor an unusual type.

    Gmail and Yahoo do not sign the field. Another boundary or charset shows the author's own bytes in another way.
    """
    kind, parameters = mime.content_type(value)
    known = kind.startswith("multipart/") or kind in {"text/plain", "text/html"}
    return known and not any(name.startswith("name") for name in parameters)

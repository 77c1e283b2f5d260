"""Amazon SNS, which transports SES events: its envelope, the envelope's signature, subscription confirmation.

Not a provider, so it defines no `PROVIDER` and the registry skips it.

Anybody can create an SNS topic, subscribe our address to it and have SNS sign whatever they publish. So a valid
signature proves only that SNS sent it; the topic, which must be one of those configured, proves that it is about our
mail. The caller fetches the certificate from `certificate_url`, over HTTPS and without following redirects.

Source: Amazon SNS developer guide, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from core.durations import HOUR, MINUTE
from core.errors import Invalid
from core.rules.providers.payload import instant, parse, stale, table
from core.rules.providers.provider import Forged, Proof

WINDOW: Final = HOUR + 5 * MINUTE
"""SNS timestamps the publication and retries an endpoint for at most 3,600 s; the rest is for clock skew."""

# A bucket called `sns` would be sns.s3-REGION.amazonaws.com and could serve anybody's certificate.
_HOST: Final = re.compile(r"sns\.(?!s3)[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?")
_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_FIELDS: Final = (*_SIGNED["SubscriptionConfirmation"], "Subject", "SignatureVersion", "Signature", "SigningCertURL")
_VERSIONS: Final = frozenset({"1", "2"})
_SIGNATURE_OCTETS: Final = range(256, 513)
"""RSA of 2048 to 4096 bits. Anything else is refused without fetching a certificate."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A posted SNS envelope. `type` is one of SNS's three, `fields` its strings, `message` the published content."""

    type: str
    topic: str
    message: str
    fields: Mapping[str, str]


def read(body: bytes) -> Envelope:
    """Parse the envelope of a request body. Raises `Invalid`."""
    payload = table(parse(body), "the SNS envelope")
    fields: dict[str, str] = {}
    for name in _FIELDS:
        value = payload.get(name)
        if isinstance(value, str):
            fields[name] = value
        elif value is not None:
            raise Invalid(f"{name} of the SNS envelope is not a text")
    kind = fields.get("Type", "")
    if kind not in _SIGNED:
        raise Invalid("the SNS envelope is of no known type", fix="switch raw message delivery off: it is not signed")
    for name in _SIGNED[kind]:
        if name != "Subject" and name not in fields:
            raise Invalid(f"the SNS envelope has no {name}")
    return Envelope(type=kind, topic=fields["TopicArn"], message=fields["Message"], fields=fields)


def certificate_url(envelope: Envelope, *, topics: Collection[str], now: int, window: int = WINDOW) -> str | Forged:
    """The URL of the signing certificate, if Amazon serves it.

    `topics` are the configured ARNs. Everything that can be checked without the certificate is checked here, so that
    nothing is fetched for a stranger's topic, an old message or a malformed signature, and a forgery is refused even
    while Amazon is unreachable.
    """
    if envelope.topic not in topics:
        return Forged("the topic is not one of ours")
    at = instant(envelope.fields["Timestamp"])
    if at is None or stale(at, now=now, window=window):
        return Forged("the timestamp is outside the window")
    address = envelope.fields.get("SigningCertURL", "")
    parts = _amazon(address)
    if parts is None or not parts.path.endswith(".pem") or parts.query:
        return Forged("the signing certificate is not Amazon's")
    if envelope.fields.get("SignatureVersion", "") not in _VERSIONS:
        return Forged("the signature version is unknown")
    if len(_signature(envelope)) not in _SIGNATURE_OCTETS:
        return Forged("the signature is malformed")
    return address


def subscribe_url(envelope: Envelope, *, topics: Collection[str]) -> str | Forged:
    """The URL to fetch once, by GET, to confirm a subscription; call it after `verify`."""
    if envelope.type != "SubscriptionConfirmation":
        return Forged("not a subscription confirmation")
    if envelope.topic not in topics:
        return Forged("the topic is not one of ours")
    address = envelope.fields["SubscribeURL"]
    parts = _amazon(address)
    if parts is None or parts.path not in {"", "/"}:
        return Forged("the subscription is not confirmed at Amazon")
    query = parse_qs(parts.query) if parts.query.count("&") < 10 else {}
    # Fetching this URL is the only action here taken on a sender's request: it may ask for nothing else.
    expected = {"Action": ["ConfirmSubscription"], "TopicArn": [envelope.topic], "Token": [envelope.fields["Token"]]}
    if any(query.get(name) != value for name, value in expected.items()):
        return Forged("the subscription to confirm is another one")
    return address


def verify(
    envelope: Envelope, *, certificate_pem: bytes, topics: Collection[str], now: int, window: int = WINDOW
) -> Proof:
    """Verify that SNS signed the envelope for one of our topics recently; includes all checks of `certificate_url`."""
    address = certificate_url(envelope, topics=topics, now=now, window=window)
    if isinstance(address, Forged):
        return address
    from core.rules.providers import _signatures  # noqa: PLC0415 - settings import this module, verifying costs 0.25 s

    return _signatures.by_certificate(
        _signature(envelope),
        _canonical(envelope),
        version=envelope.fields["SignatureVersion"],
        certificate_pem=certificate_pem,
        now=now,
    )


def _signature(envelope: Envelope) -> bytes:
    """The signature's octets; empty if the field is not valid base64."""
    try:
        return base64.b64decode(envelope.fields.get("Signature", ""), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _amazon(address: str) -> SplitResult | None:
    # urlsplit drops tabs and newlines, a client may not: the checked URL must be the fetched one.
    if len(address) > 2_000 or not address.isascii() or not address.isprintable() or " " in address:
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.scheme != "https" or parts.fragment or "\\" in address:
        return None
    # Match the whole authority, so that user:password@ and a port cannot be included.
    return parts if _HOST.fullmatch(parts.netloc) else None


def _canonical(envelope: Envelope) -> bytes:
    # Absent fields are omitted with their name: only Subject may be absent.
    lines = [f"{name}\n{envelope.fields[name]}\n" for name in _SIGNED[envelope.type] if name in envelope.fields]
    return "".join(lines).encode("utf-8", "surrogatepass")

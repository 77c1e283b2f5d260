"""Amazon SNS, which carries the events of SES: its envelope, the envelope's signature, confirming a subscription.

Not a provider, so it defines no `PROVIDER` and the registry passes it over.

Anybody can make an SNS topic, subscribe our address to it and have SNS sign whatever they publish. So a good signature
proves only that SNS sent it; that it is about our mail is proved by the topic, which must be one of those configured.
The certificate is fetched by the caller from `certificate_url`, over HTTPS and without following redirects.

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
"""SNS stamps the publication and retries an endpoint for at most 3,600 s; the rest is for clocks."""

# A bucket called `sns` would be sns.s3-REGION.amazonaws.com and could serve a certificate of anybody's.
_HOST: Final = re.compile(r"sns\.(?!s3)[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?")
_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_FIELDS: Final = (*_SIGNED["SubscriptionConfirmation"], "Subject", "SignatureVersion", "Signature", "SigningCertURL")
_VERSIONS: Final = frozenset({"1", "2"})
_SIGNATURE_OCTETS: Final = range(256, 513)
"""RSA of 2048 to 4096 bits. What is no signature at all needs no certificate to be refused."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What SNS posts. `type` is one of the three SNS knows, `fields` its texts, `message` what was published."""

    type: str
    topic: str
    message: str
    fields: Mapping[str, str]


def read(body: bytes) -> Envelope:
    """The envelope of a request's body. Raises `Invalid`."""
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
    """Where to fetch the signing certificate, if it is Amazon's to serve.

    `topics` are the ARNs configured. Everything that can be judged without the certificate is judged here, so that
    nothing is fetched for a stranger's topic, an old message or what is no signature, and a forgery is refused as one
    while Amazon cannot be reached.
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
    """What to fetch once, by GET, to confirm a subscription; call it after `verify`."""
    if envelope.type != "SubscriptionConfirmation":
        return Forged("not a subscription confirmation")
    if envelope.topic not in topics:
        return Forged("the topic is not one of ours")
    address = envelope.fields["SubscribeURL"]
    parts = _amazon(address)
    if parts is None or parts.path not in {"", "/"}:
        return Forged("the subscription is not confirmed at Amazon")
    query = parse_qs(parts.query) if parts.query.count("&") < 10 else {}
    # The URL is the one thing here that makes the desk act on somebody's account: it may say nothing else.
    asked = {"Action": ["ConfirmSubscription"], "TopicArn": [envelope.topic], "Token": [envelope.fields["Token"]]}
    if any(query.get(name) != value for name, value in asked.items()):
        return Forged("the subscription to confirm is another one")
    return address


def verify(
    envelope: Envelope, *, certificate_pem: bytes, topics: Collection[str], now: int, window: int = WINDOW
) -> Proof:
    """Whether SNS signed the envelope for one of our topics, lately; everything `certificate_url` checks included."""
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
    """The signature's octets; empty if the field holds none."""
    try:
        return base64.b64decode(envelope.fields.get("Signature", ""), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _amazon(address: str) -> SplitResult | None:
    # urlsplit drops tabs and newlines, a client may not: what we check must be what is fetched.
    if len(address) > 2_000 or not address.isascii() or not address.isprintable() or " " in address:
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.scheme != "https" or parts.fragment or "\\" in address:
        return None
    # The whole authority, so that user:password@ and a port find no room.
    return parts if _HOST.fullmatch(parts.netloc) else None


def _canonical(envelope: Envelope) -> bytes:
    # Absent fields are left out, name and all: only Subject may be absent.
    lines = [f"{name}\n{envelope.fields[name]}\n" for name in _SIGNED[envelope.type] if name in envelope.fields]
    return "".join(lines).encode("utf-8", "surrogatepass")

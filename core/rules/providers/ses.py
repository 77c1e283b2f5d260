"""Amazon SES over Amazon SNS: the envelope's signature, and both formats of what it carries.

Anybody can make an SNS topic, subscribe our address to it and have SNS sign whatever they publish. So a good signature
proves only that SNS sent it; that it is about our mail is proved by the topic, which must be one of those configured.
The certificate is fetched by the caller from `certificate_url`, over HTTPS and without following redirects.

Sources: Amazon SNS developer guide, "Verifying the signatures of Amazon SNS messages"; Amazon SES developer guide,
"Contents of event data that Amazon SES publishes to Amazon SNS" and "Amazon SNS notification contents".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from core.durations import HOUR, MINUTE
from core.errors import Invalid
from core.model import Feedback
from core.rules.providers.payload import (
    diagnostic,
    enhanced,
    identity,
    instant,
    key,
    mailbox,
    malformed,
    message_id,
    optional_rows,
    optional_table,
    ours,
    parse,
    rows,
    stale,
    table,
    word,
)
from core.rules.providers.provider import (
    METADATA,
    Confirmation,
    Forged,
    Genuine,
    Happened,
    Proof,
    Provider,
    ProviderEvent,
    ProviderSettings,
    Relay,
    Unproven,
    Verdict,
    Webhook,
)

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
_NOTICE: Final = "Successfully validated SNS topic"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What SNS posts. `type` is one of the three SNS knows, `fields` its texts, `message` the payload for `events`."""

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


@dataclass(frozen=True, slots=True)
class _Mail:
    """Which message an event is about."""

    provider_id: str | None
    postroom_id: str | None
    rfc_id: str | None
    destination: tuple[object, ...]


def events(payload: object) -> tuple[ProviderEvent, ...]:
    """What `Envelope.message` (or its parsed JSON) says happened. Raises `Invalid`."""
    if isinstance(payload, str):
        if payload.startswith(_NOTICE):
            return ()  # SES says this, not in JSON, when an event destination is made
        payload = parse(payload)
    record = table(payload, "Message")
    kind = word(record.get("eventType")) or word(record.get("notificationType"))
    if not kind:
        raise malformed("Message", "has no type")
    member, reader = _READERS.get(kind, ("", None))
    if reader is None:
        return ()  # sends, opens, clicks, and what SES may think of next
    return tuple(reader(table(record.get(member), member), _mail(record)))


def _mail(record: Mapping[str, object]) -> _Mail:
    mail = optional_table(record.get("mail"))
    headers: dict[str, object] = {}
    for row in optional_rows(mail.get("headers")):
        header = optional_table(row)
        name = header.get("name")
        if isinstance(name, str):
            headers.setdefault(name.lower(), header.get("value"))
    common = optional_table(mail.get("commonHeaders"))
    return _Mail(
        provider_id=identity(mail.get("messageId")),
        postroom_id=ours(headers, optional_table(mail.get("tags"))),
        rfc_id=message_id(headers.get("message-id")) or message_id(common.get("messageId")),
        destination=tuple(optional_rows(mail.get("destination"))),
    )


def _bounces(bounce: Mapping[str, object], mail: _Mail) -> Iterator[ProviderEvent]:
    kind, subtype = word(bounce.get("bounceType")), word(bounce.get("bounceSubType"))
    # SES never asked the receiver. For an address on the account's own list it counts no bounce; for one on the list
    # of all its customers (`Suppressed`) it does, and so do we.
    listed = subtype == "OnAccountSuppressionList"
    event = Feedback.UNSUBSCRIBED if subtype == "UnsubscribedRecipient" else Feedback.BOUNCED
    feedback = identity(bounce.get("feedbackId"))
    for row in rows(bounce.get("bouncedRecipients"), "bouncedRecipients"):
        one = table(row, "bouncedRecipients")
        recipient = mailbox(one.get("emailAddress"))
        yield _event(
            mail,
            key("ses", "bounce", feedback or (mail.provider_id, bounce.get("timestamp")), recipient),
            name=f"Bounce/{kind}/{subtype}",
            event=event,
            recipient=recipient,
            permanent=kind == "Permanent",
            counted=not listed and event is Feedback.BOUNCED,
            status=enhanced(one.get("status"), one.get("diagnosticCode")),
            text=diagnostic(one.get("diagnosticCode")),
            at=bounce.get("timestamp"),
            listed=listed or subtype == "Suppressed",
        )


def _complaints(complaint: Mapping[str, object], mail: _Mail) -> Iterator[ProviderEvent]:
    kind = word(complaint.get("complaintFeedbackType"))
    subtype = word(complaint.get("complaintSubType"))
    feedback = identity(complaint.get("feedbackId"))
    listed = subtype == "OnAccountSuppressionList"
    event: Happened | None
    if listed:
        event = Feedback.BOUNCED  # nobody complained of this message: an earlier complaint kept it from leaving
    elif kind in {"not-spam", "auth-failure"}:
        event = None  # RFC 6430: taken back; RFC 6591: a report by a machine
    else:
        event = Feedback.COMPLAINED
    for row in rows(complaint.get("complainedRecipients"), "complainedRecipients"):
        recipient = mailbox(table(row, "complainedRecipients").get("emailAddress"))
        yield _event(
            mail,
            key("ses", "complaint", feedback or (mail.provider_id, complaint.get("timestamp")), recipient),
            name="/".join(part for part in ("Complaint", subtype, kind) if part),
            event=event,
            recipient=recipient,
            permanent=event is not None,
            counted=event is Feedback.COMPLAINED,
            text=diagnostic(complaint.get("userAgent")),
            at=complaint.get("timestamp"),
        )


def _deliveries(delivery: Mapping[str, object], mail: _Mail) -> Iterator[ProviderEvent]:
    reply = diagnostic(delivery.get("smtpResponse"))
    for row in rows(delivery.get("recipients"), "recipients"):
        recipient = mailbox(row)
        yield _event(
            mail,
            key("ses", "delivery", mail.provider_id, recipient),
            name="Delivery",
            event=Feedback.DELIVERED,
            recipient=recipient,
            status=enhanced(reply),
            text=reply,
            at=delivery.get("timestamp"),
        )


def _delays(delay: Mapping[str, object], mail: _Mail) -> Iterator[ProviderEvent]:
    kind = word(delay.get("delayType"))
    for row in rows(delay.get("delayedRecipients"), "delayedRecipients"):
        one = table(row, "delayedRecipients")
        recipient = mailbox(one.get("emailAddress"))
        yield _event(
            mail,
            key("ses", "delay", mail.provider_id, recipient, delay.get("timestamp")),
            name=f"DeliveryDelay/{kind}",
            event="deferred",
            recipient=recipient,
            status=enhanced(one.get("status"), one.get("diagnosticCode")),
            text=diagnostic(one.get("diagnosticCode")),
            at=delay.get("timestamp"),
        )


def _rejects(reject: Mapping[str, object], mail: _Mail) -> Iterator[ProviderEvent]:
    for row in mail.destination:
        recipient = mailbox(row)
        yield _event(
            mail,
            key("ses", "reject", mail.provider_id, recipient),
            name="Reject",
            event=Feedback.BOUNCED,
            recipient=recipient,
            counted=False,
            text=diagnostic(reject.get("reason")),
            at=None,
        )


def _unsubscribes(subscription: Mapping[str, object], mail: _Mail) -> Iterator[ProviderEvent]:
    after = optional_table(subscription.get("newTopicPreferences"))
    before = optional_table(subscription.get("oldTopicPreferences"))
    left = after.get("unsubscribeAll") is True or bool(_opted_out(after) - _opted_out(before))
    was_out = before.get("unsubscribeAll") is True or bool(_opted_out(before) - _opted_out(after))
    for row in mail.destination:
        recipient = mailbox(row)
        yield _event(
            mail,
            key("ses", "subscription", mail.provider_id, recipient, subscription.get("timestamp")),
            name="Subscription",
            event=Feedback.UNSUBSCRIBED if left else None,
            recipient=recipient,
            permanent=left,
            counted=left,
            text=diagnostic(subscription.get("source")),
            at=subscription.get("timestamp"),
            lifts=was_out and not left,
        )


def _opted_out(preferences: Mapping[str, object]) -> frozenset[str]:
    topics = (optional_table(row) for row in optional_rows(preferences.get("topicSubscriptionStatus")))
    return frozenset(word(topic.get("topicName")) for topic in topics if topic.get("subscriptionStatus") == "OptOut")


_READERS: Final[Mapping[str, tuple[str, Callable[[Mapping[str, object], _Mail], Iterator[ProviderEvent]]]]] = {
    "Bounce": ("bounce", _bounces),
    "Complaint": ("complaint", _complaints),
    "Delivery": ("delivery", _deliveries),
    "DeliveryDelay": ("deliveryDelay", _delays),
    "Reject": ("reject", _rejects),
    "Subscription": ("subscription", _unsubscribes),
}


def _event(
    mail: _Mail,
    unique: str,
    *,
    name: str,
    event: Happened | None,
    recipient: str,
    at: object,
    permanent: bool = False,
    counted: bool = True,
    status: str | None = None,
    text: str | None = None,
    lifts: bool = False,
    listed: bool = False,
) -> ProviderEvent:
    return ProviderEvent(
        key=unique,
        name=name,
        event=event,
        recipient=recipient,
        permanent=permanent,
        counted=counted,
        provider_message_id=mail.provider_id,
        postroom_id=mail.postroom_id,
        rfc_message_id=mail.rfc_id,
        status=status,
        diagnostic=text,
        at=instant(at),
        lifts=lifts,
        listed=listed,
    )


# --- the provider -------------------------------------------------------------------------------------------------


class Ses(ProviderSettings):
    """Amazon SES through SNS: the topics whose notifications are believed."""

    topics: tuple[str, ...] = ()

    @property
    def connected(self) -> bool:
        return bool(self.topics)


def _verify(webhook: Webhook, settings: Ses, *, now: int, fetched: Mapping[str, bytes]) -> Verdict:
    try:
        envelope = read(webhook.body)
    except Invalid as error:
        return Forged(error.reason, fix=error.fix)
    url = certificate_url(envelope, topics=settings.topics, now=now)
    if isinstance(url, Forged):
        return url
    confirm: Confirmation | None = None
    if envelope.type == "SubscriptionConfirmation":
        where = subscribe_url(envelope, topics=settings.topics)
        if isinstance(where, Forged):
            return where
        confirm = Confirmation(where, envelope.topic)
    pem = fetched.get(url)
    if pem is None:
        return Unproven(url)
    proof = verify(envelope, certificate_pem=pem, topics=settings.topics, now=now)
    if isinstance(proof, Forged):
        return proof
    ended = envelope.type == "UnsubscribeConfirmation"
    return Genuine(confirm=confirm, remark=f"the topic {envelope.topic} is unsubscribed" if ended else None)


def _read(webhook: Webhook) -> tuple[ProviderEvent, ...]:
    envelope = read(webhook.body)
    return events(envelope.message) if envelope.type == "Notification" else ()


PROVIDER: Final = Provider(
    name="ses",
    title="Amazon SES",
    settings=Ses,
    verify=_verify,
    read=_read,
    relay=Relay(
        # SES writes Message-ID and Date anew; its message tags take letters, digits, _ and - alone.
        rewrites=frozenset({"message-id", "date", "return-path"}),
        field="X-SES-MESSAGE-TAGS",
        value=f"{METADATA}={{id}}",
        own_id=re.compile(r"\b[Oo]k ([0-9a-f]{8,}[0-9a-f-]*)"),
        spf=("include:amazonses.com",),
        hosts=re.compile(r"email-smtp(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?"),
        orders=("x-ses-", "x-amz-", "x-aws-"),
    ),
)

"""Amazon SES: both formats of its events, its settings and its relay. Events arrive through SNS, verified in `sns.py`.

Sources: Amazon SES developer guide, "Contents of event data that Amazon SES publishes to Amazon SNS", "Amazon SNS
notification contents" and "Examples of notifications for Amazon SES email receiving".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from core.errors import Invalid
from core.model import Feedback
from core.rules.providers import sns
from core.rules.providers.payload import (
    MAX_BODY,
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
    table,
    text_or_empty,
)
from core.rules.providers.provider import (
    METADATA,
    Confirmation,
    Forged,
    Genuine,
    Happened,
    Inbound,
    PostedMail,
    Provider,
    ProviderEvent,
    ProviderSettings,
    Relay,
    Unproven,
    Verdict,
    Webhook,
)

_NOTICE: Final = "Successfully validated SNS topic"


@dataclass(frozen=True, slots=True)
class _Mail:
    """The message that an event is about."""

    provider_id: str | None
    postroom_id: str | None
    rfc_id: str | None
    destination: tuple[object, ...]


def events(payload: object) -> tuple[ProviderEvent, ...]:
    """Parse the events in `sns.Envelope.message` (or its parsed JSON). Raises `Invalid`."""
    if isinstance(payload, str):
        if payload.startswith(_NOTICE):
            return ()  # SES sends this text, not JSON, when an event destination is created
        payload = parse(payload)
    record = table(payload, "Message")
    kind = text_or_empty(record.get("eventType")) or text_or_empty(record.get("notificationType"))
    if not kind:
        raise malformed("Message", "has no type")
    member, reader = _READERS.get(kind, ("", None))
    if reader is None:
        return ()  # sends, opens, clicks, and any types that SES adds later
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
    kind, subtype = text_or_empty(bounce.get("bounceType")), text_or_empty(bounce.get("bounceSubType"))
    # SES never asked the receiver. An address on the account's own list is not counted as a bounce; one on the list
    # of all its customers (`Suppressed`) is counted by SES, and so by us.
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
    kind = text_or_empty(complaint.get("complaintFeedbackType"))
    subtype = text_or_empty(complaint.get("complaintSubType"))
    feedback = identity(complaint.get("feedbackId"))
    listed = subtype == "OnAccountSuppressionList"
    event: Happened | None
    if listed:
        event = Feedback.BOUNCED  # no complaint about this message: an earlier one kept it from being sent
    elif kind in {"not-spam", "auth-failure"}:
        event = None  # RFC 6430: withdrawn; RFC 6591: a report by a machine
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
    kind = text_or_empty(delay.get("delayType"))
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
    return frozenset(
        text_or_empty(topic.get("topicName")) for topic in topics if topic.get("subscriptionStatus") == "OptOut"
    )


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
    """Amazon SES through SNS: the topics whose notifications are accepted."""

    topics: tuple[str, ...] = ()

    @property
    def connected(self) -> bool:
        return bool(self.topics)


def _verify(webhook: Webhook, settings: Ses, *, now: int, fetched: Mapping[str, bytes]) -> Verdict:
    try:
        envelope = sns.read(webhook.body)
    except Invalid as error:
        return Forged(error.reason, fix=error.fix)
    url = sns.certificate_url(envelope, topics=settings.topics, now=now)
    if isinstance(url, Forged):
        return url
    confirm: Confirmation | None = None
    if envelope.type == "SubscriptionConfirmation":
        where = sns.subscribe_url(envelope, topics=settings.topics)
        if isinstance(where, Forged):
            return where
        confirm = Confirmation(where, envelope.topic)
    pem = fetched.get(url)
    if pem is None:
        return Unproven(url)
    proof = sns.verify(envelope, certificate_pem=pem, topics=settings.topics, now=now)
    if isinstance(proof, Forged):
        return proof
    ended = envelope.type == "UnsubscribeConfirmation"
    return Genuine(confirm=confirm, remark=f"the topic {envelope.topic} is unsubscribed" if ended else None)


def _read(webhook: Webhook) -> tuple[ProviderEvent, ...]:
    envelope = sns.read(webhook.body)
    return events(envelope.message) if envelope.type == "Notification" else ()


def mail(webhook: Webhook) -> PostedMail | None:
    """Parse the notification of a receipt rule's SNS action; None for others. Raises `Invalid`."""
    envelope = sns.read(webhook.body)
    if envelope.type != "Notification" or envelope.message.startswith(_NOTICE):
        return None
    record = table(parse(envelope.message), "Message")
    if text_or_empty(record.get("notificationType")) != "Received":
        return None  # events of mail that was sent, for a topic that has both
    content, receipt = record.get("content"), optional_table(record.get("receipt"))
    if not isinstance(content, str):
        raise Invalid(
            "the notification carries no message", fix="use an SNS action in the receipt rule: others notify without it"
        )
    encoding = text_or_empty(optional_table(receipt.get("action")).get("encoding")).upper()
    try:
        raw = base64.b64decode(content, validate=True) if encoding == "BASE64" else content.encode()
    except (binascii.Error, ValueError) as error:
        raise malformed("content", "is not base64") from error
    source = optional_table(record.get("mail")).get("source")
    recipients = tuple(one for one in optional_rows(receipt.get("recipients")) if isinstance(one, str))
    return PostedMail(raw, source if isinstance(source, str) else None, recipients)


PROVIDER: Final = Provider(
    name="ses",
    title="Amazon SES",
    settings=Ses,
    verify=_verify,
    read=_read,
    # SNS posts JSON as text/plain, at most 256 KiB.
    inbound=Inbound(verify=_verify, read=mail, media=frozenset({"text/plain", "application/json"}), most=MAX_BODY),
    relay=Relay(
        # SES rewrites Message-ID and Date; its message tags allow letters, digits, _ and - only.
        rewrites=frozenset({"message-id", "date", "return-path"}),
        field="X-SES-MESSAGE-TAGS",
        value=f"{METADATA}={{id}}",
        own_id=re.compile(r"\b[Oo]k ([0-9a-f]{8,}[0-9a-f-]*)"),
        spf=("include:amazonses.com",),
        hosts=re.compile(r"email-smtp(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?"),
        orders=("x-ses-", "x-amz-", "x-aws-"),
    ),
)

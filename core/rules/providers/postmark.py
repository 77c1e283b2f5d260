"""Postmark's webhooks: authenticated by a secret in the request, not by a signature.

Postmark signs nothing; it offers basic auth in the webhook's URL or a custom header. Either is only as private as the
connection, so the endpoint must be HTTPS. One complaint arrives as a SpamComplaint and again as a SubscriptionChange,
under two keys: count recipients, not events.

Source: Postmark, "Bounce webhook", "Spam complaint webhook", "Delivery webhook", "Subscription change webhook" and the
bounce types of its Bounce API.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from pydantic import SecretStr

from core.errors import Invalid
from core.model import Feedback
from core.rules.providers.payload import (
    MAX_ID,
    MAX_MAIL,
    diagnostic,
    enhanced,
    identity,
    instant,
    key,
    mailbox,
    malformed,
    optional_table,
    ours,
    parse,
    same,
    table,
    text_or_empty,
)
from core.rules.providers.provider import (
    METADATA,
    Forged,
    Genuine,
    Happened,
    Inbound,
    PostedMail,
    Proof,
    Provider,
    ProviderEvent,
    ProviderSettings,
    Relay,
    Verdict,
    Webhook,
)

TOKEN_HEADER: Final = "X-Postroom-Token"  # noqa: S105 - the header's name, not a secret


@dataclass(frozen=True, slots=True)
class Basic:
    """`https://username:password@...` in Postmark's webhook URL."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A custom header `X-Postroom-Token` in Postmark's webhook settings."""

    token: str = field(repr=False)


def verify(expected: Basic | Token, *, authorization: str | None = None, token: str | None = None) -> Proof:
    """Verify that the request carries the secret. `authorization` and `token` are the raw header values."""
    match expected:
        case Basic(username, password):
            if not password:
                return Forged("no password is configured")
            if not same(_decoded(authorization or ""), f"{username}:{password}"):
                return Forged("the credentials do not match")
        case Token(secret):
            if not secret:
                return Forged("no token is configured")
            if not same(token or "", secret):
                return Forged("the token does not match")
        case _:
            assert_never(expected)
    return Genuine()


def _decoded(authorization: str) -> str:
    """`username:password` of an Authorization header (RFC 7617); empty if invalid, which matches nothing."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic" or len(credentials) > MAX_ID:
        return ""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def events(payload: object) -> tuple[ProviderEvent, ...]:
    """Parse the event of a webhook. Raises `Invalid`."""
    record = table(payload, "body")
    kind = text_or_empty(record.get("RecordType"))
    if not kind:
        raise malformed("RecordType", "is missing")
    name, event, permanent, counted = _outcome(kind, record)
    recipient = mailbox(record.get("Email") if "Email" in record else record.get("Recipient"))
    text = diagnostic(record.get("Details"), record.get("Description"))
    message = identity(record.get("MessageID"))
    happened = record.get("BouncedAt") or record.get("DeliveredAt") or record.get("ChangedAt")
    event_id = identity(record.get("ID"))
    return (
        ProviderEvent(
            key=key("postmark", kind, event_id) if event_id else key("postmark", name, message, recipient, happened),
            name=name,
            event=event,
            recipient=recipient,
            permanent=permanent,
            counted=counted,
            provider_message_id=message,
            postroom_id=ours(optional_table(record.get("Metadata"))),
            status=enhanced(record.get("Details")),
            diagnostic=text,
            at=instant(happened),
            lifts=kind == "SubscriptionChange" and record.get("SuppressSending") is False,
            # Sent beside the bounce that caused it, and again whenever somebody adds to the list: without a reply.
            listed=name == "SubscriptionChange/HardBounce",
            # `Description` explains the type ("ex: unknown user, mailbox not found"), whatever the receiver replied.
            own_words=diagnostic(record.get("Details")) is None,
        ),
    )


_Outcome = tuple[str, Happened | None, bool, bool]
_TYPES: Final[Mapping[str, tuple[int, Happened | None, bool, bool]]] = {
    # Postmark's type: its code, event, permanent, counted
    "HardBounce": (1, Feedback.BOUNCED, True, True),
    "Transient": (2, "deferred", False, True),
    "Unsubscribe": (16, Feedback.UNSUBSCRIBED, True, True),
    "Subscribe": (32, None, False, False),
    "AutoResponder": (64, None, False, False),
    "AddressChange": (128, None, False, False),
    "DnsError": (256, Feedback.BOUNCED, False, True),
    "SpamNotification": (512, Feedback.BOUNCED, False, True),
    "OpenRelayTest": (1024, None, False, False),
    "Unknown": (2048, Feedback.BOUNCED, False, True),
    "SoftBounce": (4096, Feedback.BOUNCED, False, True),
    "VirusNotification": (8192, Feedback.BOUNCED, False, True),
    "ChallengeVerification": (16384, None, False, False),
    "BadEmailAddress": (100000, Feedback.BOUNCED, True, True),
    "SpamComplaint": (100001, Feedback.COMPLAINED, True, True),
    "ManuallyDeactivated": (100002, Feedback.BOUNCED, True, False),
    "Unconfirmed": (100003, None, False, False),
    "Blocked": (100006, Feedback.BOUNCED, False, True),
    "SMTPApiError": (100007, Feedback.BOUNCED, False, False),
    "InboundError": (100008, None, False, False),
    "DMARCPolicy": (100009, Feedback.BOUNCED, False, True),
    "TemplateRenderingFailed": (100010, Feedback.BOUNCED, False, False),
}
_CODES: Final[Mapping[int, str]] = {code: name for name, (code, *_) in _TYPES.items()}


def _outcome(kind: str, record: Mapping[str, object]) -> _Outcome:
    """Name, event, permanent, counted."""
    match kind:
        case "Bounce":
            return _bounce(record)
        case "SpamComplaint":
            return kind, Feedback.COMPLAINED, True, True
        case "Delivery":
            return kind, Feedback.DELIVERED, False, True
        case "SubscriptionChange":
            return _subscription(record)
        case _:
            return kind, None, False, False


def _bounce(record: Mapping[str, object]) -> _Outcome:
    kind, code = text_or_empty(record.get("Type")), record.get("TypeCode")
    if kind not in _TYPES and isinstance(code, int):
        kind = _CODES.get(code, kind)
    _, event, permanent, counted = _TYPES.get(kind, _TYPES["Unknown"])
    return f"Bounce/{kind}", event, permanent, counted


def _subscription(record: Mapping[str, object]) -> _Outcome:
    reason = text_or_empty(record.get("SuppressionReason"))
    name = f"SubscriptionChange/{reason}" if reason else "SubscriptionChange"
    if record.get("SuppressSending") is not True:
        return name, None, False, False  # withdrawn: `lifts`
    match reason:
        case "HardBounce":
            return name, Feedback.BOUNCED, True, True
        case "SpamComplaint":
            return name, Feedback.COMPLAINED, True, True
        case _:
            return name, Feedback.UNSUBSCRIBED, True, True


# --- the provider -------------------------------------------------------------------------------------------------


class Postmark(ProviderSettings):
    """Basic auth in the webhook's URL, or a token in X-Postroom-Token."""

    username: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None

    @property
    def connected(self) -> bool:
        return self.password is not None or self.token is not None


def _verify(webhook: Webhook, settings: Postmark, *, now: int, fetched: Mapping[str, bytes]) -> Verdict:
    del now, fetched
    ways: list[Basic | Token] = []
    if settings.password is not None:
        ways.append(Basic(settings.username or "", settings.password.get_secret_value()))
    if settings.token is not None:
        ways.append(Token(settings.token.get_secret_value()))
    if not ways:
        return Forged("nothing is configured")
    authorization, token = webhook.headers.get("authorization"), webhook.headers.get(TOKEN_HEADER.lower())
    proofs = [verify(way, authorization=authorization, token=token) for way in ways]
    return next((one for one in proofs if isinstance(one, Genuine)), Forged("the credentials do not match"))


MAIL_BYTES: Final = 2 * MAX_MAIL
"""Postmark posts the attachments twice: by themselves, and in the message."""
_HASHED: Final = "@inbound.postmarkapp.com"
"""The domain of the address that Postmark gives each server."""


def mail(webhook: Webhook) -> PostedMail:
    """Parse the post of an inbound stream. Raises `Invalid`."""
    record = table(parse(webhook.body, most=MAIL_BYTES), "body")
    raw = record.get("RawEmail")
    if not isinstance(raw, str) or not raw:
        raise Invalid(
            "there is no RawEmail",
            fix="tick 'Include raw email content in JSON payload' in the inbound stream's settings",
        )
    original = record.get("OriginalRecipient")
    recipient = original.strip() if isinstance(original, str) else ""
    if not recipient or recipient.lower().endswith(_HASHED):
        # To, Cc and Bcc are the sender's: a stranger could name mailboxes that no mail from outside is meant to reach.
        raise Invalid(
            "the message was sent to Postmark's own address, which names no mailbox of this desk",
            fix="set the stream's domain as the Postmark server's inbound domain, with its MX: postroom docs postmark",
        )
    return PostedMail(raw.encode(), None, (recipient,))


PROVIDER: Final = Provider(
    name="postmark",
    title="Postmark",
    settings=Postmark,
    verify=_verify,
    read=lambda webhook: events(parse(webhook.body)),
    inbound=Inbound(verify=_verify, read=mail, media=frozenset({"application/json"}), most=MAIL_BYTES, early=True),
    relay=Relay(
        rewrites=frozenset({"message-id", "date"}),
        field=f"X-PM-Metadata-{METADATA}",
        own_id=re.compile(r"queued as <?([0-9a-f-]{36})", re.IGNORECASE),
        spf=("include:spf.mtasv.net",),
        hosts=re.compile(r"smtp(-broadcasts)?\.postmarkapp\.com"),
        orders=("x-pm-", "x-postmark-"),
    ),
)

"""Mailgun's webhooks: an HMAC over a timestamp and a token, then one event.

The signature covers neither the event nor anything else in the body: anyone who sees one request can put another event
under its signature. Only the window and the token limit that, so `verify` returns the token as `Genuine.once` and the
caller refuses a token already seen with another payload.

Received mail is posted as a form with the same signature.

Source: Mailgun, "Securing webhooks", "Event structure" and "Receiving messages via HTTP".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from core.durations import HOUR, MINUTE
from core.errors import Invalid
from core.model import Feedback
from core.rules.providers import forms
from core.rules.providers.payload import (
    MAX_MAIL,
    diagnostic,
    enhanced,
    identity,
    instant,
    key,
    mailbox,
    malformed,
    message_id,
    optional_table,
    ours,
    parse,
    same,
    seconds,
    stale,
    table,
    text_or_empty,
    transient,
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

WINDOW: Final = 15 * MINUTE
MAIL_WINDOW: Final = 9 * HOUR
"""Mail is posted again for 8 hours, and must not be refused because its signature is that of the first attempt."""


def verify(payload: object, *, signing_key: str, now: int, window: int = WINDOW) -> Proof:
    """Verify that a holder of the signing key made this timestamp and token recently."""
    given = optional_table(optional_table(payload).get("signature"))
    token, signature = given.get("token"), given.get("signature")
    if not signing_key:
        return Forged("no signing key is configured")
    if not isinstance(token, str) or not 16 <= len(token) <= 256 or not isinstance(signature, str):
        return Forged("there is no signature")
    at = seconds(given.get("timestamp"))
    if at is None or stale(at, now=now, window=window):
        return Forged("the timestamp is outside the window")
    signed = f"{given['timestamp']}{token}".encode("utf-8", "surrogatepass")
    expected = hmac.new(signing_key.encode(), signed, hashlib.sha256).hexdigest()
    if not same(signature, expected):
        return Forged("the signature does not match")
    # By digest: timestamp and token are signed without a separator, so "1" + "23" is also "12" + "3".
    return Genuine(once=key("mailgun-token", signed.decode("utf-8", "surrogatepass")))


def legacy(content_type: str | None) -> bool:
    """Whether this is a form, as sent by Mailgun's webhooks until 2018, with another signature and format."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    return kind in ("application/x-www-form-urlencoded", "multipart/form-data")


def events(payload: object) -> tuple[ProviderEvent, ...]:
    """Parse the event of a webhook. Raises `Invalid`."""
    data = table(table(payload, "body").get("event-data"), "event-data")
    kind = text_or_empty(data.get("event"))
    if not kind:
        raise malformed("event-data.event", "is not a name")
    delivery_status = optional_table(data.get("delivery-status"))
    text = diagnostic(
        delivery_status.get("message"),
        delivery_status.get("description"),
        optional_table(data.get("reject")).get("reason"),
    )
    status = enhanced(delivery_status.get("enhanced-code"), text)
    name, event, permanent, counted = _outcome(kind, data, delivery_status=delivery_status, status=status)
    message = optional_table(data.get("message"))
    headers = {name.lower(): value for name, value in optional_table(message.get("headers")).items()}
    # `rejected` has no recipient field: Mailgun did not get that far.
    recipient = mailbox(data.get("recipient") if "recipient" in data else headers.get("to"))
    rfc = message_id(headers.get("message-id"))
    at = instant(data.get("timestamp"))
    return (
        ProviderEvent(
            # Mailgun promises that an id is unique within a day, no longer.
            key=key("mailgun", identity(data.get("id")), kind, recipient, at),
            name=name,
            event=event,
            recipient=recipient,
            permanent=permanent,
            counted=counted,
            # Mailgun's response to a submission is the Message-ID.
            provider_message_id=rfc[1:-1] if rfc else None,
            postroom_id=ours(optional_table(data.get("user-variables")), headers),
            rfc_message_id=rfc,
            status=status,
            diagnostic=text,
            at=at,
            listed=kind == "failed" and text_or_empty(data.get("reason")) == "suppress-bounce",
            code=_reply_code(delivery_status.get("code")),
        ),
    )


def _reply_code(code: object) -> int | None:
    """The receiver's reply code; 600 and above are Mailgun's own: 602 too old, 605 on its bounce list."""
    return code if isinstance(code, int) and 400 <= code < 600 else None


def _outcome(
    kind: str, data: Mapping[str, object], *, delivery_status: Mapping[str, object], status: str | None
) -> tuple[str, Happened | None, bool, bool]:
    """Name, event, permanent, counted."""
    match kind:
        case "failed":
            return _failure(data, delivery_status=delivery_status, status=status)
        case "rejected":
            return kind, Feedback.BOUNCED, False, False  # Mailgun refused to send it; no receiver was asked
        case "complained":
            return kind, Feedback.COMPLAINED, True, True
        case "unsubscribed":
            return kind, Feedback.UNSUBSCRIBED, True, True
        case "delivered":
            return kind, Feedback.DELIVERED, False, True
        case _:
            return kind, None, False, False


def _failure(
    data: Mapping[str, object], *, delivery_status: Mapping[str, object], status: str | None
) -> tuple[str, Happened, bool, bool]:
    severity, reason = text_or_empty(data.get("severity")), text_or_empty(data.get("reason"))
    name = "/".join(part for part in ("failed", severity, reason) if part)
    if severity == "temporary":
        return name, "deferred", False, True
    if reason == "suppress-unsubscribe":
        return name, Feedback.UNSUBSCRIBED, True, False
    if reason.startswith("suppress-"):
        return name, Feedback.BOUNCED, True, False
    code = delivery_status.get("code")
    # `old` is Mailgun giving up after 4xx replies, `espblock` a refusal of the sender: the address may be good.
    soft = (
        reason in {"old", "espblock"}
        or delivery_status.get("bounce-type") == "soft"
        or transient(status, f"{code} " if isinstance(code, int) else None)
    )
    return name, Feedback.BOUNCED, severity == "permanent" and not soft, True


# --- the provider -------------------------------------------------------------------------------------------------

LEGACY: Final = (
    "this is one of Mailgun's legacy webhooks, from before 2018: delete it and add the URL under Sending > Webhooks, "
    "which posts JSON"
)


class Mailgun(ProviderSettings):
    """The HTTP webhook signing key."""

    signing_key: SecretStr | None = None

    @property
    def connected(self) -> bool:
        return self.signing_key is not None


def _verify(webhook: Webhook, settings: Mailgun, *, now: int, fetched: Mapping[str, bytes]) -> Verdict:
    del fetched
    if legacy(webhook.headers.get("content-type")):
        return Forged("a legacy webhook: it posts a form and not JSON", fix=LEGACY)
    try:
        payload = parse(webhook.body)
    except Invalid as error:
        return Forged(error.reason)
    key = settings.signing_key
    return verify(payload, signing_key=key.get_secret_value() if key else "", now=now)


_SIGNED: Final = ("timestamp", "token", "signature")


def _verify_mail(webhook: Webhook, settings: Mailgun, *, now: int, fetched: Mapping[str, bytes]) -> Verdict:
    del fetched
    try:
        form = forms.read(webhook, _SIGNED)
    except Invalid as error:
        return Forged(error.reason)
    given = {name: value[:1_000].decode("latin-1") for name, value in form.items()}
    key = settings.signing_key
    secret = key.get_secret_value() if key else ""
    return verify({"signature": given}, signing_key=secret, now=now, window=MAIL_WINDOW)


def mail(webhook: Webhook) -> PostedMail:
    """Parse the form of a route. Raises `Invalid`."""
    form = forms.read(webhook, ("body-mime", "sender", "recipient"))
    raw = form.get("body-mime")
    if raw is None:
        raise Invalid(
            "there is no body-mime",
            fix="end the URL of the route with /inbound/mailgun/mime: Mailgun then posts it whole",
        )
    recipients = form.get("recipient", b"")[:64_000].decode("utf-8", "replace").split(",")
    sender = form.get("sender")
    return PostedMail(
        raw,
        None if sender is None else sender[:998].decode("utf-8", "replace").strip(),
        tuple(one.strip() for one in recipients if one.strip()),
    )


PROVIDER: Final = Provider(
    name="mailgun",
    title="Mailgun",
    settings=Mailgun,
    verify=_verify,
    read=lambda webhook: events(parse(webhook.body)),
    # Mailgun posts messages whole only to URLs that end so.
    inbound=Inbound(verify=_verify_mail, read=mail, media=forms.MEDIA, most=MAX_MAIL, paths=("", "/mime")),
    relay=Relay(
        rewrites=frozenset({"message-id"}),
        field="X-Mailgun-Variables",
        value=json.dumps({METADATA: "{id}"}),
        spf=("include:mailgun.org",),
        hosts=re.compile(r"smtp(\.eu)?\.mailgun\.org"),
        orders=("x-mailgun-",),
    ),
)

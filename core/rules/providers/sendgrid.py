"""Twilio SendGrid's Event Webhook: ECDSA P-256 over timestamp and raw body, then a list of events.

One malformed entry must not invalidate a batch. It is skipped under the name `malformed`, because refusing the batch
would make SendGrid repeat it for a day and then drop the complaints in it.

Source: SendGrid, "Event Webhook Reference", "Getting Started with the Event Webhook Security Features", "Inbound Email
Parse Webhook" and "Securing your Inbound Parse Webhooks".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from core.durations import DAY, MINUTE
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
    optional_rows,
    optional_table,
    ours,
    parse,
    rows,
    seconds,
    stale,
    table,
    text_or_empty,
    transient,
)
from core.rules.providers.provider import (
    METADATA,
    Forged,
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

SIGNATURE_HEADER: Final = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER: Final = "X-Twilio-Email-Event-Webhook-Timestamp"
WINDOW: Final = 15 * MINUTE
"""Replays within it are caught by the events' own keys."""
MAIL_WINDOW: Final = 4 * DAY
"""Mail is posted again for 3 days. The signature covers it, so a replay is the same mail, which is stored once."""

# `<id>.filter0001.16648...` or `<id>.recvd-...`: only the first part was in SendGrid's reply at submission.
_ROUTING: Final = re.compile(r"\.(?:filter|recvd|ismtpd)")


def verify(
    body: bytes,
    *,
    signature: str | None,
    timestamp: str | None,
    public_key: str,
    now: int,
    window: int = WINDOW,
) -> Proof:
    """Verify that the holder of SendGrid's key signed exactly these bytes recently.

    `signature` and `timestamp` are the two headers, `public_key` as SendGrid shows it (base64 of DER) or in PEM.
    """
    if not signature or not timestamp:
        return Forged("there is no signature")
    at = seconds(timestamp)
    if at is None or stale(at, now=now, window=window):
        return Forged("the timestamp is outside the window")
    from core.rules.providers import _signatures  # noqa: PLC0415 - settings import this module, verifying costs 0.25 s

    return _signatures.by_p256_key(signature, timestamp.encode() + body, public_key=public_key)


def events(payload: object) -> tuple[ProviderEvent, ...]:
    """Parse the events of a batch. Raises `Invalid` if it is not a list."""
    return tuple(_event_or_malformed(row) for row in rows(payload, "body"))


def _event_or_malformed(row: object) -> ProviderEvent:
    try:
        return _event(table(row, "an event"))
    except Invalid as problem:
        fields = optional_table(row)
        return ProviderEvent(
            key=key(
                "sendgrid", "malformed", identity(fields.get("sg_event_id")), identity(fields.get("sg_message_id"))
            ),
            name="malformed",
            event=None,
            recipient="",
            diagnostic=problem.reason,
        )


def _event(row: Mapping[str, object]) -> ProviderEvent:
    kind = text_or_empty(row.get("event"))
    if not kind:
        raise malformed("event", "is not a name")
    recipient = mailbox(row.get("email"))
    text = diagnostic(row.get("reason"), row.get("response"))
    status = enhanced(row.get("status"), text)
    event, permanent, counted = _outcome(kind, row, status=status, text=text)
    subtype = text_or_empty(row.get("type")) if kind == "bounce" else ""
    submitted = identity(row.get("sg_message_id"))
    unique = identity(row.get("sg_event_id"))
    return ProviderEvent(
        key=key("sendgrid", unique) if unique else key("sendgrid", kind, submitted, recipient, row.get("timestamp")),
        name=f"{kind}/{subtype}" if subtype else kind,
        event=event,
        recipient=recipient,
        permanent=permanent,
        counted=counted,
        provider_message_id=_ROUTING.split(submitted, maxsplit=1)[0] or None if submitted else None,
        # Custom arguments are merged into the event itself; older accounts nest them.
        postroom_id=ours(row, optional_table(row.get("unique_args")), optional_table(row.get("custom_args"))),
        rfc_message_id=message_id(row.get("smtp-id")),
        status=status,
        diagnostic=text,
        at=instant(row.get("timestamp")),
        lifts=kind == "group_resubscribe",
        listed=kind == "dropped" and (text or "").lower() in _LISTED,
    )


_Outcome = tuple[Happened | None, bool, bool]
_OUTCOMES: Final[Mapping[str, _Outcome]] = {
    # SendGrid's event: the desk's event, permanent, counted
    "deferred": ("deferred", False, True),
    "delivered": (Feedback.DELIVERED, False, True),
    "spamreport": (Feedback.COMPLAINED, True, True),
    "unsubscribe": (Feedback.UNSUBSCRIBED, True, True),
    "group_unsubscribe": (Feedback.UNSUBSCRIBED, True, True),
}
_DROPPED: Final[Mapping[str, _Outcome]] = {
    # SendGrid did not send it, because of its own records about the address
    "unsubscribed address": (Feedback.UNSUBSCRIBED, True, False),
    "bounced address": (Feedback.BOUNCED, True, False),
    "spam reporting address": (Feedback.BOUNCED, True, False),
    "invalid": (Feedback.BOUNCED, True, False),
}
_LISTED: Final = frozenset({"bounced address", "invalid"})
"""Whether it was dropped because of an earlier bounce; unsubscribes and complaints are not on the bounce list."""


def _outcome(kind: str, row: Mapping[str, object], *, status: str | None, text: str | None) -> _Outcome:
    match kind:
        case "bounce":
            # `blocked` is a refusal of this message or of the sending address, not of the recipient's.
            return Feedback.BOUNCED, row.get("type") != "blocked" and not transient(status, text), True
        case "dropped":
            return _DROPPED.get((text or "").lower(), (Feedback.BOUNCED, False, False))
        case _:
            return _OUTCOMES.get(kind, (None, False, False))


# --- the provider -------------------------------------------------------------------------------------------------


class SendGrid(ProviderSettings):
    """The verification keys of the signed event webhook, and of the security policy of Inbound Parse."""

    public_key: str | None = None
    inbound_public_key: str | None = None

    @property
    def connected(self) -> bool:
        return self.public_key is not None


def _verify(webhook: Webhook, settings: SendGrid, *, now: int, fetched: Mapping[str, bytes]) -> Verdict:
    del fetched
    return verify(
        webhook.body,
        signature=webhook.headers.get(SIGNATURE_HEADER.lower()),
        timestamp=webhook.headers.get(TIMESTAMP_HEADER.lower()),
        public_key=settings.public_key or "",
        now=now,
    )


def _verify_mail(webhook: Webhook, settings: SendGrid, *, now: int, fetched: Mapping[str, bytes]) -> Verdict:
    del fetched
    return verify(
        webhook.body,
        signature=webhook.headers.get(SIGNATURE_HEADER.lower()),
        timestamp=webhook.headers.get(TIMESTAMP_HEADER.lower()),
        public_key=settings.inbound_public_key or "",
        now=now,
        window=MAIL_WINDOW,
    )


def mail(webhook: Webhook) -> PostedMail:
    """Parse the form of Inbound Parse in raw mode. Raises `Invalid`."""
    form = forms.read(webhook, ("email", "envelope"))
    raw = form.get("email")
    if raw is None:
        raise Invalid("there is no email", fix="tick 'POST the raw, full MIME message' in Inbound Parse")
    envelope = table(parse(form.get("envelope", b"")), "envelope")
    sender = envelope.get("from")
    recipients = tuple(one.strip() for one in optional_rows(envelope.get("to")) if isinstance(one, str) and one.strip())
    return PostedMail(raw, sender.strip() if isinstance(sender, str) else None, recipients)


PROVIDER: Final = Provider(
    name="sendgrid",
    title="Twilio SendGrid",
    settings=SendGrid,
    verify=_verify,
    read=lambda webhook: events(parse(webhook.body)),
    inbound=Inbound(
        verify=_verify_mail,
        read=mail,
        media=forms.MEDIA,
        most=MAX_MAIL,
        connected=lambda settings: settings.inbound_public_key is not None,
    ),
    relay=Relay(
        rewrites=frozenset({"message-id"}),
        field="X-SMTPAPI",
        value=json.dumps({"unique_args": {METADATA: "{id}"}}),
        own_id=re.compile(r"queued as (\S+)", re.IGNORECASE),
        spf=("include:sendgrid.net",),
        hosts=re.compile(r"smtp(\.eu)?\.sendgrid\.net"),
        orders=("x-sg-", "x-smtpapi", "x-sendgrid-", "x-twilio-"),
    ),
)

"""Mail providers: their webhooks converted to one event type, and their relays' effects on a message.

This is a package because four formats with their signatures do not fit one file, while rules may not import each other:
within the package they share the types and the parsing of untrusted JSON (`payload.py`).

    provider.py   the types: a provider, its relay, a proof, an event
    _signatures.py  RSA and ECDSA, imported when a webhook is verified
    registry.py   all providers: each module here that defines `PROVIDER`
    ses.py        Amazon SES: event publishing and feedback notifications, both through SNS
    sns.py        Amazon SNS: the envelope and its RSA signature; used by ses.py, not a provider itself
    sendgrid.py   Event Webhook, ECDSA over the raw body
    mailgun.py    HMAC over a timestamp and a token, never over the body
    postmark.py   basic auth or a token header
    forms.py      forms in which mail is posted; used by mailgun.py and sendgrid.py

To add one: a module with `PROVIDER`, a page of its name in core/docs/, tests. Call `verify` first: `read` trusts its
input. The only exception either raises is `core.errors.Invalid`, for a payload of the wrong shape.
"""

from core.rules.providers.provider import (
    METADATA,
    PLAIN,
    Confirmation,
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
    Unproven,
    Verdict,
    Webhook,
)

__all__ = [
    "METADATA",
    "PLAIN",
    "Confirmation",
    "Forged",
    "Genuine",
    "Happened",
    "Inbound",
    "PostedMail",
    "Proof",
    "Provider",
    "ProviderEvent",
    "ProviderSettings",
    "Relay",
    "Unproven",
    "Verdict",
    "Webhook",
]

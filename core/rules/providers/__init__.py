"""What mail providers are to the desk: their webhooks brought to one value, and what their relays do to a message.

A package and not a file because four dialects with their signatures are more than one page, while rules may not import
each other: within this package the dialects share the types and the reading of untrusted JSON (`payload.py`).

    provider.py   the types: a provider, its relay, a proof, an event
    _signatures.py  RSA and ECDSA, imported when a webhook is verified
    registry.py   the providers there are: each module here that defines `PROVIDER`
    ses.py        Amazon SES: event publishing and feedback notifications, both by way of SNS
    sns.py        Amazon SNS: the envelope and its RSA signature; for ses.py, no provider itself
    sendgrid.py   Event Webhook, ECDSA over the raw body
    mailgun.py    HMAC over a timestamp and a token, never over the body
    postmark.py   basic auth or a token header

To add one: a module with `PROVIDER`, a page of its name in core/docs/, tests. Call `verify` first: `read` believes what
it is given. The only exception either raises is `core.errors.Invalid`, for a payload of the wrong shape.
"""

from core.rules.providers.provider import (
    METADATA,
    PLAIN,
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

__all__ = [
    "METADATA",
    "PLAIN",
    "Confirmation",
    "Forged",
    "Genuine",
    "Happened",
    "Proof",
    "Provider",
    "ProviderEvent",
    "ProviderSettings",
    "Relay",
    "Unproven",
    "Verdict",
    "Webhook",
]

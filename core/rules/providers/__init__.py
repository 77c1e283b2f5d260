"""What mail providers report about messages, each in its own dialect, brought to one value.

A package and not a file because four dialects with their signatures are more than one page, while rules may not import
each other: within this package the dialects share the types below and the reading of untrusted JSON (`payload.py`).

    ses.py       Amazon SNS envelopes (RSA signatures), SES event publishing and feedback notifications
    sendgrid.py  Event Webhook, ECDSA over the raw body
    mailgun.py   HMAC over a timestamp and a token, never over the body
    postmark.py  basic auth or a token header

Each has `verify(...) -> Genuine | Forged` and `events(payload) -> tuple[ProviderEvent, ...]`. Call `verify` first:
`events` believes what it is given. The only exception either raises is `core.errors.Invalid`, for a payload of the
wrong shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.model import Feedback


@dataclass(frozen=True, slots=True)
class Genuine:
    """The provider did send it.

    `once`, where not None, names a proof that is good for a single payload: remember it at least as long as the replay
    window, and take the same name over another payload for a forgery.
    """

    once: str | None = None


@dataclass(frozen=True, slots=True)
class Forged:
    """It may come from anybody; `reason` is for the log, never for the sender."""

    reason: str


Proof = Genuine | Forged
Happened = Feedback | Literal["deferred"]


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One thing that happened to one recipient, in the desk's words.

    `key` is the same for every delivery of the same event, `name` the provider's own word for it. `event` is None for
    what the desk does not act on (opens, clicks, auto-replies). `permanent` is the provider's verdict that mail to this
    address is to stop, not only this message; what the receiver answered (`code`, `status`, `diagnostic`) outweighs it.
    `listed`: the provider keeps a list of addresses that bounced and did not send, so that no receiver was asked this
    time. `counted` is False where the provider or we refused and no receiver was asked: such an event may suppress a
    recipient but never counts against an agent. `recipient` is spelled as the provider spells it.
    `provider_message_id` is what the provider answered at submission, `postroom_id` our own id where custom metadata
    came back, `rfc_message_id` is in angle brackets. `lifts`: the provider mails this address again, because its
    recipient subscribed again or somebody reactivated it; what it had suppressed here ends, and nothing else. `code` is
    a reply code told apart from the text, `status` an enhanced status code (RFC 3463), `at` in microseconds, None where
    none was given. `own_words`: `diagnostic` is the provider's sentence for all events of a kind, not a receiver's.
    """

    key: str
    name: str
    event: Happened | None
    recipient: str
    permanent: bool = False
    counted: bool = True
    provider_message_id: str | None = None
    postroom_id: str | None = None
    rfc_message_id: str | None = None
    status: str | None = None
    diagnostic: str | None = None
    at: int | None = None
    lifts: bool = False
    listed: bool = False
    code: int | None = None
    own_words: bool = False

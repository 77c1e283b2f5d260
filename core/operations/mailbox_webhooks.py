"""A mailbox's webhook: its URL, its secret, its events.

The caller makes the secret: answers are kept for clients that repeat a request, and must not hold one.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from core.errors import Invalid
from core.json_body import Name
from core.operations.bodies import AddressReason, mailbox_address
from core.operations.mailboxes import Mailbox
from core.operations.operation import Call, Json, act
from core.rules.roles import Verb
from core.security import credentials, key_file
from core.serializers import identities
from core.services.identity import mailbox_settings
from core.services.notify import webhook_client


def _secret(text: str) -> str:
    """A webhook's secret as Standard Webhooks has it: `whsec_` and 24 to 64 bytes in base64."""
    try:
        material = base64.b64decode(text.removeprefix(credentials.WEBHOOK_PREFIX), validate=True)
        if text == credentials.webhook_secret(material):
            return text
    except (binascii.Error, Invalid) as error:
        raise ValueError("is not whsec_ and 24 to 64 bytes in base64") from error
    raise ValueError("is not whsec_ and 24 to 64 bytes in base64")


Secret = Annotated[str, StringConstraints(max_length=200), AfterValidator(_secret)]
Events = Annotated[list[Name], Field(max_length=50)] | None


class WebhookRequest(AddressReason):
    """The new URL with its secret (`whsec_...`), or null for no webhook; `events` it receives, null for all."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=2_048)] | None
    secret: Secret | None = None
    events: Events = None


class EventsRequest(AddressReason):
    """The events that the webhook receives; null for all."""

    events: Events


class SecretRequest(AddressReason):
    """The new secret (`whsec_...`)."""

    secret: Secret


def change(call: Call, request: WebhookRequest) -> Json:
    address = mailbox_address(request.address)
    if request.url is not None and request.secret is None:
        raise Invalid("a webhook needs a secret", fix="send secret: whsec_...", problems=(("secret", "is missing"),))
    remark = {} if request.url is None else checked(call, request.url, name="url")
    secret = None if request.secret is None else sealed(call, request.secret, address)
    record = mailbox_settings.change_webhook(
        call.tx, address, url=request.url, secret=secret, reason=request.reason, actor=call.actor,
        events=request.events,
    )  # fmt: skip
    return identities.identity(call.tx, record) | remark


def change_events(call: Call, request: EventsRequest) -> Json:
    address = mailbox_address(request.address)
    record = mailbox_settings.change_webhook_events(
        call.tx, address, request.events, reason=request.reason, actor=call.actor
    )
    return identities.identity(call.tx, record)


def rotate(call: Call, request: SecretRequest) -> Json:
    address = mailbox_address(request.address)
    secret = sealed(call, request.secret, address)
    record = mailbox_settings.rotate_secret(
        call.tx, address, secret=secret, reason=request.reason, actor=call.actor
    )  # fmt: skip
    return identities.identity(call.tx, record)


def checked(call: Call, url: str, *, name: str) -> dict[str, Any]:
    """Check a webhook's URL; what is worth showing about it goes into the answer. Raises `Invalid`, naming the member.

    Nothing is looked up here: an address that must not be reached is refused when the webhook is sent.
    """
    try:
        remark = webhook_client.check_url(url, allow=call.resources.settings.webhooks.allow)
    except Invalid as error:
        raise Invalid(error.reason, fix=error.fix, problems=((name, error.reason),)) from error
    return {"webhook_remark": remark} if remark else {}


def sealed(call: Call, secret: str, address: str) -> bytes:
    """The secret under the desk's master key. Raises `Unavailable`: its file is missing, or others can read it."""
    keys = key_file.serving_master_keys(call.resources.settings)
    return keys.seal(secret.encode(), about=f"webhook:{address}")


OPERATIONS = (
    act("mailbox.webhook", change, WebhookRequest, Mailbox, Verb.WEBHOOK_CHANGE,
        about="Set a mailbox's webhook, or remove it. Failures of an earlier receiver are forgotten."),
    act("mailbox.webhook_events", change_events, EventsRequest, Mailbox, Verb.WEBHOOK_CHANGE,
        about="Choose the email.* events that a mailbox's webhook receives."),
    act("mailbox.webhook_rotate", rotate, SecretRequest, Mailbox, Verb.WEBHOOK_CHANGE,
        about="Give a mailbox's webhook a new secret; the old one also signs for a day."),
)  # fmt: skip

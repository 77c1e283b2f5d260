"""Bodies of the routes under /mailboxes: the record of an identity, its signatures and its vetoes.

`mailbox_address` parses the address in the path of these routes and others.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from core.api.schemas.requests.body import AddressText, Name, Sentence, Sha256, Shape
from core.errors import Invalid, NotFound
from core.model import ContentClass, Mode
from core.rules.addresses import parse_address
from core.rules.issuance import Kind


class IdentityMembers(Shape):
    """The record of an identity. Durations are strings (`72h`, `90d`); `expires` may also be a time (RFC 3339)."""

    display_name: Name | None = None
    oversight_mode: Mode | None = None
    approval_webhook: Annotated[str, StringConstraints(max_length=2_048)] | None = None
    webhook_events: Annotated[list[Name], Field(max_length=50)] | None = None
    pending_expiry: Name | None = None
    agent: Name | None = None
    purpose: Sentence | None = None
    owner: Name | None = None
    system_owner: Name | None = None
    systems: Sentence | Annotated[list[Name], Field(max_length=50)] | None = None
    users: Sentence | None = None
    standing_reason: Sentence | None = None
    revoke_when: Sentence | None = None
    expires: Name | None = None
    stores_or_forwards: bool | None = None
    classes: Annotated[list[ContentClass], Field(max_length=10)] | None = None
    allow: Annotated[list[Name], Field(max_length=1_000)] | None = None
    limits: Annotated[dict[Name, int | None], Field(max_length=10)] | None = None


class MailboxRequest(IdentityMembers):
    """`POST /mailboxes`: `missing` in the response lists what the record still lacks."""

    address: AddressText


class MailboxPatch(IdentityMembers):
    """`PATCH /mailboxes/{address}`: omitted members stay unchanged.

    A mode, a limit or a list changes only with a reason.
    """

    change_reason: Sentence | None = None


class ApproveRequest(Shape):
    """`POST /mailboxes/{address}/approve`: a signature of one kind.

    `affirm` names the checklist items that the signer affirms, or is `all`: every item that the desk did not find
    false. Each item that it found false needs its reason in `override`. `digest`, if given, is that of the record or of
    what was shown.
    """

    kind: Kind
    affirm: Literal["all"] | Annotated[list[Name], Field(max_length=50)] = Field(default_factory=list)
    override: Annotated[dict[Name, Sentence], Field(max_length=50)] = Field(default_factory=dict)
    reason: Sentence | None = None
    digest: Sha256 | None = None


class VetoRequest(Shape):
    """`POST /mailboxes/{address}/veto`: a refusal by one of the three signers, with the reason for the log."""

    kind: Kind
    reason: Sentence


def mailbox_address(text: str) -> str:
    """The address in a path, normalised. Raises `NotFound` for a malformed address: it is no mailbox either."""
    try:
        return parse_address(text).normalised
    except Invalid as error:
        raise NotFound(f"there is no mailbox {text[:100]!r}") from error
